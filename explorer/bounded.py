"""Bounded stores: what the server remembers, and never more than this.

Everything here is a cache by key. Whatever falls out can be made again from what the page
keeps, so nothing is ever written to disk.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Bounded(Generic[K, V]):
    """A map that forgets what was unused longest; safe to share between threads.

    Args:
        max_items: Most entries kept.
        max_cost: Most cost kept in all, in the units of `cost`; None for no such bound.
        cost: The cost of one value.
    """

    def __init__(
        self,
        max_items: int,
        max_cost: int | None = None,
        cost: Callable[[V], int] = lambda value: 0,
    ) -> None:
        self._max_items = max_items
        self._max_cost = max_cost
        self._cost = cost
        self._entries: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, which now counts as just used; None if it is not here (any more)."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: K, value: V) -> None:
        """Keep a value; the newest one stays even if it alone is over the bound."""
        with self._lock:
            if key in self._entries:
                self._total -= self._entries.pop(key)[1]
            cost = self._cost(value)
            self._entries[key] = (value, cost)
            self._total += cost
            while len(self._entries) > 1 and self._is_over():
                self._total -= self._entries.popitem(last=False)[1][1]

    def values(self) -> list[V]:
        """Everything kept, the longest unused first."""
        with self._lock:
            return [value for value, _ in self._entries.values()]

    def __len__(self) -> int:
        return len(self._entries)

    def _is_over(self) -> bool:
        over_cost = self._max_cost is not None and self._total > self._max_cost
        return over_cost or len(self._entries) > self._max_items
