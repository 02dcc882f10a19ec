"""How often something may happen: so many times a second, after a rest some at once."""

from __future__ import annotations

import time
from collections.abc import Callable


class Rate:
    """Counts what happens, and says how long the next must wait.

    Args:
        per_s: So many a second.
        burst_s: After a rest as many at once as otherwise in so many seconds.
        clock: Seconds.
    """

    def __init__(
        self, per_s: float, burst_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s, self._burst_s, self._clock = per_s, burst_s, clock
        self._due = float("-inf")

    def wait_s(self, weight: float = 1.0) -> float:
        """Count something that is worth `weight` of them; seconds until it is due."""
        now = self._clock()
        self._due = max(self._due, now - self._burst_s) + weight / self._per_s
        return max(0.0, self._due - now)
