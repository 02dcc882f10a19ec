"""From blocks of pictures of any size and depth to two arrays of bytes, in bounded memory.

Every picture is cut to its centred square and resized to one side: the one that is asked for;
else its own, where arrays hold squares; else 28 if all pictures are smaller than 40, and 64 if not.
While all are grey one channel is kept. Numbers deeper than 8 bits are kept as they are until all
have been seen, and then made bytes with one scale for the whole set.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from models.reading.found import Block
from models.reading.picture_files.ranges import NOTHING, Range, range_used, to_bytes, white_range
from models.reading.pictures import fit
from models.reading.splits import TEST, TRAIN
from models.reading.store import Growing, Scratch, blocks

SMALL_SIDE = 40  # pictures all smaller than this become 28 pixels wide, others 64
SIDES = (28, 64)


@dataclass
class Seen:
    """What was met on the way.

    Attributes:
        pictures: How many.
        sizes: The least and the greatest height and width.
        cut: How many were not square.
        several: Files with more than one frame, and how many frames they have in all.
        profiles: How many pictures were converted from which colour profile.
        ranges: Per type of deep numbers the range that is used.
        raw_sha256: Of the training pixels of arrays of bytes as they came.
    """

    pictures: int = 0
    sizes: tuple[tuple[int, int], tuple[int, int]] | None = None
    cut: int = 0
    several: tuple[int, int] = (0, 0)
    profiles: Counter[str] = field(default_factory=Counter)
    ranges: dict[str, Range] = field(default_factory=dict)
    raw_sha256: str = ""


@dataclass(frozen=True)
class Gathered:
    """Pictures by part, uint8 `(N, H, W, C)`, and the item that each is of."""

    pictures: dict[str, np.ndarray]
    items: dict[str, np.ndarray]
    seen: Seen


def gather(
    stream: Iterable[Block],
    parts: np.ndarray,
    own_size: bool,
    image_size: int | None,
    channels: int | None,
    scratch: Scratch,
) -> Gathered:
    """Bring a stream of blocks to one shape.

    Args:
        stream: Blocks in the order of their items.
        parts: "train" or "test" for each item; "" for one that is not in the stream.
        own_size: Whether squares keep their size where none is asked for.
        image_size: The side in pixels.
        channels: 1 or 3; by default 1 if every picture is grey.
        scratch: Where many pictures go.
    """
    seen, rows, raw = Seen(), {}, hashlib.sha256()
    items: dict[str, list[np.ndarray]] = {TRAIN: [], TEST: []}
    for block in stream:
        height, width = block.pixels.shape[1:3]
        if not rows:
            own = (height,) if own_size and height == width else SIDES
            sides = (image_size,) if image_size else own
            rows = {side: _Rows(side, channels, scratch) for side in sides}
        if len(rows) > 1 and max(height, width) >= SMALL_SIDE:
            rows.pop(SIDES[0])
        _note(block, seen)
        for part, chosen, pixels in _by_part(block, parts):
            items[part].append(chosen)
            for kept in rows.values():
                kept.add(part, pixels)
            if own_size and part == TRAIN and pixels.dtype == np.uint8:
                raw.update(np.ascontiguousarray(pixels).data)
    seen.raw_sha256 = raw.hexdigest()
    all_items = {p: np.concatenate(found) for p, found in items.items() if found}
    seen.several = _several(all_items)
    return Gathered(rows[min(rows)].pictures(seen.ranges) if rows else {}, all_items, seen)


def _by_part(block: Block, parts: np.ndarray) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Part, items and pixels of a block: the rows of an array may belong to both in turn."""
    for part in (TRAIN, TEST):
        of_part = parts[block.items] == part
        if of_part.any():
            pixels = block.pixels if of_part.all() else block.pixels[of_part]
            yield part, block.items[of_part], pixels


