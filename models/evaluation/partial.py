"""What a bound has measured so far, on disk: a killed evaluation goes on where it was.

One file, `WEIGHTS-KEY.npz`, in the user's cache folder (or where `--partial` says). KEY is a
digest of all that the numbers depend on: the weights, the test set as the model sees it, the
seed, the kind of device, and the version of the scheme of noise. Other weights, pictures or
seeds are another file, so no measure is lost or mixed up. Inside, each K is a column of its own,
and so are both forms of the bound at each number of draws: another only adds to it.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import time
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from models.storage.atomic import cache_folder, write_file

SCHEME = 2  # raised whenever the same draw would get other noise, or other facts are kept of it
SAVE_EVERY_S = 1.0
# What a kind of column holds of an image: so many numbers, and their name in words.
BOUND, FORMS = "k", "forms"
KINDS = {BOUND: (3, "K = {:,}"), FORMS: (7, "both forms at {:,} draws")}

Column = tuple[str, int]  # a kind and K, or the number of draws


@dataclass
class PartialBounds:
    """What was measured of each image; NaN where it is missing.

    Args:
        count: Images of the test set.
        columns: Float64 `(count, W)` each: of a `BOUND` −L_K, the effective draws and
            how far the halves are apart, of `FORMS` what `models.evaluation.forms` says.
        path: The file that `save` replaces; None keeps nothing.
        key: What the numbers depend on.
    """

    count: int
    columns: dict[Column, np.ndarray] = field(default_factory=dict)
    path: Path | None = None
    key: Mapping[str, object] = field(default_factory=dict)
    saved: float = -math.inf  # when, on the monotonic clock

    @staticmethod
    def empty(count: int) -> PartialBounds:
        """A store in memory only."""
        return PartialBounds(count)

    def add(self, image: int, found: Mapping[Column, Iterable[float]]) -> None:
        """Keep the measures of one image."""
        for name, values in found.items():
            width, _ = KINDS[name[0]]
            column = self.columns.setdefault(name, np.full((self.count, width), np.nan))
            column[image] = tuple(values)

    def missing(self, plan: Mapping[Column, np.ndarray]) -> np.ndarray:
        """The images of which a column of the plan is not measured yet, bool `(count,)`."""
        missing = np.zeros(self.count, bool)
        for name, images in plan.items():
            column = self.columns.get(name)
            unknown = np.isnan(column[:, 0]) if column is not None else np.ones(self.count, bool)
            missing[images] |= unknown[images]
        return missing

    def save(self) -> None:
        """Replace the file at once.

        Raises:
            BadInput: It cannot be written; the old one stands.
        """
        self.saved = time.monotonic()
        if self.path is None or not self.columns:
            return
        content = io.BytesIO()
        arrays: dict[str, Any] = {
            f"{kind}{n}": column for (kind, n), column in self.columns.items()
        }
        arrays["key"] = np.array(json.dumps(self.key, sort_keys=True))
        np.savez(content, **arrays)
        write_file(self.path, content.getvalue())

    def save_now_and_then(self) -> None:
        """`save`, unless it was a moment ago."""
        if time.monotonic() - self.saved >= SAVE_EVERY_S:
            self.save()


def open_partial(
    folder: Path, weights: str, x: Tensor, seed: int, device: str = "cpu"
) -> tuple[PartialBounds, str]:
    """What is known of these weights on this test set, and a sentence that says so.

    Args:
        folder: Where the files lie; made when something is saved.
        weights: The checkpoint's hash.
        x: The test set as the model sees it, `(N, C, H, W)`.
        seed: Of the draws.
        device: The kind of device that measures.
    """
    key = {
        "scheme": SCHEME, "weights": weights, "data": digest_of(x), "images": len(x), "seed": seed,
        "device": device,
    }  # fmt: skip
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    path = folder / f"{weights}-{digest}.npz"
    store = PartialBounds(len(x), path=path, key=key)
    if path.is_file():
        try:
            store.columns = _read(path, key, len(x))
        except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
            return store, f"'{path}' cannot be read ({error}): the bound starts anew."
        counted = ", ".join(
            f"{KINDS[kind][1].format(n)} of {int((~np.isnan(column[:, 0])).sum()):,} images"
            for (kind, n), column in sorted(store.columns.items(), key=lambda item: item[0])
        )
        return store, f"known already from '{path}': {counted}."
    others = len(list(folder.glob(f"{weights}-*.npz"))) if folder.is_dir() else 0
    if others:
        return store, (
            f"the bound starts anew: what is known of this model ({others} file(s) in '{folder}') "
            "is of other test pictures, another seed or device, or of another version of Strata."
        )
    return store, "the bound starts anew: nothing of these weights is known yet."


def digest_of(x: Tensor) -> str:
    """SHA-256 of a test set as the model sees it, in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(x.cpu().numpy()).data).hexdigest()


def short_digest(x: Tensor) -> str:
    """Its first 16 digits, as evaluation.json names a test set."""
    return digest_of(x)[:16]


def default_folder() -> Path:
    """Where partial measures lie if nobody says otherwise."""
    return cache_folder() / "bounds"


def _read(path: Path, key: Mapping[str, object], count: int) -> dict[Column, np.ndarray]:
    """The columns of a file; ValueError if it is not of this key."""
    columns = {}
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        if json.loads(str(file["key"])) != key:
            raise ValueError("it is of another key")
        for name in file.files:
            if name != "key":
                kind = name.rstrip("0123456789")
                columns[kind, int(name[len(kind) :])] = file[name]
    if any(column.shape != (count, KINDS[kind][0]) for (kind, _), column in columns.items()):
        raise ValueError("its columns have another length")
    return columns
