"""How the levels of a model look and are called, in the report as in the explorer."""

from __future__ import annotations

from models.base import bottom_up

HUES = (205, 262, 312, 5, 62, 140, 235, 285)  # z_1 first, as in explorer/desk/js/words.js
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def level_hue(t: int) -> int:
    """The hue of what belongs to z_t, in degrees."""
    return HUES[(t - 1) % len(HUES)]


def level_name(t: int) -> str:
    """z₁, z₂, …"""
    return f"z{t}".translate(SUBSCRIPTS)


def level_names(depth: int) -> list[str]:
    return [level_name(t) for t in bottom_up(depth)]


def level_hues(depth: int) -> list[int]:
    return [level_hue(t) for t in bottom_up(depth)]


def hue_style(hue: int) -> str:
    """The attribute that sets a hue in HTML."""
    return f' style="--hue: {hue}"'
