"""How much of each position of a spatial latent a region covers; NumPy only.

On a map of W × W positions, one cell is h = 1/W of the picture's side and a position lies in
the middle of its cell. A dab of radius r at distance d from a position covers

    c = clip(1/2 + (max(r, 3h/4) − d) / max(r/2, h), 0, 1)

of it: whole within 3r/4, nothing beyond 5r/4, and an edge never sharper than a cell. The
bound 3h/4 has the smallest dab take at least half of the position next to it. A rectangle
covers the share of the cell that lies in it. Then, in order, the brush m ← max(m, c) and the
eraser m ← min(m, 1 − c).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import groupby

import numpy as np

from explorer.regions import UNIT, WHOLE, Region, Shape, is_eraser

SOFTNESS = 0.5
LEAST_RADIUS = 0.75  # of a cell


@lru_cache(maxsize=128)
def coverage(region: Region, side: int) -> np.ndarray:
    """The share of each position that a region covers.

    Args:
        region: A region, in any form.
        side: W, the number of positions along a side of the map.

    Returns:
        float32 in [0, 1] with shape `(W, W)`, rows from the top; shared, so never changed.
        All ones for the whole picture.
    """
    mask = np.full((side, side), 1.0 if region == WHOLE else 0.0)
    for erases, run in groupby(region, key=is_eraser):
        for shape in run:
            covered = _covered(shape, side)
            mask = np.minimum(mask, 1 - covered) if erases else np.maximum(mask, covered)
    shared = mask.astype(np.float32)
    shared.flags.writeable = False
    return shared


def _covered(shape: Shape, side: int) -> np.ndarray:
    """What one shape covers, with shape `(W, W)`."""
    if len(shape) == 3:
        return _dab(shape, side)
    left, top, right, bottom = shape
    return np.outer(_overlap(top, bottom, side), _overlap(left, right, side))


def _dab(shape: Shape, side: int) -> np.ndarray:
    """The coverage by a dab, all lengths in cells."""
    x, y, radius = (abs(n) * side / UNIT for n in shape)
    middle = np.arange(side) + 0.5
    distance = np.hypot(middle[None, :] - x, middle[:, None] - y)
    edge = max(SOFTNESS * radius, 1.0)
    return np.clip(0.5 + (max(radius, LEAST_RADIUS) - distance) / edge, 0.0, 1.0)


def _overlap(low: int, high: int, side: int) -> np.ndarray:
    """The share of each cell of a row that lies between two bounds; exact at whole cells."""
    cell = np.arange(side)
    inside = np.minimum(high * side / UNIT, cell + 1) - np.maximum(low * side / UNIT, cell)
    return np.clip(inside, 0.0, 1.0)
