"""Frames as bytes: the header, byte by byte, and which format is used when."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from explorer.live.packets import EXACT, LOSSY, QUICK, RAW_BYTES, Facts, packet
from explorer.render.frame import Frame
from tests.explorer.serving import Packet, unpack


def frame(side: int, channels: int = 3) -> Frame:
    """A smooth picture."""
    ramp = np.linspace(0, 255, side)
    planes = [np.add.outer(ramp, (c + 1) * ramp) / (c + 2) for c in range(channels)]
    return Frame(np.ascontiguousarray(np.stack(planes, -1).astype(np.uint8)))


def opened(found: Packet) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(found.body))).reshape(found.shape)


def test_the_header_byte_by_byte() -> None:
    pixels = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    message = packet(Frame(pixels), Facts(0x01020304, 1.5, 2.25, 7, 5))
    # fmt: off
    assert message[:24] == bytes((
        2, 0, 3, 5,               # a rung, raw, three channels, level 5
        4, 3, 2, 1,               # seq
        3, 0, 2, 0,               # width, height
        0xDC, 0x05, 0, 0,         # 1,500 µs
        0xCA, 0x08, 0, 0,         # 2,250 µs
        7, 0, 0, 0,               # depth
    ))
    # fmt: on
    assert message[24:] == pixels.tobytes()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("haste", [QUICK, EXACT])
def test_a_small_picture_is_sent_as_it_is(channels: int, haste: str) -> None:
    picture = frame(64, channels)
    found = unpack(packet(picture, Facts(1), haste))
    assert (found.kind, found.form) == (1, 0)
    np.testing.assert_array_equal(found.pixels, picture.pixels)


@pytest.mark.parametrize("channels", [1, 3])
def test_on_a_slow_link_a_small_picture_is_a_jpeg_close_to_it(channels: int) -> None:
    picture = frame(64, channels)
    found = unpack(packet(picture, Facts(1), LOSSY))
    assert found.form == 1
    assert len(found.body) < picture.pixels.nbytes / 2
    error = np.abs(opened(found).astype(int) - picture.pixels.astype(int))
    assert 0 < error.max() <= 12


def test_a_large_picture_is_a_jpeg_in_haste_and_exact_where_it_must_be() -> None:
    picture = frame(256)
    assert picture.pixels.nbytes > RAW_BYTES
    assert unpack(packet(picture, Facts(1), QUICK)).form == 1
    exact = unpack(packet(picture, Facts(1), EXACT))
    assert exact.form == 2
    np.testing.assert_array_equal(opened(exact), picture.pixels)


def test_times_and_depths_that_are_too_long_are_capped_not_wrapped() -> None:
    message = packet(frame(4), Facts(1, decode_ms=1e9, server_ms=-1.0, depth=70_000))
    assert message[12:16] == b"\xff\xff\xff\xff"
    assert message[16:20] == b"\0\0\0\0"
    assert message[20:22] == b"\xff\xff"
