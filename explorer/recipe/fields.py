"""The checks that a recipe's fields go through; a refusal names the field and what is allowed."""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from math import isfinite
from typing import TypeVar

from models.errors import BadInput

WHAT_TO_DO = "correct it, or copy the recipe again from the page"

_V = TypeVar("_V")
_R = TypeVar("_R")


def bad(field: str, problem: str) -> BadInput:
    """The error that a field of a recipe is refused with."""
    return BadInput(f"recipe: {field} {problem} - {WHAT_TO_DO}")


def named(field: str, parse: Callable[[_V], _R], value: _V) -> _R:
    """Parse one entry, so that an error says in which entry of the list it is."""
    try:
        return parse(value)
    except BadInput as error:
        raise BadInput(str(error).replace("recipe: ", f"recipe: {field} ", 1)) from error


def listed(field: str, value: object, most: int) -> list[object]:
    """A list of at most so many entries."""
    if not isinstance(value, list | tuple):
        raise bad(field, f"is {shown(value)}, allowed is a list")
    check_count(field, len(value), 0, most)
    return list(value)


def check_count(field: str, count: int, least: int, most: int) -> None:
    """Refuse a list of too few or too many entries."""
    if not least <= count <= most:
        raise bad(field, f"has {count} entries, allowed are {least} to {most}")


def check_one_of(field: str, value: object, allowed: tuple[str, ...]) -> None:
    """Refuse a word that is none of those allowed."""
    if value not in allowed:
        raise bad(field, f"is {shown(value)}, allowed are {', '.join(allowed)}")


def check_whole(field: str, value: object, low: int, high: int) -> None:
    """Refuse what is no whole number between two bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise bad(field, f"is {shown(value)}, allowed are whole numbers from {low} to {high}")


def number(field: str, value: object, low: float, high: float) -> float:
    """A finite number between two bounds, as a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise bad(field, f"is {shown(value)}, allowed are numbers from {low:g} to {high:g}")
    if not low <= value <= high or not isfinite(value):
        raise bad(field, f"is {shown(value)}, allowed are numbers from {low:g} to {high:g}")
    return float(value) + 0.0  # -0.0 becomes 0.0, so that equal recipes are equal as text too


def shown(value: object) -> str:
    """A value as an error quotes it, never long."""
    if isinstance(value, int) and not -(10**40) < value < 10**40:
        return "far too large a number"
    return reprlib.repr(value)
