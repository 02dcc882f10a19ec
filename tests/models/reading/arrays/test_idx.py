"""IDX files: whole ones are read exactly, broken ones say what to do."""

from __future__ import annotations

import gzip
import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.data.load import load_data
from models.errors import BadInput

RNG = np.random.default_rng(20)
GREY = RNG.integers(0, 256, (20, 9, 9), dtype=np.uint8)


def idx_bytes(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


def write_mnist(folder: Path, zipped: bool) -> Path:
    """MNIST's four files, of 20 and 6 tiny pictures; labels count up."""
    folder.mkdir(exist_ok=True)
    for name, pictures in (("train", GREY), ("t10k", GREY[:6])):
        labels = np.arange(len(pictures), dtype=np.uint8)
        for stem, data in (
            (f"{name}-images-idx3-ubyte", idx_bytes(pictures)),
            (f"{name}-labels-idx1-ubyte", idx_bytes(labels)),
        ):
            if zipped:
                (folder / f"{stem}.gz").write_bytes(gzip.compress(data))
            else:
                (folder / stem).write_bytes(data)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_mnists_four_files(tmp_path: Path, zipped: bool) -> None:
    data = load_data(str(write_mnist(tmp_path / "digits", zipped)))
    assert np.array_equal(data.train[..., 0], GREY)
    assert np.array_equal(data.test[..., 0], GREY[:6])
    assert data.labels["label"][0].tolist() == list(range(20))
    assert data.labels["label"][1].tolist() == list(range(6))
    assert data.card["kind"] == "idx"
    assert data.card["source"] == "digits"  # a name, no path of someone's machine
    assert data.train.flags.writeable


def test_plain_files_beside_their_zipped_twins(tmp_path: Path) -> None:
    write_mnist(tmp_path, zipped=True)
    assert len(load_data(str(write_mnist(tmp_path, zipped=False))).train) == 20


def test_a_single_idx_pair_is_split_by_the_seed(tmp_path: Path) -> None:
    write_mnist(tmp_path, zipped=False)
    for name in ("images-idx3", "labels-idx1"):
        (tmp_path / f"t10k-{name}-ubyte").unlink()
    data = load_data(str(tmp_path), seed=4)
    assert (len(data.train), len(data.test)) == (18, 2)
    train, test = data.labels["label"]
    assert sorted([*train, *test]) == list(range(20))
    assert np.array_equal(data.train[..., 0], GREY[train])  # a label stays with its picture
    assert np.array_equal(data.test[..., 0], GREY[test])
    assert data.card["split_seed"] == 4
    one_file = load_data(str(tmp_path / "train-images-idx3-ubyte"), seed=4)
    assert np.array_equal(one_file.test, data.test)


def test_idx_without_labels_has_none(tmp_path: Path) -> None:
    write_mnist(tmp_path, zipped=True)
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    data = load_data(str(tmp_path))
    assert data.labels == {} and "One part has labels" in str(data.card["remark"])


def test_a_known_set_is_recognised_by_its_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = hashlib.sha256(GREY.tobytes()).hexdigest()
    monkeypatch.setattr("models.data.load._KNOWN", {pixels: {"title": "T", "licence": "L"}})
    folder = str(write_mnist(tmp_path / "renamed", zipped=False))
    for data in (load_data(folder), load_data(folder, image_size=16, channels=3)):
        assert (data.card["title"], data.card["licence"]) == ("T", "L")
    np.savez(tmp_path / "other.npz", train=GREY[1:], test=GREY[:1])
    other = load_data(str(tmp_path / "other.npz"))
    assert other.card["licence"] is None


def _wrong_magic(data: bytes) -> bytes:
    return b"\x01\x02" + data[2:]


def _wide_numbers(data: bytes) -> bytes:
    return data[:2] + b"\x0d" + data[3:]


def _cut(data: bytes) -> bytes:
    return data[:-30]


def _header_only(data: bytes) -> bytes:
    return data[:6]


def _longer(data: bytes) -> bytes:
    return data + b"\0"


def _absurd(data: bytes) -> bytes:
    return data[:4] + b"\xff" * 12 + data[16:]


def _labels(_: bytes) -> bytes:
    return idx_bytes(np.arange(20, dtype=np.uint8))


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_wrong_magic, "wrong magic number"),
        (_wide_numbers, "unsigned bytes"),
        (_cut, "cut short or damaged - download"),
        (_header_only, "cut short or damaged"),
        (_longer, "longer than its header"),
        (_absurd, "cannot be"),
        (_labels, "dimensions"),
    ],
)
def test_a_damaged_idx_file(
    tmp_path: Path, damage: Callable[[bytes], bytes], message: str, zipped: bool
) -> None:
    write_mnist(tmp_path, zipped=False)
    file = tmp_path / "train-images-idx3-ubyte"
    damaged = damage(file.read_bytes())
    file.write_bytes(gzip.compress(damaged) if zipped else damaged)
    with pytest.raises(BadInput, match=message) as caught:
        load_data(str(tmp_path))
    assert "train-images-idx3-ubyte" in str(caught.value)


@pytest.mark.parametrize("keep", [5, 60, -4])
def test_a_truncated_gzip(tmp_path: Path, keep: int) -> None:
    file = write_mnist(tmp_path, zipped=True) / "t10k-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(BadInput, match="cut short or damaged - download it again"):
        load_data(str(tmp_path))


def test_labels_that_do_not_match_in_number(tmp_path: Path) -> None:
    write_mnist(tmp_path, zipped=False)
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx_bytes(np.zeros(19, np.uint8)))
    with pytest.raises(BadInput, match="19 labels for the 20 pictures"):
        load_data(str(tmp_path))


def test_train_and_test_of_unequal_size(tmp_path: Path) -> None:
    write_mnist(tmp_path, zipped=False)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx_bytes(GREY[:6, :8]))
    with pytest.raises(BadInput, match="8×9.*one size"):
        load_data(str(tmp_path))


def test_idx_files_that_cannot_be_told_apart(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx_bytes(GREY))
    with pytest.raises(BadInput, match="which of a-images"):
        load_data(str(tmp_path))
