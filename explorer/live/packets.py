"""Frames as bytes: the binary messages of the live path, and when a frame is compressed.

A message is a header of 24 bytes, little-endian, and the picture behind it:

    kind u8 · format u8 · channels u8 · level u8 · seq u32 · width u16 · height u16
    decode_us u32 · server_us u32 · depth u16 · 0 u16

`kind` is FRAME or RUNG (of the ladder; `level` is then its subscript), `seq` the number of the
request that it answers, `decode_us` the time of the decode, `server_us` the time from the
request's arrival to here, both in microseconds, and `depth` how many jobs waited for the device.
The page's side is `desk/js/live/packets.js`.

How a picture is written depends on what it is for:

    QUICK   raw, and JPEG if it is larger than RAW_BYTES
    LOSSY   JPEG, on a slow link, where the page asks for it
    EXACT   raw, and PNG if it is larger than RAW_BYTES; bit for bit what the model drew
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL import Image

from explorer.images.png_state import encode_png
from explorer.render.frame import Frame

HEADER = struct.Struct("<BBBBIHHIIHH")
FRAME, RUNG = 1, 2
RAW, JPEG, PNG = 0, 1, 2
QUICK, LOSSY, EXACT = "quick", "lossy", "exact"
RAW_BYTES = 64 * 1024
JPEG_QUALITY = 90


@dataclass(frozen=True)
class Facts:
    """What is said of a picture beside its pixels.

    Args:
        seq: Number of the request that it answers.
        decode_ms: Milliseconds of the decode.
        server_ms: Milliseconds since the request came.
        depth: Jobs that waited for the device.
        level: Subscript of a rung; 0 for the frame itself.
    """

    seq: int
    decode_ms: float = 0.0
    server_ms: float = 0.0
    depth: int = 0
    level: int = 0


def is_raw(frame: Frame, haste: str) -> bool:
    """Whether a frame is sent as raw pixels, which costs no time worth a thread."""
    return haste != LOSSY and frame.pixels.nbytes <= RAW_BYTES


def packet(frame: Frame, facts: Facts, haste: str = QUICK) -> bytes:
    """One binary message.

    Args:
        frame: 8-bit pixels, with shape `(H, W, C)`.
        facts: What the header says.
        haste: QUICK, LOSSY or EXACT.
    """
    height, width, channels = frame.pixels.shape
    form, body = _written(frame, haste)
    header = HEADER.pack(
        RUNG if facts.level else FRAME,
        form,
        channels,
        facts.level,
        facts.seq,
        width,
        height,
        _microseconds(facts.decode_ms),
        _microseconds(facts.server_ms),
        min(facts.depth, 0xFFFF),
        0,
    )
    return header + body


def _written(frame: Frame, haste: str) -> tuple[int, bytes]:
    """The format of a picture and its bytes."""
    if is_raw(frame, haste):
        return RAW, frame.pixels.tobytes()
    if haste == EXACT:
        return PNG, encode_png(frame.pixels)
    return JPEG, jpeg(frame)


def jpeg(frame: Frame) -> bytes:
    """A frame as JPEG with full colour resolution."""
    pixels = frame.pixels[..., 0] if frame.pixels.shape[-1] == 1 else frame.pixels
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return buffer.getvalue()


def _microseconds(ms: float) -> int:
    return max(0, min(round(1000 * ms), 0xFFFF_FFFF))
