"""The photos set: crops of freely licensed photographs from Debian's wallpaper packages.

`photo_list.json` names every photograph: package, version, path inside it, SHA-256, author,
licence and part. A fifth of the photographs is held out, the ones whose SHA-256 come first in
order, so that nobody chose them; of a picture in several sizes the list has one.

The files are looked for where Debian installs them, or under a folder that packages were
unpacked in (`dpkg -x`). No picture is stored in this project.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import PIL
from tqdm import tqdm

from models.data.crops import CROPPING, SIDE, open_photo, photo_crops
from models.data.drawn.packages import digest, find_files, read_file, roots_of
from models.reading.found import Found, in_memory
from models.reading.qt_resources import read_resource
from models.storage.atomic import cache_folder

LIST = Path(__file__).with_name("photo_list.json")
TRAIN, HELD_OUT, OTHER = "train", "held-out", "other"
COUNTS = {TRAIN: 30_000, HELD_OUT: 1_000}


@dataclass(frozen=True)
class Photo:
    """One entry of the list.

    Attributes:
        package: The Debian package, or the distribution on PyPI, that holds the file.
        version: The version whose file has this hash.
        path: Inside the package, without a leading slash.
        sha256: Of the picture's file.
        author: As the package's copyright file or metadata states.
        licence: As stated there.
        title: What is seen, in a few words.
        part: `TRAIN`, `HELD_OUT`, or `OTHER` for a photograph of another kind.
        member: The picture's name inside the file at `path`, if that is a Qt resource.
    """

    package: str
    version: str
    path: str
    sha256: str
    author: str
    licence: str
    title: str
    part: str
    member: str = ""


def photo_list(*parts: str) -> tuple[Photo, ...]:
    """The photographs of some parts, in the order of the list."""
    entries = (Photo(**entry) for entry in json.loads(LIST.read_text(encoding="utf-8")))
    return tuple(photo for photo in entries if photo.part in parts)


def find_photos(photos: Iterable[Photo], roots: Iterable[Path]) -> list[Path]:
    """The file of each photograph, under the first of `roots` that has it.

    Raises:
        BadInput: Some are missing; the message says how to get them.
    """
    return find_files(photos, roots, "photos", "photographs")


def photo_bytes(photo: Photo, path: Path) -> bytes:
    """The picture's file, as `find_photos` found it, its hash checked.

    Raises:
        BadInput: It is another file than the list says, or cannot be read.
    """
    extract = partial(read_resource, name=photo.member) if photo.member else bytes
    return read_file(photo, path, "picture", extract)


def read_photos(spec: str, seed: int = 0) -> Found:
    """The crops of the spec, as `models.data.load` takes them.

    Raises:
        BadInput: See `roots_of`, `find_photos` and `photo_bytes`.
    """
    roots = roots_of(spec)
    train, test = cached_crops(roots, seed=seed, progress=sys.stderr.isatty())
    photos = photo_list(TRAIN, HELD_OUT)
    facts: dict[str, object] = {
        "source": "photos",
        "title": "Crops of Debian's wallpaper photographs",
        "licence": ", ".join(sorted({photo.licence for photo in photos})),
        "attribution": "; ".join(sorted({photo.author for photo in photos})),
        "photographs": {part: len(photo_list(part)) for part in (TRAIN, HELD_OUT)},
        "packages": dict(sorted({photo.package: photo.version for photo in photos}.items())),
        "photographs_sha256": digest(photos),
        "cropping": {"seed": seed, "version": CROPPING, "pillow": PIL.__version__},
    }
    return in_memory("photos", train, test, facts=facts)


def draw_crops(
    roots: Iterable[Path], part: str, count: int, seed: int = 0, progress: bool = False
) -> np.ndarray:
    """`count` crops of the photographs of a part, uint8 `(count, 64, 64, 3)`.

    The photographs take turns, so the first rows are each one's whole middle.

    Raises:
        BadInput: See `find_photos` and `photo_bytes`.
    """
    photos = photo_list(part)
    each = -(-count // len(photos))
    crops = np.empty((each, len(photos), SIDE, SIDE, 3), np.uint8)
    paths = find_photos(photos, roots)
    shown = tqdm(paths, desc=f"{part} crops", unit="photograph", disable=not progress)
    for row, (photo, path) in enumerate(zip(photos, shown, strict=True)):
        key = (seed, int(photo.sha256[:8], 16))
        photo_data = photo_bytes(photo, path)
        crops[:, row] = photo_crops(open_photo(photo_data, path.name), each, key)
    return crops.reshape(-1, SIDE, SIDE, 3)[:count]


def cached_crops(
    roots: Iterable[Path], seed: int = 0, progress: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """`draw_crops` of both parts, kept as .npy files in the user's cache folder.

    A cache that cannot be read is drawn anew, one that cannot be written is done without.
    """
    roots = list(roots)
    parts = []
    for part, count in COUNTS.items():
        path = _cache_path(part, count, seed)
        try:
            crops = np.load(path, allow_pickle=False)
            if crops.shape != (count, SIDE, SIDE, 3) or crops.dtype != np.uint8:
                raise ValueError("another array")
        except (OSError, ValueError, EOFError):  # none, or damaged
            crops = draw_crops(roots, part, count, seed, progress)
            _save(path, crops)
        parts.append(crops)
    return parts[0], parts[1]


def _save(path: Path, crops: np.ndarray) -> None:
    """Write the cache atomically: the old file or the whole new one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            np.save(file, crops)
        unfinished.replace(path)
    except OSError as error:
        print(f"photos are not cached: {error}", file=sys.stderr)
    finally:
        unfinished.unlink(missing_ok=True)


def _cache_path(part: str, count: int, seed: int) -> Path:
    made_by = f"{CROPPING}-{digest(photo_list(part))[:12]}-pillow{PIL.__version__}"
    return cache_folder() / f"photos-{part}-{count}-{seed}-{made_by}.npy"
