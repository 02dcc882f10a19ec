"""What a source turns out to hold, told before a pixel of it is decoded.

A set is a list of *items*, the files or rows that a split goes by. An item is one picture, or
several where a file has several frames; those are never split over training and testing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from models.errors import BadInput
from models.reading.store import blocks

Labels = dict[str, np.ndarray]
Classes = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Block:
    """Pictures of one size, in the order of their items.

    Attributes:
        items: Which item each is of, with shape `(n,)`.
        pixels: `(n, H, W, C)` with C = 1 or 3, at the depth that the source has.
        profile: The colour profile that they were converted to sRGB from, if any.
    """

    items: np.ndarray
    pixels: np.ndarray
    profile: str | None = None


@dataclass(frozen=True)
class Found:
    """A set as a reader found it.

    Attributes:
        kind: "idx", "cifar", "npz", "folder", "zip", "tar", "parquet", "hf", or the name
            of a set that is made here.
        what: What was found, in words that follow "found".
        count: How many items.
        blocks: Decodes the items that a mask `(count,)` marks, in order.
        parts: "train", "test", "val" or "" (of no part) for each item, where the source says so;
            None where the set is for us to split.
        names: Of the items where they have any; a split goes by them.
        own_size: Whether pictures keep their size, as those of arrays do, if they are square.
        arrays: The training and the test part where they lie in memory, or are mapped, as uint8.
        labels: Per label int64 with shape `(count,)`.
        classes: Per label the names of its classes, where known.
        facts: What else belongs on the data card.
        notes: What else there is to say: labels, what was left out and why; whole sentences.
    """

    kind: str
    what: str
    count: int
    blocks: Callable[[np.ndarray], Iterator[Block]]
    parts: np.ndarray | None = None
    names: tuple[str, ...] | None = None
    own_size: bool = False
    arrays: tuple[np.ndarray, np.ndarray] | None = None
    labels: Labels = field(default_factory=dict)
    classes: Classes = field(default_factory=dict)
    facts: dict[str, object] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Source:
    """A source before it is opened.

    Attributes:
        stamp: Changes whenever what the source holds does; "" where that cannot be told.
        open: Finds out what it holds.
    """

    stamp: str
    open: Callable[[], Found]


def in_memory(
    kind: str,
    train: np.ndarray,
    test: np.ndarray,
    labels: Labels | None = None,
    classes: Classes | None = None,
    facts: dict[str, object] | None = None,
) -> Found:
    """A set that is drawn rather than read: uint8 arrays `(N, H, W, C)`, already split."""
    parts = parts_of([("train", len(train)), ("test", len(test))])
    return Found(
        kind,
        f"{len(parts):,} pictures",
        len(parts),
        lambda mask: array_blocks([train, test], mask),
        parts,
        own_size=True,
        arrays=(train, test),
        labels=labels or {},
        classes=classes or {},
        facts=facts or {},
    )


def parts_of(counts: Sequence[tuple[str, int]]) -> np.ndarray:
    """The part of each item, where the items of a part follow each other."""
    return np.repeat([part for part, _ in counts], [count for _, count in counts])


def array_blocks(arrays: Sequence[np.ndarray], mask: np.ndarray) -> Iterator[Block]:
    """The marked rows of arrays `(N, H, W, C)`, counted through all of them."""
    return marked((block for array in arrays for block in blocks(array)), mask)


def marked(pieces: Iterator[np.ndarray], mask: np.ndarray) -> Iterator[Block]:
    """Blocks of the marked ones among rows that come in pieces, in order."""
    start = 0
    for piece in pieces:
        kept = np.flatnonzero(mask[start : start + len(piece)])
        if len(kept):
            yield Block(start + kept, piece if len(kept) == len(piece) else piece[kept])
        start += len(piece)


def with_channels(array: np.ndarray, name: str) -> np.ndarray:
    """`(N, H, W)` or `(N, H, W, C)` as `(N, H, W, C)` with C = 1 or 3, or BadInput."""
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4:
        raise BadInput(f"{name} has shape {array.shape} - pictures have (N, H, W) or (N, H, W, C)")
    if array.shape[3] not in (1, 3):
        first = array.shape[1] in (1, 3)
        do = "move the channels to the end" if first else "keep 1 (grey) or 3 (RGB) channels"
        raise BadInput(
            f"{name} has shape {array.shape}, {array.shape[3]} channels at the end - {do}"
        )
    if array.shape[1] == 0 or array.shape[2] == 0:
        raise BadInput(f"{name} has shape {array.shape}: its pictures are empty - save it again")
    return array
