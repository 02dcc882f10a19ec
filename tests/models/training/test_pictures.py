"""A run knows its pictures: in another order, under other names, among others, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.data.load import Data, load_data
from models.errors import BadInput
from models.training.pictures import (
    as_begun,
    check_by_card,
    pictures_of,
    read_pictures,
    save_pictures,
)
from models.training.run import RunFiles

CARD = {"source": "here", "kind": "folder", "split": "by file"}


def pictures(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, 8, 8, 1), np.uint8)


def data_of(train: np.ndarray, test: np.ndarray, source: str = "here") -> Data:
    """Data whose label of a picture is its first pixel."""
    labels = {"first": (train[:, 0, 0, 0].astype(int), test[:, 0, 0, 0].astype(int))}
    return Data(train, test, {**CARD, "source": source}, labels)


ALL = pictures(12)
BEGUN = pictures_of(data_of(ALL[:9], ALL[9:]))


def test_pictures_as_they_were_are_not_copied(tmp_path: Path) -> None:
    """A set that is mapped from the disk may be larger than the memory."""
    np.save(tmp_path / "train.npy", ALL[:9])
    mapped = np.load(tmp_path / "train.npy", mmap_mode="r")
    found, left_out = as_begun(BEGUN, data_of(mapped, ALL[9:], "there"), "there")
    assert found.train is mapped and left_out == 0
    assert found.card == {**CARD, "source": "there"}


@pytest.mark.parametrize("more", [0, 5])
def test_another_order_another_split_and_more_pictures_are_put_back(more: int) -> None:
    now = np.concatenate([ALL, pictures(more, seed=1)])
    order = np.random.default_rng(3).permutation(len(now))
    found, left_out = as_begun(BEGUN, data_of(now[order[:4]], now[order[4:]]), "there")
    assert left_out == more
    assert np.array_equal(found.train, ALL[:9]) and np.array_equal(found.test, ALL[9:])
    for part, images in zip(found.labels["first"], (found.train, found.test), strict=True):
        assert np.array_equal(part, images[:, 0, 0, 0])


def test_other_pictures_are_refused_with_how_many() -> None:
    changed = ALL.copy()
    changed[[1, 2, 10]] ^= 1
    with pytest.raises(BadInput, match="of its 9 training pictures 2 are .* 3 test pictures 1 "):
        as_begun(BEGUN, data_of(changed[:9], changed[9:]), "there")
    with pytest.raises(BadInput, match="of its 9 training pictures 1 .* 3 test pictures 0 "):
        as_begun(BEGUN, data_of(ALL[1:9], ALL[9:]), "there")


def test_they_are_kept_with_the_run(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    assert read_pictures(files) is None
    save_pictures(files, BEGUN)
    again = read_pictures(files)
    assert again is not None and again.card == CARD
    for name, part in BEGUN.parts.items():
        assert np.array_equal(again.parts[name], part)
    files.pictures.write_bytes(files.pictures.read_bytes()[:-9])
    with pytest.raises(BadInput, match=r"pictures.safetensors' is damaged"):
        read_pictures(files)


def test_a_run_from_before_is_held_against_its_card(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    np.savez(path, train=ALL[:9, :, :, 0], test=ALL[9:, :, :, 0])
    data = load_data(str(path))
    assert check_by_card(data.card, data, "data.npz")
    assert not check_by_card({}, data, "data.npz")
    other = {**data.card, "sha256": {"train": "0", "test": "0"}}
    with pytest.raises(BadInput, match=r"9 training and 3 test pictures.*SHA-256 differs"):
        check_by_card(other, data, "data.npz")
