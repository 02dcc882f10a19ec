"""The precision that numbers and pictures are computed in, decided here and nowhere else.

**Float64** is for sums over many images, on the CPU: Apple's MPS has none (`double`).

**TF32** reads 10 of the 23 bits of a factor, in products and convolutions on an NVIDIA GPU. torch
has it on for convolutions, which moves the ELBO of an image by about a nat. Here it is

    off   within `exact`: whatever is measured in nats, in σ or in dB
    on    within `quick`: pictures that are drawn, and a training that asks for it

torch knows one setting for the whole process, so threads share it. While any thread is within
`exact` it is off for all of them: a number never depends on who draws meanwhile. A picture drawn
beside a measurement has more digits than another. When nobody is in either, torch's setting is as
it was found. docs/devices.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

import torch
from torch import Tensor

IEEE, TF32 = "ieee", "tf32"
# All that reads the setting: products, convolutions, and recurrent networks, which torch wants to
# see agree with convolutions.
_backends: Any = torch.backends
OWNERS = (_backends.cuda.matmul, _backends.cudnn.conv, _backends.cudnn.rnn)


class _Switch:
    """torch's setting, and how many are within `exact` and within `quick`.

    Args:
        owners: The settings; none where this torch knows no CUDA.
    """

    def __init__(self, owners: Sequence[Any]) -> None:
        self._owners = owners
        self._lock = Lock()
        self._inside = {IEEE: 0, TF32: 0}
        self._found: tuple[str, ...] = ()

    def change(self, wish: str, by: int) -> None:
        """One more (or less) that wishes for this precision."""
        with self._lock:
            if not any(self._inside.values()):
                self._found = tuple(owner.fp32_precision for owner in self._owners)
            self._inside[wish] += by
            decided = IEEE if self._inside[IEEE] else TF32
            free = not any(self._inside.values())
            for owner, found in zip(self._owners, self._found, strict=True):
                owner.fp32_precision = found if free else decided


_switch = _Switch(OWNERS if torch.backends.cuda.is_built() else ())


@contextmanager
def exact() -> Iterator[None]:
    """A block, or a decorated function, that measures: all 23 bits, in every thread."""
    _switch.change(IEEE, 1)
    try:
        yield
    finally:
        _switch.change(IEEE, -1)


@contextmanager
def quick() -> Iterator[None]:
    """A block, or a decorated function, that draws: TF32, unless something is measured."""
    _switch.change(TF32, 1)
    try:
        yield
    finally:
        _switch.change(TF32, -1)


def double(values: Tensor) -> Tensor:
    """The same in float64 on the CPU: moved first, since MPS has no float64."""
    return values.cpu().double()
