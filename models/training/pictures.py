"""Which pictures a run is trained and tested on, so that it goes on with these and no others.

A picture is known by the first 8 bytes of the SHA-256 of its pixels, in the order of the training
and of the test set. The same pictures under other names, in another order or among others are
put back into that order, so that the split is never drawn anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from models.data.load import Data
from models.errors import BadInput
from models.storage.atomic import write_file
from models.training.run import RunFiles

PART = 8  # bytes of the SHA-256 of a picture
PARTS = ("train", "test")


@dataclass(frozen=True)
class Pictures:
    """The pictures of a run.

    Args:
        parts: "train" and "test", each uint8 `(N, 8)`, a picture a row.
        card: The data card of the run.
    """

    parts: Mapping[str, np.ndarray]
    card: Mapping[str, Any]


def pictures_of(data: Data) -> Pictures:
    """What the pictures of a data set are known by."""
    return Pictures({"train": _known_by(data.train), "test": _known_by(data.test)}, data.card)


def save_pictures(files: RunFiles, pictures: Pictures) -> None:
    """Keep them with the run."""
    tensors = {name: torch.from_numpy(part) for name, part in pictures.parts.items()}
    write_file(files.pictures, save_tensors(tensors, {"card": json.dumps(dict(pictures.card))}))


def read_pictures(files: RunFiles) -> Pictures | None:
    """Those of a run; None for a run from before they were kept.

    Raises:
        BadInput: The file is damaged.
    """
    if not files.pictures.is_file():
        return None
    try:
        with safe_open(files.pictures, framework="np") as stored:
            parts = {name: stored.get_tensor(name) for name in PARTS}
            return Pictures(parts, json.loads(stored.metadata()["card"]))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BadInput(
            f"'{files.pictures}' is damaged, so it is not known which pictures this run was "
            "started with: train again at another --out."
        ) from error


def as_begun(begun: Pictures, data: Data, spec: str) -> tuple[Data, int]:
    """Data as a run was begun with, and how many pictures of it are left out.

    Args:
        begun: The pictures of the run.
        data: What was found now; its arrays are not copied where they are as they were.
        spec: Where.

    Raises:
        BadInput: A picture of the run is not among them; the message says how many.
    """
    now = pictures_of(data)
    places = {"source": data.card["source"], "kind": data.card["kind"]}
    card = {**begun.card, **places}
    if all(np.array_equal(now.parts[name], begun.parts[name]) for name in PARTS):
        return replace(data, card=card), 0
    rows = {key: row for row, key in enumerate(_keys(now))}
    _check_there(begun, rows, spec)
    known = set(_keys(begun))
    train, test = (
        np.array([rows[key] for key in map(bytes, begun.parts[name])], np.int64) for name in PARTS
    )
    labels = {name: (_rows(*both, train), _rows(*both, test))
              for name, both in data.labels.items()}  # fmt: skip
    put_back = Data(
        _rows(data.train, data.test, train), _rows(data.train, data.test, test), card, labels
    )
    return put_back, sum(key not in known for key in _keys(now))


def _check_there(begun: Pictures, rows: Mapping[bytes, int], spec: str) -> None:
    lost = {name: sum(bytes(key) not in rows for key in begun.parts[name]) for name in PARTS}
    if any(lost.values()):
        counts = {name: len(begun.parts[name]) for name in PARTS}
        raise BadInput(
            f"'{spec}' does not hold the pictures that this run was started with: of its "
            f"{counts['train']:,} training pictures {lost['train']:,} are missing or changed, of "
            f"its {counts['test']:,} test pictures {lost['test']:,} (by their SHA-256; "
            f"{len(rows):,} different pictures are there). Give the same pictures with --data, or "
            "train anew at another --out."
        )


def check_by_card(card: Mapping[str, Any], data: Data, spec: str) -> bool:
    """Hold data against the card of what was trained, where its pictures were not kept.

    Returns:
        Whether it is known that they are the same; without a SHA-256 in the card it is not.
    """
    known = card.get("sha256")
    if not isinstance(known, dict):
        return False
    if data.card["sha256"] != known:
        counts = card.get("counts", {})
        raise BadInput(
            f"'{spec}' does not hold the pictures that this model was trained on: it gives "
            f"{len(data.train):,} training and {len(data.test):,} test pictures, the model had "
            f"{counts.get('train')} and {counts.get('test')}, and their SHA-256 differs. Give the "
            "same pictures with --data, or train anew at another --out."
        )
    return True


def _known_by(images: np.ndarray) -> np.ndarray:
    """Each picture's bytes, uint8 `(N, 8)`; row by row, for memory's sake."""
    digests = b"".join(
        hashlib.sha256(np.ascontiguousarray(picture).data).digest()[:PART] for picture in images
    )
    return np.frombuffer(digests, np.uint8).reshape(-1, PART).copy()


def _keys(pictures: Pictures) -> list[bytes]:
    """All of them, those to train on first."""
    return [bytes(key) for name in PARTS for key in pictures.parts[name]]


def _rows(train: np.ndarray, test: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of two arrays as if one lay behind the other."""
    out = np.empty((len(rows), *train.shape[1:]), train.dtype)
    late = rows >= len(train)
    out[~late], out[late] = train[rows[~late]], test[rows[late] - len(train)]
    return out
