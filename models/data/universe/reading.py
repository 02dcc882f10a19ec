"""The universe as a set: `universe`, or `universe:N`."""

from __future__ import annotations

from models.data.drawn.reading import read_drawn
from models.data.drawn.sets import DrawnSet
from models.reading.found import Found

UNIVERSE = 40_000


def read_universe(spec: str) -> Found:
    """The generated set.

    Raises:
        BadInput: See `read_drawn`.
    """
    install = "pip install -r requirements-universe.txt"
    return read_drawn(spec, UNIVERSE, _universe, install, _facts)


def _universe() -> DrawnSet:
    from models.data.universe.drawing import UNIVERSE

    return UNIVERSE


def _facts() -> dict[str, object]:
    """Whose the drawings are and under which licence, as their package says."""
    from models.data.universe.styles import credits

    found = credits()
    return {
        "title": "Universe",
        "licence": ", ".join(sorted({credit.licence for credit in found})),
        "attribution": "; ".join(map(str, found)),
        "styles": {credit.style: credit.licence for credit in found},
    }
