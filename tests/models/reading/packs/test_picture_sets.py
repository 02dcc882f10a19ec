"""Folders, zips and tars of pictures: their own split, their links, their labels."""

from __future__ import annotations

import io
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.data.load import Data, load_data
from models.errors import BadInput
from models.reading.packs.folders import walk
from tests.models.picture_samples import png, saved


def write(folder: Path, *names: str) -> Path:
    """PNGs whose pixels are their place among `names`."""
    for number, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (32, 32), (number, 100, 0)).save(folder / name)
    return folder


def packed(folder: Path, form: str) -> Path:
    """The folder itself, or an archive of it."""
    if form == "folder":
        return folder
    path = folder.with_suffix(f".{form}")
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, file.relative_to(folder))
    else:
        kind = "w:" if form == "tar" else f"w:{form.split('.')[-1]}"
        with tarfile.open(path, kind) as archive:  # pyright: ignore[reportCallIssue, reportArgumentType]
            for file in reversed(files):  # the order in a tar is nobody's choice
                archive.add(file, file.relative_to(folder))
    return path


def numbers(pictures: np.ndarray) -> list[int]:
    return [int(picture[0, 0, 0]) for picture in pictures]


def split_of(data: Data) -> tuple[list[int], list[int]]:
    return numbers(data.train), numbers(data.test)


FORMS = ["folder", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz"]


@pytest.mark.parametrize("form", FORMS)
def test_folders_of_train_and_test_are_the_split(tmp_path: Path, form: str) -> None:
    names = ["test/a/0.png", "test/b/1.png", "train/a/0.png", "train/a/1.png", "train/b/2.png"]
    data = load_data(str(packed(write(tmp_path / "set", *names), form)))
    assert split_of(data) == ([2, 3, 4], [0, 1])
    assert data.card["split"] == "given by the source"
    assert data.card["classes"] == {"label": ["a", "b"]}
    assert [part.tolist() for part in data.labels["label"]] == [[0, 0, 1], [0, 1]]
    assert data.card["kind"] == form.split(".")[0]


@pytest.mark.parametrize("word", ["val", "valid", "validation", "Val", "dev"])
def test_validation_is_the_test_set_only_where_there_is_no_other(tmp_path: Path, word: str) -> None:
    two = load_data(str(write(tmp_path / "two", "train/0.png", "train/1.png", f"{word}/2.png")))
    assert split_of(two) == ([0, 1], [2])
    assert "no test set, so the validation set is it" in str(two.card["remark"])
    names = ("train/0.png", "train/1.png", "test/2.png", f"{word}/3.png")
    three = load_data(str(write(tmp_path / "three", *names)))
    assert split_of(three) == ([0, 1], [2])
    assert "Left out: 1 for validation" in str(three.card["remark"])


@pytest.mark.parametrize(
    "names",
    [
        ("top/train/a/0.png", "top/train/b/1.png", "top/test/a/2.png"),
        ("seg_train/seg_train/a/0.png", "seg_train/seg_train/b/1.png", "seg_test/seg_test/a/2.png"),
        ("bottle/train/a/0.png", "cable/train/b/1.png", "cable/test/b/2.png"),
        ("images/training/0.png", "images/training/1.png", "images/testing/2.png"),
        ("train2017/0.png", "train2017/1.png", "val2017/2.png"),
        ("train/a/0.png", "train/a/1.png", "test/a/2.png", "stray/3.png"),
    ],
)
def test_the_split_is_found_wherever_it_lies(tmp_path: Path, names: tuple[str, ...]) -> None:
    data = load_data(str(write(tmp_path / "set", *names)))
    assert split_of(data) == ([0, 1], [2])
    assert ("lie outside" in str(data.card["remark"])) == (len(names) == 4)


def test_folders_that_some_pictures_do_not_have_are_no_labels(tmp_path: Path) -> None:
    names = ("train/a/0.png", "train/b/1.png", "test/2.png")
    data = load_data(str(write(tmp_path / "set", *names)))
    assert data.labels == {}
    assert "since some pictures lie in none" in str(data.card["remark"])


def test_a_class_that_is_called_so_is_no_split(tmp_path: Path) -> None:
    names = ["bus/0.png", "bus/1.png", "train/2.png", "train/3.png"]
    data = load_data(str(write(tmp_path / "set", *names)))
    assert data.card["split"] == "by file"
    assert data.card["classes"] == {"label": ["bus", "train"]}
    assert sorted(numbers(data.train) + numbers(data.test)) == [0, 1, 2, 3]
    more = load_data(
        str(write(tmp_path / "more", "a/0.png", "steam train/1.png", "test tube/2.png"))
    )
    assert more.card["split"] == "by file"


def test_links_are_followed_and_loops_cut(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "0.png", "deep/1.png")
    folder = write(tmp_path / "set", "a/0.png", "a/1.png")
    for name, target in (
        ("b", tmp_path / "elsewhere"), ("0same", folder / "a"), ("a/up", folder),
        ("gone", tmp_path / "nowhere"), ("c.png", tmp_path / "elsewhere/0.png"),
    ):  # fmt: skip
        os.symlink(target, folder / name)
    found = walk(folder)
    assert found.files == ["a/0.png", "a/1.png", "b/0.png", "b/deep/1.png", "c.png"]
    assert found.again == ["0same", "a/up"] and found.dead == ["gone"]
    remark = str(load_data(str(folder)).card["remark"])
    assert "Found 5 picture files" in remark
    assert "read already: 0same, a/up." in remark and "lead nowhere: gone." in remark


def test_only_links(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "0.png", "1.png")
    (tmp_path / "set").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "set" / "b")
    data = load_data(str(tmp_path / "set"))
    assert len(data.train) + len(data.test) == 2


