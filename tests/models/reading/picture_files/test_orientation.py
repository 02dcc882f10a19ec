"""A picture is turned as its EXIF says, in every format that holds EXIF."""

from __future__ import annotations

import pytest
from PIL import Image

from models.reading.pictures import open_picture
from tests.models.picture_samples import BLUE, RED, WHITE, assert_near, at, halves, saved


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
    if form == "HEIF":
        # What turns a HEIF is a property of its own, which this writer takes from EXIF in bytes.
        options |= {"quality": -1, "chroma": 444, "exif": exif.tobytes()}
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


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "HEIF"])
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
