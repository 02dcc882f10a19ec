"""CIFAR-10 and CIFAR-100 as they are found unpacked, in the python or the binary layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from models.errors import BadInput
from models.reading.arrays.cifar import (
    is_cifar_binary,
    is_cifar_python,
    read_cifar_binary,
    read_cifar_classes,
    read_cifar_python,
)
from models.reading.found import Found, in_memory
from models.reading.splits import TEST, TRAIN

TRAIN_NAMES = (*(f"data_batch_{number}" for number in range(1, 6)), "train")
TEST_NAMES = ("test_batch", "test")
_CLASS_FILES = ("batches.meta", "meta")
_CLASS_TEXTS = {
    "batches.meta.txt": "label", "fine_label_names.txt": "fine", "coarse_label_names.txt": "coarse"
}  # fmt: skip


def is_cifar_name(name: str) -> bool:
    """Whether a file is named like a batch, or like the names of classes beside one."""
    stem = name.removesuffix(".bin")
    return stem in TRAIN_NAMES + TEST_NAMES + _CLASS_FILES or name in _CLASS_TEXTS


def find_cifar(folder: Path) -> list[Path]:
    """The batches in a folder, those for training first."""
    names = [f"{name}{end}" for name in TRAIN_NAMES + TEST_NAMES for end in ("", ".bin")]
    files = [folder / name for name in names if (folder / name).is_file()]
    return [path for path in files if is_cifar_binary(path) or is_cifar_python(path)]


def read_cifar(paths: list[Path]) -> Found:
    """The set of some batches.

    Args:
        paths: As `find_cifar` gives them, or one of them.

    Raises:
        BadInput: One is damaged, or there are none for training or none for testing.
    """
    ends = {path.suffix for path in paths}
    if len(ends) > 1:
        raise BadInput(
            f"{paths[0].parent} holds CIFAR in both layouts - keep the pickles or the .bin files"
        )
    parts = {TRAIN: TRAIN_NAMES, TEST: TEST_NAMES}
    files = {part: [p for p in paths if p.stem in names] for part, names in parts.items()}
    if not files[TRAIN] or not files[TEST]:
        missing = TEST_NAMES[0] if files[TRAIN] else TRAIN_NAMES[0]
        raise BadInput(
            f"{paths[0].parent} holds {', '.join(path.name for path in paths)} of CIFAR and no "
            f"{missing} - unpack the whole archive"
        )
    read = {part: [_read(path) for path in found] for part, found in files.items()}
    pixels = {part: np.concatenate([rows for rows, _ in batches]) for part, batches in read.items()}
    every = [labels for batches in read.values() for _, labels in batches]
    names = [name for name in every[0] if all(name in labels for labels in every)]
    labels = {name: np.concatenate([labels[name] for labels in every]) for name in names}
    classes = {name: names for name, names in _classes(paths[0].parent) if name in labels}
    found = in_memory("cifar", pixels[TRAIN], pixels[TEST], labels, classes)
    told = f"{found.count:,} pictures in batches of CIFAR ({', '.join(p.name for p in paths)})"
    return replace(found, what=told, notes=("The split is that of the files.",))


def _read(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    return read_cifar_binary(path) if path.suffix == ".bin" else read_cifar_python(path)


def _classes(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The names of classes, from the files beside the batches that tell them."""
    for name in _CLASS_FILES:
        if (folder / name).is_file():
            yield from read_cifar_classes(folder / name).items()
    for name, label in _CLASS_TEXTS.items():
        if (folder / name).is_file():
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            yield label, tuple(text.split())
