"""Every kind of source becomes the same arrays again, split by a seed, with an honest card."""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.data.load import Data, load_data
from models.errors import BadInput


def write_pictures(folder: Path, count: int = 12, side: int = 20, mode: str = "L") -> Path:
    """PNGs whose every pixel is the picture's number."""
    (folder / "deep").mkdir(parents=True)
    for number in range(count):
        place = folder / "deep" if number % 3 == 0 else folder
        Image.new("L", (side, side), number).convert(mode).save(place / f"{number:03}.png")
    return folder


def zip_of(folder: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.relative_to(folder))
    return path


def numbers(pictures: np.ndarray) -> set[int]:
    """Which of `write_pictures`' pictures these are."""
    return {int(picture[0, 0, 0]) for picture in pictures}


def assert_honest_card(data: Data) -> None:
    """What the card says is true, and it survives JSON."""
    card = json.loads(json.dumps(data.card))
    assert card["counts"] == {"train": len(data.train), "test": len(data.test)}
    count, height, width, channels = data.train.shape
    assert count > 0
    assert card["image_shape"] == [channels, height, width]
    for part, array in (("train", data.train), ("test", data.test)):
        assert array.dtype == np.uint8
        assert array.shape[1:] == (height, width, channels)
        assert card["sha256"][part] == hashlib.sha256(array.tobytes()).hexdigest()
    for train, test in data.labels.values():
        assert train.dtype == test.dtype == np.int64
        assert (len(train), len(test)) == (len(data.train), len(data.test))


def test_the_card_of_an_array_file_is_honest(tmp_path: Path) -> None:
    grey = np.random.default_rng(20).integers(0, 256, (20, 9, 9), dtype=np.uint8)
    labels = np.arange(20, dtype=np.uint8)
    np.savez(tmp_path / "split.npz", images=grey, label_row=labels)
    np.savez(tmp_path / "given.npz", train=grey[:14], test=grey[14:], label_row=labels)
    for name in ("split.npz", "given.npz"):
        asked: list[dict[str, Any]] = [{}, {"image_size": 12, "channels": 3}]
        for options in asked:
            data = load_data(str(tmp_path / name), **options)
            assert_honest_card(data)
            assert data.card["source"] == name  # no path of someone's machine
            assert (data.card["split_seed"] is None) == (name == "given.npz")


def test_a_folder_is_split_by_file_and_a_zip_of_it_equally(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "mine", count=30)
    data = load_data(str(folder), seed=1)
    assert (len(data.train), len(data.test)) == (27, 3)
    assert numbers(data.train) | numbers(data.test) == set(range(30))
    assert not numbers(data.train) & numbers(data.test)
    assert_honest_card(data)
    zipped = load_data(str(zip_of(folder, tmp_path / "mine.zip")), seed=1)
    assert np.array_equal(zipped.train, data.train)
    assert np.array_equal(zipped.test, data.test)
    assert (data.card["kind"], zipped.card["kind"]) == ("folder", "zip")
    assert zipped.card["test_names_sha256"] == data.card["test_names_sha256"]


