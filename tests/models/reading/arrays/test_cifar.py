"""The batches of CIFAR are read as they are found, in both layouts."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.errors import BadInput
from models.reading.arrays.cifar import (
    is_cifar_binary,
    is_cifar_python,
    read_cifar_binary,
    read_cifar_classes,
    read_cifar_python,
)

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (20, 32, 32, 3), np.uint8)
ROWS = np.ascontiguousarray(PIXELS.transpose(0, 3, 1, 2).reshape(20, 3072))
TEN = {"batch_label": "batch 1", "labels": [n % 10 for n in range(20)], "data": ROWS}
HUNDRED = {
    "filenames": [f"a_{n}.png" for n in range(20)],
    "batch_label": "training batch 1 of 1",
    "fine_labels": [5 * n for n in range(20)],
    "coarse_labels": list(range(20)),
    "data": ROWS,
}


def pickled(path: Path, values: object, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(values, protocol))
    return path


@pytest.mark.parametrize("keys", [str, str.encode])
@pytest.mark.parametrize("protocol", [2, 4])
def test_a_python_batch_of_cifar_10(
    tmp_path: Path, keys: Callable[[str], str | bytes], protocol: int
) -> None:
    path = pickled(tmp_path / "data_batch_1", {keys(k): v for k, v in TEN.items()}, protocol)
    assert is_cifar_python(path) and not is_cifar_binary(path)
    pixels, labels = read_cifar_python(path)
    assert np.array_equal(pixels, PIXELS) and pixels.dtype == np.uint8
    assert list(labels) == ["label"] and labels["label"].dtype == np.int64
    assert labels["label"].tolist() == TEN["labels"]


def test_a_python_batch_of_cifar_100(tmp_path: Path) -> None:
    path = pickled(tmp_path / "train", HUNDRED)
    assert is_cifar_python(path)
    pixels, labels = read_cifar_python(path)
    assert np.array_equal(pixels, PIXELS)
    assert {name: label.tolist() for name, label in labels.items()} == {
        "coarse": HUNDRED["coarse_labels"],
        "fine": HUNDRED["fine_labels"],
    }


@pytest.mark.parametrize("names", [("label",), ("coarse", "fine")])
def test_a_binary_batch(tmp_path: Path, names: tuple[str, ...]) -> None:
    heads = {"label": TEN["labels"], "coarse": HUNDRED["coarse_labels"]}
    heads["fine"] = HUNDRED["fine_labels"]
    columns = [np.array(heads[name], np.uint8)[:, None] for name in names]
    path = tmp_path / "train.bin"
    path.write_bytes(np.concatenate([*columns, ROWS], axis=1).tobytes())
    assert is_cifar_binary(path) and not is_cifar_python(path)
    pixels, labels = read_cifar_binary(path)
    assert np.array_equal(pixels, PIXELS) and pixels.flags.c_contiguous
    assert {name: label.tolist() for name, label in labels.items()} == {n: heads[n] for n in names}


def test_the_names_of_classes(tmp_path: Path) -> None:
    ten = pickled(tmp_path / "batches.meta", {"label_names": ["airplane", "cat"], "num_vis": 3072})
    assert not is_cifar_python(ten)
    assert read_cifar_classes(ten) == {"label": ("airplane", "cat")}
    both = {"fine_label_names": ["apple"], "coarse_label_names": ["fruit"]}
    found = read_cifar_classes(pickled(tmp_path / "meta", both))
    assert found == {"coarse": ("fruit",), "fine": ("apple",)}


BAD = {
    "no data": ({"labels": [1]}, "no array `data`"),
    "other rows": ({"labels": [1], "data": ROWS[:, :100]}, "no array `data`"),
    "floats": ({"labels": [1], "data": ROWS.astype(np.float32)}, "no array `data`"),
    "too few labels": ({"labels": [1, 2], "data": ROWS}, "2 labels for 20 pictures"),
    "labels that are texts": ({"labels": ["a"] * 20, "data": ROWS}, "no whole numbers"),
    "a list": ([1, 2], "no dictionary"),
    "objects": ({"labels": {1}, "data": ROWS}, "pickle that is not read"),
}


@pytest.mark.parametrize("name", BAD)
def test_another_pickle_is_refused(tmp_path: Path, name: str) -> None:
    values, reason = BAD[name]
    with pytest.raises(BadInput, match=reason) as caught:
        read_cifar_python(pickled(tmp_path / "data_batch_1", values))
    assert str(caught.value).startswith("data_batch_1 ") and " - " in str(caught.value)


@pytest.mark.parametrize("content", [b"", bytes(3072), b"\x0b" + bytes(3072), bytes(5000)])
def test_another_binary_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.bin"
    path.write_bytes(content)
    assert not is_cifar_binary(path)
    with pytest.raises(BadInput, match=r"^weights\.bin "):
        read_cifar_binary(path)


def test_other_files_are_no_batches(tmp_path: Path) -> None:
    others = {"model.pkl": pickle.dumps({"weights": ROWS}), "x.png": b"\x89PNG", "empty": b""}
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
        assert not is_cifar_python(tmp_path / name), name
    assert not is_cifar_python(tmp_path / "gone") and not is_cifar_binary(tmp_path / "gone.bin")
