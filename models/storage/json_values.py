"""Values of a config.json, read strictly: what is missing, unknown or of another type is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from models.errors import BadInput


def check_keys(where: str, found: Mapping[str, Any], expected: tuple[str, ...]) -> None:
    """Refuse missing and unknown keys, naming them."""
    missing = [key for key in expected if key not in found]
    unknown = [key for key in found if key not in expected]
    if missing:
        raise BadInput(f"{where}: missing {', '.join(missing)}.")
    if unknown:
        raise BadInput(f"{where}: unknown {', '.join(map(str, unknown))}; remove or update Strata.")


def integer(value: object) -> int:
    """A whole number; TypeError if it is none."""
    if type(value) is not int:
        raise TypeError(f"{value!r} should be a whole number")
    return value


def number(value: object) -> float:
    """A real number; TypeError if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} should be a number")
    return float(value)


def text(value: object) -> str:
    """A string; TypeError if it is none."""
    if not isinstance(value, str):
        raise TypeError(f"{value!r} should be a text")
    return value


def flag(value: object) -> bool:
    """A boolean; TypeError if it is none."""
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} should be true or false")
    return value


def integers(values: object) -> tuple[int, ...]:
    """A list of whole numbers; TypeError if it is none."""
    if not isinstance(values, list | tuple):
        raise TypeError(f"{values!r} should be a list of whole numbers")
    return tuple(integer(value) for value in values)
