"""IDX and .npz files: whole ones are read exactly, broken ones say what to do."""

from __future__ import annotations

import gzip
import hashlib
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.data import load_data
from models.errors import BadInput

RNG = np.random.default_rng(20)
GREY = RNG.integers(0, 256, (20, 9, 9), dtype=np.uint8)
RGB = RNG.integers(0, 256, (10, 12, 12, 3), dtype=np.uint8)


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


def save_npz(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return str(path)


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
    assert load_data(str(tmp_path)).labels == {}


def test_a_known_set_is_recognised_by_its_pixels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = hashlib.sha256(GREY.tobytes()).hexdigest()
    monkeypatch.setattr("models.data._KNOWN", {pixels: {"title": "T", "licence": "L"}})
    folder = str(write_mnist(tmp_path / "renamed", zipped=False))
    for data in (load_data(folder), load_data(folder, image_size=16, channels=3)):
        assert (data.card["title"], data.card["licence"]) == ("T", "L")
    other = load_data(save_npz(tmp_path / "other.npz", train=GREY[1:], test=GREY[:1]))
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


def test_npz_with_train_and_test(tmp_path: Path) -> None:
    label = np.arange(10, dtype=np.uint8)
    spec = save_npz(tmp_path / "a.npz", train=RGB[:8], test=RGB[8:], label_kind=label)
    data = load_data(spec)
    assert np.array_equal(data.train, RGB[:8])
    assert np.array_equal(data.test, RGB[8:])
    assert data.labels["kind"][1].tolist() == [8, 9]


def test_npz_with_one_array_is_split(tmp_path: Path) -> None:
    label = np.arange(20)
    data = load_data(save_npz(tmp_path / "a.npz", images=GREY, label_row=label))
    assert (len(data.train), len(data.test)) == (18, 2)
    assert np.array_equal(data.train[..., 0], GREY[data.labels["row"][0]])
    assert np.array_equal(data.test[..., 0], GREY[data.labels["row"][1]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_become_the_nearest_byte(tmp_path: Path, dtype: type) -> None:
    floats = (GREY / 255).astype(dtype)
    data = load_data(save_npz(tmp_path / "a.npz", train=floats[:15], test=floats[15:]))
    assert np.array_equal(data.train[..., 0], GREY[:15])


def test_npz_resized_and_recoloured(tmp_path: Path) -> None:
    flat = np.full((4, 12, 12, 3), (255, 0, 0), np.uint8)
    spec = save_npz(tmp_path / "a.npz", images=flat)
    assert load_data(spec).train.shape == (3, 12, 12, 3)
    small = load_data(spec, image_size=8, channels=1)
    assert small.train.shape == (3, 8, 8, 1)
    assert (small.train == 76).all()
    grey = save_npz(tmp_path / "g.npz", images=np.repeat(GREY[..., None], 3, axis=3))
    assert load_data(grey).train.shape == (18, 9, 9, 1)  # equal channels are grey
    assert load_data(grey, channels=3).train.shape == (18, 9, 9, 3)


def test_the_avatars_command_writes_what_is_read_here(tmp_path: Path) -> None:
    from models.avatars.drawing import draw_avatars, save_avatars

    pictures, labels = draw_avatars(3)
    save_avatars(tmp_path / "a.npz", pictures, labels)
    data = load_data(str(tmp_path / "a.npz"))
    assert set(data.labels) == set(labels)
    assert data.train.shape == (2, 64, 64, 3)


NAN = np.full((4, 5, 5), np.nan, np.float32)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": NAN}, "NaN"),
        ({"images": GREY.astype(np.float32)}, "divide by 255"),
        ({"images": GREY / 255 - 0.5}, r"from -0\.5"),
        ({"images": GREY.astype(np.int64)}, "store uint8"),
        ({"images": GREY.astype(object)}, "Python objects, which are never loaded"),
        ({"images": GREY[0]}, r"shape \(9, 9\)"),
        ({"images": RGB.transpose(0, 3, 1, 2)}, "move the channels to the end"),
        ({"images": np.zeros((4, 8, 8, 4), np.uint8)}, "keep 1 .grey. or 3"),
        ({"images": np.zeros((4, 0, 8), np.uint8)}, "empty"),
        ({"images": GREY[:1]}, "too few"),
        ({"images": GREY[:0]}, "too few"),
        ({"train": GREY, "test": GREY[:0]}, "too few"),
        ({"train": GREY, "test": GREY[:, :8]}, "9×9.*8×9.*one size"),
        ({"train": RGB, "test": RGB[..., 0]}, "channel.*one size"),
        ({"pictures": GREY}, "pictures - name them"),
        ({"train": GREY, "images": GREY}, "name them"),
        ({"images": GREY, "label_x": np.zeros(19, int)}, r"shape \(20,\)"),
        ({"images": GREY, "label_x": np.zeros(20)}, "labels are integers"),
    ],
)
def test_npz_that_cannot_be_used(
    tmp_path: Path, arrays: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(BadInput, match=message) as caught:
        load_data(save_npz(tmp_path / "a.npz", **arrays))
    assert " - " in str(caught.value)  # what was wrong - what to do


@pytest.mark.parametrize("keep", [0, 100, 1500, -5])
def test_npz_cut_short(tmp_path: Path, keep: int) -> None:
    path = Path(save_npz(tmp_path / "a.npz", images=GREY))
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(BadInput, match=r"a\.npz is .*damaged"):
        load_data(str(path))


def test_npz_with_a_flipped_byte(tmp_path: Path) -> None:
    path = Path(save_npz(tmp_path / "a.npz", images=GREY))
    data = bytearray(path.read_bytes())
    data[700] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(BadInput, match="damaged"):
        load_data(str(path))


def test_a_zip_that_is_named_npz(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("images", b"raw")
    with pytest.raises(BadInput, match="zip of other files"):
        load_data(str(tmp_path / "a.npz"))


def test_npz_that_unpacks_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.reading.readers.MAX_ARRAY_BYTES", 1000)
    with pytest.raises(BadInput, match="unpacks to more"):
        load_data(save_npz(tmp_path / "a.npz", images=GREY))
