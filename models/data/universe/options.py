"""The labels of the universe: the style, the ground, and every option that a style has.

An option is what the library picks for one picture: the variant of a part, a colour of a palette,
or a place or an angle from a range. Options of one meaning are one label in all styles (`NAMES`);
its classes say the style too ("lorelei happy07"), since the glasses of one are not those of
another. Class 0, "none", is where the style has no such option or where it is not to be seen. A
range is five classes of equal width. An option with a single value is no label; nor are the twelve
stars of `planets` one each: it is counted how many shine.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any

from models.data.universe.styles import LEFT_OUT, STYLES, definition

NONE = "none"
GROUNDS = ("red", "yellow", "green", "cyan", "blue", "magenta")
BINS = 5  # classes of a range
STARS = 12
# What the styles call otherwise: their word in the library, and ours.
NAMES: Mapping[str, str] = {
    "facialHair": "beard",
    "open-peeps head": "hair",
    "open-peeps expression": "mouth",
    "croodles top": "hair",
    "voxel-art top": "hair",
    "critters top": "horns",
    "critters body": "body shape",
    "voxel-art outfit": "clothes",
    "miniavs body": "clothes",
    "open-peeps headContrast color": "hair color",
    "open-peeps clothing color": "clothes color",
    "pixel-art clothing color": "clothes color",
    "personas clothing color": "clothes color",
    "micah base color": "skin color",
    "micah shirt color": "clothes color",
    "micah earring color": "earrings color",
    "miniavs body color": "clothes color",
    "croodles top color": "hair color",
    "critters body color": "body color",
    "voxel-art shirt color": "clothes color",
}
_RANGES = {"rotate": "Rotate", "x": "TranslateX", "y": "TranslateY"}


@dataclass(frozen=True)
class Option:
    """One option of one style.

    Attributes:
        style: The style's name.
        label: What the label is called.
        key: The option's name among those that the library resolved.
        values: The names of its values, in order.
        span: The ends of a range; None for a choice.
        colour: Whether it is a colour, which may be picked and yet not drawn.
    """

    style: str
    label: str
    key: str
    values: tuple[str, ...]
    span: tuple[float, float] | None = None
    colour: bool = False

    def value(self, resolved: Mapping[str, Any], svg: str) -> str | None:
        """The name of the value in a picture; None where there is none to be seen."""
        found = resolved.get(self.key)
        if found is None:
            return None
        if self.span is not None:
            low, high = self.span
            share = (float(found) - low) / (high - low)
            return self.values[min(BINS - 1, max(0, math.floor(BINS * share)))]
        if self.colour:
            return found[0] if found[0] in svg else None
        return found


def attributes() -> dict[str, tuple[str, ...]]:
    """Every label with the names of its classes."""
    return dict(_attributes())


@cache
def _attributes() -> Mapping[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for style in STYLES:
        for option in options_of(style):
            classes = found.setdefault(option.label, [NONE])
            classes += [f"{style} {value}" for value in option.values]
    stars = (NONE, *map(str, range(1, STARS + 1)))
    known = {"style": STYLES, "ground": GROUNDS, "stars": stars}
    return known | {label: tuple(classes) for label, classes in found.items()}


def classes_of(style: str, hue: float, resolved: Mapping[str, Any], svg: str) -> list[int]:
    """The class of every label, in the order of `attributes`.

    Args:
        hue: Of the ground, from 0 to 1, red at both ends.
        resolved: The options that the library picked.
        svg: The drawing.
    """
    index = _indices()
    found = dict.fromkeys(index, 0)
    found["style"] = STYLES.index(style)
    found["ground"] = round(hue * len(GROUNDS)) % len(GROUNDS)
    found["stars"] = sum(_is_star(key.removesuffix("Variant")) for key in resolved)
    for option in options_of(style):
        value = option.value(resolved, svg)
        if value is not None:
            found[option.label] = index[option.label][f"{style} {value}"]
    return list(found.values())


@cache
def _indices() -> Mapping[str, Mapping[str, int]]:
    """Per label the number of each class by its name."""
    return {
        label: {name: number for number, name in enumerate(classes)}
        for label, classes in _attributes().items()
    }


@cache
def options_of(style: str) -> tuple[Option, ...]:
    """The options of a style that have more than one value."""
    described = definition(style)
    parts = {name: part for name, part in described["components"].items() if not _is_star(name)}
    found = []
    for name, part in parts.items():
        label = _label(style, name)
        found.append(Option(style, label, f"{name}Variant", _variants(style, name, part)))
        found += _ranges(style, label, name, part)
    for name, colour in described["colors"].items():
        if name != "background":
            label, values = _label(style, f"{name} color"), tuple(colour["values"])
            found.append(Option(style, label, f"{name}Color", values, colour=True))
    return tuple(option for option in found if _says_something(option, parts))


def _variants(style: str, name: str, part: Mapping[str, Any]) -> tuple[str, ...]:
    """The variants of a part that can be drawn."""
    left_out = LEFT_OUT.get((style, name), ())
    return tuple(
        variant
        for variant, facts in part["variants"].items()
        if variant not in left_out and facts.get("weight", 1) > 0 and variant != NONE
    )


def _says_something(option: Option, parts: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether it has two values, or is a part with one variant that some pictures lack."""
    part = parts.get(option.key.removesuffix("Variant"), {})
    return len(option.values) > 1 or part.get("probability", 100) < 100


def _ranges(style: str, label: str, name: str, part: Mapping[str, Any]) -> list[Option]:
    spans = {"rotate": part.get("rotate"), **part.get("translate", {})}
    found = []
    for word, span in spans.items():
        if span is not None and span["min"] < span["max"]:
            low, high = span["min"], span["max"]
            key = f"{name}{_RANGES[word]}"
            found.append(Option(style, f"{label}_{word}", key, _bins(low, high), (low, high)))
    return found


def _bins(low: float, high: float) -> tuple[str, ...]:
    edges = [low + (high - low) * k / BINS for k in range(BINS + 1)]
    return tuple(f"{a:.0f} to {b:.0f}" for a, b in pairwise(edges))


def _label(style: str, name: str) -> str:
    own = NAMES.get(f"{style} {name}", NAMES.get(name, name))
    return own.replace("facialHair", "beard").replace(" ", "_").replace("color", "colour")


def _is_star(name: str) -> bool:
    """Whether a part is one of the stars: `star`, `star02` … `star12`."""
    rest = name.removeprefix("star")
    return rest != name and (not rest or rest.isdigit())
