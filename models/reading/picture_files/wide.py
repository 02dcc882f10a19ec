"""Numbers deeper than 8 bits that Pillow alone would cut or misread.

It has no mode for colours of 16 bits: it unpacks them to their high byte, which leaves a camera
of 12 bits black. Told the other byte order it unpacks the low byte, so that a second decode of
the same file, with the same bounds, gives all 16. In a TIFF the colours may also lie in planes
of their own, and libtiff has brought numbers to this machine's order that Pillow turns again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageFile

from models.reading.picture_files.orientation import upright

_OTHER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}
_GREY_AND_ALPHA = "LA;16B"
_BIG_ENDIAN = ("I;16BS", "I;32B", "I;32BS", "F;32BF")
_BITS_TAG, _PLANAR_TAG, _ALPHA_TAG = 258, 284, 338
_LIBTIFF = "libtiff"
_DARK = 64  # a high byte below this: less than 14 of 16 bits are used
_ROWS_AT_ONCE = 256


class NotRead(ValueError):
    """A TIFF of 16 bits whose colours lie in planes, compressed or with alpha."""

    def __init__(self) -> None:
        super().__init__(
            "is a TIFF of separate 16-bit colour planes that are compressed or have alpha, which "
            "is not read here - save it with interleaved colours or as PNG."
        )


@dataclass(frozen=True)
class Wide:
    """Deep colours, or deep grey with alpha.

    Attributes:
        numbers: uint16 with shape `(H, W, C)`: grey and alpha, RGB, or RGB and alpha.
        is_premultiplied: Whether alpha is in the colours already.
    """

    numbers: np.ndarray
    is_premultiplied: bool = False


def load_wide(image: ImageFile.ImageFile, again: Callable[[], ImageFile.ImageFile]) -> Wide | None:
    """All 16 bits of a picture that was opened and not loaded yet, upright.

    Args:
        image: The picture; it is loaded where it is wide, and else left as it is.
        again: Opens the same picture once more.

    Returns:
        None where 8 bits a channel are all there is, or numbers of one channel.

    Raises:
        NotRead: They cannot be had.
    """
    packings = [_packing(image, tile) for tile in image.tile]
    if None in packings or not packings:
        return None
    if packings[0] == _GREY_AND_ALPHA:  # four bytes a pixel, as RGBA has: taken as they lie
        _load_packed(image, ["RGBA"])
        pairs = np.ascontiguousarray(np.asarray(upright(image)))
        return Wide(pairs.view(">u2").astype(np.uint16))
    other = again()
    _load_packed(other, packings)
    numbers = _rows(upright(other), 8)
    del other  # so that one of the two is in memory at a time
    _load_packed(image, [f"{packing[:-1]}{_OTHER[packing[-1]]}" for packing in packings if packing])
    numbers |= _rows(upright(image), 0)
    return Wide(numbers, _tags(image).get(_ALPHA_TAG) == (1,))


def load_narrow(image: ImageFile.ImageFile) -> None:
    """Load a picture that is not wide, with its numbers in the right order.

    Raises:
        NotRead: Its colours are of 16 bits that cannot be had, and their high bytes are dark.
    """
    image.tile = [tile._replace(args=_in_order(image, tile)) for tile in image.tile]
    image.load()
    tags = _tags(image)
    in_planes = len(image.getbands()) > 1 and tags.get(_PLANAR_TAG) == 2
    if in_planes and tags[_BITS_TAG][0] == 16 and np.asarray(image.getextrema()).max() < _DARK:
        raise NotRead()


def decoder_arguments(tile: Any) -> tuple[Any, ...]:
    """What a part of an opened picture tells its decoder, the packing first."""
    return (tile.args,) if isinstance(tile.args, str) else tile.args or ("",)


def _in_order(image: ImageFile.ImageFile, tile: Any) -> Any:
    """What a part should tell its decoder; the same but for TIFFs that Pillow misreads."""
    packing, *rest = decoder_arguments(tile)
    if tile.codec_name == _LIBTIFF and packing in _BIG_ENDIAN and sys.byteorder == "little":
        return (packing.replace("B", ""), *rest)
    if packing == "I" and image.mode.startswith("I;16"):  # one plane alone is all of them
        return (image.mode, *rest)
    return tile.args


def _packing(image: ImageFile.ImageFile, tile: Any) -> str | None:
    """How the 16-bit colours of a part lie in the file, the byte order at the end; or None."""
    raw = decoder_arguments(tile)[0]
    if image.format == "PNG" and getattr(image, "is_animated", False):
        return None  # its frames are laid over each other in 8 bits
    if image.format == "PPM":
        return "RGB;16B" if tile.codec_name == "ppm" and tile.args == ("RGB", 65_535) else None
    tags = _tags(image)
    if tags.get(_PLANAR_TAG) == 2 and tags.get(_BITS_TAG, (8,))[0] == 16:
        return _packing_of_plane(raw, tags.prefix)
    if raw == _GREY_AND_ALPHA:
        return raw
    stem, _, order = str(raw).partition(";16")
    is_wide = stem in ("RGB", "RGBA", "RGBX", "RGBa") and order in _OTHER
    return f"{stem.upper()};16{order}" if is_wide else None


def _packing_of_plane(raw: str, prefix: bytes) -> str | None:
    if raw == "A":
        raise NotRead()
    return f"{raw};16{'L' if prefix == b'II' else 'B'}" if raw in ("R", "G", "B") else None


def _tags(image: Image.Image) -> Any:
    return getattr(image, "tag_v2", {})


def _load_packed(image: ImageFile.ImageFile, packings: Sequence[str | None]) -> None:
    """Load a picture whose parts are said to be packed so."""
    tiles = []
    for tile, packing in zip(image.tile, packings, strict=True):
        rest = decoder_arguments(tile)[1:]
        if tile.codec_name == "ppm":  # two bytes a number need no decoder of their own
            tile, rest = tile._replace(codec_name="raw"), (0, 1)
        tiles.append(tile._replace(args=(packing, *rest)))
    image.tile = tiles
    image.load()


def _rows(image: Image.Image, shift: int) -> np.ndarray:
    """The bytes of a picture as uint16, shifted; by rows, since a copy of all is large."""
    width, height = image.size
    out = np.empty((height, width, len(image.getbands())), np.uint16)
    for top in range(0, height, _ROWS_AT_ONCE):
        part = image.crop((0, top, width, min(height, top + _ROWS_AT_ONCE)))
        out[top : top + _ROWS_AT_ONCE] = np.asarray(part, np.uint16) << shift
    return out
