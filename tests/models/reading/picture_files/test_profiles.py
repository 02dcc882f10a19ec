"""Embedded profiles become sRGB; the oracle is the mathematics of the spaces, not a library."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageCms

from models.reading.pictures import open_first, open_frames, open_picture
from tests.models.deep_samples import (
    ADOBE_RGB,
    D50,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    cmyk_profile,
    grey_profile,
    iccp,
    png_of,
    rgb_profile,
    srgb_of,
    srgb_of_xyz,
    tiff,
    xyz_of_lab,
)
from tests.models.picture_samples import WHITE, assert_near, at, saved

SPACES = {"P3": (DISPLAY_P3, 2.2), "Adobe RGB": (ADOBE_RGB, 2.2), "ProPhoto": (PROPHOTO, 1.8)}
COLOUR = (150, 100, 60)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
def test_a_wide_space_is_converted(space: str, form: str) -> None:
    options = {"lossless": True} if form == "WEBP" else {"quality": 95} if form != "PNG" else {}
    data = saved(
        Image.new("RGB", (16, 16), COLOUR), form, **options, icc_profile=rgb_profile(*SPACES[space])
    )
    expected = srgb_of(COLOUR, *SPACES[space])
    assert np.abs(expected - COLOUR).max() > 8, "a picture that nobody converted would pass"
    assert_near(at(open_picture(data), 5, 5), expected.round(), 2 if form in ("PNG", "TIFF") else 4)


@pytest.mark.parametrize("mode", ["RGBA", "P", "transparent colour"])
def test_alpha_stays_as_it_was(mode: str) -> None:
    """Colours are converted first and laid over white then, in sRGB."""
    profile = rgb_profile(*SPACES["Adobe RGB"])
    image = Image.new("RGBA", (4, 1), (*COLOUR, 255))
    image.putpixel((0, 0), (*COLOUR, 0))
    image.putpixel((1, 0), (*COLOUR, 102))
    expected = srgb_of(COLOUR, *SPACES["Adobe RGB"])
    half = 0.4 * expected + 0.6 * 255
    options: dict[str, object] = {}
    if mode == "P":
        image = Image.new("P", (4, 1), 2)
        image.putpalette([*COLOUR] * 3)
        image.putdata([0, 1, 2, 2])
        options = {"transparency": bytes([0, 102, 255])}
    if mode == "transparent colour":
        image = image.convert("RGB")
        image.putpixel((0, 0), (1, 2, 3))
        options["transparency"], half = (1, 2, 3), expected
    shown = open_picture(saved(image, "PNG", icc_profile=profile, **options))
    assert_near(np.asarray(shown)[0], np.round(np.stack([WHITE, half, expected, expected])), 2)


@pytest.mark.parametrize("name", ["made", "of lcms", "described by a gamma"])
def test_a_profile_of_srgb_changes_no_bit(name: str) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    chunks = {"of lcms": iccp(srgb), "described by a gamma": (b"gAMA", (45_455).to_bytes(4, "big"))}
    if name == "made":
        steps = np.arange(256) / 255
        curve = np.where(steps <= 0.04045, steps / 12.92, ((steps + 0.055) / 1.055) ** 2.4)
        body = b"curv\0\0\0\0\0\0\1\0" + (curve * 65_535).round().astype(">u2").tobytes()
        chunks[name] = iccp(_with_curve(rgb_profile(SRGB, 2.2), body))
    opened = open_first(png_of(pixels, chunks[name]))
    assert opened.profile is None and np.array_equal(np.asarray(opened.image), pixels)


def _with_curve(profile: bytes, curve: bytes) -> bytes:
    """A profile of `rgb_profile` with another curve, at its end."""
    out = bytearray(profile + curve)
    out[:4] = len(out).to_bytes(4, "big")
    for place in range(132, 132 + 12 * 8, 12):
        if bytes(out[place + 1 : place + 4]) == b"TRC":
            out[place + 4 : place + 12] = b"".join(
                n.to_bytes(4, "big") for n in (len(profile), len(curve))
            )
    return bytes(out)


@pytest.mark.parametrize("mode", ["L", "LA"])
@pytest.mark.parametrize("kind", ["grey", "RGB"])
def test_a_grey_picture_stays_grey(mode: str, kind: str) -> None:
    """A grey JPEG of a phone holds the profile of the phone's colours, which gives its curve."""
    profile = grey_profile(1.8) if kind == "grey" else rgb_profile(PROPHOTO, 1.8)
    image = Image.fromarray(np.array([[0, 60, 120, 255]], np.uint8)).convert(mode)
    opened = open_first(saved(image, "PNG", icc_profile=profile))
    assert opened.image.mode == "L" and opened.profile
    expected = [srgb_of((v, v, v), SRGB, 1.8)[0].round() for v in (0, 60, 120, 255)]
    assert abs(expected[1] - 60) > 8
    assert_near(np.asarray(opened.image)[0], expected, 1)


def test_alpha_of_grey_is_kept() -> None:
    image = Image.new("LA", (2, 1), (60, 0))
    image.putpixel((1, 0), (60, 255))
    shown = open_picture(saved(image, "PNG", icc_profile=grey_profile(1.8)))
    assert_near(np.asarray(shown)[0], [255, srgb_of((60,) * 3, SRGB, 1.8)[0].round()], 1)


