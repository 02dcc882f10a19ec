"""The styles of the universe: what DiceBear's package says of each, whose it is and its licence.

A style is a folder of parts and colours that an avatar is put together from, by a person named in
the package itself. Only styles under CC0, CC BY or MIT are drawn; any other is refused here, so
that a newer package with other terms is noticed. Changing what is below changes the pictures of
every seed: count `models.data.universe.drawing.DRAWING` up then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from dicebear import Style

from models.errors import BadInput

STYLES = (
    "adventurer", "lorelei", "notionists", "open-peeps", "micah", "pixel-art", "personas",
    "big-smile", "toon-head", "miniavs", "croodles", "critters", "sprouts", "landscape", "planets",
    "voxel-art",
)  # fmt: skip
FREE = ("CC0 1.0", "CC BY 4.0", "MIT")
# Variants that are not drawn, by style and part: hair that leaves the square on three sides.
LEFT_OUT: Mapping[tuple[str, str], tuple[str, ...]] = {("adventurer", "hair"): ("long06",)}


@dataclass(frozen=True)
class Credit:
    """Whose a style is, as the package says."""

    style: str
    title: str
    creator: str
    licence: str
    source: str

    def __str__(self) -> str:
        return f"{self.title} by {self.creator} ({self.licence}, {self.source})"


@cache
def definition(style: str) -> dict[str, Any]:
    """The package's own description of a style; read-only."""
    return json.loads(files("dicebear_styles").joinpath(f"{style}.json").read_text("utf-8"))


@cache
def drawable(style: str) -> Style:
    """The style ready to be drawn.

    Raises:
        BadInput: Its licence is none of `FREE`.
    """
    credit_of(style)
    return Style(definition(style))


def credit_of(style: str) -> Credit:
    """Whose a style is.

    Raises:
        BadInput: Its licence is none of `FREE`.
    """
    meta = definition(style)["meta"]
    licence = meta["license"]["name"]
    if licence not in FREE:
        raise BadInput(
            f"universe: {style} is under {licence} in this version of dicebear-styles, not "
            f"{', '.join(FREE)} - use the version in requirements-universe.txt"
        )
    source = meta["source"]
    return Credit(style, source["name"], meta["creator"]["name"], licence, source["url"])


def credits() -> tuple[Credit, ...]:
    """Whose each style is, in the order of `STYLES`."""
    return tuple(map(credit_of, STYLES))
