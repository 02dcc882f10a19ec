"""What a format may have of pixels is judged by the header, before anything is unpacked."""

from __future__ import annotations

import struct

import pytest
from PIL import Image

from explorer.images.decoding.caps import admit, most_pixels
from models.errors import BadInput
from tests.models.picture_samples import halves, png, saved


def _jpeg_2000(width: int, height: int) -> bytes:
    """A small one whose header says that it is large."""
    data = bytearray(saved(halves(), "JPEG2000"))
    at = data.index(b"ihdr") + 4
    data[at : at + 8] = struct.pack(">LL", height, width)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (_jpeg_2000(8_900, 8_900), "a JPEG 2000 of 8,900 × 8,900 pixels, 79.2 million"),
        (b"P3 5000 1000 255\n0 0 0 ", "a PPM in plain text of 5,000 × 1,000 pixels, 5.0 million"),
        (b"P1 5000 1000\n0 0 0 ", "a PPM in plain text"),
        (b"qoif" + struct.pack(">LLBB", 5_000, 1_000, 3, 0), "a QOI of 5,000 × 1,000"),
    ],
)
def test_a_slow_format_may_have_fewer_pixels(data: bytes, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        admit(data, "scan")
    message = str(caught.value)
    assert message.startswith("scan is ") and said in message
    assert "may have" in message and "make it smaller" in message


@pytest.mark.parametrize(
    ("data", "facts"),
    [
        (_jpeg_2000(3_000, 4_000), "a JPEG 2000 of 3,000 × 4,000 pixels"),
        (b"P6 5000 1000 255\n0 0 0 ", "a PPM of 5,000 × 1,000 pixels"),
        (png((8_000, 9_000, 8, 0), b"\0" * 100), "a PNG of 8,000 × 9,000 pixels"),
        (saved(Image.new("RGB", (64, 48)), "HEIF"), "a HEIC of 64 × 48 pixels"),
        (saved(Image.new("RGB", (64, 48)), "AVIF"), "an AVIF of 64 × 48 pixels"),
    ],
)
def test_what_is_admitted_is_said_in_words(data: bytes, facts: str) -> None:
    assert admit(data, "scan") == facts


@pytest.mark.parametrize(
    ("kind", "most"), [("a JPEG 2000", 16), ("a QOI", 4), ("a PPM in plain text", 2), ("a PNG", 80)]
)
def test_the_caps(kind: str, most: int) -> None:
    assert most_pixels(kind) == most * 10**6


def test_what_nothing_reads_is_refused_as_ever() -> None:
    with pytest.raises(BadInput, match="80 million pixels"):
        admit(png((9_000, 9_000, 8, 0), b""), "scan")
    with pytest.raises(BadInput, match=r"empty \(0 bytes\)"):
        admit(b"", "scan")
