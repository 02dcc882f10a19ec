"""A region: the part of a picture that an edit is confined to, as plain whole numbers.

A region is a tuple of shapes, laid one over the other in order:

    (x, y, r)                     a dab of a round brush; with r < 0 a dab of the eraser
    (left, top, right, bottom)    a rectangle

All lengths are in units of 1/256 of the picture's side, x and left from the left, y and top
from the top, so a region means the same at every side. No shapes at all, `WHOLE`, is the whole
picture. What a region covers of a latent is `explorer/render/masks.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from itertools import groupby

from explorer.recipe.fields import bad, check_count, check_whole, shown

UNIT = 256
MAX_SHAPES = 512
MAX_REGIONS = 16
_WHOLE_NUMBERS = ([int] * 3, [int] * 4)

Shape = tuple[int, ...]
Region = tuple[Shape, ...]


class Canonical(Region):
    """A region in its canonical form: the same tuple, but hashed once.

    Every edit under a region, the memories of chains and masks ask for its hash, and a tuple
    works it out from all of its shapes each time.
    """

    def __hash__(self) -> int:
        known = self.__dict__.get("hash")
        if known is None:
            known = self.__dict__["hash"] = super().__hash__()
        return known


WHOLE: Region = ()


def is_eraser(shape: Shape) -> bool:
    """Whether a shape takes away."""
    return len(shape) == 3 and shape[2] < 0


def region_from(value: object) -> Region:
    """A region in its canonical form, from lists of numbers.

    Raises:
        BadInput: If it is none, or covers nothing; the message names the shape.
    """
    if not isinstance(value, list | tuple):
        raise bad("region", f"is {shown(value)}, allowed is a list of shapes")
    check_count("region", len(value), 1, MAX_SHAPES)
    shapes = tuple(_shape(at, entry) for at, entry in enumerate(value))
    return _canonical(shapes)


def canonical(shapes: Region) -> Canonical:
    """The one form of all regions that differ by the order of what commutes.

    Dabs of the brush and rectangles commute among themselves, as do dabs of the eraser; each
    run of them is sorted, without repetitions. What is erased before anything is painted is
    dropped.

    Raises:
        BadInput: If a shape is out of range, or none is left.
    """
    if isinstance(shapes, Canonical):
        return shapes
    _check_shapes(shapes)  # before the memory is asked, to which True is 1 and 7.0 is 7
    return _canonical(shapes)


@lru_cache(maxsize=128)
def _canonical(shapes: Region) -> Canonical:
    _check_shapes(shapes)
    runs = [(erases, sorted(set(run))) for erases, run in groupby(shapes, key=is_eraser)]
    if runs and runs[0][0]:
        runs = runs[1:]
    if not runs:
        raise bad("region", "covers nothing, allowed is one with a painted shape")
    return Canonical(shape for _, run in runs for shape in run)


def table(regions: Iterable[Region]) -> tuple[Region, ...]:
    """The regions of a recipe, each once, in the order that its JSON lists them."""
    return tuple(sorted({region for region in regions if region != WHOLE}))


def _shape(at: int, entry: object) -> Shape:
    kinds = [type(n) for n in entry] if isinstance(entry, list | tuple) else []
    if kinds not in _WHOLE_NUMBERS:
        allowed = "[x, y, radius] or [left, top, right, bottom], in whole numbers"
        raise bad(f"region[{at}]", f"is {shown(entry)}, allowed is {allowed}")
    return tuple(entry)  # type: ignore[arg-type]


def _check_shapes(shapes: Region) -> None:
    for at, shape in enumerate(shapes):
        if not _is_fine(shape):
            _refuse_shape(f"region[{at}]", shape)


def _is_fine(shape: Shape) -> bool:
    """Whether all is in range; there are thousands of shapes in a recipe, so no words here."""
    if len(shape) == 3:
        x, y, radius = shape
        if not type(x) is type(y) is type(radius) is int:
            return False
        return 0 <= x <= UNIT and 0 <= y <= UNIT and 1 <= abs(radius) <= UNIT
    left, top, right, bottom = shape
    if not type(left) is type(top) is type(right) is type(bottom) is int:
        return False
    return 0 <= left < right <= UNIT and 0 <= top < bottom <= UNIT


def _refuse_shape(field: str, shape: Shape) -> None:
    if len(shape) == 3:
        for name, value in zip(("x", "y"), shape, strict=False):
            check_whole(f"{field} {name}", value, 0, UNIT)
        radius = shape[2]
        check_whole(f"{field} radius", abs(radius) if type(radius) is int else radius, 1, UNIT)
        return
    for name, value in zip(("left", "top", "right", "bottom"), shape, strict=True):
        check_whole(f"{field} {name}", value, 0, UNIT)
    raise bad(field, f"is {shown(shape)}, allowed are left < right and top < bottom")
