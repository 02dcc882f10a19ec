"""Folders and zips of pictures: what is read, in which order, and what is refused."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import BadInput
from models.reading import files as picture_files
from models.reading.packs.packs import open_pack
from models.reading.pictures import open_picture
from tests.models.picture_samples import halves, saved

Members = dict[str, bytes]


def grey(level: int) -> bytes:
    return saved(Image.new("L", (4, 4), level), "PNG")


def write_zip(path: Path, members: Members, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def write_folder(path: Path, members: Members) -> Path:
    for name, data in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def pictures_of(path: Path) -> Iterator[tuple[str, Image.Image]]:
    """The pictures of a folder or a zip by their name inside it."""
    pack = open_pack(path)
    if not pack.names:
        raise pack.no_picture()
    for i, name in enumerate(pack.names):
        yield name, open_picture(pack.read(i), pack.place(name))


MIXED: Members = {
    "b/2.PNG": grey(20),
    "a.png": grey(10),
    "b/10.jpeg": saved(halves(), "JPEG"),
    "c.gif": saved(halves(), "GIF"),
    "notes.txt": b"not a picture",
    "labels.csv": b"1,2",
    "no_suffix": grey(0),
    ".hidden.png": b"broken",
    ".cache/x.png": b"broken",
    "b/._2.png": b"broken",
    "__MACOSX/b/2.png": b"broken",
    "Thumbs.db": b"broken",
    "photo.cr2": b"broken",
}


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_gives_its_pictures_in_order(tmp_path: Path, compression: int) -> None:
    path = write_zip(tmp_path / "x.zip", MIXED, compression)
    before = sorted(tmp_path.iterdir())
    found = dict(pictures_of(path))
    assert list(found) == ["a.png", "b/10.jpeg", "b/2.PNG", "c.gif"]
    assert np.unique(np.asarray(found["a.png"])).tolist() == [10]
    assert np.unique(np.asarray(found["b/2.PNG"])).tolist() == [20]
    assert found["c.gif"].getpixel((0, 0)) == (255, 0, 0)
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_gives_the_same_as_its_zip(tmp_path: Path) -> None:
    folder = dict(pictures_of(write_folder(tmp_path / "folder", MIXED)))
    packed = dict(pictures_of(write_zip(tmp_path / "x.zip", MIXED)))
    assert list(folder) == list(packed)
    for name, image in folder.items():
        assert image.tobytes() == packed[name].tobytes()


def test_folders_and_links_in_a_zip_are_passed_over(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"a.png": grey(1)})
    with zipfile.ZipFile(path, "a") as archive:
        archive.mkdir("folder.png")
        link = zipfile.ZipInfo("link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert [name for name, _ in pictures_of(path)] == ["a.png"]


def test_backslashes_of_windows_are_slashes(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"folder\\a.png": grey(1), "__MACOSX\\b.png": b""})
    assert [name for name, _ in pictures_of(path)] == ["folder/a.png"]


NAMES = ["../a.png", "b/../../a.png", "/etc/a.png", "C:\\a.png", "c:a.png", "..\\a.png", "x/.."]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    path = write_zip(tmp_path / "x.zip", {"good.png": grey(1), name: grey(2)})
    with pytest.raises(BadInput, match=r"^x\.zip holds the name .*outside"):
        next(iter(pictures_of(path)))


def test_two_dots_within_a_name_are_fine(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.zip", {"a..b.png": grey(1)})
    assert [name for name, _ in pictures_of(path)] == ["a..b.png"]


def _zeros(count: int) -> Members:
    return {f"{i}.png": bytes(30 * 2**20) for i in range(count)}


def _encrypted(path: Path) -> Path:
    data = bytearray(write_zip(path, {"a.png": grey(1)}).read_bytes())
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(data)
    return path


def _overlapping(path: Path) -> Path:
    """Two hundred entries that share the bytes of one."""
    one = write_zip(path, {"a.png": saved(halves(64, 64), "BMP")}, zipfile.ZIP_STORED)
    data = one.read_bytes()
    start, end = data.index(b"PK\1\2"), data.rindex(b"PK\5\6")
    tail = bytearray(data[end:])
    struct.pack_into("<HHL", tail, 8, 200, 200, 200 * (end - start))
    path.write_bytes(data[:start] + data[start:end] * 200 + bytes(tail))
    return path


def _many_entries(path: Path) -> Path:
    """An end record that announces a list of 20 MiB."""
    data = bytearray(write_zip(path, {"a.png": grey(1)}).read_bytes())
    struct.pack_into("<L", data, data.rindex(b"PK\5\6") + 12, 20 * 2**20)
    path.write_bytes(data)
    return path


def _damaged(path: Path) -> Path:
    data = write_zip(path, {"a.png": grey(1)}, zipfile.ZIP_STORED).read_bytes()
    path.write_bytes(data.replace(b"IDAT", b"IDAX", 1))
    return path


def _wrong_method(path: Path) -> Path:
    data = bytearray(write_zip(path, {"a.png": grey(1)}).read_bytes())
    data[data.index(b"PK\1\2") + 10] = 99
    path.write_bytes(data)
    return path


def _bytes(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no file": (lambda path: path, "does not exist"),
    "no zip": (lambda path: _bytes(path, b"PK and no more"), "not a zip"),
    "no bytes": (lambda path: _bytes(path, b""), "not a zip"),
    "cut off": (
        lambda path: _bytes(path, write_zip(path, MIXED).read_bytes()[:-40]),
        "not a zip, or is cut off",
    ),
    "empty": (lambda path: write_zip(path, {}), "holds no picture"),
    "no picture": (lambda path: write_zip(path, {"a.txt": b"x"}), "holds no picture"),
    "ratio": (lambda path: write_zip(path, _zeros(3)), "100 times its size"),
    "large member": (lambda path: write_zip(path, {"a.png": bytes(2**25 + 1)}), "32 MiB are read"),
    "encrypted": (_encrypted, "encrypted"),
    "overlapping": (_overlapping, "overlap"),
    "long list": (_many_entries, "lists too many files"),
    "damaged member": (_damaged, r"^a\.png in x\.zip is damaged"),
    "unknown method": (_wrong_method, r"^a\.png in x\.zip is damaged"),
    "broken picture": (
        lambda path: write_zip(path, {"a.png": grey(1)[:-30]}),
        r"^a\.png in x\.zip is cut off",
    ),
    "empty picture": (lambda path: write_zip(path, {"a.png": b""}), r"^a\.png in x\.zip is empty"),
    "a zip in a zip": (
        lambda path: write_zip(path, {"b.zip": write_zip(path, MIXED).read_bytes()}),
        r"holds no picture but 1 archive \(such as b\.zip\) - unpack it",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_zip_is_refused(tmp_path: Path, case: str) -> None:
    make, reason = REFUSED[case]
    with pytest.raises(BadInput, match=reason):
        list(pictures_of(make(tmp_path / "x.zip")))


def test_a_zip_of_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_zip(tmp_path / "x.zip", {"a.png": bytes(2**20), "b.png": bytes(2**20)})
    monkeypatch.setattr(picture_files, "MAX_TOTAL_BYTES", 2**20)
    with pytest.raises(BadInput, match="unpacks to more than"):
        list(pictures_of(path))


def test_a_zip_of_much_that_is_packed_little_is_fine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_files, "MAX_TOTAL_BYTES", 100)
    path = write_zip(tmp_path / "x.zip", MIXED, zipfile.ZIP_STORED)
    assert len(list(pictures_of(path))) == 4


def test_a_large_zip64_with_a_comment_is_measured(tmp_path: Path) -> None:
    """The list's size is read from the zip64 record where there is one."""
    buffer = io.BytesIO()
    buffer.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 9, 9, 2**30, 0))
    buffer.write(struct.pack("<4sLQL", b"PK\6\7", 0, 0, 1))
    buffer.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 0, 3) + b"abc")
    path = _bytes(tmp_path / "x.zip", buffer.getvalue())
    with pytest.raises(BadInput, match="lists too many files"):
        list(pictures_of(path))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="holds no picture"):
        list(pictures_of(tmp_path))
    write_folder(tmp_path, {"ok/a.png": grey(1), "ok/b.png": b"broken"})
    with pytest.raises(BadInput, match=r"^ok/b\.png is not a picture"):
        list(pictures_of(tmp_path))
