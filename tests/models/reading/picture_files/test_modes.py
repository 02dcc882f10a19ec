"""Every kind of pixel ends as the 8 bits that it shows, over white."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from models.reading.picture_files.modes import flatten
from models.reading.pictures import open_picture
from tests.models.picture_samples import BLUE, RED, WHITE, assert_near, at, halves, png, saved


def _alpha_quarters(mode: str) -> Image.Image:
    """Black; the left half see-through, the right half opaque."""
    channels = {"RGBA": (0, 0, 0), "LA": (0,)}[mode]
    image = Image.new(mode, (8, 4), (*channels, 0))
    image.paste((*channels, 255), (4, 0, 8, 4))
    return image


@pytest.mark.parametrize(
    ("mode", "form", "result"),
    [("RGBA", "PNG", "RGB"), ("LA", "PNG", "L"), ("RGBA", "WEBP", "RGB"), ("RGBA", "TIFF", "RGB")],
)
def test_what_is_transparent_lies_over_white(mode: str, form: str, result: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {}
    image = open_picture(saved(_alpha_quarters(mode), form, **options))
    assert image.mode == result
    assert np.unique(at(image, 1, 1)).tolist() == [255]
    assert np.unique(at(image, 6, 1)).tolist() == [0]


def test_half_transparent_red_over_white_is_pink() -> None:
    data = saved(Image.new("RGBA", (4, 4), (255, 0, 0, 128)), "PNG")
    assert_near(at(open_picture(data), 2, 2), (255, 127, 127), 1)


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_palette_with_a_transparent_entry(form: str) -> None:
    image = Image.new("P", (8, 4), 0)
    image.putpalette([*RED, *BLUE, 0, 0, 0])
    image.paste(1, (4, 0, 8, 4))
    result = open_picture(saved(image, form, transparency=0))
    assert_near(at(result, 1, 1), WHITE, 0)
    assert_near(at(result, 6, 1), BLUE, 0)


def test_a_palette_with_an_alpha_for_each_entry() -> None:
    image = Image.new("P", (8, 4), 0)
    image.putpalette([0, 0, 0, *BLUE])
    image.paste(1, (4, 0, 8, 4))
    result = open_picture(saved(image, "PNG", transparency=bytes([128, 255])))
    assert_near(at(result, 1, 1), (127, 127, 127), 1)
    assert_near(at(result, 6, 1), BLUE, 0)


@pytest.mark.parametrize("form", ["PNG", "GIF", "BMP"])
def test_a_plain_palette(form: str) -> None:
    result = open_picture(saved(halves().quantize(4), form))
    assert result.mode == "RGB"
    assert_near(at(result, 1, 1), RED, 0)
    assert_near(at(result, 14, 1), BLUE, 0)


@pytest.mark.parametrize(("mode", "key"), [("L", 0), ("1", 0), ("RGB", RED)])
def test_a_colour_named_as_transparent(mode: str, key: object) -> None:
    source = halves() if mode == "RGB" else Image.new(mode, (16, 8), 0)
    if mode != "RGB":
        source.paste(100 if mode == "L" else 1, (8, 0, 16, 8))
    result = open_picture(saved(source, "PNG", transparency=key))
    assert np.unique(at(result, 1, 1)).tolist() == [255]
    assert_near(at(result, 14, 1), {"L": 100, "1": 255, "RGB": BLUE}[mode], 0)


def test_a_16_bit_colour_named_as_transparent() -> None:
    row = b"\0" + struct.pack(">6H", 40_000, 0, 0, 0, 0, 40_000)
    key = (b"tRNS", struct.pack(">3H", 40_000, 0, 0))
    result = open_picture(png((2, 1, 16, 2), row, key))
    assert_near(at(result, 0, 0), WHITE, 0)
    assert_near(at(result, 1, 0), (0, 0, 156), 1)


def test_a_16_bit_grey_named_as_transparent() -> None:
    key = (b"tRNS", struct.pack(">H", 1000))
    result = open_picture(png((2, 1, 16, 0), b"\0" + struct.pack(">2H", 1000, 1001), key))
    assert np.asarray(result).tolist() == [[255, 250]]


def test_a_text_called_transparency_is_only_a_text() -> None:
    text = (b"tEXt", b"transparency\0of a sort")
    assert np.asarray(open_picture(png((2, 1, 8, 0), b"\0\x10\xf0", text))).tolist() == [[16, 240]]


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "PPM"])
def test_one_bit_is_black_and_white(form: str) -> None:
    image = Image.new("1", (16, 8), 0)
    image.paste(1, (8, 0, 16, 8))
    result = open_picture(saved(image, form))
    assert result.mode == "L"
    assert (int(at(result, 1, 1)), int(at(result, 14, 1))) == (0, 255)


@pytest.mark.parametrize(
    ("mode", "form"),
    [("I;16", "PNG"), ("I;16", "TIFF"), ("I;16B", "TIFF"), ("I;16", "PPM")],
)
def test_16_bit_grey_is_scaled_and_not_clipped(mode: str, form: str) -> None:
    values = np.array([[0, 255, 257, 32_768, 65_535]], dtype=np.uint16)
    if mode == "I;16B":
        image = Image.frombytes("I;16B", (5, 1), values.astype(">u2").tobytes())
    else:
        image = Image.fromarray(values)
    result = open_picture(saved(image, form))
    assert result.mode == "L"
    assert_near(np.asarray(result), [[0, 1, 1, 128, 255]], 0)


def test_a_dark_16_bit_ppm_stays_dark() -> None:
    result = open_picture(b"P5 2 1 1023\n" + struct.pack(">2H", 3, 4))
    assert np.asarray(result).tolist() == [[1, 1]]


def test_16_bit_colour() -> None:
    row = b"\0" + struct.pack(">6H", 65_535, 32_768, 0, 0, 257, 65_535)
    result = open_picture(png((2, 1, 16, 2), row))
    assert_near(np.asarray(result), [[(255, 128, 0), (0, 1, 255)]], 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0, 100, 255], [0, 100, 255]),
        ([0, 32_768, 65_535], [0, 128, 255]),
        ([-100, 0, 100], [0, 128, 255]),
        ([0, 2**30, 2**31 - 1], [0, 128, 255]),
        ([70_000, 70_000, 70_000], [0, 0, 0]),
    ],
)
def test_32_bit_integers(values: list[int], expected: list[int]) -> None:
    image = Image.fromarray(np.array([values], dtype=np.int32))
    assert_near(np.asarray(open_picture(saved(image, "TIFF"))), [expected], 0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.0, 0.5, 1.0], [0, 128, 255]),
        ([-0.02, 0.5, 1.02], [0, 128, 255]),
        ([0.0, 100.0, 255.0], [0, 100, 255]),
        ([0.0, 32_768.0, 65_535.0], [0, 128, 255]),
        ([-3.0, 0.0, 3.0], [0, 128, 255]),
        ([float("nan"), 0.5, float("inf")], [0, 128, 255]),
        ([0.0, 0.0, 0.0], [0, 0, 0]),
        ([-3e38, 0.0, 3e38], [0, 128, 255]),
        ([-1e-44, -1e-44, -1e-44], [0, 0, 0]),
        ([-1e-44, -1e-44, 1e-44], [0, 0, 255]),
    ],
)
def test_32_bit_floats(values: list[float], expected: list[int]) -> None:
    image = Image.fromarray(np.array([values], dtype=np.float32))
    assert_near(np.asarray(open_picture(saved(image, "TIFF"))), [expected], 1)


@pytest.mark.parametrize(("form", "slack"), [("TIFF", 0), ("JPEG", 4)])
def test_cmyk_is_not_inverted(form: str, slack: int) -> None:
    image = Image.new("CMYK", (16, 8), (0, 255, 255, 0))
    image.paste((255, 255, 0, 0), (8, 0, 16, 8))
    data = saved(image, form, **({"quality": 95} if form == "JPEG" else {}))
    if form == "JPEG":
        assert b"Adobe" in data[:64], "the Adobe marker says that the inks are inverted"
    result = open_picture(data)
    assert result.mode == "RGB"
    assert_near(at(result, 2, 4), RED, slack)
    assert_near(at(result, 13, 4), BLUE, slack)


def test_lab() -> None:
    # CIE L*a*b* (D50) of sRGB red is (54, 81, 70), of mid grey (53, 0, 0), L of 100; Pillow's
    # is L of 255, and a and b from 128.
    for lab, rgb in {(138, 209, 198): RED, (136, 128, 128): (127, 127, 127)}.items():
        image = open_picture(saved(Image.new("LAB", (4, 4), lab), "TIFF"))
        assert_near(at(image, 1, 1), rgb, 6)


def test_ycbcr() -> None:
    data = saved(Image.new("RGB", (16, 16), RED).convert("YCbCr"), "TIFF", compression="jpeg")
    assert_near(at(open_picture(data), 1, 1), RED, 6)


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "RGBX", "CMYK", "RGBA", "RGBa", "P", "PA"])
def test_every_mode_of_pillow_shows_red(mode: str) -> None:
    if mode == "RGBa":
        image = Image.new("RGBA", (4, 4), RED).convert("RGBa")
    elif mode == "PA":
        image = Image.new("RGB", (4, 4), RED).quantize(2).convert("PA")
    else:
        image = Image.new("RGB", (4, 4), RED).convert(mode)
    flat = flatten(image).pixels
    assert isinstance(flat, Image.Image) and flat.mode == "RGB" and flat is not image
    assert_near(at(flat, 1, 1), RED, 2)


def test_premultiplied_grey() -> None:
    image = Image.new("LA", (4, 4), (100, 128)).convert("La")
    assert_near(np.asarray(flatten(image).pixels)[1, 1], 100 * 128 / 255 + 127, 1)


def test_a_tiff_that_stores_white_as_zero() -> None:
    image = Image.new("L", (4, 4), 40)
    info = TiffImagePlugin.ImageFileDirectory_v2()
    info[262] = 0
    data = saved(image, "TIFF", tiffinfo=info)
    assert np.unique(np.asarray(open_picture(data))).tolist() == [40]