def test_every_frame_is_a_picture_and_a_file_lies_in_one_part(tmp_path: Path) -> None:
    for file in range(5):
        frames = [Image.new("L", (28, 28), 50 * file + frame) for frame in range(4)]
        frames[0].save(tmp_path / f"{file}.tif", save_all=True, append_images=frames[1:])
    Image.new("L", (28, 28), 250).save(tmp_path / "one.png")
    data = load_data(str(tmp_path))
    train, test = split_of(data)
    expected = [50 * file + frame for file in range(5) for frame in range(4)] + [250]
    assert sorted(train + test) == expected
    assert not {value // 50 for value in train} & {value // 50 for value in test}
    assert "Every frame is a picture: 5 files have 20" in str(data.card["remark"])
    assert data.card["counts"] == {"train": len(train), "test": len(test)}


def test_one_stack_alone_cannot_be_split(tmp_path: Path) -> None:
    frames = [Image.new("L", (28, 28), frame) for frame in range(4)]
    frames[0].save(tmp_path / "0.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(BadInput, match="frames of one file are never split; give at least 2"):
        load_data(str(tmp_path))


def test_one_range_for_the_whole_set(tmp_path: Path) -> None:
    """Of 12 bits in files of 16, one picture uses a quarter: it stays as dark as it is."""
    for number, top in enumerate((1023, 4095, 1023)):
        ramp = np.linspace(0, top, 28 * 28).reshape(28, 28).astype(np.uint16)
        Image.fromarray(ramp).save(tmp_path / f"{number}.png")
    Image.new("L", (28, 28), 77).save(tmp_path / "shallow.png")
    data = load_data(str(tmp_path))
    tops = sorted(int(picture.max()) for picture in (*data.train, *data.test))
    assert tops == [64, 64, 77, 255]
    assert data.card["range"] == {"uint16": [0, 4095]}
    assert "16-bit numbers: 0 is black and 4095 white in all." in str(data.card["remark"])


def test_profiles_are_converted_and_told(tmp_path: Path) -> None:
    write(tmp_path, "0.png", "1.png")
    assert "profiles" not in load_data(str(tmp_path)).card
    # Linear light, as a PNG says it by gAMA: half of it is brighter than the byte.
    linear = png((28, 28, 8, 0), 28 * (b"\0" + 28 * b"\x80"), (b"gAMA", struct.pack(">L", 100_000)))
    (tmp_path / "2.png").write_bytes(linear)
    data = load_data(str(tmp_path))
    assert len(data.card["profiles"]) == 1  # pyright: ignore
    both = np.concatenate([data.train, data.test])
    assert ((both[:, 0, 0, 0] > 180) & (both[:, 0, 0, 0] < 195)).sum() == 1
    assert "Converted to sRGB from" in str(data.card["remark"])


def test_the_same_pictures_packed_are_the_same_arrays(tmp_path: Path) -> None:
    folder = write(tmp_path / "set", *(f"{number}.png" for number in range(12)))
    first = load_data(str(folder))
    for form in FORMS[1:]:
        again = load_data(str(packed(folder, form)))
        assert np.array_equal(first.train, again.train) and np.array_equal(first.test, again.test)


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size = size
    return info


def _tar(path: Path, name: str, data: bytes, **fields: object) -> Path:
    with tarfile.open(path, "w") as archive:
        info = _info(name, len(data))
        for key, value in fields.items():
            setattr(info, key, value)
        archive.addfile(info, io.BytesIO(data))
    return path


PNG = saved(Image.new("L", (9, 9), 5), "PNG")


def test_hostile_tars(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match="leads outside"):
        load_data(str(_tar(tmp_path / "a.tar", "../a.png", PNG)))
    link = _tar(tmp_path / "b.tar", "a.png", b"", type=tarfile.SYMTYPE, linkname="/etc/passwd")
    with pytest.raises(BadInput, match="holds no picture"):
        load_data(str(link))
    with tarfile.open(link, "a") as archive:
        for name in "xy":
            archive.addfile(_info(f"{name}.png", len(PNG)), io.BytesIO(PNG))
    assert "archive are not followed: a.png." in str(load_data(str(link)).card["remark"])
    (tmp_path / "c.tar.gz").write_bytes(b"\x1f\x8b and no more")
    with pytest.raises(BadInput, match="not a tar, or is cut off"):
        load_data(str(tmp_path / "c.tar.gz"))
    monkeypatch.setattr("models.reading.files.RATIO_MATTERS_BYTES", 2**20)
    with tarfile.open(tmp_path / "d.tar.gz", "w:gz") as archive:
        archive.addfile(_info("a.png", 3 * 2**20), io.BytesIO(bytes(3 * 2**20)))
    with pytest.raises(BadInput, match="100 times its size"):
        load_data(str(tmp_path / "d.tar.gz"))
