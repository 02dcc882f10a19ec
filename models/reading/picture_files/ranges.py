"""Which numbers are black and white in pictures that are deeper than 8 bits.

A file of 16 bits does not say how many of them its camera used, and one of floats does not
say what white is; the numbers do. What is used is measured over all pictures that are read
together, one range is chosen for them all, and with it every picture becomes 8 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

import numpy as np

# The depths of cameras and converters; a whole number is read with the least that holds it.
BIT_DEPTHS = (8, 10, 12, 14, 16)
_FLOAT_WHITES = (1.0, 255.0)
# Resizing overshoots, so floats may lie this much outside of a range and still be of it.
_FLOAT_SLACK = 0.05
_ROWS_AT_ONCE = 2**20  # numbers converted at once, so that a copy in floats stays small


@dataclass(frozen=True)
class Range:
    """The numbers from `low` to `high`; with `low` above `high` none at all."""

    low: float
    high: float

    def union(self, other: Range) -> Range:
        """The least range that holds both."""
        return Range(min(self.low, other.low), max(self.high, other.high))


NOTHING = Range(inf, -inf)
BYTES = Range(0.0, 255.0)


def range_used(pixels: np.ndarray) -> Range:
    """The least and the greatest of an array's numbers; NaN and infinity do not count."""
    used = NOTHING
    for part in _parts(pixels):
        if part.dtype.kind == "f" and not np.isfinite(part).all():
            part = part[np.isfinite(part)]
        if part.size:
            used = used.union(Range(float(part.min()), float(part.max())))
    return used


def white_range(used: Range, dtype: np.dtype | type) -> Range:
    """The numbers that are black and white, from those that are used.

    Args:
        used: Of all pictures that share a scale.
        dtype: Of their arrays.

    Returns:
        For uint8 always 0 … 255. For other whole numbers 0 … 2ⁿ − 1 with the least n of
        `BIT_DEPTHS` that holds them, for floats 0 … 1 or 0 … 255 where they fit. All
        others, as those below zero, are stretched from their least to their greatest.
    """
    kind = np.dtype(dtype)
    if kind == np.uint8:
        return BYTES
    if kind == np.bool_:
        return Range(0.0, 1.0)
    is_float = kind.kind == "f"
    slack = _FLOAT_SLACK if is_float else 0.0
    whites = _FLOAT_WHITES if is_float else tuple(2.0**bits - 1 for bits in BIT_DEPTHS)
    if used.low > used.high:
        return Range(0.0, whites[0])
    if used.low >= -slack * used.high:
        for white in whites:
            if used.high <= (1 + slack) * white:
                return Range(0.0, white)
    return used


def to_bytes(pixels: np.ndarray, white: Range) -> np.ndarray:
    """Numbers as uint8 of the same shape: `white.low` is 0 and `white.high` 255.

    What lies outside is clipped; NaN is black.
    """
    if pixels.dtype == np.uint8 and white == BYTES:
        return pixels
    if pixels.dtype in (np.uint8, np.uint16):
        every = np.arange(np.iinfo(pixels.dtype).max + 1)
        return _scaled(every, white)[pixels]
    out = np.empty(pixels.shape, np.uint8)
    for part, scaled in zip(_parts(pixels), _parts(out), strict=True):
        scaled[...] = _scaled(part, white)
    return out


def _scaled(values: np.ndarray, white: Range) -> np.ndarray:
    # Halves, since the span of all that a float can be is no float.
    half_span = (white.high / 2 - white.low / 2) or 1.0
    shares = (values.astype(np.float64) / 2 - white.low / 2) / half_span
    shares = np.clip(np.nan_to_num(shares, copy=False, nan=0.0), 0.0, 1.0, out=shares)
    return np.rint(shares * 255).astype(np.uint8)


def _parts(array: np.ndarray) -> list[np.ndarray]:
    """An array in slices along its first axis."""
    if array.ndim == 0 or array.size == 0:
        return [array]
    rows = max(1, _ROWS_AT_ONCE // max(1, array.size // len(array)))
    return [array[start : start + rows] for start in range(0, len(array), rows)]
