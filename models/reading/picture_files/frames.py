"""The frames of a picture file, one after another: upright, over white, in sRGB.

Partial frames and their disposal are composed as Pillow does. What an animation or a stack
may unpack to is bounded in all, and only one frame is in memory at a time.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from PIL import Image, ImageFile

from models.errors import BadInput
from models.reading.picture_files import heif
from models.reading.picture_files.headers import check_size, identify, too_many_pixels
from models.reading.picture_files.modes import FULL_16, Flat, flatten, flatten_wide, scaled
from models.reading.picture_files.orientation import upright
from models.reading.picture_files.png_colour import png_profile
from models.reading.picture_files.wide import NotRead, decoder_arguments, load_narrow, load_wide

MAX_FRAME_PIXELS = 2_000_000_000  # of all frames of a file together

# The second picture of a JPEG is a map of depth or of brightness, the others of an icon are sizes.
_FORMATS_OF_FRAMES = frozenset(("GIF", "PNG", "WEBP", "TIFF", "AVIF", heif.FORMAT))
_SUBFILE_TAG = 254
_REDUCED, _MASK = 1, 4
# One decode at a time: it bounds memory, and `warnings.catch_warnings` is not thread-safe.
_DECODING = threading.Lock()


class Frames:
    """The frames of a file, to be iterated over once.

    Args:
        data: The bytes of the file.
        label: What to call it in errors.

    Raises:
        BadInput: At once where it is no picture or too large, later where a frame is damaged.
    """

    def __init__(self, data: bytes, label: str) -> None:
        self._data, self._label = data, label
        with _decoding():
            self._image = identify(data, label)
            if self._image.format == "PNG":
                named = png_profile(data, self._image.info)
                self._image.info |= {"icc_profile": named} if named else {}
        # The first frame is the one that a file opens with: a HEIF says which that is.
        self._first, self._at, self._pixels = self._image.tell(), 0, 0

    def __iter__(self) -> Iterator[Flat]:
        for index in count():
            with _decoding():
                if not self._go_to(index):
                    return
                flat = None if self._is_no_picture() else self._decoded(index)
            if flat is not None:
                yield flat

    def has_more(self) -> bool:
        """Whether something comes after the picture that was taken last, be it damaged."""
        index = self._at + 1
        try:
            with _decoding():
                while self._go_to(index):
                    if not self._is_no_picture():
                        return True
                    index += 1
        except BadInput:
            return True
        return False

    def _go_to(self, index: int) -> bool:
        """Turn to a frame; False where there is none."""
        self._at = index
        if index == 0:
            return True
        if self._image.format not in _FORMATS_OF_FRAMES:
            return False
        if self._image.format == "TIFF":  # Pillow lets a page without a profile inherit one
            self._image.info.pop("icc_profile", None)
        try:
            self._image.seek(self._place(index))
        except EOFError:
            return False
        except Exception as error:
            raise self._damaged(index) from error
        return True

    def _is_no_picture(self) -> bool:
        """Whether a page of a TIFF is a smaller copy of another, or a mask."""
        kind = getattr(self._image, "tag_v2", {}).get(_SUBFILE_TAG, 0)
        return isinstance(kind, int) and bool(kind & (_REDUCED | _MASK)) and self._image.tell() > 0

    def _decoded(self, index: int) -> Flat:
        check_size(self._image.size, self._label)
        self._pixels += self._image.width * self._image.height
        if self._pixels > MAX_FRAME_PIXELS:
            raise BadInput(
                f"the {index + 1} first frames of {self._label} have more than "
                f"{MAX_FRAME_PIXELS // 10**9} billion pixels - make it shorter or smaller."
            )
        if self._image.format == heif.FORMAT:  # each of its pictures has facts of its own
            named = heif.heif_profile(self._image.info)
            self._image.info |= {"icc_profile": named} if named else {}
        try:
            return _flat(self._image, lambda: self._again(index))
        except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
            raise too_many_pixels(self._label) from error
        except NotRead as error:
            raise BadInput(f"{self._label} {error}") from error
        except Exception as error:  # a decoder that is fed anything may raise anything
            raise self._damaged(index) from error

    def _again(self, index: int) -> ImageFile.ImageFile:
        image = identify(self._data, self._label)
        image.seek(self._place(index))
        return image

    def _place(self, index: int) -> int:
        """Where in the file a frame is: the first one, then the others in order."""
        if index == 0:
            return self._first
        return index - 1 if index <= self._first else index

    def _damaged(self, index: int) -> BadInput:
        where = f"frame {index + 1} of {self._label}" if index else self._label
        return BadInput(f"{where} is cut off or damaged - copy or export it again.")


def _flat(image: ImageFile.ImageFile, again: Callable[[], ImageFile.ImageFile]) -> Flat:
    says_white = _says_white(image)
    wide = load_wide(image, again)
    if wide is not None:
        return flatten_wide(wide, image)
    load_narrow(image)
    flat = flatten(upright(image))
    if says_white and not isinstance(flat.pixels, Image.Image):
        return Flat(scaled(flat.pixels, FULL_16))
    return flat


def _says_white(image: ImageFile.ImageFile) -> bool:
    """Whether a PPM names a white of its own, which Pillow scales to 16 bits."""
    tile = image.tile[0] if image.format == "PPM" else None
    scaled_by_pillow = tile is not None and tile.codec_name.startswith("ppm")
    return scaled_by_pillow and decoder_arguments(tile)[-1] != FULL_16.high


@contextmanager
def _decoding() -> Iterator[None]:
    """Alone; and Pillow's remarks on odd files are not for people, its bomb warning an error."""
    with _DECODING, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield
