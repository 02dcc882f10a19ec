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

from explorer.recipe.regions import UNIT, WHOLE, Region, Shape, is_eraser

SOFTNESS = 0.5
LEAST_RADIUS = 0.75  # of a cell
AT_ONCE = 64  # dabs: a stroke has hundreds, each alone costs more to call than to compute


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
        covered = _covered(tuple(run), side)
        mask = np.minimum(mask, 1 - covered) if erases else np.maximum(mask, covered)
    shared = mask.astype(np.float32)
    shared.flags.writeable = False
    return shared


def _covered(run: Region, side: int) -> np.ndarray:
    """The most that a run of shapes covers, with shape `(W, W)`."""
    dabs = [shape for shape in run if len(shape) == 3]
    covered = np.zeros((side, side))
    for at in range(0, len(dabs), AT_ONCE):
        covered = np.maximum(covered, _dabs(dabs[at : at + AT_ONCE], side).max(axis=0))
    for left, top, right, bottom in (shape for shape in run if len(shape) == 4):
        shares = np.outer(_overlap(top, bottom, side), _overlap(left, right, side))
        covered = np.maximum(covered, shares)
    return covered


def _dabs(dabs: list[Shape], side: int) -> np.ndarray:
    """The coverage by each dab, with shape `(N, W, W)`; all lengths in cells."""
    x, y, radius = np.abs(np.array(dabs, float).T[:, :, None, None]) * side / UNIT
    middle = np.arange(side) + 0.5
    distance = np.hypot(middle[None, :] - x, middle[:, None] - y)
    edge = np.maximum(SOFTNESS * radius, 1.0)
    return np.clip(0.5 + (np.maximum(radius, LEAST_RADIUS) - distance) / edge, 0.0, 1.0)


def _overlap(low: int, high: int, side: int) -> np.ndarray:
    """The share of each cell of a row that lies between two bounds; exact at whole cells."""
    cell = np.arange(side)
    inside = np.minimum(high * side / UNIT, cell + 1) - np.maximum(low * side / UNIT, cell)
    return np.clip(inside, 0.0, 1.0)
