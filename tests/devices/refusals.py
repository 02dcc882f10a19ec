"""Where the memory of a tensor claims to be, and what a device refuses to do with tensors."""

from __future__ import annotations

import warnings
from collections.abc import ValuesView
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor

from tests.devices.operators import MPS_LEAVES_TO_CPU, entry_of, has_kernel

_C: Any = torch._C
CPU = torch.device("cpu")
NO_DOUBLE = (torch.float64, torch.complex128)
POOLS = ("_adaptive_avg_pool2d", "_adaptive_avg_pool2d_backward")
MOVING = ("copy_", "_to_copy", "_copy_from", "_copy_from_and_resize")
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")


def unwrapped(tensor: Tensor) -> Tensor:
    """The tensor inside those that torch.func wraps around it."""
    while _C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = _C._functorch.get_unwrapped(tensor)
    return tensor


def device_of(tensor: Tensor) -> torch.device | None:
    """Where a tensor claims to be; None where nothing is known of its memory yet."""
    try:
        return getattr(unwrapped(tensor).untyped_storage(), "claimed", None)
    except (RuntimeError, NotImplementedError):  # zeros without memory
        return None


def claim(tensor: Tensor, device: torch.device) -> None:
    """Let the memory of a tensor claim to be on a device."""
    tensor = unwrapped(tensor)
    if device.type == "mps" and tensor.dtype in NO_DOUBLE:
        raise TypeError(
            "Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support "
            "float64. Please use float32 instead."
        )
    if tensor.device.type == "cpu" and tensor.layout == torch.strided:
        try:
            tensor.untyped_storage().claimed = device  # pyright: ignore[reportAttributeAccessIssue]
        except (RuntimeError, NotImplementedError):
            return


def tensors_in(values: Any) -> list[Tensor]:
    """All tensors among arguments or results."""
    if isinstance(values, Tensor):
        return [values]
    found = []
    if isinstance(values, dict):
        values = values.values()
    if isinstance(values, list | tuple | ValuesView):
        for value in values:
            if isinstance(value, Tensor):
                found.append(value)
            elif isinstance(value, list | tuple | dict):
                found += tensors_in(value)
    return found


@dataclass(frozen=True)
class Rule:
    """What holds for one operator.

    Args:
        name: Without its overload.
        composed: Whether it is nothing but others, which are looked at one by one.
        moves: Whether its result may be on another device.
        indexes: Whether its indices may stay on the CPU.
        mixes: Whether a number on the CPU may meet tensors of a device.
        lacks: The kinds of device that have no kernel for it.
    """

    name: str
    composed: bool
    moves: bool
    indexes: bool
    mixes: bool
    lacks: tuple[str, ...]


@cache
def rule_of(func: Any) -> Rule:
    """The rule of an overload."""
    name, overload = func._schema.name.split("::")[1], func._overloadname
    entry = entry_of(name, overload)
    composed = torch._C._dispatch_has_kernel_for_dispatch_key(
        func.name(), "CompositeImplicitAutograd"
    )
    lacks = tuple(kind for kind in ("cuda", "mps") if not has_kernel(kind, name, overload))
    mixes = entry is None or entry.mixes
    return Rule(name, composed, name in MOVING, name in INDEXING, mixes, lacks)


def common_device(
    rule: Rule, args: Any, given: list[Tensor], claims: list[torch.device | None]
) -> torch.device | None:
    """The one device of the tensors of an operator; None where nothing is known of it."""
    if rule.moves:
        return claims[0]
    found = set(claims) - {None}
    if len(found) < 2:
        return next(iter(found), None)
    aside = {id(tensor) for tensor in tensors_in(args[1])} if rule.indexes else set()
    for tensor, device in zip(given, claims, strict=True):
        if device == CPU and not (id(tensor) in aside or (rule.mixes and tensor.ndim == 0)):
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, "
                f"{' and '.join(sorted(map(str, found)))}! (in {rule.name})"
            )
    return next(device for device in found if device != CPU)


def check_operator(rule: Rule, device: torch.device, args: Any, kwargs: dict) -> None:
    """Refuse an operator that the device has not, with torch's own words."""
    if device.type == "mps" and rule.name in MPS_LEAVES_TO_CPU:
        warnings.warn(
            f"The operator 'aten::{rule.name}' is not currently supported on the MPS backend and "
            "will fall back to run on the CPU.",
            stacklevel=2,
        )
    elif device.type in rule.lacks:
        raise NotImplementedError(
            f"The operator 'aten::{rule.name}' is not currently implemented for the "
            f"{device.type.upper()} device."
        )
    if device.type == "mps" and rule.name in POOLS:
        check_pool(*args)
    generators = [v for v in (*args, *kwargs.values()) if isinstance(v, torch.Generator)]
    for generator in generators:
        check_generator(generator, device)


def check_generator(generator: torch.Generator, device: torch.device) -> None:
    """Refuse random numbers from another device."""
    if generator.device.type != device.type:
        raise RuntimeError(
            f"Expected a '{device.type}' device type for generator but found "
            f"'{generator.device.type}'"
        )


def check_pool(first: Tensor, second: Any) -> None:
    """Adaptive means on MPS need sides that divide each other (AdaptivePooling.mm)."""
    large = tuple(first.shape[-2:])
    small = tuple(second.shape[-2:]) if isinstance(second, Tensor) else tuple(second)
    for a, b in zip(large, small, strict=True):
        if max(a, b) % min(a, b):
            raise NotImplementedError(
                "Adaptive pool MPS: input sizes must be divisible by output sizes. Non-divisible "
                "input sizes are not implemented on MPS device yet."
            )