LAB = np.array([[[100, 0, 0], [62, -30, -40]], [[50, 65, 5], [30, 25, -45]]])  # by C and M


@pytest.mark.parametrize("form", ["JPEG", "TIFF"])
def test_inks_are_what_their_profile_says(form: str) -> None:
    """Corners are read off the profile's table: white, cyan, and black where all is dark."""
    corners = np.zeros((2, 2, 2, 2, 3))
    corners[:, :, 0, 0] = np.moveaxis(LAB, 0, 1)
    image = Image.new("CMYK", (48, 16))
    image.paste((255, 0, 0, 0), (16, 0, 32, 16))
    image.paste((255, 255, 0, 0), (32, 0, 48, 16))
    options = {"quality": 98, "subsampling": 0} if form == "JPEG" else {}
    opened = open_first(saved(image, form, icc_profile=cmyk_profile(corners), **options))
    assert opened.profile == "inks"
    expected = srgb_of_xyz(xyz_of_lab(corners[[0, 1, 1], [0, 0, 1], 0, 0]))
    assert_near([at(opened.image, x, 8) for x in (8, 24, 40)], expected.round(), 5)


def test_white_stays_white_whatever_the_paper() -> None:
    """Relative colorimetric: the white that a profile names is that of its paper."""
    corners = np.zeros((2, 2, 2, 2, 3))
    corners[0, 0, 0, 0] = (100, 0, 0)
    xyz, paper = ((D50 * k * 65_536).round().astype(">i4").tobytes() for k in (1, 0.8))
    head, *tags = cmyk_profile(corners).split(b"XYZ \0\0\0\0" + xyz)
    assert len(tags) == 1, "the white of the paper is the one tag of D50"
    profile = head + b"XYZ \0\0\0\0" + paper + tags[0]
    opened = open_first(saved(Image.new("CMYK", (4, 4)), "TIFF", icc_profile=profile))
    assert opened.profile and opened.image.getpixel((1, 1)) == (255, 255, 255)


BROKEN = {
    "empty": lambda p: b"",
    "cut": lambda p: p[:200],
    "no profile": lambda p: bytes(600),
    "another space": lambda p: p[:16] + b"HSV " + p[20:],
    "of inks": lambda p: p[:16] + b"CMYK" + p[20:],
    "lost tags": lambda p: p[:128] + b"\xff" * (len(p) - 128),
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "CMYK"])
def test_a_broken_profile_is_as_none(case: str, mode: str) -> None:
    form = "TIFF" if mode == "CMYK" else "PNG"
    image = Image.new(mode, (8, 8), COLOUR + (200,) * (len(mode) - 3) if mode != "L" else 77)
    broken = BROKEN[case](rgb_profile(*SPACES["P3"]))
    opened = open_first(saved(image, form, icc_profile=broken))
    assert opened.profile is None
    assert np.array_equal(np.asarray(opened.image), np.asarray(open_picture(saved(image, form))))


def test_random_damage_of_a_profile_never_spoils_the_picture() -> None:
    rng = np.random.default_rng(3)
    whole = rgb_profile(*SPACES["P3"])
    for _ in range(60):
        damaged = bytearray(whole)
        for place in rng.integers(0, len(damaged), 6):
            damaged[place] = rng.integers(256)
        image = Image.new("RGB", (4, 4), COLOUR)
        assert open_picture(saved(image, "PNG", icc_profile=bytes(damaged))).size == (4, 4)


def test_lab_of_a_tiff_is_converted_once() -> None:
    lab = Image.new("LAB", (4, 4), (138, 209, 198))  # sRGB red under D50, as Pillow stores it
    for options in ({}, {"icc_profile": _lab_profile()}):
        assert_near(at(open_picture(saved(lab, "TIFF", **options)), 1, 1), (255, 0, 0), 6)


def _lab_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bits_with_a_profile_are_converted_and_told(kind: str) -> None:
    profile = rgb_profile(*SPACES["P3"])
    deep = np.full((4, 4, 3), COLOUR, np.uint16) * 257
    data = png_of(deep, iccp(profile)) if kind == "PNG" else tiff(deep, tags={34675: profile})
    [frame] = open_frames(data)
    assert frame.pixels.dtype == np.uint8 and frame.profile == "wide"
    assert_near(frame.pixels[1, 1], srgb_of(COLOUR, *SPACES["P3"]).round(), 2)
    dark = png_of(np.full((4, 4, 3), COLOUR, np.uint16) * 16, iccp(profile))
    assert open_picture(dark).getpixel((1, 1)) == pytest.approx(frame.pixels[1, 1], abs=2)


def test_a_page_does_not_take_the_profile_of_the_page_before() -> None:
    page = np.full((4, 4, 3), COLOUR, np.uint8)
    pages = tiff(page, page, first={34675: rgb_profile(*SPACES["P3"])})
    shown = list(open_frames(pages))
    assert [frame.profile for frame in shown] == ["wide", None]
    assert np.array_equal(shown[1].pixels, page) and not np.array_equal(shown[0].pixels, page)
