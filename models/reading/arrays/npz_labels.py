"""The labels in an `.npz`: our own `label_NAME`, and what others call labels, y or targets."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np

from models.errors import BadInput
from models.reading.arrays.array_files import StoredArray
from models.reading.found import Labels
from models.reading.splits import part_of

MAX_COLUMNS = 64
_LABELS = frozenset(("labels", "label", "y", "targets", "target", "classes", "class"))


def words(name: str) -> list[str]:
    """The words of an array's name, in lower case."""
    return re.findall(r"[a-z]+", name.lower())


def is_label(name: str) -> bool:
    """Whether an array is called a label."""
    return not _LABELS.isdisjoint(words(name))


def read_labels(
    file: str, arrays: Mapping[str, StoredArray], pictures: Mapping[str, StoredArray]
) -> tuple[Labels, list[str]]:
    """Labels of all pictures in order, and what to say of arrays that are none.

    Args:
        file: What the file is called.
        arrays: All that it holds.
        pictures: Those of pictures by their part, in order; "" is all of them.

    Raises:
        BadInput: A `label_NAME` holds no whole numbers, or not one a picture.
    """
    count = sum(array.shape[0] for array in pictures.values())
    labels: Labels = {}
    notes = []
    for name, array in arrays.items():
        if _is_own(name):
            if array.shape not in ((count,), (count, 1)) or array.dtype.kind not in "bui":
                raise BadInput(
                    f"{file}: {name} is {array.dtype} with shape {array.shape} - labels are "
                    f"integers with shape ({count},)"
                )
            labels[name.removeprefix("label_")] = array.load().reshape(-1).astype(np.int64)
    for name, by_part in _foreign(arrays).items():
        whole = "" in by_part
        given = [by_part.get(part) for part in ([""] if whole else pictures)]
        sizes = [count] if whole else [array.shape[0] for array in pictures.values()]
        wanted = [array for array in given if array is not None]
        why = "not there for every part" if len(wanted) < len(given) else _why_none(wanted, sizes)
        if why:
            notes.append(f"Not taken as labels: {name} ({why}).")
        else:
            labels |= _columns(name, np.concatenate([array.load() for array in wanted]))
    return labels, notes


def _is_own(name: str) -> bool:
    return name.startswith("label_") and not part_of(name)


def _foreign(arrays: Mapping[str, StoredArray]) -> dict[str, dict[str, StoredArray]]:
    """Arrays that others call labels, by the name of the label and their part."""
    found: dict[str, dict[str, StoredArray]] = {}
    for name, array in arrays.items():
        if is_label(name) and not _is_own(name):
            rest = [word for word in words(name) if not part_of(word) and word not in _LABELS]
            key, part = "_".join(rest) or "label", part_of(name)
            key = name if part in found.get(key, {}) else key
            found.setdefault(key, {})[part] = array
    return found


def _why_none(arrays: list[StoredArray], sizes: list[int]) -> str:
    """Why arrays are no labels of pictures in these numbers; "" where they are."""
    shapes = [array.shape for array in arrays]
    if any(array.dtype.kind not in "bui" for array in arrays):
        return f"of type {arrays[0].dtype}, no whole numbers"
    if [shape[:1] for shape in shapes] != [(size,) for size in sizes]:
        return f"of shape {shapes[0]} for {sizes[0]:,} pictures"
    if any(len(shape) > 2 or shape[1:] not in (*[(n,) for n in range(1, MAX_COLUMNS)], ())
           or shape[1:] != shapes[0][1:] for shape in shapes):  # fmt: skip
        return f"of shape {shapes[0]}, no list of classes"
    return ""


def _columns(name: str, values: np.ndarray) -> Labels:
    """One label, or one a column where a picture has several."""
    values = values.reshape(len(values), -1).astype(np.int64)
    if values.shape[1] == 1:
        return {name: values[:, 0]}
    return {f"{name}_{i}": values[:, i] for i in range(values.shape[1])}
