"""A PNG that remembers how it came about.

The picture carries three text chunks (PNG, third edition, section 11.3.3): the recipe and
the image reference as JSON, and the model-sized source as a PNG of its own, in base64:

    strata:recipe   iTXt, compressed
    strata:ref      iTXt, compressed
    strata:source   iTXt, plain, since a PNG does not compress

Dropped back in, they restore the state exactly. They come from strangers too, so the
chunks are read here within bounds: their number, their size packed and unpacked, and
their checksum.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from models.errors import BadInput
from models.reading.pictures import open_picture

RECIPE_KEY, REF_KEY, SOURCE_KEY = "strata:recipe", "strata:ref", "strata:source"
MAX_JSON_BYTES = 2**19
MAX_SOURCE_BYTES = 8 * 2**20
MAX_SOURCE_SIDE = 1024
MAX_SAVED_SIDE = 8192

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_MAX_CHUNKS = 100_000
_LIMITS = {
    RECIPE_KEY: MAX_JSON_BYTES,
    REF_KEY: MAX_JSON_BYTES,
    SOURCE_KEY: 4 * -(-MAX_SOURCE_BYTES // 3),
}
_BROKEN = "the saved state in this PNG {} - open the PNG as Strata saved it, not a changed copy."


@dataclass(frozen=True)
class PictureState:
    """What a saved PNG restores.

    Args:
        recipe_json: The recipe, a JSON object; its fields are not checked here.
        ref_json: The image reference, a JSON object; its fields are not checked here.
        source: The model-sized source, uint8 with shape `(H, W, C)`, bit for bit.
    """

    recipe_json: str
    ref_json: str
    source: np.ndarray


def encode_png(pixels: np.ndarray) -> bytes:
    """uint8 pixels with shape `(H, W, C)`, C = 1 or 3, as a PNG; `read_state` gives them back."""
    return _png(_to_image(pixels), None)


def visible_scale(height: int, width: int, side: int = 512) -> int:
    """The integer factor that brings the long side closest to `side` without passing it."""
    return max(1, side // max(height, width))


def save_png(
    pixels: np.ndarray, recipe_json: str, ref_json: str, source_png: bytes, scale: int
) -> bytes:
    """A decoded picture as a PNG with the state that made it.

    Args:
        pixels: uint8 with shape `(H, W, C)`, C = 1 or 3.
        recipe_json: The recipe as JSON.
        ref_json: The image reference as JSON.
        source_png: `encode_png` of the model-sized source.
        scale: Each pixel becomes a square of this side; `visible_scale` chooses one.

    Raises:
        ValueError: A part is larger than `read_state` would take back.
    """
    source = base64.b64encode(source_png).decode("ascii")
    texts = {RECIPE_KEY: recipe_json, REF_KEY: ref_json, SOURCE_KEY: source}
    info = PngInfo()
    for key, text in texts.items():
        if len(text.encode()) > _LIMITS[key]:
            raise ValueError(f"{key} is too large to be saved in a PNG")
        info.add_itxt(key, text, zip=key != SOURCE_KEY)
    if scale < 1 or max(pixels.shape[:2]) * scale > MAX_SAVED_SIDE:
        raise ValueError(f"scale {scale} gives no side from 1 to {MAX_SAVED_SIDE}")
    return _png(_to_image(pixels.repeat(scale, axis=0).repeat(scale, axis=1)), info)


def read_state(data: bytes) -> PictureState | None:
    """The state in the bytes of a PNG, or None for a picture without one.

    Raises:
        BadInput: There is a state and it is broken, incomplete or too large.
    """
    texts: dict[str, str] = {}
    for kind, body, is_intact in _chunks(data):
        key = body[:80].split(b"\0", 1)[0].decode("latin-1")
        if key not in _LIMITS:
            continue
        if not is_intact:
            raise BadInput(_BROKEN.format("is damaged"))
        if key in texts:
            raise BadInput(_BROKEN.format(f"has {key} twice"))
        texts[key] = _text(kind, body, _LIMITS[key])
    if not texts:
        return None
    for key in _LIMITS:
        if key not in texts:
            raise BadInput(_BROKEN.format(f"lacks {key}"))
    return PictureState(
        _checked_json(texts[RECIPE_KEY], RECIPE_KEY),
        _checked_json(texts[REF_KEY], REF_KEY),
        _source(texts[SOURCE_KEY]),
    )


def _to_image(pixels: np.ndarray) -> Image.Image:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] not in (1, 3):
        raise ValueError(f"not uint8 (H, W, 1 or 3): {pixels.dtype} {pixels.shape}")
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)


def _png(image: Image.Image, info: PngInfo | None) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bool]]:
    """The chunks of a PNG as (kind, body, whether it is whole), up to its end or its break."""
    if not data.startswith(_SIGNATURE):
        return
    at = len(_SIGNATURE)
    for _ in range(_MAX_CHUNKS):
        if at + 8 > len(data):
            return
        length, kind = struct.unpack_from(">L4s", data, at)
        body, check = data[at + 8 : at + 8 + length], data[at + 8 + length : at + 12 + length]
        if kind in (b"tEXt", b"zTXt", b"iTXt"):
            whole = len(check) == 4 and zlib.crc32(kind + body) == int.from_bytes(check, "big")
            yield kind, body, whole
        if kind == b"IEND":
            return
        at += 12 + length


def _text(kind: bytes, body: bytes, limit: int) -> str:
    """The text of a chunk of any kind, since tools change one into another."""
    try:
        payload, is_packed, encoding = _payload(kind, body)
        text = _unpack(payload, limit) if is_packed else payload
        decoded = text.decode(encoding)
    except (IndexError, ValueError, zlib.error) as error:
        raise BadInput(_BROKEN.format("is damaged")) from error
    if len(text) > limit:
        raise BadInput(_BROKEN.format("is too large"))
    return decoded


def _payload(kind: bytes, body: bytes) -> tuple[bytes, bool, str]:
    """What follows a text chunk's header, whether it is packed, and its encoding."""
    rest = body.split(b"\0", 1)[1]
    if kind == b"tEXt":
        return rest, False, "latin-1"
    is_packed, method = (True, rest[0]) if kind == b"zTXt" else (rest[0] == 1, rest[1])
    if method != 0:
        raise ValueError("an unknown compression")
    if kind == b"zTXt":
        return rest[1:], True, "latin-1"
    return rest[2:].split(b"\0", 2)[2], is_packed, "utf-8"


