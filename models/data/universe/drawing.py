"""The universe set: 64×64 RGB pictures in sixteen styles, whose every option is known.

Picture i of a seed is a function of (seed, i) alone. Its style and its ground are drawn from that
stream, one uniform number each for the style and for hue, saturation and value; all else is picked
by DiceBear's own generator from the word "seed-i", as the style's author weighted it.

Drawings: their authors are named in `styles.credits`. They are put together by `dicebear-core`
(MIT) from `dicebear-styles` and rasterised by `resvg_py`. The same seed gives the same pixels on
the same versions of the three.
"""

from __future__ import annotations

import colorsys
from typing import Any

from dicebear import Avatar

from models.data.drawn.raster import rasterised
from models.data.drawn.sets import DrawnSet, Picture
from models.data.universe.options import attributes, classes_of, options_of
from models.data.universe.styles import LEFT_OUT, STYLES, drawable
from models.seeds import choices

SIDE = 64
DRAWING = 1  # counts up when the same seed no longer gives the same picture


def draw(seed: int, number: int) -> Picture:
    """Picture `number` of a seed, uint8 `(64, 64, 3)`, and its class of every label."""
    style, hue, asked = asked_of(seed, number)
    drawn = Avatar(drawable(style), asked)
    svg = drawn.to_string()
    return rasterised(svg, "RGB"), classes_of(style, hue, drawn.to_json()["options"], svg)


def asked_of(seed: int, number: int) -> tuple[str, float, dict[str, Any]]:
    """What the library is asked for: the style, the hue of the ground, and the options."""
    rng = choices("universe", seed, number)
    style = STYLES[min(int(rng.random() * len(STYLES)), len(STYLES) - 1)]
    hue, saturation, value = rng.random(), 0.15 + 0.25 * rng.random(), 0.88 + 0.10 * rng.random()
    ground = [round(255 * part) for part in colorsys.hsv_to_rgb(hue, saturation, value)]
    colour = "#" + bytes(ground).hex()
    asked = {"seed": f"{seed}-{number}", "size": SIDE, "backgroundColor": [colour]}
    return style, hue, asked | _wanted(style)


def _wanted(style: str) -> dict[str, list[str]]:
    """The variants to choose from, of the parts that some are left out of."""
    keys = {f"{part}Variant" for of, part in LEFT_OUT if of == style}
    return {option.key: list(option.values) for option in options_of(style) if option.key in keys}


UNIVERSE = DrawnSet(
    "universe", (SIDE, SIDE, 3), attributes(), draw, DRAWING,
    ("dicebear-core", "dicebear-styles", "resvg-py"),
)  # fmt: skip
