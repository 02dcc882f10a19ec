"""Picture files of every format, made here, end upright, or as a clear error."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.errors import BadInput
from models.reading import files as picture_files
from models.reading.picture_files.ranges import Range, range_used
from models.reading.pictures import Crop, crop_box, fit, fit_square, open_picture
from tests.models.picture_samples import BLUE, RED, WHITE, assert_near, at, halves, saved


@pytest.mark.parametrize(
    ("form", "options", "slack"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, 0),
        ("PPM", {}, 0),
        ("GIF", {}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("DIB", {}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 4),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 4),
        ("JPEG2000", {}, 0),
        ("AVIF", {"quality": 95}, 6),
        ("QOI", {}, 0),
    ],
)
def test_a_format_keeps_its_colours(form: str, options: dict[str, object], slack: int) -> None:
    if form not in Image.SAVE:
        Image.init()
    if form not in Image.SAVE:
        pytest.skip(f"this Pillow does not write {form}")
    image = open_picture(saved(halves(), form, **options), "x")
    assert (image.mode, image.size) == ("RGB", (16, 8))
    assert_near(at(image, 1, 4), RED, slack)
    assert_near(at(image, 14, 4), BLUE, slack)


def test_an_icon_is_read_in_its_largest_size() -> None:
    data = saved(halves(64, 64), "ICO", sizes=[(16, 16), (64, 64)])
    image = open_picture(data, "favicon.ico")
    assert image.size == (64, 64)
    assert_near(at(image, 5, 5), RED, 0)
    assert_near(at(image, 60, 5), BLUE, 0)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_is_taken(form: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE, WHITE)]
    extra = {"lossless": True} if form == "WEBP" else {}
    data = saved(frames[0], form, save_all=True, append_images=frames[1:], **extra)
    with Image.open(io.BytesIO(data)) as written:
        assert getattr(written, "n_frames", 1) == 3
    assert_near(np.asarray(open_picture(data)), np.full((8, 8, 3), RED), 0)


def test_too_many_bytes() -> None:
    with pytest.raises(BadInput, match=r"big\.png has 32\.0 MiB"):
        open_picture(bytes(picture_files.MAX_BYTES + 1), "big.png")


def test_a_name_in_a_message_is_printable_and_short() -> None:
    with pytest.raises(BadInput) as caught:
        open_picture(b"", "a\n\x1b[31m" + "b" * 5000)
    assert str(caught.value).startswith("a??[31mb") and len(str(caught.value)) < 250


def test_a_path(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(saved(halves(), "PNG"))
    assert open_picture(path).size == (16, 8)
    path.write_bytes(b"no")
    with pytest.raises(BadInput, match=r"^photo\.png is not a picture"):
        open_picture(path)
    with pytest.raises(BadInput, match=r"^gone\.png does not exist"):
        open_picture(tmp_path / "gone.png")
    with pytest.raises(BadInput, match="is not a file"):
        open_picture(tmp_path)
    (tmp_path / "large.png").touch()
    os.truncate(tmp_path / "large.png", picture_files.MAX_BYTES + 1)
    with pytest.raises(BadInput, match="at most 32 MiB"):
        open_picture(tmp_path / "large.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(BadInput, match="is not a file"):
        open_picture(tmp_path / "pipe.png")


def test_a_picture_of_the_models_size_is_unchanged() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (28, 20, 3), np.uint8)
    assert np.array_equal(fit_square(Image.fromarray(pixels), (3, 28, 20)), pixels)
    grey = pixels[:, :, :1]
    assert np.array_equal(fit_square(Image.fromarray(grey[:, :, 0]), (1, 28, 20)), grey)


def test_the_default_crop_is_the_centre() -> None:
    image = Image.new("RGB", (300, 100), RED)
    image.paste(BLUE, (100, 0, 200, 100))
    pixels = fit_square(image, (3, 10, 10))
    assert pixels.shape == (10, 10, 3) and pixels.dtype == np.uint8
    assert np.array_equal(pixels, np.full((10, 10, 3), BLUE))


def test_a_crop_of_whole_pixels_copies_them() -> None:
    pixels = np.random.default_rng(3).integers(0, 256, (40, 60, 3), np.uint8)
    crop = Crop(13 / 60, 7 / 40, 16 / 40)
    cut = fit_square(Image.fromarray(pixels), (3, 16, 16), crop)
    assert np.array_equal(cut, pixels[7:23, 13:29])


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        (None, (50, 0, 150, 100)),
        (Crop(0.0, 0.0, 1.0), (0, 0, 100, 100)),
        (Crop(0.9, 0.9, 0.5), (150, 50, 200, 100)),
        (Crop(-1.0, -1.0, 0.5), (0, 0, 50, 50)),
        (Crop(0.25, 0.25, 0.5), (50, 25, 100, 75)),
    ],
)
def test_crop_boxes(crop: Crop | None, box: tuple[float, ...]) -> None:
    assert crop_box((200, 100), (1, 28, 28), crop) == box


def test_a_crop_has_the_models_aspect() -> None:
    assert crop_box((200, 100), (3, 32, 16)) == (75, 0, 125, 100)
    assert crop_box((200, 100), (3, 16, 64)) == (0, 25, 200, 75)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2)])
@pytest.mark.parametrize("crop", [None, Crop(0.3, 0.3, 0.02), Crop(1.0, 1.0, 1.0)])
def test_hair_thin_pictures_have_a_cut(size: tuple[int, int], crop: Crop | None) -> None:
    pixels = fit_square(Image.new("L", size, 77), (3, 28, 28), crop)
    assert np.unique(pixels).tolist() == [77]


def test_grey_and_colour_models() -> None:
    colour = fit_square(halves(), (1, 8, 8))
    assert colour.shape == (8, 8, 1)
    assert_near([colour[4, 0, 0], colour[4, 7, 0]], [76, 29], 1)  # ITU-R 601 luma
    grey = fit_square(Image.new("L", (9, 9), 50), (3, 4, 4))
    assert grey.shape == (4, 4, 3) and np.unique(grey).tolist() == [50]


def test_shrinking_averages_and_does_not_alias() -> None:
    stripes = np.zeros((512, 512), np.uint8)
    stripes[:, ::2] = 255
    pixels = fit_square(Image.fromarray(stripes), (1, 16, 16))
    assert_near(pixels, np.full((16, 16, 1), 128), 2)


def test_a_model_of_two_channels_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="1 or 3 channels"):
        fit_square(halves(), (2, 8, 8))


# --- cutting at any depth ------------------------------------------------------------


def test_bytes_are_cut_as_their_picture_is() -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (40, 60, 3), np.uint8)
    crop = Crop(0.2, 0.1, 0.7)
    for shape in ((3, 16, 16), (1, 16, 16)):
        assert np.array_equal(
            fit(pixels, shape, crop), fit_square(Image.fromarray(pixels), shape, crop)
        )
    grey = fit(pixels[..., :1], (3, 8, 8))
    assert np.array_equal(grey, fit_square(Image.fromarray(pixels[..., 0]), (3, 8, 8)))


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_deep_numbers_are_cut_as_bytes_are(dtype: type) -> None:
    """The same picture in numbers 16 times as large comes out 16 times as large."""
    image = Image.fromarray(np.random.default_rng(6).integers(0, 256, (6, 9, 3), np.uint8))
    smooth = np.asarray(image.resize((90, 60), Image.Resampling.BICUBIC))
    for shape in ((3, 20, 20), (1, 20, 20)):
        cut = fit(smooth.astype(dtype) * 16, shape, Crop(0.1, 0.2, 0.8))
        assert cut.dtype == dtype and cut.shape == (20, 20, shape[0])
        assert_near(cut / 16, fit(smooth, shape, Crop(0.1, 0.2, 0.8)), 2)


@pytest.mark.parametrize("dtype", [np.uint16, np.int64, np.float64])
def test_a_deep_picture_of_the_models_size_is_unchanged(dtype: type) -> None:
    pixels = (np.random.default_rng(7).uniform(0, 2**40, (8, 6, 3)) % 60_000).astype(dtype)
    assert np.array_equal(fit(pixels, (3, 8, 6)), pixels)
    wide = np.concatenate([pixels, pixels[:, :2]], axis=1)
    assert np.array_equal(fit(wide, (3, 8, 6), Crop(0.0, 0.0, 1.0)), pixels)
    assert np.array_equal(fit(pixels[..., :1], (3, 8, 6)), np.repeat(pixels[..., :1], 3, axis=2))


def test_a_filter_adds_nothing_to_the_range_that_is_used() -> None:
    edges = np.zeros((64, 64, 1), np.uint16)
    edges[16:48, 16:48] = 4095
    assert range_used(fit(edges, (1, 40, 40))) == Range(0, 4095)


def test_what_is_no_number_stays_where_it_is() -> None:
    pixels = np.full((64, 64, 1), 0.5, np.float32)
    pixels[:8, :8], pixels[56:, 56:] = np.nan, np.inf
    cut = fit(pixels, (1, 16, 16))
    assert np.isfinite(cut).all() and np.unique(cut).tolist() == [0.5]
    nothing = np.full((4, 4, 1), np.nan, np.float32)
    assert np.unique(fit(nothing, (1, 2, 2))).tolist() == [0.0]


def test_two_channels_are_a_mistake_of_ours_at_any_depth() -> None:
    with pytest.raises(ValueError, match="1 or 3 channels"):
        fit(np.zeros((4, 4, 3), np.uint16), (2, 2, 2))
