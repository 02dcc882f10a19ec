"""Pictures for training and testing, from whatever a person has.

A spec names them: `avatars` or `avatars:N`, `universe` likewise, `photos` or `photos:FOLDER`,
`glyphs` likewise, a folder of IDX files in MNIST's layout or of CIFAR's batches, a folder, zip or
tar of pictures, an `.npz`, Parquet files, or `hf:OWNER/NAME`. A source that says what is for
training and what for testing is split so; any other is split once by a seed, picture file by
picture file. The card says all that is needed to get the same arrays again, their SHA-256, and a
remark on what was found, used and left out.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from models.data.avatars.reading import read_avatars
from models.data.glyphs.reading import read_glyphs
from models.data.photographs import read_photos
from models.data.universe.reading import read_universe
from models.errors import BadInput
from models.reading.found import Found, Source
from models.reading.gather import Gathered, Seen, gather
from models.reading.hub import open_hub
from models.reading.kept_sets import keep_set, key_of, load_set
from models.reading.packs.stamps import stamp_of
from models.reading.picture_files.ranges import white_range
from models.reading.places import SPECS, open_place
from models.reading.remark import remark
from models.reading.splits import TEST, TRAIN, drawn
from models.reading.store import Scratch, blocks

SIDES = (8, 256)
# Sets that are made here, by the word that their spec begins with.
MADE = {
    "avatars": read_avatars,
    "universe": read_universe,
    "glyphs": read_glyphs,
    "photos": read_photos,
}

# Known sets by the SHA-256 of their training pixels, so that a renamed folder is recognised.
_KNOWN = {
    "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757": {
        "title": "MNIST",
        "licence": "CC BY-SA 3.0",
        "attribution": "Yann LeCun, Corinna Cortes, Christopher Burges",
    },
    "2e487a6c89124f78f2d7521542223cafe96f7123c3ca13d447772ac6ecbb3012": {
        "title": "Fashion-MNIST",
        "licence": "MIT",
        "attribution": "Zalando SE",
    },
}


@dataclass(frozen=True)
class Data:
    """Pictures, split.

    Attributes:
        train: uint8 with shape `(N, H, W, C)`, C = 1 or 3; of a large set mapped and read-only.
        test: uint8 with shape `(M, H, W, C)`; no picture of it is in `train`.
        card: Where they come from, as JSON-able values.
        labels: Per label its train `(N,)` and test `(M,)` classes, int64; empty if unknown.
    """

    train: np.ndarray
    test: np.ndarray
    card: dict[str, object]
    labels: dict[str, tuple[np.ndarray, np.ndarray]]


def load_data(
    spec: str,
    image_size: int | None = None,
    channels: int | None = None,
    seed: int = 0,
    quiet: bool = False,
) -> Data:
    """Load the pictures that `spec` names, and print a remark on them to stderr.

    Args:
        spec: See the module.
        image_size: The side of the square that every picture is cut and resized to, in pixels.
            By default arrays of squares and avatars keep their own size; all others become 28 if
            all pictures are smaller than 40, else 64.
        channels: 1 for grey, 3 for RGB; by default 1 if every picture is grey.
        seed: Of the split, where the source has none of its own.
        quiet: Whether the remark is left to another process to print.

    Raises:
        BadInput: The source is missing, damaged, too small or of no known kind.
    """
    if image_size is not None and not SIDES[0] <= image_size <= SIDES[1]:
        raise BadInput(f"an image size of {image_size} - choose one from {SIDES[0]} to {SIDES[1]}")
    if channels not in (None, 1, 3):
        raise BadInput(f"{channels} channels - choose 1 (grey) or 3 (RGB)")
    if seed < 0:
        raise BadInput(f"a split seed of {seed} - choose 0 or more")
    source = _source(spec)
    key = key_of(source.stamp, image_size, channels, seed) if source.stamp else ""
    kept = load_set(key) if key else None
    if kept is None:
        data = _read(source.open(), spec, image_size, channels, seed, key)
    else:
        parts, labels, card = kept
        data = Data(parts[TRAIN], parts[TEST], card, labels)
    if not quiet:
        print(f"{spec}: {data.card['remark']}", file=sys.stderr)
    return data


def _source(spec: str) -> Source:
    """Choose the reader by the spec."""
    if (made := MADE.get(spec.partition(":")[0])) is not None:
        return Source("", partial(made, spec))
    if spec.startswith("hf:"):
        return open_hub(spec.removeprefix("hf:"))
    path = Path(spec).expanduser()
    try:
        if not spec or "\0" in spec or not path.exists():
            raise BadInput(f"there is no data at {spec!r} - {SPECS}")
        return Source(stamp_of(path), partial(open_place, path))
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error} - {SPECS}") from error


def _read(
    found: Found, spec: str, image_size: int | None, channels: int | None, seed: int, key: str
) -> Data:
    """Decode what was found; a set that does not fit into memory is kept under `key`."""
    parts, split = _split(found, spec, seed)
    scratch = Scratch()
    gathered = _in_place(found, parts, image_size, channels) or gather(
        found.blocks(parts != ""), parts, found.own_size, image_size, channels, scratch
    )
    train, test = (gathered.pictures[part] for part in (TRAIN, TEST))
    labels = {
        name: (label[gathered.items[TRAIN]], label[gathered.items[TEST]])
        for name, label in found.labels.items()
    }
    card = _card(found, spec, split, gathered)
    if key and scratch.folder is not None:
        keep_set(key, {TRAIN: train, TEST: test}, labels, card, scratch)
    return Data(train, test, card, labels)


def _in_place(
    found: Found, parts: np.ndarray, image_size: int | None, channels: int | None
) -> Gathered | None:
    """Arrays that are as they are wanted already; None if a picture has to be touched."""
    if found.arrays is None:
        return None
    train, test = found.arrays
    height, width, own = train.shape[1:]
    wanted = channels or (1 if own == 1 or (_is_grey(train) and _is_grey(test)) else 3)
    if height != width or image_size not in (None, height) or wanted != own:
        return None
    items = {part: np.flatnonzero(parts == part) for part in (TRAIN, TEST)}
    seen = Seen(pictures=len(train) + len(test), sizes=((height, width), (height, width)))
    return Gathered({TRAIN: train, TEST: test}, items, seen)


def _is_grey(pictures: np.ndarray) -> bool:
    """Whether all channels of every picture are equal."""
    return all((rows == rows[..., :1]).all() for rows in blocks(pictures))


def _split(found: Found, spec: str, seed: int) -> tuple[np.ndarray, dict[str, object]]:
    """The part of each item, and what the card says of the split."""
    parts = found.parts
    if parts is None and found.count >= 2:
        parts = drawn(found.count, seed)
        names = found.names or tuple(str(row) for row in range(found.count))
        test_names = "\n".join(names[row] for row in np.flatnonzero(parts == TEST))
        return parts, {
            "split": "by file" if found.names else "by row",
            "split_seed": seed,
            "test_names_sha256": hashlib.sha256(test_names.encode()).hexdigest(),
        }
    if parts is None or not ((parts == TRAIN).any() and (parts == TEST).any()):
        frames = "frames of one file are never split; " if found.names else ""
        raise BadInput(
            f"{spec} holds {found.count} picture(s) in all, too few to train and to test on - "
            f"{frames}give at least 2, and better some thousands"
        )
    return parts, {"split": "given by the source", "split_seed": None}


def _card(
    found: Found, spec: str, split: dict[str, object], gathered: Gathered
) -> dict[str, object]:
    train, test = (gathered.pictures[part] for part in (TRAIN, TEST))
    sums = {TRAIN: _sha256(train), TEST: _sha256(test)}
    # The pixels as they came, or as they are now: a Hub set arrives as RGB.
    known = _KNOWN.get(gathered.seen.raw_sha256) or _KNOWN.get(sums[TRAIN]) or {}
    card: dict[str, object] = {
        "source": spec if found.kind in ("hf", *MADE) else Path(spec).expanduser().resolve().name,
        "kind": found.kind,
        "counts": {TRAIN: len(train), TEST: len(test)},
        "image_shape": [train.shape[3], train.shape[1], train.shape[2]],
        **split,
        "sha256": sums,
        "licence": None,
        **found.facts,
        **known,
    }
    if found.classes:
        card["classes"] = {name: list(classes) for name, classes in found.classes.items()}
    seen = gathered.seen
    if seen.ranges:
        white = {kind: white_range(used, np.dtype(kind)) for kind, used in seen.ranges.items()}
        card["range"] = {np.dtype(kind).name: [r.low, r.high] for kind, r in white.items()}
    if seen.profiles:
        card["profiles"] = dict(seen.profiles)
    return card | {"remark": remark(found, card, seen)}


def _sha256(array: np.ndarray) -> str:
    digest = hashlib.sha256()
    for rows in blocks(array):
        digest.update(np.ascontiguousarray(rows).data)
    return digest.hexdigest()
