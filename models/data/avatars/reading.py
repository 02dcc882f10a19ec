"""The avatars as a set: `avatars`, or `avatars:N`."""

from __future__ import annotations

from models.data.drawn.reading import MOST, read_drawn
from models.data.drawn.sets import DrawnSet
from models.reading.found import Found

AVATARS = 20_000
MAX_AVATARS = MOST

_FACTS = {
    "title": "Avatars",
    "licence": "MIT, as the package python_avatars states",
    "attribution": "drawings: Pablo Stanley (avataaars.com, blush.design); python_avatars: Ibon",
}


def read_avatars(spec: str) -> Found:
    """The generated set.

    Raises:
        BadInput: See `read_drawn`.
    """
    return read_drawn(
        spec, AVATARS, _avatars, "pip install python_avatars resvg-py", lambda: _FACTS
    )


def _avatars() -> DrawnSet:
    from models.data.avatars.drawing import AVATARS

    return AVATARS
