"""A device that is not there: tensors that claim to be on it, and are computed on the CPU.

    with Emulated("mps"):
        x = torch.ones(2, device="mps")     x.device is mps:0
        x + torch.ones(2)                   RuntimeError: two devices, as the real one says
        x.double()                          TypeError: MPS has no float64
        torch.linalg.eigh(x.outer(x))       NotImplementedError: no such operator on MPS
        x.numpy()                           TypeError: not on the CPU

Two modes of torch work together. The function mode sees what a program calls: it answers questions
after the device, moves tensors and makes new ones. The dispatch mode sees every operator that is
computed in the end, in forward, backward and forward-mode products alike: it refuses what the
device would refuse. A device belongs to the memory of a tensor, so it is kept with its storage,
which all views share. What torch makes inside an operator joins the device of what it meets.

Both modes hold in the thread that enters them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, ValuesView
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.devices.operators import MPS_LEAVES_TO_CPU, entry_of, has_kernel

CPU = torch.device("cpu")
NO_DOUBLE = (torch.float64, torch.complex128)
POOLS = ("_adaptive_avg_pool2d", "_adaptive_avg_pool2d_backward")
MOVING = ("copy_", "_to_copy", "_copy_from", "_copy_from_and_resize")
INDEXING = ("index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index")
ANSWERS = {
    torch.Tensor.device: lambda device: device,
    torch.Tensor.is_cuda: lambda device: device.type == "cuda",
    torch.Tensor.is_mps: lambda device: device.type == "mps",
    torch.Tensor.is_cpu: lambda device: device.type == "cpu",
}
TO_NUMPY = (torch.Tensor.numpy, torch.Tensor.__array__)


def device_of(tensor: Tensor) -> torch.device | None:
    """Where a tensor claims to be; None where nothing is known of its memory yet."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
    try:
        return getattr(tensor.untyped_storage(), "claimed", None)
    except (RuntimeError, NotImplementedError):  # zeros without memory
        return None


def claim(tensor: Tensor, device: torch.device) -> None:
    """Let the memory of a tensor claim to be on a device."""
    while torch._C._functorch.is_functorch_wrapped_tensor(tensor):
        tensor = torch._C._functorch.get_unwrapped(tensor)
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


class Emulated:
    """The context in which a kind of device, "cuda" or "mps", is there."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._modes: tuple[Any, ...] = ()

    def __enter__(self) -> Self:
        operators = _Operators()
        self._modes = (operators, _Calls(self.kind, operators), _availability(self.kind))
        for mode in self._modes:
            mode.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        for mode in reversed(self._modes):
            mode.__exit__(*error)


@contextmanager
def _availability(kind: str) -> Iterator[None]:
    """torch says that the device is there; bfloat16 where asked for is that of the CPU."""
    module = torch.cuda if kind == "cuda" else torch.backends.mps
    real, autocast = module.is_available, torch.autocast

    class Autocast(autocast):
        def __init__(self, device_type: str, *args: Any, **kwargs: Any) -> None:
            super().__init__("cpu", *args, **kwargs)

    module.is_available, torch.autocast = (lambda: True), Autocast
    try:
        yield
    finally:
        module.is_available, torch.autocast = real, autocast


class _Calls(TorchFunctionMode):
    """What a program calls."""

    def __init__(self, kind: str, operators: _Operators) -> None:
        super().__init__()
        self.kind, self.operators = kind, operators

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = dict(kwargs or {})
        given = tensors_in((args, kwargs))
        for tensor in given:
            if device_of(tensor) is None:
                claim(tensor, CPU)
        if (answer := ANSWERS.get(getattr(func, "__self__", None))) and args[0].device == CPU:
            return answer(device_of(args[0]) or CPU)
        if func in TO_NUMPY and (where := device_of(args[0])) not in (None, CPU):
            raise TypeError(
                f"can't convert {where} device type tensor to numpy. Use Tensor.cpu() to copy the "
                "tensor to host memory first."
            )
        if func is torch.Tensor.to and args[0].device == CPU:
            return self._to(*args, **kwargs)
        if func in (torch.Tensor.cpu, torch.Tensor.cuda) and args[0].device == CPU:
            return self._to(args[0], func.__name__)
        if "device" in kwargs and kwargs["device"] is not None:
            device = self.named(kwargs["device"])
            if device.type in ("cpu", self.kind):
                return self._made(func, args, kwargs, device)
        result = func(*args, **kwargs)
        inherited = func in (torch.Tensor.new_tensor, torch.Tensor.__deepcopy__)
        where = device_of(given[0]) if inherited and given else None
        for tensor in tensors_in(result):
            if where is not None or device_of(tensor) is None:
                claim(tensor, where or CPU)
        return result

    def named(self, device: Any) -> torch.device:
        """A device as tensors have it; an error for one that is not there."""
        device = torch.device(device)
        if device.type not in ("cpu", "meta", self.kind):
            raise RuntimeError(f"there is no {device.type} here")
        return torch.device(device.type, 0) if device.type == self.kind else device

    def _to(self, tensor: Tensor, *args: Any, copy: bool = False, **kwargs: Any) -> Tensor:
        like = next((a for a in (*args, kwargs.get("other")) if isinstance(a, Tensor)), None)
        if like is not None:
            device, dtype, memory = device_of(like), like.dtype, torch.preserve_format
        else:
            device, dtype, _, memory = torch._C._nn._parse_to(*args, **kwargs)
        if device is not None and torch.device(device).type == "meta":
            return tensor.to(*args, copy=copy, **kwargs)
        own = device_of(tensor) or CPU
        target = own if device is None else self.named(device)
        with self.operators.moving_to(target):
            return tensor.to(
                dtype=dtype or tensor.dtype, copy=copy or target != own,
                memory_format=memory or torch.preserve_format,
            )  # fmt: skip

    def _made(self, func: Any, args: Any, kwargs: dict, device: torch.device) -> Any:
        """What a function makes on a device that it was told."""
        generator = kwargs.get("generator")
        if generator is not None:
            check_generator(generator, device)
        source = next((t for t in tensors_in(args)), None)
        if source is not None and device_of(source) != device:  # torch.as_tensor(t, device=…)
            moved = self._to(source, device)
            args = tuple(moved if arg is source else arg for arg in args)
        kwargs["device"] = CPU
        result = func(*args, **kwargs)
        for tensor in tensors_in(result):
            claim(tensor, device)
        return result


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


class _Operators(TorchDispatchMode):
    """What is computed in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.target: torch.device | None = None

    @contextmanager
    def moving_to(self, device: torch.device) -> Iterator[None]:
        """Until the end of the block a copy goes there."""
        before, self.target = self.target, device
        try:
            yield
        finally:
            self.target = before

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict | None = None
    ) -> Any:
        kwargs, rule = kwargs or {}, rule_of(func)
        if rule.composed:  # without gradients these come whole
            with self:
                return func.decompose(*args, **kwargs)
        with torch._C.DisableTorchFunction():
            given = tensors_in((args, kwargs))
            if any(tensor.device != CPU for tensor in given):  # meta: only shapes
                return func(*args, **kwargs)
            claims = [device_of(tensor) for tensor in given]
            device = common_device(rule, args, given, claims)
            if device is not None and device != CPU:
                check_operator(rule, device, args, kwargs)
            result = func(*args, **kwargs)
            if rule.moves and self.target is not None:
                device = self.target
            if device is not None:
                known = {id(t) for t, d in zip(given, claims, strict=True) if d is not None}
                for tensor in tensors_in(result):
                    if id(tensor) not in known and tensor.device == CPU:
                        claim(tensor, device)
            return result


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
