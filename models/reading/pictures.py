"""Any picture file becomes an upright 8-bit picture, grey or RGB, or a clear error.

Files come from strangers, so a decode is bounded before it starts: bytes, then the sides
and pixels that the header promises, then only the formats of `FORMATS` (none of which
runs a program or opens a second file). What is left is brought to one convention:
turned as its EXIF says, laid over white where it is transparent, scaled to 8 bits, the
first frame of an animation. Pillow and NumPy only; no torch.
"""

from __future__ import annotations

import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil, floor
from pathlib import Path

import numpy as np
from PIL import Image

from models.errors import BadInput
from models.reading import files as picture_files
from models.reading.files import check_bytes, folder_names, read_file, shown_name, zip_members
from models.reading.modes import flatten
from models.reading.ranges import range_used

MAX_BYTES = picture_files.MAX_BYTES
MAX_PIXELS = 80_000_000
MAX_SIDE = 20_000
FORMATS = (
    *("PNG", "JPEG", "GIF", "WEBP", "BMP", "DIB", "TIFF", "PPM", "ICO", "JPEG2000"),
    *("AVIF", "QOI"),
)

_MAGIC = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MAGIC += (b"\0\0\1\0", b"qoif", b"\0\0\0\x0cjP", *(b"P%d" % n for n in range(1, 7)))
_HEIC_BRANDS = frozenset(b"heic heix hevc hevx heim heis hevm hevs mif1 msf1".split())
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R 601, as Pillow's
# One decode at a time: it bounds memory, and `warnings.catch_warnings` is not thread-safe.
_DECODING = threading.Lock()


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


def open_frames(source: bytes | Path, name: str = "the file") -> Iterator[Frame]:
    """Every frame of a picture file: one of most, all of an animation or a stack of pages.

    Raises:
        BadInput: As `open_picture`.
    """
    pixels = np.asarray(open_picture(source, name))
    yield Frame(pixels if pixels.ndim == 3 else pixels[..., None])


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
    if isinstance(source, Path):
        label = shown_name(source.name if name == "the file" else name)
        data = read_file(source, label)
    else:
        label, data = shown_name(name), source
    check_bytes(len(data), label)
    with _DECODING, _pillow_warnings():
        return _decode(_identify(data, label), label)


def iter_folder_pictures(path: Path) -> Iterator[tuple[str, Image.Image]]:
    """The pictures under a folder, as (path inside it, picture), sorted by that path.

    Hidden files, `__MACOSX` and files without a picture's suffix are passed over.

    Raises:
        BadInput: It is no folder, holds no picture, or a picture cannot be read.
    """
    for name in folder_names(Path(path)):
        yield name, open_picture(Path(path) / name, name)


def iter_zip_pictures(path: Path) -> Iterator[tuple[str, Image.Image]]:
    """The pictures in a zip, as (name inside it, picture), sorted by name.

    Nothing is written to disk; what is no picture is passed over, as in a folder.

    Raises:
        BadInput: It is no zip, a zip bomb, encrypted or damaged, has a name that leads
            outside of it, holds no picture, or a picture cannot be read.
    """
    for name, data in zip_members(Path(path)):
        yield name, open_picture(data, f"{name} in {Path(path).name}")


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


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    """Pillow's remarks on odd files are not for people; its bomb warning is an error."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _identify(data: bytes, label: str) -> Image.Image:
    """Read the header, and refuse by it what would be too large to unpack."""
    Image.init()
    formats = [name for name in FORMATS if name in Image.OPEN]
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _too_many_pixels(label) from error
    except Exception as error:  # a parser that is fed anything may raise anything
        raise BadInput(f"{label} {_why_unknown(data)}") from error
    width, height = image.size
    if max(width, height) > MAX_SIDE:
        raise BadInput(
            f"{label} is {width} × {height} pixels, and a side may have {MAX_SIDE:,} at most - "
            "make it smaller or cut a part out."
        )
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(label)
    return image


def _too_many_pixels(label: str) -> BadInput:
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
    if brand.lower() in _HEIC_BRANDS:
        return f"is a HEIC/HEIF photo, which is not read here - {do}"
    if head.startswith(b"%pdf"):
        return "is a PDF document, which is not read here - export the page as PNG or JPEG."
    if head.startswith(b"%!ps") or data.startswith(b"\xc5\xd0\xd3\xc6"):
        return f"is a PostScript drawing, which is not read here - {do}"
    if data.startswith((b"8BPS", b"\xff\x0a", b"\0\0\0\x0cJXL ")):
        return f"is a Photoshop or JPEG XL picture, which is not read here - {do}"
    if brand and brand not in (b"avif", b"avis"):
        return "is a video - save one frame of it as PNG or JPEG and choose that."
    if brand or data.startswith(_MAGIC) or data[8:12] == b"WEBP":
        return "is cut off or damaged - copy or export it again."
    return "is not a picture that can be read - choose a PNG, JPEG, WebP, GIF, BMP or TIFF."


def _decode(image: Image.Image, label: str) -> Image.Image:
    try:
        image.load()
        turn = _turn(image)
        flat = flatten(image)
        upright = flat if turn is None else flat.transpose(turn)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise _too_many_pixels(label) from error
    except Exception as error:  # a decoder that is fed anything may raise anything
        raise BadInput(f"{label} is cut off or damaged - copy or export it again.") from error
    upright.info = {}  # so that no place or camera of a photo travels on
    return upright


def _turn(image: Image.Image) -> Image.Transpose | None:
    """The turn that EXIF asks for; broken metadata asks for none."""
    try:
        return _TURNS.get(image.getexif().get(_ORIENTATION, 1))
    except Exception:
        return None
