"""Pictures for training and testing, from whatever a person has.

A spec names them: `avatars` or `avatars:N`, `photos` or `photos:FOLDER`, a folder of IDX files
in MNIST's layout, a folder or a zip of pictures, an `.npz`, or `hf:OWNER/NAME`. A source with
a test set keeps it; any other is split once by a seed, picture file by picture file. The card
says all that is needed to get the same arrays again, and their SHA-256.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image

from models.errors import BadInput
from models.photos.photographs import read_photos
from models.reading.hub import read_hub
from models.reading.pictures import fit_square
from models.reading.readers import Raw, find_idx, read_idx, read_npz, read_pictures
from models.seeds import choices

TEST_FRACTION = 0.1
AVATARS = 20_000
MAX_AVATARS = 200_000
SIDES = (8, 256)
SPECS = (
    "give avatars, avatars:N, photos, photos:FOLDER, a folder of IDX files, a folder or .zip of "
    "pictures, an .npz, or hf:OWNER/NAME"
)

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
_AVATARS_FACTS = {
    "title": "Avatars",
    "licence": "MIT, as the package python_avatars states",
    "attribution": "drawings: Pablo Stanley (avataaars.com, blush.design); python_avatars: Ibon",
}


@dataclass(frozen=True)
class Data:
    """Pictures, split.

    Attributes:
        train: uint8 with shape `(N, H, W, C)`, C = 1 or 3.
        test: uint8 with shape `(M, H, W, C)`; no picture of it is in `train`.
        card: Where they come from, as JSON-able values.
        labels: Per label its train `(N,)` and test `(M,)` classes, int64; empty if unknown.
    """

    train: np.ndarray
    test: np.ndarray
    card: dict[str, object]
    labels: dict[str, tuple[np.ndarray, np.ndarray]]


def load_data(
    spec: str, image_size: int | None = None, channels: int | None = None, seed: int = 0
) -> Data:
    """Load the pictures that `spec` names.

    Args:
        spec: See the module.
        image_size: The side of the square that every picture is cut and resized to, in pixels.
            By default a folder, a zip or a Hub set becomes 28 if all its pictures are smaller
            than 40, else 64; IDX, .npz and avatars keep their own size.
        channels: 1 for grey, 3 for RGB; by default 1 if every picture is grey.
        seed: Of the split, where the source has no test set of its own.

    Raises:
        BadInput: The source is missing, damaged, too small or of no known kind.
    """
    if image_size is not None and not SIDES[0] <= image_size <= SIDES[1]:
        raise BadInput(f"an image size of {image_size} - choose one from {SIDES[0]} to {SIDES[1]}")
    if channels not in (None, 1, 3):
        raise BadInput(f"{channels} channels - choose 1 (grey) or 3 (RGB)")
    if seed < 0:
        raise BadInput(f"a split seed of {seed} - choose 0 or more")
    raw = _read(spec, image_size, channels)
    train, test, labels, split = _split(raw, spec, seed)
    train, test = _shaped(train, test, image_size, channels)
    return Data(train, test, _card(raw, spec, split, train, test), labels)


def _read(spec: str, image_size: int | None, channels: int | None) -> Raw:
    """Choose the reader by the spec."""
    if spec == "avatars" or spec.startswith("avatars:"):
        return _read_avatars(spec)
    if spec == "photos" or spec.startswith("photos:"):
        return read_photos(spec)
    if spec.startswith("hf:"):
        return read_hub(spec.removeprefix("hf:"), image_size, channels)
    path = Path(spec).expanduser()
    try:
        if not spec or "\0" in spec or not path.exists():
            raise BadInput(f"there is no data at {spec!r} - {SPECS}")
        idx = find_idx(path) if path.is_dir() else []
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error} - {SPECS}") from error
    if idx:
        return read_idx(idx)
    return (
        read_pictures(path, image_size, channels)
        if path.is_dir()
        else _read_file(path, image_size, channels)
    )


def _read_file(path: Path, image_size: int | None, channels: int | None) -> Raw:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        return read_npz(path)
    if suffix == ".zip":
        return read_pictures(path, image_size, channels)
    if "idx" in path.name.lower():
        return read_idx([path])
    if suffix == ".npy":
        raise BadInput(f"{path.name} is one bare array - save it with numpy.savez(file, images=…)")
    raise BadInput(f"{path.name} is no data set that is known - {SPECS}")


def _read_avatars(spec: str) -> Raw:
    """The generated set: of N pictures the first 95 % are for training."""
    _, _, number = spec.partition(":")
    if spec != "avatars" and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise BadInput(f"{spec} - write avatars:N with N a number of pictures, as in avatars:20000")
    count = int(number) if number else AVATARS
    if not 2 <= count <= MAX_AVATARS:
        raise BadInput(f"{spec} - choose from 2 to {MAX_AVATARS} pictures")
    try:
        from models.avatars.drawing import ATTRIBUTES, DRAWING, cached_avatars
    except ImportError as error:
        raise BadInput(
            f"avatars are drawn by packages that are missing ({error.name}) - "
            "run `pip install python_avatars resvg-py`"
        ) from error
    pictures, labels = cached_avatars(count, progress=sys.stderr.isatty())
    cut = min(count - 1, round(0.95 * count))
    facts: dict[str, object] = {
        **_AVATARS_FACTS,
        "drawing": {
            "seed": 0,
            "version": DRAWING,
            "python_avatars": version("python_avatars"),
            "resvg_py": version("resvg_py"),
        },
    }
    return Raw("avatars", pictures[:cut], pictures[cut:], None, labels, ATTRIBUTES, facts)


def _split(
    raw: Raw, spec: str, seed: int
) -> tuple[np.ndarray, np.ndarray, dict[str, tuple[np.ndarray, np.ndarray]], dict[str, object]]:
    """Train, test, labels and what the card says of the split."""
    count = len(raw.train) + (0 if raw.test is None else len(raw.test))
    if count < 2 or len(raw.train) == 0 or (raw.test is not None and len(raw.test) == 0):
        raise BadInput(
            f"{spec} holds {count} picture(s) in all, too few to train and to test on - "
            "give at least 2, and better some thousands"
        )
    if raw.test is not None:
        cut = len(raw.train)
        labels = {name: (label[:cut], label[cut:]) for name, label in raw.labels.items()}
        return raw.train, raw.test, labels, {"split": "given by the source", "split_seed": None}
    chosen = np.zeros(count, bool)
    held_out = max(1, round(TEST_FRACTION * count))
    chosen[choices("held-out pictures", seed).permutation(count)[:held_out]] = True
    names = raw.names or tuple(str(row) for row in range(count))
    test_names = "\n".join(names[row] for row in np.flatnonzero(chosen))
    facts: dict[str, object] = {
        "split": "by file" if raw.names else "by row",
        "split_seed": seed,
        "test_names_sha256": hashlib.sha256(test_names.encode()).hexdigest(),
    }
    labels = {name: (label[~chosen], label[chosen]) for name, label in raw.labels.items()}
    return raw.train[~chosen], raw.train[chosen], labels, facts


def _card(
    raw: Raw, spec: str, split: dict[str, object], train: np.ndarray, test: np.ndarray
) -> dict[str, object]:
    # The pixels as they came, or as they are now: a Hub set arrives as RGB.
    known = _KNOWN.get(_sha256(raw.train)) or _KNOWN.get(_sha256(train)) or {}
    card: dict[str, object] = {
        "source": spec if raw.kind in ("hf", "avatars") else Path(spec).expanduser().resolve().name,
        "kind": raw.kind,
        "counts": {"train": len(train), "test": len(test)},
        "image_shape": [train.shape[3], train.shape[1], train.shape[2]],
        **split,
        "sha256": {"train": _sha256(train), "test": _sha256(test)},
        "licence": None,
        **raw.facts,
        **known,
    }
    if raw.classes:
        card["classes"] = {name: list(classes) for name, classes in raw.classes.items()}
    return card


def _shaped(
    train: np.ndarray, test: np.ndarray, size: int | None, channels: int | None
) -> tuple[np.ndarray, np.ndarray]:
    """Both parts at the size and with the channels that are asked for, or with their own."""
    if channels is None:
        channels = 1 if _is_grey(train) and _is_grey(test) else 3
    height, width = (size, size) if size is not None else train.shape[1:3]
    shape = (channels, height, width)
    return _fitted(train, shape), _fitted(test, shape)


def _fitted(pictures: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    channels, height, width = shape
    if pictures.shape[1:] == (height, width, channels):
        return np.ascontiguousarray(pictures)
    if pictures.shape[1:3] == (height, width) and channels == 3:
        return np.repeat(pictures, 3, axis=3)
    if pictures.shape[1:3] == (height, width) and _is_grey(pictures):
        return np.ascontiguousarray(pictures[..., :1])
    out = np.empty((len(pictures), height, width, channels), np.uint8)
    for row, picture in enumerate(pictures):
        image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
        out[row] = fit_square(image, shape)
    return out


def _is_grey(pictures: np.ndarray) -> bool:
    """Whether all channels of every picture are equal; row by row, for memory's sake."""
    return pictures.shape[3] == 1 or all((p == p[..., :1]).all() for p in pictures)


def _sha256(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