def test_the_split_is_its_seeds_and_the_card_names_its_files(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "mine", count=30)
    first, again, other = (load_data(str(folder), seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.test, again.test)
    assert numbers(first.test) != numbers(other.test)
    assert other.card["split_seed"] == 2
    names = sorted(str(path.relative_to(folder).as_posix()) for path in folder.rglob("*.png"))
    held_out = [name for name in names if int(Path(name).stem) in numbers(first.test)]
    expected = hashlib.sha256("\n".join(held_out).encode()).hexdigest()
    assert first.card["test_names_sha256"] == expected


@pytest.mark.parametrize(("side", "size"), [(39, 28), (40, 64), (5, 28), (300, 64)])
def test_the_default_size_follows_the_largest_picture(tmp_path: Path, side: int, size: int) -> None:
    folder = write_pictures(tmp_path / "mine", count=4, side=12)
    Image.new("L", (side, 3), 9).save(folder / "zz.png")
    data = load_data(str(folder))
    assert data.train.shape[1:] == (size, size, 1)
    assert data.test.shape[1:] == (size, size, 1)


def test_a_size_and_channels_that_are_told(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "mine", count=4, mode="RGB")
    assert load_data(str(folder)).train.shape == (3, 28, 28, 1)  # RGB files, yet all grey
    assert load_data(str(folder), image_size=32, channels=3).train.shape == (3, 32, 32, 3)
    Image.new("RGB", (9, 9), (255, 0, 0)).save(folder / "red.png")
    assert load_data(str(folder)).train.shape == (4, 28, 28, 3)
    grey = load_data(str(folder), channels=1)
    assert grey.train.shape == (4, 28, 28, 1)
    values = sorted(int(picture.max()) for picture in (*grey.train, *grey.test))
    assert values == [0, 1, 2, 3, 76]  # 0.299 · 255


def test_pictures_of_the_wanted_size_are_unchanged(tmp_path: Path) -> None:
    pictures = np.random.default_rng(2).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(tmp_path / f"{number}.png")
    data = load_data(str(tmp_path))
    found = {picture.tobytes() for picture in (*data.train, *data.test)}
    assert found == {picture.tobytes() for picture in pictures}


# What these pictures and splits were before sets were read through blocks; runs resume on them.
BEFORE = {
    ("set", ()): ("2526c33312d33c69", "ff067948a7bd77e9", "1e7fea20c55de64b"),
    ("set", (16, 1, 3)): ("69cbbb2e2270d2ce", "230cccdfdb29024e", "376eb7fd3d344b95"),
    ("set.npz", ()): ("65ae3e9442a91da6", "6ae7b6a568432b10", "4fdfa1ebf5d92839"),
    ("set.npz", (16, 1, 3)): ("7bb53f10f1b2e1e8", "36c48086f9cabc58", "dac9940aeca65631"),
}
BEFORE |= {("set.zip", options): sums for (name, options), sums in BEFORE.items() if name == "set"}


def mixed_set(folder: Path) -> None:
    """A folder of pictures of many sizes, a zip of it, and an array file."""
    rng = np.random.default_rng(7)
    (folder / "set" / "sub").mkdir(parents=True)
    for i in range(23):
        height, width = rng.integers(9, 70, 2)
        shape = (height, width, 3) if i % 2 else (height, width)
        place = folder / "set" / ("sub" if i % 3 == 0 else "")
        Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8)).save(place / f"{i}.png")
    zip_of(folder / "set", folder / "set.zip")
    np.savez(folder / "set.npz", images=rng.integers(0, 256, (23, 12, 12, 3), dtype=np.uint8))


def test_what_was_split_before_is_split_so_still(tmp_path: Path) -> None:
    mixed_set(tmp_path)
    for (name, options), sums in BEFORE.items():
        card: dict[str, Any] = load_data(str(tmp_path / name), *options).card
        found = *card["sha256"].values(), card["test_names_sha256"]
        assert tuple(text[:16] for text in found) == sums, (name, options)


def test_the_sets_of_the_bundled_models_are_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    card = load_data("avatars:300").card
    assert card["sha256"] == {
        "train": "de5551570d5a43e5d4e2828d4b2aca3982dc4f3bbf6628cf58af924a7eefab69",
        "test": "398c2a3e00f2270df99d3c22979d6c228551d35a210441db2afc038c56509c1d",
    }


def test_the_remark_is_printed_and_kept_in_the_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_pictures(tmp_path / "mine", count=30)
    (folder / "notes.txt").write_text("x")
    data = load_data(str(folder), seed=1)
    assert data.card["remark"] == (
        "Found 30 picture files in a folder. Used 30: 27 to train on and 3 to test on, drawn by "
        "file with seed 1. They are 28×28, grey, resized from 20×20. No labels. Folders are not "
        "taken as labels, since some pictures lie in none. Not read: 1 other file (1 .txt)."
    )
    assert capsys.readouterr().err == f"{folder}: {data.card['remark']}\n"