def _note(block: Block, seen: Seen) -> None:
    count, height, width = block.pixels.shape[:3]
    low, high = seen.sizes or ((height, width), (height, width))
    seen.sizes = (
        (min(low[0], height), min(low[1], width)), (max(high[0], height), max(high[1], width))
    )  # fmt: skip
    seen.pictures += count
    seen.cut += count * (height != width)
    if block.profile:
        seen.profiles[block.profile] += count
    if block.pixels.dtype != np.uint8:
        kind = block.pixels.dtype.str
        seen.ranges[kind] = seen.ranges.get(kind, NOTHING).union(range_used(block.pixels))


def _several(items: dict[str, np.ndarray]) -> tuple[int, int]:
    counts = [np.unique(found, return_counts=True)[1] for found in items.values()]
    several = np.concatenate([count[count > 1] for count in counts] or [np.empty(0, int)])
    return len(several), int(several.sum())


class _Rows:
    """Pictures of one side, apart by their part and the type of their numbers.

    Args:
        side: In pixels.
        channels: 1 or 3; None for 1 until a picture is in colour.
        scratch: Where many of them go.
    """

    def __init__(self, side: int, channels: int | None, scratch: Scratch) -> None:
        self._side, self._asked, self._scratch = side, channels, scratch
        self._channels = channels or 1
        self._kept: dict[tuple[str, str], Growing] = {}
        self._runs: dict[str, list[tuple[str, int]]] = {}  # types in the order of the pictures

    def add(self, part: str, pixels: np.ndarray) -> None:
        """Add pictures `(n, H, W, C)` of one size, of any depth."""
        kind = pixels.dtype.str
        fitted = self._fitted(pixels)
        if (part, kind) not in self._kept:
            self._kept[part, kind] = Growing(self._scratch)
        self._kept[part, kind].add(fitted)
        runs = self._runs.setdefault(part, [])
        if runs and runs[-1][0] == kind:
            runs[-1] = (kind, runs[-1][1] + len(pixels))
        else:
            runs.append((kind, len(pixels)))

    def pictures(self, ranges: dict[str, Range]) -> dict[str, np.ndarray]:
        """All pictures as bytes by their part, in order."""
        return {part: self._bytes(part, runs, ranges) for part, runs in self._runs.items()}

    def _fitted(self, pixels: np.ndarray) -> np.ndarray:
        side, channels = self._side, self._asked or pixels.shape[3]
        if pixels.dtype not in (np.uint8, np.uint16):
            pixels = pixels.astype(np.float32)
        if pixels.shape[1:] != (side, side, channels):
            shape = (channels, side, side)
            pixels = np.stack([fit(picture, shape) for picture in pixels])
        if self._asked:
            return pixels
        if self._channels == 1:
            if pixels.shape[3] == 1 or (pixels == pixels[..., :1]).all():
                return np.ascontiguousarray(pixels[..., :1])
            self._widen()
        return pixels if pixels.shape[3] == 3 else np.repeat(pixels, 3, axis=3)

    def _widen(self) -> None:
        """The first picture in colour: all that was kept as grey becomes RGB."""
        self._channels = 3
        for key, grey in self._kept.items():
            colour = Growing(self._scratch)
            for rows in blocks(grey.array()):
                colour.add(np.repeat(rows, 3, axis=3))
            self._kept[key] = colour

    def _bytes(
        self, part: str, runs: list[tuple[str, int]], ranges: dict[str, Range]
    ) -> np.ndarray:
        byte = np.dtype(np.uint8).str
        if [kind for kind, _ in runs] == [byte]:
            return self._kept[part, byte].array()
        arrays = {kind: self._kept[part, kind].array() for kind, _ in runs}
        at, out = Counter(), Growing(self._scratch)
        for kind, count in runs:
            white = white_range(ranges.get(kind, NOTHING), np.dtype(kind))
            for rows in blocks(arrays[kind][at[kind] : at[kind] + count]):
                out.add(to_bytes(rows, white))
            at[kind] += count
        return out.array()
