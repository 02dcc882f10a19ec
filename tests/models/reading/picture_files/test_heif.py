"""HEIC, the phone's own format: its pixels, its colours, and which of its pictures is the first."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from models.reading.packs.packs import open_pack, pack_blocks
from models.reading.picture_files.png_colour import profile_of_points
from models.reading.pictures import open_first, open_frames, open_picture
from tests.models.picture_samples import BLUE, RED, assert_near, halves, saved

PLAIN = {"quality": -1, "chroma": 444}  # as near as HEVC comes to the pixels
GREEN = (0, 255, 0)
P3, SRGB_CURVE = 12, 13
COLOUR = (250, 120, 30)


def heic(image: Image.Image, **more: object) -> bytes:
    return saved(image, "HEIF", **PLAIN, **more)


def patch(**more: object) -> bytes:
    return heic(Image.new("RGB", (64, 64), COLOUR), **more)


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_its_pixels_are_those_of_the_picture(mode: str) -> None:
    image = halves(64, 32).convert(mode)
    shown = open_picture(heic(image), "IMG_0001.HEIC")
    assert (shown.mode, shown.size) == (mode, (64, 32))
    assert_near(np.asarray(shown), np.asarray(image), 3)


def test_what_is_transparent_lies_over_white() -> None:
    shown = open_picture(heic(Image.new("RGBA", (64, 64), (0, 0, 200, 0))))
    assert_near(np.asarray(shown), 255, 2)


def test_an_embedded_profile_is_converted_to_srgb() -> None:
    profile = profile_of_points(P3, SRGB_CURVE)
    assert profile is not None
    opened = open_first(patch(icc_profile=profile))
    known = open_first(saved(Image.new("RGB", (64, 64), COLOUR), "PNG", icc_profile=profile))
    assert opened.profile == "Display P3"
    assert_near(np.asarray(opened.image), np.asarray(known.image), 3)
    assert np.abs(np.asarray(known.image).astype(int) - COLOUR).max() > 5


def test_colours_named_by_code_points_are_converted_as_those_of_a_profile() -> None:
    by_points = open_first(patch(color_primaries=P3, transfer_characteristics=SRGB_CURVE))
    by_profile = open_first(patch(icc_profile=profile_of_points(P3, SRGB_CURVE)))
    assert by_points.profile == "Display P3"
    assert_near(np.asarray(by_points.image), np.asarray(by_profile.image), 1)


@pytest.mark.parametrize("points", [(1, 13), (2, 2)])
def test_srgb_and_points_that_say_nothing_change_nothing(points: tuple[int, int]) -> None:
    opened = open_first(patch(color_primaries=points[0], transfer_characteristics=points[1]))
    assert opened.profile is None
    assert_near(np.asarray(opened.image), COLOUR, 3)


def test_an_srgb_profile_changes_nothing() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert open_first(patch(icc_profile=srgb)).profile is None


@pytest.mark.parametrize("primary", [0, 1, 2])
def test_the_picture_that_the_file_opens_with_is_the_first(primary: int) -> None:
    first, *rest = (Image.new("RGB", (64, 64), colour) for colour in (RED, GREEN, BLUE))
    data = heic(first, save_all=True, append_images=rest, primary_index=primary)
    colours = [RED, GREEN, BLUE]
    order = [colours.pop(primary), *colours]
    shown = [frame.pixels[32, 32] for frame in open_frames(data)]
    assert len(shown) == 3
    for pixel, colour in zip(shown, order, strict=True):
        assert_near(pixel, colour, 4)
    opened = open_first(data)
    assert opened.has_more
    assert_near(np.asarray(opened.image)[32, 32], order[0], 4)


def test_photos_in_a_zip_are_read(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "phone.zip", "w") as archive:
        archive.writestr("IMG_1.HEIC", heic(halves(64, 32)))
        archive.writestr("IMG_2.hif", heic(halves(64, 32)))
    pack = open_pack(tmp_path / "phone.zip")
    assert pack.names == ("IMG_1.HEIC", "IMG_2.hif")
    blocks = list(pack_blocks(pack, np.array([True, True])))
    assert [block.pixels.shape for block in blocks] == [(1, 32, 64, 3)] * 2
