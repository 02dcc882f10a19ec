"""The avatars set: 64×64 RGB cartoon faces whose attributes are known.

Picture i of a seed is a function of (seed, i) alone, so N pictures are the first N of any
larger set, in whatever order or number of processes they are drawn. One uniform number is
spent on each attribute, in the order of `ATTRIBUTES`; beards are rarer under long hair, all
else is independent.

Drawings: Pablo Stanley (avataaars.com, blush.design), put together by `python_avatars`
(MIT) and rasterised by `resvg_py`. The same seed gives the same pixels on the same versions
of the two.
"""

from __future__ import annotations

import colorsys
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import python_avatars as pa

from models.data.avatars.parts import ATTRIBUTES, BEARD_SHARE, NO_COLOUR, SHORT_HAIR, TABLES, Table
from models.data.drawn.raster import rasterised
from models.data.drawn.sets import DrawnSet, Picture
from models.seeds import choices

SIZE = 64
DRAWING = 1  # counts up when the same seed no longer gives the same picture

# The library's canvas is 264×280 with the face in the upper middle. This square holds every
# hair style below from its top to the collar.
_CANVAS = 'width="264px" height="280px" viewBox="0 0 264 280"'
_SQUARE = f'width="{SIZE}px" height="{SIZE}px" viewBox="10 0 244 244"'


@dataclass(frozen=True)
class _Face:
    """One face before it is drawn: a class per attribute, and the backdrop's two RGB ends."""

    chosen: dict[str, str]
    top: tuple[float, float, float]
    bottom: tuple[float, float, float]


def draw(seed: int, number: int) -> Picture:
    """Face `number` of a seed, uint8 `(64, 64, 3)`, and its class of every attribute."""
    face = _face(choices("avatar", seed, number))
    return _draw(face), [ATTRIBUTES[name].index(face.chosen[name]) for name in ATTRIBUTES]


def _face(rng: np.random.Generator) -> _Face:
    chosen: dict[str, str] = {}
    for name, table in TABLES.items():
        chosen[name] = _pick(rng.random(), _beard_table(chosen) if name == "beard" else table)
    if chosen["hair"] == "bald" and chosen["beard"] == "none":
        chosen["hair_colour"] = NO_COLOUR
    hue, saturation, value = rng.random(), 0.10 + 0.20 * rng.random(), 0.86 + 0.10 * rng.random()
    return _Face(
        chosen,
        top=colorsys.hsv_to_rgb(hue, saturation * 0.85, value + 0.04),
        bottom=colorsys.hsv_to_rgb(hue, saturation * 1.15, value - 0.04),
    )


def _beard_table(chosen: dict[str, str]) -> Table:
    share = BEARD_SHARE["short" if chosen["hair"] in SHORT_HAIR else "long"]
    total = sum(weight for _, weight in TABLES["beard"].values())
    return {
        name: (part, 1 - share if name == "none" else share * weight / total)
        for name, (part, weight) in TABLES["beard"].items()
    }


def _pick(uniform: float, table: Table) -> str:
    """The class at this quantile of the table's weights."""
    edges = list(accumulate(weight for _, weight in table.values()))
    index = int(np.searchsorted(edges, uniform * edges[-1], side="right"))
    return list(table)[min(index, len(edges) - 1)]


def _draw(face: _Face) -> np.ndarray:
    """The face on its backdrop, uint8 with shape `(64, 64, 3)`."""
    drawn = rasterised(_svg(face.chosen), "RGBA").astype(np.float64)
    alpha = drawn[..., 3:] / 255
    down = np.linspace(0, 1, SIZE)[:, None, None]
    backdrop = 255 * (np.array(face.top) * (1 - down) + np.array(face.bottom) * down)
    return np.rint(alpha * drawn[..., :3] + (1 - alpha) * backdrop).astype(np.uint8)


def _svg(chosen: dict[str, str]) -> str:
    part = {
        name: TABLES[name][choice][0] for name, choice in chosen.items() if choice in TABLES[name]
    }
    hair_colour = part.get("hair_colour", "#000000")
    # Every field is given: the library fills what is missing from the global `random`.
    avatar = pa.Avatar(
        style=pa.AvatarStyle.TRANSPARENT,
        background_color="#FFFFFF",
        top=pa.HairType[part["hair"]],  # pyright: ignore[reportArgumentType]
        hat_color=pa.ClothingColor.HEATHER,
        eyebrows=pa.EyebrowType[part["eyebrows"]],
        eyes=pa.EyeType[part["eyes"]],
        nose=pa.NoseType.DEFAULT,
        mouth=pa.MouthType[part["mouth"]],
        facial_hair=pa.FacialHairType[part["beard"]],
        skin_color=part["skin"],
        hair_color=hair_colour,
        facial_hair_color=hair_colour,
        accessory=pa.AccessoryType[part["glasses"]],
        clothing=pa.ClothingType[part["clothing"]],
        clothing_color=part["clothing_colour"],
        shirt_graphic=pa.ClothingGraphic.NONE,
        shirt_text="",
        title="",
    )
    svg = avatar.render()
    if _CANVAS not in svg:
        raise RuntimeError(
            "python_avatars changed its canvas - use the version in requirements.txt"
        )
    return svg.replace(_CANVAS, _SQUARE, 1)


AVATARS = DrawnSet(
    "avatars", (SIZE, SIZE, 3), ATTRIBUTES, draw, DRAWING, ("python_avatars", "resvg_py")
)
