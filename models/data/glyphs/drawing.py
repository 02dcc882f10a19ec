"""One glyph: 32×32 grey, white on black, every typeface at the same height.

A typeface is scaled so that its H is 18 pixels high; the baseline lies 24 pixels below the top,
and a glyph stands in the middle by its advance. It is drawn eight times as large and averaged, so
that no hinting is seen and grey is the share of a pixel that is ink.

The set is every letter in every typeface once, in an order that is a function of the seed. So in
the test part no picture is known, but every letter is, and nearly every typeface.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import cache, lru_cache, partial
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.data.drawn.packages import digest, find_files, read_file
from models.data.drawn.sets import DrawnSet, Picture
from models.data.glyphs.typefaces import NAME, NOUN, SLANTS, WEIGHTS, Typeface, typeface_list
from models.seeds import choices

SIDE = 32
DRAWING = 1  # counts up when the same seed no longer gives the same picture
LETTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
_CAP_HEIGHT, _BASELINE, _FINER = 18, 24, 8
_TRIED_SIZE = 1000


@lru_cache(maxsize=2048)
def opened(path: Path) -> ImageFont.FreeTypeFont:
    """A typeface's file in the size that the set draws it in.

    Raises:
        OSError: The file cannot be read, or its H is empty.
    """
    _, top, _, bottom = _font(path, _TRIED_SIZE).getbbox("H", anchor="ls")
    if bottom <= top:
        raise OSError("its H is empty")
    return _font(path, round(_TRIED_SIZE * _CAP_HEIGHT * _FINER / (bottom - top)))


def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size, layout_engine=ImageFont.Layout.BASIC)


def glyph(font: ImageFont.FreeTypeFont, letter: str, margin: int = 0) -> np.ndarray:
    """A letter, uint8 `(32, 32)`, white on black.

    Args:
        font: As `opened` gives it.
        margin: Pixels more at every edge, to see what leaves the square.
    """
    side = (SIDE + 2 * margin) * _FINER
    canvas = Image.new("L", (side, side))
    place = (side / 2, (margin + _BASELINE) * _FINER)
    ImageDraw.Draw(canvas).text(place, letter, fill=255, font=font, anchor="ms")
    return np.asarray(canvas.reduce(_FINER))


def glyph_set(roots: Sequence[Path], typefaces: Sequence[Typeface] = ()) -> DrawnSet:
    """The set of every letter in every typeface.

    Args:
        roots: Where packages are unpacked or installed.
        typefaces: By default those of the list.

    Raises:
        BadInput: Files are missing or are not those of the list.
    """
    typefaces = tuple(typefaces) or typeface_list()
    paths = find_files(typefaces, roots, NAME, NOUN)
    for typeface, path in zip(typefaces, paths, strict=True):
        read_file(typeface, path, "typeface")
    families = tuple(sorted({typeface.family for typeface in typefaces}))
    styles = [
        (families.index(t.family), WEIGHTS.index(t.weight), SLANTS.index(t.slant))
        for t in typefaces
    ]
    return DrawnSet(
        NAME,
        (SIDE, SIDE, 1),
        {"letter": tuple(LETTERS), "family": families, "weight": WEIGHTS, "slant": SLANTS},
        partial(_draw, tuple(paths), tuple(styles)),
        DRAWING,
        ("pillow",),
        origin=digest(typefaces)[:12],
        most=len(typefaces) * len(LETTERS),
    )


def _draw(
    paths: tuple[Path, ...], styles: tuple[tuple[int, ...], ...], seed: int, number: int
) -> Picture:
    """Picture `number` of a seed, uint8 `(32, 32, 1)`, and its class of every attribute."""
    drawn_as = order(seed, len(paths) * len(LETTERS))
    typeface, letter = divmod(int(drawn_as[number]), len(LETTERS))
    picture = glyph(opened(paths[typeface]), LETTERS[letter])
    return picture[..., None], [letter, *styles[typeface]]


@cache
def order(seed: int, count: int) -> np.ndarray:
    """Which of `count` pictures is drawn as which number, int64 `(count,)`."""
    return choices("glyph order", seed).permutation(count)