def test_two_pictures_are_enough_and_one_is_not(tmp_path: Path) -> None:
    data = load_data(str(write_pictures(tmp_path / "two", count=2)))
    assert (len(data.train), len(data.test)) == (1, 1)
    with pytest.raises(BadInput, match="1 picture.*at least 2"):
        load_data(str(write_pictures(tmp_path / "one", count=1)))


def test_broken_folders_and_zips(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput):
        load_data(str(tmp_path / "empty"))
    (tmp_path / "no.zip").write_bytes(b"no zip at all")
    with pytest.raises(BadInput):
        load_data(str(tmp_path / "no.zip"))
    folder = write_pictures(tmp_path / "mine", count=4)
    (folder / "broken.png").write_bytes((folder / "001.png").read_bytes()[:40])
    with pytest.raises(BadInput, match=r"broken\.png"):
        load_data(str(folder))


def test_bad_files_are_named_all_at_once(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "mine", count=4)
    for number in range(12):
        (folder / f"bad{number:02}.png").write_bytes(b"no picture")
    with pytest.raises(BadInput) as caught:
        load_data(str(folder))
    message = str(caught.value)
    assert message.startswith("12 of 16 picture files cannot be used: bad00.png is not a picture")
    assert "bad09.png" in message and "bad10.png" not in message
    assert message.endswith("and 2 more - mend them or take them out.")


def test_avatars_keep_their_order_labels_and_licence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from models.data.avatars.drawing import ATTRIBUTES, AVATARS
    from models.data.drawn.sets import draw_set

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    data = load_data("avatars:40", seed=9)
    pictures, labels = draw_set(AVATARS, 40, seed=0)
    assert np.array_equal(data.train, pictures[:38])
    assert np.array_equal(data.test, pictures[38:])
    for name in ATTRIBUTES:
        assert np.array_equal(np.concatenate(data.labels[name]), labels[name])
    assert "MIT" in str(data.card["licence"])
    assert "Pablo Stanley" in str(data.card["attribution"])
    assert data.card["source"] == "avatars:40"
    assert_honest_card(data)
    assert load_data("avatars:2", image_size=16, channels=1).test.shape == (1, 16, 16, 1)


@pytest.mark.parametrize("spec", ["avatars:0", "avatars:1", "avatars:-5", "avatars:x", "avatars:"])
def test_avatars_in_a_number_that_cannot_be(spec: str) -> None:
    with pytest.raises(BadInput, match=r"avatars.* - "):
        load_data(spec)
    with pytest.raises(BadInput, match="choose from 2"):
        load_data("avatars:999999999")


def test_avatars_without_their_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "models.data.avatars.drawing", raising=False)
    monkeypatch.setitem(sys.modules, "python_avatars", None)
    with pytest.raises(BadInput, match="pip install python_avatars resvg-py"):
        load_data("avatars:2")


@pytest.mark.parametrize("name", ["nowhere", "nowhere.zip", "nowhere.npz", "avatar"])
def test_a_spec_that_does_not_exist(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match=r"there is no data at .*nowhere|avatar.* - give avatars"):
        load_data(str(tmp_path / name))


@pytest.mark.parametrize(
    ("spec", "message"),
    [("", "there is no data"), ("a\0b", "there is no data"), ("x" * 5000, "cannot be read")],
)
def test_specs_that_are_no_paths(spec: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        load_data(spec)


@pytest.mark.parametrize(
    ("name", "message"), [("a.txt", "no data set that is known"), ("a.npy", "numpy.savez")]
)
def test_files_of_no_known_kind(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(BadInput, match=message):
        load_data(str(tmp_path / name))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 0}, "image size of 0 - choose"),
        ({"image_size": 4096}, "image size"),
        ({"channels": 2}, "2 channels - choose 1"),
        ({"seed": -1}, "split seed"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        load_data("avatars:2", **options)
