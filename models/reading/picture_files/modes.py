"""From any of Pillow's pixel modes to grey or RGB over white, in sRGB, at the depth it has.

Modes of 8 bits say what white is and stay of 8 bits. Deeper numbers do not: they are given as they
are, and whoever reads several pictures together decides on one scale for all of them
(`models.reading.picture_files.ranges`). Only where a profile has to be applied is a picture scaled
by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from models.reading.picture_files.profiles import conversion_to_srgb
from models.reading.picture_files.ranges import Range, range_used, to_bytes, white_range
from models.reading.picture_files.wide import Wide

FULL_16 = Range(0.0, 65_535.0)
_ROWS_AT_ONCE = 256
_PHOTOMETRIC_TAG, _SAMPLE_FORMAT_TAG = 262, 339


@dataclass(frozen=True)
class Flat:
    """A picture without alpha, in sRGB.

    Attributes:
        pixels: 8 bits as a picture of mode "L" or "RGB"; deeper ones as uint16 or float32 with
            shape `(H, W, C)`, C = 1 or 3.
        profile: The name of the profile that was converted, or None.
        scale: The numbers that became black and white where the picture was scaled by itself.
    """

    pixels: Image.Image | np.ndarray
    profile: str | None = None
    scale: Range | None = None


def flatten(image: Image.Image) -> Flat:
    """A loaded picture of any mode, over white, with pixels of its own."""
    # A text chunk of a PNG may be called "transparency" too; only the real one is no text.
    if not isinstance(image.info.get("transparency"), int | bytes | tuple):
        image.info.pop("transparency", None)
    if image.mode.startswith("I;16") or image.mode in ("I", "F"):
        return _flat_numbers(_numbers(image), image.info.get("icc_profile"))
    if image.mode == "La":
        image = image.convert("LA")
    grey = image.mode in ("1", "L", "LA")
    if image.has_transparency_data:
        seen = _with_alpha(image, "LA" if grey else "RGBA")
    elif image.mode == "CMYK":
        seen = image
    else:
        seen = image.convert("L" if grey else "RGB")
    conversion = conversion_to_srgb(image.info.get("icc_profile"), seen.mode)
    if conversion:
        seen = conversion.apply(seen)
    return Flat(_over_white(seen), conversion.name if conversion else None)


def flatten_wide(wide: Wide, image: Image.Image) -> Flat:
    """`flatten` for colours of 16 bits, which `image` holds the facts of."""
    numbers = wide.numbers
    key = image.info.get("transparency")
    if numbers.shape[2] in (2, 4):
        numbers = _numbers_over_white(wide)
    elif isinstance(key, tuple):
        numbers = _key_to_white(numbers, np.array(key, np.uint16))
    return _flat_numbers(numbers, image.info.get("icc_profile"))


def own_range(pixels: np.ndarray) -> Range:
    """The numbers that are black and white where a picture is read by itself."""
    return white_range(range_used(pixels), pixels.dtype)


def scaled(pixels: np.ndarray, white: Range) -> Image.Image:
    """Numbers `(H, W, C)` as a picture of mode "L" or "RGB"."""
    out = to_bytes(pixels, white)
    return Image.fromarray(out[..., 0] if out.shape[2] == 1 else out)


def _with_alpha(image: Image.Image, mode: str) -> Image.Image:
    colour = image.info.get("transparency")
    if isinstance(colour, tuple) and max(colour) > 255:
        # A 16-bit PNG names its transparent colour in 16 bits; Pillow kept the high byte.
        image.info["transparency"] = tuple(value >> 8 for value in colour)
    return image.convert(mode)


def _over_white(seen: Image.Image) -> Image.Image:
    if seen.mode not in ("LA", "RGBA"):
        return seen.convert("RGB") if seen.mode == "CMYK" else seen
    white = Image.new("L" if seen.mode == "LA" else "RGB", seen.size, "white")
    white.paste(seen.convert(white.mode), mask=seen.getchannel("A"))
    return white


def _flat_numbers(numbers: np.ndarray, icc: object) -> Flat:
    conversion = conversion_to_srgb(icc, "L" if numbers.shape[2] == 1 else "RGB")
    if conversion is None:
        return Flat(numbers)
    white = own_range(numbers)
    return Flat(conversion.apply(scaled(numbers, white)), conversion.name, white)


def _numbers(image: Image.Image) -> np.ndarray:
    """One channel of 16 or 32 bits as uint16 where they fit, else as float32: `(H, W, 1)`."""
    values = np.asarray(image)
    tags = getattr(image, "tag_v2", {})
    if values.dtype == np.int32 and tags.get(_SAMPLE_FORMAT_TAG, (2,))[0] == 1:
        values = values.view(np.uint32)
    used = range_used(values)
    if values.dtype.kind in "iu":
        fits = used.low >= 0 and used.high <= FULL_16.high
        values = values.astype(np.uint16 if fits else np.float32)
    key = image.info.get("transparency")
    if isinstance(key, int):
        return _key_to_white(values[..., None], np.array([key]))
    if tags.get(_PHOTOMETRIC_TAG) == 0 and image.mode.startswith("I;16"):
        # White is zero, which Pillow turns round for 8 bits alone.
        values = np.uint16(white_range(used, values.dtype).high) - values
    return values[..., None]


def _key_to_white(numbers: np.ndarray, key: np.ndarray) -> np.ndarray:
    """The pixels of a colour that is named as transparent, in white."""
    is_key = (numbers == key).all(axis=2)
    white = white_range(range_used(numbers[~is_key]), numbers.dtype).high
    return np.where(is_key[..., None], numbers.dtype.type(white), numbers)


def _numbers_over_white(wide: Wide) -> np.ndarray:
    """Colours and alpha of 16 bits over the white of those colours that are seen."""
    colours, alpha = wide.numbers[..., :-1], wide.numbers[..., -1:]
    white = white_range(range_used(colours[alpha[..., 0] > 0]), colours.dtype).high
    out = np.empty(colours.shape, np.uint16)
    for top in range(0, len(out), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        share = alpha[rows].astype(np.float64) / FULL_16.high
        shown = colours[rows] * (1.0 if wide.is_premultiplied else share)
        out[rows] = np.rint(shown + white * (1 - share))
    return out
