"""The batches of CIFAR-10 and CIFAR-100, in the two layouts that they are found in.

Both hold rows of 3,072 bytes: 32 × 32 red, then green, then blue. The binary layout puts one label
byte before a row (CIFAR-10) or two, coarse and fine (CIFAR-100). The python layout is a pickle, and
a pickle is a program; nothing of it is run here. `models.reading.arrays.pickled` reads the few
opcodes that a dictionary of lists, strings and arrays is made of.

Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from models.errors import BadInput
from models.reading.arrays.pickled import read_plain_pickle

MAX_BATCH_BYTES = 512 * 2**20
_SIDE = 32
_ROW = 3 * _SIDE * _SIDE
# Per layout the labels in their order, and how many classes each has.
_BINARY = ({"label": 10}, {"coarse": 20, "fine": 100})
_PYTHON = {"label": "labels", "coarse": "coarse_labels", "fine": "fine_labels"}
_NAMES = {"label": "label_names", "coarse": "coarse_label_names", "fine": "fine_label_names"}
# A key of such a dictionary as a pickle writes it: opcode, length, text.
_KEY = re.compile(
    rb"(?:[UC\x8c]|[XTB])(?:\x04(?:\0\0\0)?data|\x06(?:\0\0\0)?labels|\x0b(?:\0\0\0)?batch_label"
    rb"|\x0b(?:\0\0\0)?fine_labels|\x0d(?:\0\0\0)?coarse_labels|\x09(?:\0\0\0)?filenames)"
)
_HEAD_BYTES = 4096


def is_cifar_python(path: Path) -> bool:
    """Whether a file looks like a pickled batch; nothing but its head is looked at."""
    try:
        with path.open("rb") as opened:
            head = opened.read(_HEAD_BYTES)
    except OSError:
        return False
    return head[:1] == b"\x80" and head[1:2] <= b"\x05" and _KEY.search(head) is not None


def is_cifar_binary(path: Path) -> bool:
    """Whether a `.bin` file is whole rows whose label bytes are labels."""
    if path.suffix.lower() != ".bin":
        return False
    try:
        return _binary_layout(_rows_of(path)) is not None
    except BadInput:
        return False


def read_cifar_python(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A pickled batch.

    Returns:
        uint8 pixels with shape `(N, 32, 32, 3)`, and int64 labels with shape `(N,)`: "label" of
        CIFAR-10, "fine" and "coarse" of CIFAR-100.

    Raises:
        BadInput: It is another pickle, holds more than plain values, or is damaged.
    """
    values = _plain_dictionary(path)
    rows = values.get("data")
    if not (isinstance(rows, np.ndarray) and rows.dtype == np.uint8 and rows.shape[1:] == (_ROW,)):
        raise BadInput(f"{path.name} has no array `data` of N × {_ROW:,} bytes - {_AGAIN}")
    labels = {name: values[key] for name, key in _PYTHON.items() if key in values}
    return _pictures(rows), {n: _labels(v, len(rows), path.name) for n, v in labels.items()}


def read_cifar_binary(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """A binary batch, as `read_cifar_python` gives it."""
    data = _rows_of(path)
    layout = _binary_layout(data)
    if layout is None:
        raise BadInput(
            f"{path.name} is not made of rows of {_ROW + 1:,} bytes (CIFAR-10) or {_ROW + 2:,} "
            f"(CIFAR-100) that begin with labels - {_AGAIN}"
        )
    rows = data.reshape(-1, _ROW + len(layout))
    labels = {name: rows[:, place].astype(np.int64) for place, name in enumerate(layout)}
    return _pictures(rows[:, len(layout) :]), labels


def read_cifar_classes(path: Path) -> dict[str, tuple[str, ...]]:
    """Per label the names of its classes, from `batches.meta` or `meta`.

    Raises:
        BadInput: It is another pickle, holds more than plain values, or is damaged.
    """
    values = _plain_dictionary(path)
    found: dict[str, tuple[str, ...]] = {}
    for name, key in _NAMES.items():
        names = values.get(key, [])
        if not (isinstance(names, list) and all(isinstance(entry, str) for entry in names)):
            raise BadInput(f"{path.name} has no lists of class names - {_AGAIN}")
        if names:
            found[name] = tuple(names)
    return found


_AGAIN = "unpack the set from cs.toronto.edu/~kriz/cifar.html again"


def _plain_dictionary(path: Path) -> dict[str, object]:
    values = read_plain_pickle(_bytes_of(path), path.name)
    if not isinstance(values, dict):
        raise BadInput(f"{path.name} holds no dictionary - {_AGAIN}")
    return values


def _bytes_of(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if not 0 < size <= MAX_BATCH_BYTES:
            raise BadInput(
                f"{path.name} has {size:,} bytes, which no batch of CIFAR has - {_AGAIN}"
            )
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error


def _rows_of(path: Path) -> np.ndarray:
    return np.frombuffer(_bytes_of(path), np.uint8)


def _binary_layout(data: np.ndarray) -> dict[str, int] | None:
    """The labels before each row, by the size of the file and the bytes that would be labels."""
    for layout in _BINARY:
        size = _ROW + len(layout)
        if data.size % size == 0:
            heads = data.reshape(-1, size)[:, : len(layout)]
            if (heads < list(layout.values())).all():
                return layout
    return None


def _pictures(rows: np.ndarray) -> np.ndarray:
    planes = rows.reshape(-1, 3, _SIDE, _SIDE)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _labels(value: object, count: int, name: str) -> np.ndarray:
    is_list = isinstance(value, list) and all(type(label) is int for label in value)
    labels = np.array(value) if is_list else value
    if not (isinstance(labels, np.ndarray) and labels.dtype.kind in "iu"):
        raise BadInput(f"{name} has labels that are no whole numbers - {_AGAIN}")
    if labels.shape != (count,):
        raise BadInput(f"{name} has {labels.size} labels for {count} pictures - {_AGAIN}")
    return labels.astype(np.int64)
