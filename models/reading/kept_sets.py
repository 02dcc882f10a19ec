"""Large sets, decoded once and kept in the user's cache folder.

    sets/KEY/train, test    the pixels, as they are mapped
    sets/KEY/labels.npz     per label its classes, training rows first
    sets/KEY/set.json       shapes, and the data card; written last

The key is a hash of all that the pixels depend on. A set is written to a scratch folder that one
rename moves into place, so two processes may do it at once; whoever comes second uses the first
one's. All together are bounded, and those not used for longest go first.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import PIL

from models.reading.store import Scratch, blocks, sets_folder

VERSION = 1  # of the readers: raised whenever they would give other pixels, labels or cards
MAX_BYTES = 64 * 2**30
STALE_S = 86_400.0  # a scratch folder that nobody has written to for so long

Parts = dict[str, np.ndarray]
Labels = dict[str, tuple[np.ndarray, np.ndarray]]


def key_of(stamp: str, *options: object) -> str:
    """The key of a set, from what its source is and how it is read."""
    asked = json.dumps([VERSION, PIL.__version__, stamp, *options])
    return hashlib.sha256(asked.encode()).hexdigest()[:40]


def load_set(key: str) -> tuple[Parts, Labels, dict[str, Any]] | None:
    """Pixels by part, labels and card of a set that is kept; None if there is no whole one."""
    folder = sets_folder() / key
    try:
        about = json.loads((folder / "set.json").read_text(encoding="utf-8"))
        parts = {part: _mapped(folder / part, shape) for part, shape in about["shapes"].items()}
        with np.load(folder / "labels.npz", allow_pickle=False) as file:
            stored = {name: file[name] for name in file.files}
        os.utime(folder)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    cut = len(parts["train"])
    return parts, {name: (both[:cut], both[cut:]) for name, both in stored.items()}, about["card"]


def keep_set(
    key: str, parts: Parts, labels: Labels, card: dict[str, object], scratch: Scratch
) -> None:
    """Keep a set; a cache that cannot be written is done without.

    Args:
        key: See `key_of`.
        parts: "train" and "test", uint8.
        labels: Per label those of both parts.
        card: JSON-able values.
        scratch: Where what is mapped lies already.
    """
    target = sets_folder() / key
    with suppress(OSError):
        fresh = scratch.file("set")
        fresh.mkdir()
        for part, array in parts.items():
            _write(array, fresh / part)
        both = {name: np.concatenate(pair) for name, pair in labels.items()}
        np.savez(fresh / "labels.npz", **both)  # pyright: ignore[reportArgumentType]
        about = {"shapes": {part: array.shape for part, array in parts.items()}, "card": card}
        (fresh / "set.json").write_text(json.dumps(about), encoding="utf-8")
        with suppress(FileNotFoundError):  # one that is broken, or it would have been used
            if load_set(key) is None:
                target.rename(scratch.file("broken"))
        fresh.rename(target)
    _bound(target)


def _write(array: np.ndarray, path: Path) -> None:
    """The bytes of an array as a file; of one that is mapped whole the same file, linked."""
    if isinstance(array, np.memmap) and array.filename is not None:
        source = Path(array.filename)
        if source.stat().st_size == array.nbytes:
            with suppress(OSError):
                os.link(source, path)
                return
    with path.open("wb") as file:
        for rows in blocks(array):
            file.write(np.ascontiguousarray(rows).data)


def _mapped(path: Path, shape: list[int]) -> np.ndarray:
    if path.stat().st_size != prod(shape):
        raise ValueError("cut short")
    return np.memmap(path, np.uint8, "r", shape=tuple(shape))


def _bound(newest: Path) -> None:
    """Remove the sets used longest ago while all together are too large, and stale scratch."""
    with suppress(OSError):
        used: list[tuple[float, int, Path]] = []
        for folder in sets_folder().iterdir():
            with suppress(OSError):
                files = [entry.stat() for entry in folder.rglob("*")]
                size = sum(status.st_size for status in files)
                last = max([folder.stat().st_mtime, *(s.st_mtime for s in files)])
                if not folder.name.startswith("."):
                    used.append((folder.stat().st_mtime, size, folder))
                elif time.time() - last > STALE_S:
                    _remove(folder)
        total = sum(size for _, size, _ in used)
        for _, size, folder in sorted(used):
            if total <= MAX_BYTES:
                break
            if folder != newest:
                _remove(folder)
                total -= size


def _remove(folder: Path) -> None:
    """Take a folder away at once, so that nobody finds half of it; what is mapped stays so."""
    gone = folder.with_name(f".gone-{os.getpid()}-{folder.name}")
    with suppress(OSError):
        folder.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
