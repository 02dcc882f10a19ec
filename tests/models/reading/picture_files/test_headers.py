"""What cannot be read is refused by its header, with what it is and what to do."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable

import pytest

from models.errors import BadInput
from models.reading.pictures import open_picture
from tests.models.picture_samples import halves, png, saved


def _bare_bomb(width: int, height: int) -> bytes:
    return png((width, height, 8, 0), b"\0" * 100)


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty": (lambda: b"", "empty"),
    "text": (lambda: b"hello, this is no picture at all", "not a picture"),
    "zeros": (lambda: bytes(5000), "not a picture"),
    "zip": (lambda: b"PK\3\4" + bytes(100), "not a picture"),
    "svg": (lambda: b"<?xml version='1.0'?>\n<svg xmlns='x'/>", "SVG"),
    "heic": (lambda: b"\0\0\0\x18ftypheic" + bytes(200), "cut off"),
    "heif": (lambda: b"\0\0\0\x18ftypmif1" + bytes(200), "cut off"),
    "cut HEIC": (lambda: saved(halves(64, 64), "HEIF")[:-300], "cut off"),
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


def test_a_bomb_in_an_icon() -> None:
    """The list of an icon says 16 × 16 where the PNG inside says more than Pillow unpacks."""
    inner = _bare_bomb(19_000, 19_000)
    entry = struct.pack("<BBBBHHLL", 16, 16, 0, 0, 1, 32, len(inner), 22)
    with pytest.raises(BadInput, match="80 million pixels"):
        open_picture(struct.pack("<HHH", 0, 1, 1) + entry + inner, "x.ico")
