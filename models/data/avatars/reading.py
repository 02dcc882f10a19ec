"""The avatars as a set: `avatars`, or `avatars:N`."""

from __future__ import annotations

import sys
from importlib.metadata import version

from models.errors import BadInput
from models.reading.found import Found, in_memory

AVATARS = 20_000
MAX_AVATARS = 200_000

_FACTS = {
    "title": "Avatars",
    "licence": "MIT, as the package python_avatars states",
    "attribution": "drawings: Pablo Stanley (avataaars.com, blush.design); python_avatars: Ibon",
}


def read_avatars(spec: str) -> Found:
    """The generated set: of N pictures the first 95 % are for training.

    Raises:
        BadInput: The number cannot be, or the packages that draw them are missing.
    """
    _, _, number = spec.partition(":")
    if spec != "avatars" and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadInput(f"{spec} - write avatars:N with N a number of pictures, as in avatars:20000")
    count = int(number) if number else AVATARS
    if not 2 <= count <= MAX_AVATARS:
        raise BadInput(f"{spec} - choose from 2 to {MAX_AVATARS} pictures")
    try:
        from models.data.avatars.drawing import ATTRIBUTES, DRAWING, cached_avatars
    except ImportError as error:
        raise BadInput(
            f"avatars are drawn by packages that are missing ({error.name}) - "
            "run `pip install python_avatars resvg-py`"
        ) from error
    pictures, labels = cached_avatars(count, progress=sys.stderr.isatty())
    cut = min(count - 1, round(0.95 * count))
    facts: dict[str, object] = {
        **_FACTS,
        "drawing": {
            "seed": 0,
            "version": DRAWING,
            "python_avatars": version("python_avatars"),
            "resvg_py": version("resvg_py"),
        },
    }
    return in_memory("avatars", pictures[:cut], pictures[cut:], labels, ATTRIBUTES, facts)
