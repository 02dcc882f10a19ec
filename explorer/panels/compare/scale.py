"""What the bars of Compare are drawn on: one scale for all models, with round numbers below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

AIR = 0.04  # room behind the longest bar, as a share of the whole


@dataclass(frozen=True)
class Scale:
    """What all bars of a set are drawn on, from `low` (at most 0) to `high`, in nats."""

    low: float
    high: float

    def share(self, nats: float) -> float:
        """A length, in % of the width."""
        return 100 * nats / (self.high - self.low)

    def at(self, nats: float) -> float:
        """A place, in % from the left."""
        return self.share(nats - self.low)


def scale_of(bars: Sequence[Sequence[float]]) -> Scale:
    """The scale that holds every bar, and zero."""
    high = max((sum(max(0.0, nats) for nats in bar) for bar in bars), default=0.0)
    low = min((sum(min(0.0, nats) for nats in bar) for bar in bars), default=0.0)
    span = (high - low) or 1.0
    return Scale(low - AIR * span if low < 0 else 0.0, high + AIR * span)


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers from `low` to `high`, about `wanted` of them."""
    span = max(high - low, 1e-12)
    raw = span / wanted
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]
