"""Pictures and recipes that a stranger may send: right ones, changed at random by a seed."""

from __future__ import annotations

import io
import json
import random
import struct
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from models.reading.picture_files import heif

Json = dict[str, Any]

FORMATS = (
    *("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "ICO", "JPEG2000", "AVIF", "QOI"),
    heif.FORMAT,
)
TEXT = b"P3 9 9 255\n" + b" ".join(b"%d" % (n * 7 % 256) for n in range(243))
SIZES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF)
OTHERS = (None, True, -1, 1e308, "x" * 200, [], {}, [[[]]], 2**70, "\0", [1] * 500)

heif.register()


def picture(chance: random.Random) -> bytes:
    """A file of one of the formats that are read, changed in one to three places."""
    data = chance.choice(originals())
    for _ in range(chance.randint(1, 3)):
        data = chance.choice(CHANGES)(data, chance)
    return data


def recipe(right: Json, chance: random.Random) -> Json:
    """A recipe with one value changed to something else."""
    found = json.loads(json.dumps(right))
    place: Any = found
    key: Any = chance.choice(list(found))
    while isinstance(place[key], list | dict) and place[key] and chance.random() < 0.7:
        place = place[key]
        key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
    place[key] = chance.choice(OTHERS)
    return found


@cache
def originals() -> tuple[bytes, ...]:
    """Small files of every format and of several depths and numbers of frames."""
    pixels = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    colour, deep = Image.fromarray(pixels), Image.fromarray(pixels[..., 0].astype(np.uint16) * 99)
    exif = Image.Exif()
    exif[0x0112] = 6
    files = [saved(colour, form) for form in FORMATS]
    files += [saved(colour.convert("RGBA"), form) for form in ("PNG", "WEBP", "TIFF", heif.FORMAT)]
    files += [saved(colour.convert("P"), form) for form in ("PNG", "GIF", "BMP", "TIFF")]
    files += [saved(deep, form) for form in ("PNG", "TIFF", "JPEG2000")]
    files += [saved(colour, "TIFF", compression=kind) for kind in ("tiff_lzw", "jpeg", "packbits")]
    files += [saved(colour, "JPEG", exif=exif, progressive=True), saved(colour, "PNG", exif=exif)]
    more = {"save_all": True, "append_images": [colour.rotate(180)]}
    files += [saved(colour, form, **more) for form in ("GIF", "PNG", "WEBP", "TIFF", heif.FORMAT)]
    return (*files, TEXT)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    """A picture as a file of a format."""
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def _flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 20)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _cut(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randint(1, len(data))]


def _resized(data: bytes, chance: random.Random) -> bytes:
    """Another number of two or four bytes in the header, of either order."""
    form = chance.choice((">H", "<H", ">L", "<L"))
    number = struct.pack(form, chance.choice(SIZES) & (2 ** (8 * struct.calcsize(form)) - 1))
    at = chance.randrange(min(len(data), 256))
    return data[:at] + number + data[at + len(number) :]


def _doubled(data: bytes, chance: random.Random) -> bytes:
    """A piece of it once more, somewhere else."""
    start = chance.randrange(len(data))
    at = chance.randrange(len(data))
    return data[:at] + data[start : start + chance.randint(1, 400)] + data[at:]


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (_flipped, _cut, _resized, _doubled)
