"""Axes found at one image: the small steps of a level that move the picture most.

They depend on the image, so they are worked out when somebody asks for them and kept by the
model, the image and its encode seed. Their σ is that of the aggregate posterior along each, as
for every axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from threading import Lock
from typing import TYPE_CHECKING

from torch import Tensor

from explorer.bounded import Bounded
from explorer.render.axes import Axis
from models.base import HierarchicalModel, Trace
from models.checkpoint.statistics import std_along

if TYPE_CHECKING:
    from models.checkpoint.statistics import Statistics

MAX_KEPT, MAX_BYTES = 64, 32 * 2**20
Key = tuple[str, str, int | None, int]


@dataclass(frozen=True, eq=False)
class Found:
    """The local axes of one level at one image.

    Args:
        steps: One σ along each, flat, `(K, D)`.
        rms: By how much that moves the expected picture: root mean square over its pixels, which
            lie in [0, 1], `(K,)`.
    """

    steps: Tensor
    rms: Tensor

    def axes(self) -> tuple[Axis, ...]:
        """As sliders, the strongest first."""
        return tuple(
            Axis(k, f"local {k + 1}", f"{float(rms):.2f} per σ") for k, rms in enumerate(self.rms)
        )


class LocalStore:
    """The local axes found last; safe to share between threads and sessions."""

    def __init__(self) -> None:
        self._found: Bounded[Key, Found] = Bounded(
            MAX_KEPT, MAX_BYTES, lambda found: found.steps.nbytes
        )
        self._one_at_a_time = Lock()

    def at(self, key: Key, model: HierarchicalModel, trace: Trace, statistics: Statistics) -> Found:
        """The local axes of a level at an image, worked out if they are not kept.

        Args:
            key: The model, the image, its encode seed and the level.
            model: One that finds local axes.
            trace: The image, encoded by the model with that seed.
        """
        found = self._found.get(key)
        if found is None:
            with self._one_at_a_time:  # two would take twice as long
                found = self._found.get(key)
                if found is None:
                    found = _found(model, trace, statistics, key[-1])
                    self._found.put(key, found)
        return found


def _found(model: HierarchicalModel, trace: Trace, statistics: Statistics, t: int) -> Found:
    axes = model.local_axes(t, trace.z[t])
    directions = axes.directions.flatten(1).float().cpu()
    sigma = std_along(model, statistics, t, axes.directions)
    pixels = prod(axes.responses.shape[1:])
    return Found(sigma[:, None] * directions, sigma * axes.gains.float().cpu() / pixels**0.5)
