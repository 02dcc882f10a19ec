"""JSON from outside, declared as pydantic models; what does not fit is told in a sentence.

A declaration is strict: a text is no number, and a key that nobody declared is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from models.errors import BadInput

TOLD = 3  # of the faults at most
WANTED = {
    "int_type": "a whole number", "float_type": "a number", "bool_type": "true or false",
    "string_type": "a text", "tuple_type": "a list", "dict_type": "an object",
    "model_type": "an object", "model_attributes_type": "an object",
}  # fmt: skip


class Declared(BaseModel):
    """What has declared keys, of which each has its type."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


Kind = TypeVar("Kind", bound=Declared)


def read_declared(kind: type[Kind], found: Mapping[str, Any], where: str, remedy: str) -> Kind:
    """A JSON object as what it is declared to be.

    Args:
        where: What the object is, for the message.
        remedy: What to do about a fault, as a sentence begins or goes on.

    Raises:
        BadInput: Keys are missing, unknown or of another type; the first of them are named.
    """
    try:
        return kind.model_validate(found)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        told = "; ".join(_told(fault) for fault in faults[:TOLD])
        more = f"; and {len(faults) - TOLD} more" if len(faults) > TOLD else ""
        raise BadInput(f"{where}: {told}{more}. {remedy}") from error


def _told(fault: ErrorDetails) -> str:
    """What is wrong with one value."""
    name = _name(fault["loc"])
    if fault["type"] == "missing":
        return f"{name} is missing"
    if fault["type"] == "extra_forbidden":
        return f"{name} is unknown"
    shown = repr(fault["input"])
    shown = shown if len(shown) <= 60 else f"{shown[:57]}…"
    if wanted := WANTED.get(fault["type"]):
        return f"{name} is {shown}, it should be {wanted}"
    return f"{name} is {shown}: {fault['msg'][:1].lower()}{fault['msg'][1:]}"


def _name(place: tuple[int | str, ...]) -> str:
    """Where a value stands, as bounds[1].k."""
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return name.removeprefix(".")
