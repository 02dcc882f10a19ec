"""A PNG that names its colours by numbers is shown in those colours."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from PIL import Image

from models.reading.pictures import open_first
from tests.models.deep_samples import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    SRGB,
    iccp,
    png_of,
    rgb_profile,
    srgb_of,
    srgb_of_xyz,
    xyz_of,
)
from tests.models.picture_samples import assert_near

COLOUR = (150, 100, 60)
PIXELS = np.full((4, 4, 3), COLOUR, np.uint8)


def gama(exponent: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">L", round(exponent * 100_000))


def chrm(primaries: tuple[float, ...]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8L", *(round(p * 100_000) for p in primaries))


def cicp(*points: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes(points)


def shown(*chunks: tuple[bytes, bytes], pixels: np.ndarray = PIXELS) -> np.ndarray:
    return np.asarray(open_first(png_of(pixels, *chunks)).image)[1, 1]


def test_display_p3_by_its_number() -> None:
    share = np.array(COLOUR) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    expected = srgb_of_xyz(linear @ xyz_of(DISPLAY_P3).T)
    assert np.abs(expected - COLOUR).max() > 8
    assert_near(shown(cicp(12, 13, 0, 1)), expected.round(), 1)
    assert open_first(png_of(PIXELS, cicp(12, 13, 0, 1))).profile == "Display P3"


def test_the_first_of_two_descriptions_counts() -> None:
    profile = iccp(rgb_profile(PROPHOTO, 1.8))
    assert_near(shown(cicp(12, 4, 0, 1), profile), srgb_of(COLOUR, DISPLAY_P3, 2.2).round(), 1)
    assert_near(shown(profile, gama(1.0)), srgb_of(COLOUR, PROPHOTO, 1.8).round(), 1)
    assert shown((b"sRGB", b"\0"), gama(1.0)).tolist() == list(COLOUR)


@pytest.mark.parametrize("exponent", [1.0, 1 / 1.8])
def test_a_gamma_is_undone(exponent: float) -> None:
    expected = srgb_of(COLOUR, SRGB, 1 / exponent)
    assert_near(shown(gama(exponent)), expected.round(), 1)
    grey = shown(gama(exponent), pixels=np.full((4, 4, 1), 60, np.uint8))
    assert_near(grey, srgb_of((60,) * 3, SRGB, 1 / exponent)[0].round(), 1)


def test_chromaticities_with_a_gamma() -> None:
    expected = srgb_of(COLOUR, ADOBE_RGB, 1.8)
    assert_near(shown(gama(1 / 1.8), chrm(ADOBE_RGB)), expected.round(), 1)


@pytest.mark.parametrize(
    "chunks",
    [
        (gama(0.45455),),
        (gama(0.45455), chrm(SRGB)),
        (chrm(ADOBE_RGB),),
        (cicp(1, 13, 0, 1),),
        (cicp(9, 16, 0, 1),),
        (cicp(12, 13, 1, 1),),
        (cicp(12, 13),),
        (gama(0.0),),
        (gama(1.0), chrm((0.0,) * 8)),
        (gama(1.0), chrm((0.3, 0.3) * 4)),
        (gama(1.0), chrm((0.1, 0.0) * 4)),
    ],
)
def test_what_says_srgb_or_nothing_of_use_changes_no_bit(
    chunks: tuple[tuple[bytes, bytes], ...],
) -> None:
    opened = open_first(png_of(PIXELS, *chunks))
    assert opened.profile is None and np.array_equal(np.asarray(opened.image), PIXELS)


def test_the_chunk_is_found_before_the_pixels_only() -> None:
    body = png_of(PIXELS)
    hidden = body + struct.pack(">L", 4) + b"cICP\x0c\x0d\0\1" + bytes(4)
    assert np.array_equal(np.asarray(open_first(hidden).image), PIXELS)
    assert isinstance(open_first(body).image, Image.Image)
