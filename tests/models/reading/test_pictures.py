"""Picture files of every format, made here, end upright, or as a clear error."""

from __future__ import annotations

import io
import os
import struct
import threading
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFile

from models.errors import BadInput
from models.reading import files as picture_files
from models.reading.pictures import Crop, crop_box, fit_square, open_picture
from tests.models.picture_samples import BLUE, RED, WHITE, assert_near, at, halves, png, saved

# --- formats -------------------------------------------------------------------------


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


# --- orientation ---------------------------------------------------------------------


def _with_orientation(turn: int, form: str) -> bytes:
    """A picture whose stored pixels, once turned as EXIF says, are red over blue at the left."""
    stored = Image.new("RGB", (32, 16), WHITE)
    stored.paste(RED, (0, 0, 16, 8))
    stored.paste(BLUE, (16, 0, 32, 8))
    exif = Image.Exif()
    exif[0x0112] = turn
    options: dict[str, object] = {"exif": exif}
    if form == "JPEG":
        options |= {"quality": 95, "subsampling": 0}
    if form == "WEBP":
        options |= {"lossless": True}
    return saved(stored, form, **options)


# Where the stored top left (red) and top right (blue) corners end up: EXIF 2.32, table 6.
CORNERS = {
    1: ("top left", "top right"),
    2: ("top right", "top left"),
    3: ("bottom right", "bottom left"),
    4: ("bottom left", "bottom right"),
    5: ("top left", "bottom left"),
    6: ("top right", "bottom right"),
    7: ("bottom right", "top right"),
    8: ("bottom left", "top left"),
}


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("turn", range(1, 9))
def test_a_picture_is_turned_as_its_exif_says(turn: int, form: str) -> None:
    image = open_picture(_with_orientation(turn, form))
    assert image.size == ((32, 16) if turn <= 4 else (16, 32))
    right, bottom = image.width - 3, image.height - 3
    places = {"top left": (2, 2), "top right": (right, 2)}
    places |= {"bottom left": (2, bottom), "bottom right": (right, bottom)}
    red, blue = CORNERS[turn]
    for place, (x, y) in places.items():
        expected = RED if place == red else BLUE if place == blue else WHITE
        assert_near(at(image, x, y), expected, 6)


@pytest.mark.parametrize("value", [0, 9, 300])
def test_an_orientation_out_of_range_turns_nothing(value: int) -> None:
    assert open_picture(_with_orientation(value, "JPEG")).size == (32, 16)


def test_broken_exif_does_not_spoil_the_picture() -> None:
    data = saved(halves(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xffgarbage", quality=95)
    assert open_picture(data).size == (16, 8)


def test_the_place_of_a_photo_does_not_travel_on() -> None:
    exif = Image.Exif()
    exif[0x010E] = "at home"
    image = open_picture(saved(halves(), "PNG", exif=exif))
    assert image.info == {}
    assert b"at home" not in saved(image, "PNG")


# --- what cannot be read -------------------------------------------------------------


def _bare_bomb(width: int, height: int) -> bytes:
    return png((width, height, 8, 0), b"\0" * 100)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "text": (lambda: b"hello, this is no picture at all", "not a picture"),
    "zeros": (lambda: bytes(5000), "not a picture"),
    "zip": (lambda: b"PK\3\4" + bytes(100), "not a picture"),
    "svg": (lambda: b"<?xml version='1.0'?>\n<svg xmlns='x'/>", "SVG"),
    "heic": (lambda: b"\0\0\0\x18ftypheic" + bytes(200), "HEIC"),
    "heif": (lambda: b"\0\0\0\x18ftypmif1" + bytes(200), "HEIC"),
    "pdf": (lambda: b"%PDF-1.7\n" + bytes(200), "PDF"),
    "eps": (lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "PostScript"),
    "psd": (lambda: b"8BPS\0\1" + bytes(200), "Photoshop"),
    "mp4": (lambda: b"\0\0\0\x18ftypmp42" + bytes(200), "video"),
    "html": (lambda: b"<!DOCTYPE html><html><svg></svg></html>", "web page"),
    "cut header": (lambda: saved(halves(), "PNG")[:20], "cut off"),
    "many pixels": (lambda: _bare_bomb(19_000, 19_000), "80 million pixels"),
    "above Pillow's warning": (lambda: _bare_bomb(10_000, 9_500), "80 million pixels"),
    "below Pillow's warning": (lambda: _bare_bomb(9_000, 9_000), "80 million pixels"),
    "wide": (lambda: _bare_bomb(30_000, 10), "30000 × 10"),
    "high": (lambda: _bare_bomb(10, 30_000), "10 × 30000"),
    "text bomb": (
        lambda: png((2, 1, 8, 0), b"\0\1\2", (b"zTXt", b"k\0\0" + zlib.compress(bytes(2**22)))),
        "damaged",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_is_wrong_and_what_to_do(case: str) -> None:
    make, reason = BAD[case]
    with pytest.raises(BadInput) as caught:
        open_picture(make(), "holiday.png")
    message = str(caught.value)
    assert message.startswith("holiday.png ") and reason in message
    assert " - " in message and message.endswith(".")


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))


@pytest.mark.parametrize("keep", [0.5, 0.9])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "PPM", "ICO", "TIFF"])
def test_a_truncated_file_is_refused(form: str, keep: float) -> None:
    data = saved(_noise(), form, **({"sizes": [(64, 64)]} if form == "ICO" else {}))
    open_picture(data)
    with pytest.raises(BadInput, match="cut off or damaged"):
        open_picture(data[: int(len(data) * keep)], "x")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "AVIF", "JPEG2000", "ICO"])
def test_random_damage_gives_a_picture_or_bad_input(form: str) -> None:
    rng = np.random.default_rng(1)
    whole = bytearray(saved(halves(64, 64), form))
    for _ in range(40):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 8):
            data[place] = rng.integers(256)
        try:
            assert open_picture(bytes(data), "x").mode in ("L", "RGB")
        except BadInput as error:
            assert str(error).startswith("x ")


def test_too_many_bytes() -> None:
    with pytest.raises(BadInput, match=r"big\.png has 32\.0 MiB"):
        open_picture(bytes(picture_files.MAX_BYTES + 1), "big.png")


def test_a_bomb_in_an_icon() -> None:
    """The list of an icon says 16 × 16 where the PNG inside says more than Pillow unpacks."""
    inner = _bare_bomb(19_000, 19_000)
    entry = struct.pack("<BBBBHHLL", 16, 16, 0, 0, 1, 32, len(inner), 22)
    with pytest.raises(BadInput, match="80 million pixels"):
        open_picture(struct.pack("<HHH", 0, 1, 1) + entry + inner, "x.ico")


def test_warnings_neither_leak_nor_change(recwarn: pytest.WarningsRecorder) -> None:
    before = list(warnings.filters)
    with pytest.raises(BadInput):
        open_picture(_bare_bomb(10_000, 9_500), "x")
    open_picture(png((2, 1, 8, 0), b"\0\1\2", (b"acTL", bytes(8))), "a broken APNG")
    assert list(warnings.filters) == before
    assert len(recwarn) == 0
    assert Image.MAX_IMAGE_PIXELS == 89_478_485


def test_many_threads_decode_at_once() -> None:
    data = saved(halves(), "PNG")
    before, results = list(warnings.filters), []
    work = [threading.Thread(target=lambda: results.append(open_picture(data))) for _ in range(16)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len({image.tobytes() for image in results}) == 1 and len(results) == 16
    assert list(warnings.filters) == before


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


# --- cutting -------------------------------------------------------------------------


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
