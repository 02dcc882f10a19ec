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

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.devices.refusals import (
    CPU,
    check_generator,
    check_operator,
    claim,
    common_device,
    device_of,
    rule_of,
    tensors_in,
)

_C: Any = torch._C
ANSWERS = {
    torch.Tensor.device: lambda device: device,
    torch.Tensor.is_cuda: lambda device: device.type == "cuda",
    torch.Tensor.is_mps: lambda device: device.type == "mps",
    torch.Tensor.is_cpu: lambda device: device.type == "cpu",
}
TO_NUMPY = (torch.Tensor.numpy, torch.Tensor.__array__)


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
            device, dtype, _, memory = _C._nn._parse_to(*args, **kwargs)
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
