"""Any picture file becomes an upright picture in sRGB, grey or RGB, or a clear error.

Files come from strangers, so a decode is bounded before it starts
(`models.reading.picture_files.headers`). What is left is brought to one convention: turned as its
EXIF says, laid over white where it is transparent, its embedded profile converted to sRGB. Frames
come at the depth that they have; a single picture is scaled to 8 bits by the numbers that it uses.
Pillow and NumPy only; no torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
from PIL import Image

from models.reading.files import check_bytes, read_file, shown_name
from models.reading.picture_files.frames import Frames
from models.reading.picture_files.modes import own_range, scaled
from models.reading.picture_files.ranges import Range, range_used

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601, as Pillow's


@dataclass(frozen=True)
class Crop:
    """The part of a picture that a model sees.

    Args:
        x: Left edge, as a fraction of the picture's width.
        y: Top edge, as a fraction of the picture's height.
        size: Size as a fraction of the largest box of the model's shape that fits; for a
            square model that is a fraction of the shorter side.
    """

    x: float
    y: float
    size: float


@dataclass(frozen=True)
class Frame:
    """One picture of a file, upright and over white, at the depth that the file has.

    Attributes:
        pixels: `(H, W, C)` with C = 1 or 3. uint8 where the file says what white is; uint16 or
            float32 where the numbers are deeper, and the set that they belong to has to say it.
        profile: What the embedded colour profile that was converted to sRGB is called; None
            where there was none, or it was sRGB already.
    """

    pixels: np.ndarray
    profile: str | None = None


@dataclass(frozen=True)
class Opened:
    """The first picture of a file in 8 bits, and what was done to get it.

    Attributes:
        image: Of mode "L" or "RGB", upright, without metadata.
        profile: As of a `Frame`.
        scale: The numbers that are black and white now, where the file was deeper than 8 bits.
        has_more: Whether the file holds further frames, which were left out.
    """

    image: Image.Image
    profile: str | None = None
    scale: Range | None = None
    has_more: bool = False


def open_frames(source: bytes | Path, name: str = "the file") -> Iterator[Frame]:
    """Every frame of a picture file: one of most, all of an animation or a stack of pages.

    Smaller copies and masks among the pages of a TIFF are passed over.

    Raises:
        BadInput: As `open_picture`; also all frames together are too many pixels.
    """
    for flat in _frames(source, name):
        pixels = np.asarray(flat.pixels)
        yield Frame(pixels if pixels.ndim == 3 else pixels[..., None], flat.profile)


def open_first(source: bytes | Path, name: str = "the file") -> Opened:
    """The first picture of a file, scaled by the numbers that it uses where it is deep.

    Raises:
        BadInput: As `open_picture`.
    """
    frames = _frames(source, name)
    flat = next(iter(frames))
    image, scale = flat.pixels, flat.scale
    if not isinstance(image, Image.Image):
        scale = own_range(image)
        image = scaled(image, scale)
    image.info = {}  # so that no place or camera of a photo travels on
    return Opened(image, flat.profile, scale, frames.has_more())


def open_picture(source: bytes | Path, name: str = "the file") -> Image.Image:
    """Decode a picture file.

    Args:
        source: The bytes of the file, or its path.
        name: What to call it in errors; a path is called by its own name unless told.

    Returns:
        A loaded picture of mode "L" or "RGB", upright, without metadata.

    Raises:
        BadInput: It is missing, empty, too large, no picture, cut off, or of a format
            that is not read here.
    """
    return open_first(source, name).image


def _frames(source: bytes | Path, name: str) -> Frames:
    if isinstance(source, Path):
        label = shown_name(source.name if name == "the file" else name)
        data = read_file(source, label)
    else:
        label, data = shown_name(name), source
    check_bytes(len(data), label)
    return Frames(data, label)


def fit_square(
    image: Image.Image, shape: tuple[int, int, int], crop: Crop | None = None
) -> np.ndarray:
    """Cut a picture to a model's shape.

    Args:
        image: A picture of mode "L" or "RGB".
        shape: `(C, H, W)` of the model, C = 1 or 3.
        crop: What to cut out; without it, the largest box of the model's aspect, centred.

    Returns:
        uint8 pixels with shape `(H, W, C)`. A picture of that size already is unchanged.
    """
    channels, height, width = shape
    _check_channels(channels)
    small = _resized(image, shape, crop).convert("L" if channels == 1 else "RGB")
    return np.array(small, dtype=np.uint8).reshape(height, width, channels)


def fit(pixels: np.ndarray, shape: tuple[int, int, int], crop: Crop | None = None) -> np.ndarray:
    """`fit_square` for an array `(H, W, C)` of any depth, C = 1 or 3, in its own type.

    Numbers deeper than 8 bits stay between the least and the greatest that were there: what
    the filter overshoots would count as used. NaN and infinity become one of those two.
    """
    if pixels.dtype == np.uint8:
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        return fit_square(image, shape, crop)
    channels, height, width = shape
    _check_channels(channels)
    left, top, right, bottom = crop_box((pixels.shape[1], pixels.shape[0]), shape, crop)
    box = pixels[floor(top) : ceil(bottom), floor(left) : ceil(right)]
    cut = box if box.shape[:2] == (height, width) else _resized_numbers(pixels, shape, crop)
    if channels == 1 and cut.shape[2] == 3:
        cut = _typed(cut @ _LUMA, pixels.dtype)[..., None]
    return np.repeat(cut, channels // cut.shape[2], axis=2)


def _check_channels(channels: int) -> None:
    if channels not in (1, 3):
        raise ValueError(f"a picture has 1 or 3 channels, not {channels}")


def _resized(image: Image.Image, shape: tuple[int, int, int], crop: Crop | None) -> Image.Image:
    """The part of a picture that a model sees, at the model's size."""
    left, top, right, bottom = crop_box(image.size, shape, crop)
    # Cut first: the filter would reach past the box for what nobody asked to see.
    outer = (floor(left), floor(top), ceil(right), ceil(bottom))
    box = (left - outer[0], top - outer[1], right - outer[0], bottom - outer[1])
    return image.crop(outer).resize(
        (shape[2], shape[1]), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0
    )


def _resized_numbers(
    pixels: np.ndarray, shape: tuple[int, int, int], crop: Crop | None
) -> np.ndarray:
    """`_resized` for an array, channel by channel."""
    used = range_used(pixels)
    low, high = (used.low, used.high) if used.low <= used.high else (0.0, 0.0)
    planes = []
    for channel in range(pixels.shape[2]):
        plane = pixels[..., channel].astype(np.float32)
        np.nan_to_num(plane, copy=False, nan=low, posinf=high, neginf=low)
        small = np.asarray(_resized(Image.fromarray(plane), shape, crop), np.float64)
        planes.append(np.clip(small, low, high))
    return _typed(np.stack(planes, axis=2), pixels.dtype)


def _typed(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    return (np.rint(values) if dtype.kind in "iu" else values).astype(dtype)


def crop_box(
    size: tuple[int, int], shape: tuple[int, int, int], crop: Crop | None = None
) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of a crop, in pixels of a picture of `size` (width, height).

    A crop that sticks out is moved inside; the default is centred on whole pixels.
    """
    (width, height), (_, model_height, model_width) = size, shape
    scale = min(width / model_width, height / model_height) * (crop.size if crop else 1.0)
    # At least one pixel, so that a hair-thin picture still has a box; rounded, so that a
    # box of whole pixels is one exactly and its resize copies them.
    box_width = min(width, max(1.0, round(model_width * scale, 6)))
    box_height = min(height, max(1.0, round(model_height * scale, 6)))
    if crop is None:
        left, top = (width - box_width) // 2, (height - box_height) // 2
    else:
        left = round(min(max(0.0, crop.x * width), width - box_width), 6)
        top = round(min(max(0.0, crop.y * height), height - box_height), 6)
    return left, top, min(width, left + box_width), min(height, top + box_height)
