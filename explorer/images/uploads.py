"""An upload becomes pixels.

The bytes are decoded once (`models.reading.pictures`), kept small and upright in a bounded store
under the hash of the file, and cut to a model's shape for each crop that a person tries.
Nothing is changed that the person did not choose: grey and inverted, but no contrast of
our own. An inverted picture is 255 − pixels. What a file leaves open, as which of its
pictures is meant and what is white in 16 bits, is decided by its reader and told.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from models.errors import BadInput
from models.reading.picture_files.modes import FULL_16
from models.reading.pictures import Crop, Opened, crop_box, fit_square, open_first

KEPT_SIDE = 1024
KEPT_SHORTER_SIDE = 256  # as much as any model takes, of a long picture too
PREVIEW_SIDE = 512
SMALLEST_CROP = 0.02
_CROP_FIELDS = ("x", "y", "size")
# A picture of less contrast than this (of 1) has no light and no dark side.
_FLAT = 0.25


@dataclass(frozen=True)
class Upload:
    """A picture that someone gave.

    Args:
        key: The first 32 hex digits of the SHA-256 of its file.
        name: What its file was called.
        image: The picture, "L" or "RGB", upright, its long side at most 1024 where the short
            one keeps 256. Not to be written to.
        width: Width of the original in pixels, upright.
        height: Height of the original in pixels, upright.
        remarks: What its reader decided, to be told to the person.
    """

    key: str
    name: str
    image: Image.Image
    width: int
    height: int
    remarks: tuple[str, ...] = ()

    @property
    def pixel_bytes(self) -> int:
        """The memory that its pixels take."""
        bytes_per_pixel = 1 if self.image.mode == "L" else 4  # Pillow pads RGB to four
        return self.image.width * self.image.height * bytes_per_pixel


class UploadStore:
    """The uploads used last, by key, up to a number and a size. Safe to share by threads."""

    def __init__(self, max_uploads: int = 64, max_bytes: int = 256 * 2**20) -> None:
        self._max_uploads = max_uploads
        self._max_bytes = max_bytes
        self._uploads: OrderedDict[str, Upload] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def put(self, upload: Upload) -> None:
        """Keep an upload, and forget those not used for longest if there are too many."""
        with self._lock:
            self._forget(upload.key)
            self._uploads[upload.key] = upload
            self._bytes += upload.pixel_bytes
            while len(self._uploads) > 1 and self._is_over():
                self._forget(next(iter(self._uploads)))

    def get(self, key: str) -> Upload | None:
        """The upload of that key, or None where it was never seen or is forgotten."""
        with self._lock:
            if key in self._uploads:
                self._uploads.move_to_end(key)
            return self._uploads.get(key)

    def __len__(self) -> int:
        with self._lock:
            return len(self._uploads)

    def _is_over(self) -> bool:
        return len(self._uploads) > self._max_uploads or self._bytes > self._max_bytes

    def _forget(self, key: str) -> None:
        known = self._uploads.pop(key, None)
        self._bytes -= known.pixel_bytes if known else 0


def read_upload(data: bytes, name: str) -> Upload:
    """Decode the bytes of a file; BadInput where they are no picture that can be read."""
    opened = open_first(data, name)
    image = opened.image
    width, height = image.size
    aspect = max(width, height) / min(width, height)
    kept = max(KEPT_SIDE, round(KEPT_SHORTER_SIDE * aspect))
    image.thumbnail((kept, kept), Image.Resampling.LANCZOS)
    key = hashlib.sha256(data).hexdigest()[:32]
    return Upload(key, name, image, width, height, _remarks(opened))


def to_model(
    upload: Upload, image_shape: tuple[int, int, int], crop: Crop | None, invert: bool
) -> np.ndarray:
    """The upload as a model of `image_shape` (C, H, W) takes it: uint8, `(H, W, C)`.

    Args:
        crop: The part to take; None is the centre.
        invert: Whether light and dark are swapped.
    """
    pixels = fit_square(upload.image, image_shape, crop)
    return 255 - pixels if invert else pixels


def shrunk(pixels: np.ndarray, image_shape: tuple[int, int, int]) -> np.ndarray:
    """Model-sized pixels `(H, W, C)` brought to another of a model's sizes."""
    grey = pixels.shape[2] == 1
    return fit_square(Image.fromarray(pixels[..., 0] if grey else pixels), image_shape)


def default_crop(upload: Upload, image_shape: tuple[int, int, int]) -> Crop:
    """The largest crop of the model's aspect, in the centre."""
    return clamp_crop(upload, image_shape, None)


def clamp_crop(upload: Upload, image_shape: tuple[int, int, int], crop: Crop | None) -> Crop:
    """The crop that is really taken: moved inside the picture, the centre where it is None."""
    width, height = upload.image.size
    left, top, *_ = crop_box((width, height), image_shape, crop)
    return Crop(left / width, top / height, crop.size if crop else 1.0)


def crop_from_json(value: object) -> Crop | None:
    """A crop from `{"x", "y", "size"}` or None; BadInput names the field that is wrong."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise BadInput("crop must be an object of x, y and size, or null - leave it out.")
    for field in value:
        if field not in _CROP_FIELDS:
            raise BadInput(f"crop has an unknown field {str(field)[:40]!r} - use x, y and size.")
    x, y, size = (_fraction(value, field) for field in _CROP_FIELDS)
    if size < SMALLEST_CROP:
        raise BadInput(f"crop.size must be at least {SMALLEST_CROP} - choose a larger part.")
    return Crop(x, y, size)


def crop_to_json(crop: Crop) -> dict[str, float]:
    """The crop as `crop_from_json` reads it."""
    return {"x": crop.x, "y": crop.y, "size": crop.size}


def background_level(pixels: np.ndarray) -> float:
    """How light the background is, in [0, 1]: the median of the rims.

    Args:
        pixels: uint8 pictures with shape `(N, H, W, C)`, or one with `(H, W, C)`.
    """
    height, width = pixels.shape[-3:-1]
    rim = max(1, round(0.08 * min(height, width)))
    is_rim = np.ones((height, width), dtype=bool)
    is_rim[rim : height - rim, rim : width - rim] = False
    return float(np.median(pixels[..., is_rim, :])) / 255


def suggest_invert(
    upload: Upload,
    image_shape: tuple[int, int, int],
    background: float,
    crop: Crop | None = None,
) -> bool:
    """Whether a grey model's pictures have the light and the dark side swapped.

    So it is for a pen drawing on paper where the model knows light digits on black. Which
    side the upload's background is on is judged against its own range, since paper in a
    dim photo is no lighter than a half.

    Args:
        background: `background_level` of the model's examples, in [0, 1].
        crop: The part that the model will see; None is the centre.
    """
    if image_shape[0] != 1:
        return False
    pixels = fit_square(upload.image, image_shape, crop)
    dark, light = float(pixels.min()) / 255, float(pixels.max()) / 255
    middle = (dark + light) / 2 if light - dark > _FLAT else 0.5
    is_light = background_level(pixels) > middle
    return is_light != (background > 0.5)


def preview_png(upload: Upload) -> bytes:
    """The whole upload, upright, as a PNG whose long side is at most 512 pixels."""
    image = upload.image.copy()
    image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _remarks(opened: Opened) -> tuple[str, ...]:
    """What was decided in reading a file, a sentence each."""
    remarks = []
    if opened.has_more:
        remarks.append("The file holds several pictures, and this is the first.")
    if opened.scale not in (None, FULL_16):
        low, high = opened.scale.low, opened.scale.high
        remarks.append(
            f"Its numbers do not say what white is: {low:.6g} is shown as black and {high:.6g} as "
            "white, by those that it uses."
        )
    if opened.profile:
        remarks.append(f"Its colours were converted from '{opened.profile}' to sRGB.")
    return tuple(remarks)


def _fraction(value: Mapping[str, object], field: str) -> float:
    number = value.get(field)
    if isinstance(number, int | float) and not isinstance(number, bool) and 0 <= number <= 1:
        return float(number)
    raise BadInput(f"crop.{field} must be a number from 0 to 1 - draw the crop again.")


def image_hash(pixels: np.ndarray) -> str:
    """The name of model-sized pixels: 16 hexadecimal digits of SHA-256 over shape and values.

    Args:
        pixels: 8-bit values, with shape `(H, W, C)`.
    """
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels, dtype=np.uint8).tobytes())
    return digest.hexdigest()[:16]


class UnknownImage(BadInput):
    """The server does not hold this image (any more); the page sends it again by itself."""