def _unpack(packed: bytes, limit: int) -> bytes:
    """The unpacked bytes, one more than `limit` at most: what is past that is not unpacked."""
    inflate = zlib.decompressobj()
    text = inflate.decompress(packed, limit + 1)
    if len(text) <= limit and not inflate.eof:
        raise ValueError("cut off")
    return text


def _checked_json(text: str, key: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadInput(_BROKEN.format(f"has a {key} that is no JSON")) from error
    if not isinstance(value, dict):
        raise BadInput(_BROKEN.format(f"has a {key} that is no JSON object"))
    return text


def _source(text: str) -> np.ndarray:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput(_BROKEN.format("has a source that is no base64")) from error
    if not data.startswith(_SIGNATURE):
        raise BadInput(_BROKEN.format("has a source that is no PNG"))
    width, height = struct.unpack_from(">LL", data.ljust(24, b"\0"), 16)
    if max(width, height) > MAX_SOURCE_SIDE:
        raise BadInput(_BROKEN.format("has a source that is too large"))
    pixels = np.array(open_picture(data, "the source in this PNG"), dtype=np.uint8)
    return pixels.reshape(*pixels.shape[:2], -1)


def rgb(pixels: np.ndarray) -> np.ndarray:
    """Grey or colour pixels `(…, H, W, C)` with three channels."""
    colours = pixels if pixels.shape[-1] == 3 else np.repeat(pixels, 3, axis=-1)
    return np.ascontiguousarray(colours)


def data_url(png: bytes) -> str:
    """A PNG as a data URL."""
    return "data:image/png;base64," + to_base64(png)


def to_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
