"""The bounded stores: what is kept, what falls out, and the name of an image."""

from __future__ import annotations

import numpy as np

from explorer.bounded import Bounded
from explorer.images.uploads import image_hash


def test_the_longest_unused_falls_out_first() -> None:
    store: Bounded[str, int] = Bounded(max_items=2)
    store.put("a", 1)
    store.put("b", 2)
    assert store.get("a") == 1
    store.put("c", 3)
    assert store.get("b") is None
    assert (store.get("a"), store.get("c"), len(store)) == (1, 3, 2)


def test_a_cost_is_bounded_in_all() -> None:
    store: Bounded[str, bytes] = Bounded(max_items=10, max_cost=10, cost=len)
    store.put("a", b"1234")
    store.put("a", b"123456")
    store.put("b", b"1234")
    assert len(store) == 2
    store.put("c", b"1")
    assert store.get("a") is None and store.get("b") is not None
    store.put("huge", bytes(50))
    assert (len(store), store.get("huge")) == (1, bytes(50))
    store.put("d", b"1")
    assert store.get("huge") is None


def test_a_hash_tells_shapes_apart() -> None:
    flat = np.zeros((2, 8, 1), np.uint8)
    assert image_hash(flat) != image_hash(flat.reshape(4, 4, 1))
    assert len(image_hash(flat)) == 16
