"""Where a set is found: deeper in a folder, in an archive; and what is said where there is none."""

from __future__ import annotations

import pickle
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.data.load import load_data
from models.errors import BadInput
from tests.models.picture_samples import saved
from tests.models.reading.arrays.test_idx import GREY, write_mnist

ROWS = np.random.default_rng(3).integers(0, 256, (4, 3072), dtype=np.uint8)
PIXELS = ROWS.reshape(4, 3, 32, 32).transpose(0, 2, 3, 1)


def write_cifar_python(folder: Path) -> Path:
    """CIFAR-10 as it is unpacked, with 4 pictures a batch."""
    folder.mkdir(parents=True)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        batch = {
            "batch_label": "b",
            "labels": [3, 1, 4, 1],
            "data": ROWS,
            "filenames": ["a.png"] * 4,
        }
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    names = {"label_names": [f"class {number}" for number in range(10)]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names, protocol=2))
    (folder / "readme.html").write_text("x")
    return folder


def write_cifar_binary(folder: Path) -> Path:
    folder.mkdir(parents=True)
    labelled = np.concatenate([np.array([[3], [1], [4], [1]], np.uint8), ROWS], axis=1)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        (folder / f"{name}.bin").write_bytes(labelled.tobytes())
    (folder / "batches.meta.txt").write_text("\n".join(f"class_{number}" for number in range(10)))
    return folder


@pytest.mark.parametrize("write", [write_cifar_python, write_cifar_binary])
@pytest.mark.parametrize("place", ["", "cifar/unpacked"])
def test_cifar_as_it_is_found(tmp_path: Path, write, place: str) -> None:
    write(tmp_path / "data" / place)
    data = load_data(str(tmp_path / "data"))
    assert np.array_equal(data.train, np.tile(PIXELS, (5, 1, 1, 1)))
    assert np.array_equal(data.test, PIXELS)
    assert data.labels["label"][1].tolist() == [3, 1, 4, 1]
    assert len(data.card["classes"]["label"]) == 10  # pyright: ignore
    assert data.card["kind"] == "cifar"
    assert ("It lies in cifar/unpacked." in str(data.card["remark"])) == bool(place)


@pytest.mark.parametrize("form", ["tar.gz", "zip"])
def test_cifar_in_its_archive(tmp_path: Path, form: str) -> None:
    folder = write_cifar_python(tmp_path / "cifar-10-batches-py")
    path = tmp_path / f"cifar-10-python.{form}"
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.iterdir():
                archive.write(file, f"cifar-10-batches-py/{file.name}")
    else:
        with tarfile.open(path, "w:gz") as archive:
            archive.add(folder, folder.name)
    data = load_data(str(path))
    assert np.array_equal(data.test, PIXELS)
    assert data.card["source"] == path.name


def test_half_of_cifar(tmp_path: Path) -> None:
    folder = write_cifar_python(tmp_path / "cifar")
    with pytest.raises(BadInput, match="is one batch of CIFAR - give its folder"):
        load_data(str(folder / "data_batch_1"))
    (folder / "test_batch").unlink()
    with pytest.raises(BadInput, match="no test_batch - unpack the whole archive"):
        load_data(str(folder))


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_as_torchvision_lays_it_out(tmp_path: Path, zipped: bool) -> None:
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.parent.mkdir(parents=True)
    write_mnist(raw, zipped)
    for spec in (tmp_path / "data", tmp_path / "data" / "MNIST"):
        data = load_data(str(spec))
        assert np.array_equal(data.train[..., 0], GREY)
        assert "It lies in " in str(data.card["remark"])
    write_mnist(tmp_path / "data" / "Fashion", zipped)
    with pytest.raises(BadInput, match="2 data sets: Fashion, MNIST/raw - give one of them, as in"):
        load_data(str(tmp_path / "data"))


def test_mnist_in_a_zip(tmp_path: Path) -> None:
    folder = write_mnist(tmp_path / "raw", zipped=True)
    with zipfile.ZipFile(tmp_path / "mnist.zip", "w") as archive:
        for file in folder.iterdir():
            archive.write(file, f"MNIST/raw/{file.name}")
    data = load_data(str(tmp_path / "mnist.zip"))
    assert np.array_equal(data.train[..., 0], GREY)
    assert data.labels["label"][1].tolist() == list(range(6))


def test_one_archive_in_a_folder_is_the_set(tmp_path: Path) -> None:
    np.savez(tmp_path / "pathmnist.npz", images=GREY)
    assert len(load_data(str(tmp_path)).train) == 18
    np.savez(tmp_path / "bloodmnist.npz", images=GREY)
    with pytest.raises(BadInput, match=r"2 data sets: bloodmnist\.npz, pathmnist\.npz"):
        load_data(str(tmp_path))


DICOM = bytes(128) + b"DICM" + bytes(20)
HOLDS: dict[str, tuple[dict[str, bytes], str]] = {
    "nothing": ({}, "it is empty - put PNG, JPEG"),
    "texts": (
        {"a.txt": b"x", "b.md": b"y"},
        r"2 files of other kinds \(1 \.txt, 1 \.md\) - put PNG",
    ),
    "lmdb": (
        {"data.mdb": b"x", "lock.mdb": b"y"},
        r"1 LMDB database \(such as data\.mdb\) - .*write",
    ),
    "dicom": (
        {"a.dcm": DICOM},
        r"1 DICOM image \(such as a\.dcm\) - convert each, as in `dcmj2pnm",
    ),
    "dicom without a suffix": (
        {"IM0001": DICOM, "IM0002": DICOM},
        "2 DICOM images .such as IM0001",
    ),
    "pickles": ({"a.pkl": b"\x80\4N.", "b": b"\x80\4N."}, "2 Python pickles.*never loaded"),
    "pictures without a suffix": (
        {"one": saved(Image.new("L", (9, 9)), "PNG")},
        "1 picture without a suffix .* give each",
    ),
    "videos": ({"a.mp4": b"x"}, "1 video .*ffmpeg"),
    "photos": (
        {"a.CR2": b"x", "notes.txt": b""},
        "1 raw photo .*, and 1 other file - convert them",
    ),
    "matlab": ({"train_32x32.mat": b"x"}, "1 MATLAB file .*numpy.savez"),
}


@pytest.mark.parametrize("form", ["folder", "zip", "tar"])
@pytest.mark.parametrize("case", HOLDS)
def test_what_is_there_instead_is_named(tmp_path: Path, case: str, form: str) -> None:
    files, says = HOLDS[case]
    folder = tmp_path / "set"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    path = folder
    if form == "zip":
        path = tmp_path / "set.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, file.name)
    elif form == "tar":
        path = tmp_path / "set.tar"
        with tarfile.open(path, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.add(file, file.name)
    with pytest.raises(BadInput, match=rf"holds no picture.*{says}"):
        load_data(str(path))


def test_a_zip_in_a_zip_is_named_for_what_it_is(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.writestr("inner.zip", b"PK\5\6" + bytes(18))
    with pytest.raises(BadInput, match=r"1 archive \(such as inner\.zip\) - unpack it"):
        load_data(str(tmp_path / "outer.zip"))


def test_a_damaged_set_one_folder_deeper_says_so(tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "train-images-idx3-ubyte").write_bytes(struct.pack(">HBB", 0, 8, 3))
    with pytest.raises(BadInput, match="train-images-idx3-ubyte is cut short"):
        load_data(str(tmp_path))
