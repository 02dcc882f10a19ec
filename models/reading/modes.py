"""From any of Pillow's pixel modes to 8 bits, grey or RGB.

Transparent pixels are laid over white; 16 bits go to 8 by 1/257, so that 65,535 becomes
255; numbers of 32 bits, which do not say what white is, are scaled by their range.
"""

from __future__ import annotations

import numpy as np
from PIL import Image


def flatten(image: Image.Image) -> Image.Image:
    """A loaded picture as one of mode "L" or "RGB", over white, with pixels of its own."""
    # A text chunk of a PNG may be called "transparency" too; only the real one is no text.
    if not isinstance(image.info.get("transparency"), int | bytes | tuple):
        image.info.pop("transparency", None)
    if image.mode.startswith("I;16"):
        return _from_16_bit(image)
    if image.mode in ("I", "F"):
        return _from_numbers(np.asarray(image), _scales(image))
    if image.mode == "La":
        image = image.convert("LA")
    if image.has_transparency_data:
        return _over_white(image)
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _over_white(image: Image.Image) -> Image.Image:
    grey = image.mode in ("1", "L", "LA")
    colour = image.info.get("transparency")
    if isinstance(colour, tuple) and max(colour) > 255:
        # A 16-bit PNG names its transparent colour in 16 bits; Pillow kept the high byte.
        image.info["transparency"] = tuple(value >> 8 for value in colour)
    seen = image.convert("LA" if grey else "RGBA")
    white = Image.new("L" if grey else "RGB", image.size, "white")
    white.paste(seen.convert(white.mode), mask=seen.getchannel("A"))
    return white


def _from_16_bit(image: Image.Image) -> Image.Image:
    table = np.rint(np.arange(65_536) / 257).astype(np.uint8)
    colour = image.info.get("transparency")
    if isinstance(colour, int):
        table[colour % 65_536] = 255
    return Image.fromarray(table[np.asarray(image)])


def _scales(image: Image.Image) -> tuple[float, ...]:
    """What white may be in a picture of 32-bit numbers, to be tried in this order."""
    if image.mode == "F":
        return (1.0, 255.0, 65_535.0)
    return (65_535.0,) if image.format == "PPM" else (255.0, 65_535.0)


def _from_numbers(values: np.ndarray, scales: tuple[float, ...]) -> Image.Image:
    """Grey from 32-bit numbers.

    White is the first of `scales` that the values fit under (floats with 5 % to spare on
    both sides, since a resize overshoots). Values of no such range are stretched from their
    least to their greatest. NaN is black.
    """
    is_float = values.dtype.kind == "f"
    slack = 0.05 if is_float else 0.0
    is_finite = np.isfinite(values)
    finite = values if is_finite.all() else values[is_finite]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    fits = (scale for scale in scales if low >= -slack * high and high <= (1 + slack) * scale)
    scale = next(fits, None)
    base, span = (0.0, scale) if scale else (low, (high - low) or 1.0)
    # In place, for a picture may have 80 million pixels; and scaled before the base is taken
    # off, so that nothing finite overflows.
    grey = values.astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        grey *= np.float32(1 / span)
        grey -= np.float32(base / span)
    np.nan_to_num(grey, copy=False, nan=0.0)
    np.clip(grey, 0.0, 1.0, out=grey)
    grey *= 255
    return Image.fromarray(np.rint(grey, out=grey).astype(np.uint8))
