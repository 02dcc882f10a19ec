"""Random crops of photographs, each a function of (seed, photograph, number) alone.

A photograph is seen in several views: first with its short side brought to the side of a
crop, which is how the explorer shows an upload, then with short sides spread evenly in their
logarithm up to `LARGEST_SHORT`, one draw in each of as many equal strata. Every view gives a
few crops at random places, half of them mirrored. The first crop of a photograph is its
middle, whole and not mirrored: what `models.reading.pictures.fit_square` makes of it, to rounding.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from models.errors import BadInput
from models.seeds import choices

SIDE = 64
LARGEST_SHORT = 1024  # beyond it most cameras and most JPEGs hold no more detail
PER_VIEW = 8
CROPPING = 1  # counts up when the same seed no longer gives the same crops


def open_photo(data: bytes, name: str) -> Image.Image:
    """A JPEG as RGB, its short side no larger than this module needs.

    Args:
        data: The file.
        name: What to call it in errors.

    Raises:
        BadInput: It cannot be decoded.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            # libjpeg leaves out frequencies that the first resize would only remove again.
            image.draft("RGB", (2 * LARGEST_SHORT, 2 * LARGEST_SHORT))
            return image.convert("RGB")
    except (OSError, Image.DecompressionBombError) as error:
        raise BadInput(f"{name} cannot be decoded - install its package again") from error


def short_sides(count: int, largest: int, rng: np.random.Generator) -> list[int]:
    """Short sides of `count` views, in pixels, the smallest and first being `SIDE`."""
    strata = (np.arange(count - 1) + rng.random(count - 1)) / max(1, count - 1)
    return [SIDE, *(round(SIDE * (largest / SIDE) ** float(u)) for u in strata)]


def photo_crops(photo: Image.Image, count: int, key: tuple[int, ...]) -> np.ndarray:
    """The first `count` crops of a photograph, uint8 `(count, 64, 64, 3)`, in random order.

    Args:
        photo: An RGB picture of at least 64 × 64 pixels.
        count: At least 1; the views depend on it.
        key: Of the random choices: the seed, and a number of the photograph's own.
    """
    rng = choices("crops", *key)
    views = -(-count // PER_VIEW)
    largest = min(LARGEST_SHORT, *photo.size)
    crops = np.empty((views * PER_VIEW, SIDE, SIDE, 3), np.uint8)
    for view, short in enumerate(short_sides(views, largest, rng)):
        pixels = np.asarray(reduced(photo, short))
        for place in range(PER_VIEW):
            whole = view == place == 0
            crops[view * PER_VIEW + place] = _crop(pixels, None if whole else rng)
    order = 1 + rng.permutation(len(crops) - 1)
    return crops[np.concatenate([[0], order[: count - 1]])]


def reduced(photo: Image.Image, short: int) -> Image.Image:
    """The whole picture with its short side brought to `short` pixels, low-pass filtered."""
    scale = short / min(photo.size)
    size = (max(short, round(photo.width * scale)), max(short, round(photo.height * scale)))
    return photo.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _crop(pixels: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
    """A square of `pixels` `(H, W, 3)`: a random one, or without `rng` the middle."""
    height, width = pixels.shape[:2]
    if rng is None:
        top, left, mirrored = (height - SIDE) // 2, (width - SIDE) // 2, False
    else:
        top, left = (int(rng.integers(n - SIDE + 1)) for n in (height, width))
        mirrored = bool(rng.integers(2))
    crop = pixels[top : top + SIDE, left : left + SIDE]
    return crop[:, ::-1] if mirrored else crop
