"""The header of a picture file: what it is, and whether it may be unpacked.

A decode is bounded before it starts: the sides and pixels that the header promises, and only
the formats of `FORMATS`, none of which runs a program or opens a second file.
"""

from __future__ import annotations

import io

from PIL import Image, ImageFile

from models.errors import BadInput
from models.reading.picture_files import heif

MAX_PIXELS = 80_000_000
MAX_SIDE = 20_000
FORMATS = (
    *("PNG", "JPEG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "ICO", "JPEG2000"),
    *("AVIF", "QOI", heif.FORMAT),
)
heif.register()

_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"\0\0\1\0", b"qoif", b"\0\0\0\x0cjP")
_MAGIC += tuple(b"P%d" % n for n in range(1, 7))


def identify(data: bytes, label: str) -> ImageFile.ImageFile:
    """A picture file opened and not loaded; refused where its header is enough to refuse it.

    Raises:
        BadInput: It is no picture, of a format that is not read, or would be too large.
    """
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise too_many_pixels(label) from error
    except Exception as error:  # a parser that is fed anything may raise anything
        raise BadInput(f"{label} {_why_unknown(data)}") from error
    check_size(image.size, label)
    return image


def check_size(size: tuple[int, int], label: str) -> None:
    """Refuse a width and height, in pixels, that would take too much memory."""
    width, height = size
    if max(width, height) > MAX_SIDE:
        raise BadInput(
            f"{label} is {width} × {height} pixels, and a side may have {MAX_SIDE:,} at most - "
            "make it smaller or cut a part out."
        )
    if width * height > MAX_PIXELS:
        raise too_many_pixels(label)


def too_many_pixels(label: str) -> BadInput:
    """The error for a picture of too many pixels."""
    return BadInput(
        f"{label} unpacks to more than {MAX_PIXELS // 10**6} million pixels - "
        "make it smaller or cut a part out."
    )


def _why_unknown(data: bytes) -> str:
    """What a file is that no decoder accepts, and what to do with it."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    brand = data[8:12] if data[4:8] == b"ftyp" else b""
    do = "export it as PNG or JPEG and choose that."
    if head.startswith((b"<!doctype html", b"<html")):
        return "is a web page - save the picture itself, not the page around it."
    if b"<svg" in head:
        return f"is an SVG drawing, which is not read here - {do}"
    if head.startswith(b"%pdf"):
        return "is a PDF document, which is not read here - export the page as PNG or JPEG."
    if head.startswith(b"%!ps") or data.startswith(b"\xc5\xd0\xd3\xc6"):
        return f"is a PostScript drawing, which is not read here - {do}"
    if data.startswith((b"8BPS", b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return f"is a Photoshop or JPEG XL picture, which is not read here - {do}"
    if brand and brand not in heif.BRANDS | {b"avif", b"avis"}:
        return "is a video - save one frame of it as PNG or JPEG and choose that."
    if data.startswith(_TIFF):
        return (
            "is cut off or damaged, or a TIFF of a kind that is not read here - export it again, "
            "as PNG or as a TIFF of 8 or 16 bits or 32-bit floats."
        )
    if brand or data.startswith(_MAGIC) or data[8:12] == b"WEBP":
        return "is cut off or damaged - copy or export it again."
    return "is not a picture that can be read - choose a PNG, JPEG, HEIC, WebP, GIF, BMP or TIFF."
