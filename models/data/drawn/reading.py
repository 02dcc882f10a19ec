"""A drawn set as a source of data: its spec is its name, or `NAME:N` for N pictures."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping

from models.data.drawn.sets import DrawnSet, cached_set
from models.errors import BadInput
from models.reading.found import Found, in_memory

MOST = 200_000


def read_drawn(
    spec: str,
    count: int,
    load: Callable[[], DrawnSet],
    install: str,
    facts: Callable[[], Mapping[str, object]],
) -> Found:
    """A generated set: of N pictures the first 95 % are for training.

    Args:
        count: N where the spec names none.
        load: Imports what draws the set.
        install: The command that gets the packages which that takes.
        facts: What the data card says of the set beside its drawing.

    Raises:
        BadInput: The number cannot be, or the packages that draw are missing.
    """
    name, _, number = spec.partition(":")
    if spec != name and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadInput(f"{spec} - write {name}:N with N a number of pictures, as in {name}:{count}")
    count = int(number) if number else count
    if not 2 <= count <= MOST:
        raise BadInput(f"{spec} - choose from 2 to {MOST} pictures")
    try:
        drawn = load()
    except ImportError as error:
        raise BadInput(
            f"{name} are drawn by packages that are missing ({error.name}) - run `{install}`"
        ) from error
    return found_set(drawn, count, facts())


def found_set(drawn: DrawnSet, count: int, facts: Mapping[str, object]) -> Found:
    """The first `count` pictures of seed 0, of which the first 95 % are for training."""
    pictures, labels = cached_set(drawn, count, progress=sys.stderr.isatty())
    cut = min(count - 1, round(0.95 * count))
    told = {**facts, "drawing": drawn.facts()}
    return in_memory(
        drawn.name, pictures[:cut], pictures[cut:], labels, dict(drawn.attributes), told
    )
