"""`.npz` files: whole ones are read exactly, broken ones say what to do."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.data.load import load_data
from models.errors import BadInput

RNG = np.random.default_rng(20)
GREY = RNG.integers(0, 256, (20, 9, 9), dtype=np.uint8)
RGB = RNG.integers(0, 256, (10, 12, 12, 3), dtype=np.uint8)


def save_npz(path: Path, **arrays: np.ndarray) -> str:
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return str(path)


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
    from models.data.avatars.drawing import AVATARS
    from models.data.drawn.sets import draw_set, save_set

    pictures, labels = draw_set(AVATARS, 3)
    save_set(tmp_path / "a.npz", pictures, labels)
    data = load_data(str(tmp_path / "a.npz"))
    assert set(data.labels) == set(labels)
    assert data.train.shape == (2, 64, 64, 3)


NAN = np.full((4, 5, 5), np.nan, np.float32)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"images": NAN}, "NaN"),
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
        ({"train": GREY, "images": GREY}, "name them"),
        ({"one": GREY, "two": GREY}, "one, two - name them"),
        ({"test": GREY}, "test - name them"),
        ({"table": np.zeros((20, 3))}, "table - name them"),
        ({"images": GREY.astype(np.complex64)}, "store uint8"),
        ({"images": np.asfortranarray(GREY)}, "column by column"),
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
    np.savez_compressed(tmp_path / "a.npz", images=np.zeros((200, 99, 99), np.uint8))
    assert len(load_data(str(tmp_path / "a.npz")).train) == 180  # of a sort, but no bomb
    monkeypatch.setattr("models.reading.arrays.array_files.MAX_UNPACKED_BYTES", 2**20)
    with pytest.raises(BadInput, match="unpacks to more"):
        load_data(str(tmp_path / "a.npz"))


@pytest.mark.parametrize(
    ("pictures", "white"),
    [
        (GREY.astype(np.int64), 255),
        (GREY.astype(np.float32), 255),
        (RNG.integers(0, 4096, (20, 9, 9)).astype(np.uint16), 4095),
        (RNG.integers(0, 4096, (20, 9, 9)).astype(">u2"), 4095),
        (RNG.integers(0, 2**16, (20, 9, 9)).astype(np.uint16), 65535),
        (GREY > 99, 1),
    ],
)
def test_deep_numbers_have_one_scale_that_is_recorded(
    tmp_path: Path, pictures: np.ndarray, white: int
) -> None:
    pictures[3] = 0
    pictures[3, 0, 0] = white
    data = load_data(save_npz(tmp_path / "a.npz", train=pictures[:15], test=pictures[15:]))
    expected = np.rint(pictures.astype(np.float64) * 255 / white)
    both = np.concatenate([data.train, data.test])[..., 0]
    assert np.abs(both - expected).max() <= 1  # a half may go either way
    assert both[3].max() == 255
    if pictures.dtype != np.bool_:
        assert data.card["range"] == {np.dtype(pictures.dtype).name: [0, white]}
        assert f"{white} white" in str(data.card["remark"])


def test_bytes_of_0_and_1_are_black_and_white(tmp_path: Path) -> None:
    data = load_data(save_npz(tmp_path / "a.npz", imgs=(GREY > 99).astype(np.uint8)))
    assert set(np.unique(data.train)) == {0, 255}
    assert "0 and 1 alone" in str(data.card["remark"])


def test_medmnist(tmp_path: Path) -> None:
    """Its six arrays: labels are columns, and validation is kept apart from training and test."""
    label = np.arange(20)[:, None]
    data = load_data(
        save_npz(
            tmp_path / "bloodmnist.npz",
            train_images=GREY[:10], val_images=GREY[10:14], test_images=GREY[14:],
            train_labels=label[:10], val_labels=label[10:14], test_labels=label[14:],
        )
    )  # fmt: skip
    assert np.array_equal(data.train[..., 0], GREY[:10])
    assert np.array_equal(data.test[..., 0], GREY[14:])
    assert data.labels["label"][0].tolist() == [*range(10)]
    assert data.labels["label"][1].tolist() == [*range(14, 20)]
    assert "Left out: 4 for validation" in str(data.card["remark"])


def test_validation_is_the_test_set_where_there_is_no_other(tmp_path: Path) -> None:
    data = load_data(save_npz(tmp_path / "a.npz", train=GREY[:15], valid=GREY[15:]))
    assert np.array_equal(data.test[..., 0], GREY[15:])
    assert "no test set, so the validation set is it" in str(data.card["remark"])


def test_the_names_that_keras_gives(tmp_path: Path) -> None:
    y = np.arange(20, dtype=np.uint8)
    spec = save_npz(
        tmp_path / "mnist.npz", x_train=GREY[:15], y_train=y[:15], x_test=GREY[15:], y_test=y[15:]
    )
    data = load_data(spec)
    assert np.array_equal(data.test[..., 0], GREY[15:])
    assert data.labels["label"][1].tolist() == [15, 16, 17, 18, 19]


def test_one_array_of_pictures_under_any_name_and_its_labels(tmp_path: Path) -> None:
    spec = save_npz(
        tmp_path / "a.npz", faces=GREY, labels=np.arange(20), targets=np.arange(20) / 7,
        latents_classes=np.stack([np.arange(20), np.arange(20) % 2], 1), other=np.arange(3),
    )  # fmt: skip
    data = load_data(spec)
    assert np.array_equal(data.train[..., 0], GREY[data.labels["label"][0]])
    assert set(data.labels) == {"label", "latents_0", "latents_1"}
    remark = str(data.card["remark"])
    assert "Not read: the arrays other" in remark


def test_labels_that_are_no_classes_are_said_to_be_left_out(tmp_path: Path) -> None:
    spec = save_npz(tmp_path / "a.npz", images=GREY, y=np.arange(20) / 7)
    data = load_data(spec)
    assert data.labels == {}
    assert "Not taken as labels: label (of type float64" in str(data.card["remark"])


@pytest.mark.parametrize("options", [{}, {"image_size": 16}])
def test_pictures_that_are_not_square_are_cut_as_those_of_a_folder(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    wide = RNG.integers(0, 256, (20, 20, 32, 3), dtype=np.uint8)
    data = load_data(save_npz(tmp_path / "a.npz", images=wide), **options)
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, picture in enumerate(wide):
        Image.fromarray(picture).save(folder / f"{number:02}.png")
    same = load_data(str(folder), **options)
    assert np.array_equal(data.train, same.train) and np.array_equal(data.test, same.test)
    assert data.train.shape[1:3] == (options.get("image_size", 28),) * 2
    assert "20 were cut to the square" in str(data.card["remark"])


def test_a_large_archive_is_mapped_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.reading.arrays.array_files.IN_MEMORY_BYTES", 100)
    data = load_data(save_npz(tmp_path / "a.npz", train=RGB[:6], test=RGB[6:]))
    assert isinstance(data.train, np.memmap) and isinstance(data.test, np.memmap)
    assert Path(str(data.train.filename)) == tmp_path / "a.npz"
    assert np.array_equal(data.train, RGB[:6]) and np.array_equal(data.test, RGB[6:])
    grey = load_data(save_npz(tmp_path / "a.npz", train=RGB[:6], test=RGB[6:]), channels=1)
    assert grey.train.shape == (6, 12, 12, 1)
