"""What one file of a visitor may cost, and what its header has to say before it is unpacked.

    pixels   a format that is slow to unpack may have fewer of them, by its header
    time     of the processor; on Windows, which cannot count that, of the clock
    memory   of a process that decodes, where the system keeps to it: Linux

The caps are for those who share a server. On the command line files are one's own.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import ImageFile

from models.errors import BadInput
from models.reading.files import check_bytes, shown_name
from models.reading.picture_files.headers import MAX_PIXELS, identify


@dataclass(frozen=True)
class Limits:
    """What a process that decodes may take.

    Args:
        cpu_s: Seconds of the processor for a file.
        clock_s: Seconds of the clock for a file; more, since a busy machine gives it little.
        memory_bytes: In all.
    """

    cpu_s: int = 20
    clock_s: float = 120.0
    memory_bytes: int = 3 * 2**30  # deep colours with alpha take most of it


DO = "make it smaller, or save it as JPEG or PNG"

_MILLION = 10**6
_TEXT = "a PPM in plain text"
# What takes half of the time at most; formats that are not named unpack all of MAX_PIXELS in it.
_MOST = {"a JPEG 2000": 16 * _MILLION, "a QOI": 4 * _MILLION, _TEXT: 2 * _MILLION}
_NAMES = {"JPEG2000": "a JPEG 2000", "HEIF": "a HEIC", "DIB": "a BMP"}


def admit(data: bytes, name: str) -> str:
    """What a picture file is, in words; refused where its header is enough to refuse it.

    Raises:
        BadInput: It is empty, too large, no picture, or has more pixels than its format may.
    """
    label = shown_name(name)
    check_bytes(len(data), label)
    with identify(data, label) as image:
        kind, (width, height) = _kind(image), image.size
    facts = f"{kind} of {width:,} × {height:,} pixels"
    most = most_pixels(kind)
    if width * height > most:
        raise BadInput(
            f"{label} is {facts}, {width * height / _MILLION:.1f} million, and {kind} given here "
            f"may have {most // _MILLION} million, since it is slow to unpack - {DO}."
        )
    return facts


def most_pixels(kind: str) -> int:
    """How many pixels a file of a kind, in words, may have."""
    return _MOST.get(kind, MAX_PIXELS)


def too_long(label: str, facts: str, time: str) -> BadInput:
    """The error for a file that was given up after a time, in words."""
    return BadInput(
        f"{label}, {facts}, was given up after {time}, the most that a file given here may take - "
        f"{DO}."
    )


def too_hungry(label: str, facts: str, limits: Limits) -> BadInput:
    """The error for a file that asked for more memory than it may have."""
    return BadInput(
        f"{label}, {facts}, needs more than {limits.memory_bytes // 2**20:,} MiB of memory to "
        f"unpack, the most that a file given here may take - {DO}."
    )


def broke(label: str, facts: str) -> BadInput:
    """The error for a file that ended the process which read it."""
    return BadInput(f"{label}, {facts}, is damaged: it broke what reads it - export it again.")


def _kind(image: ImageFile.ImageFile) -> str:
    form = image.format or "a picture"
    if form == "PPM" and any(tile.codec_name == "ppm_plain" for tile in image.tile):
        return _TEXT
    article = "an" if form[0] in "AI" else "a"
    return _NAMES.get(form, f"{article} {form}")
