"""Embedded colour profiles (ICC) become sRGB, the one space that everything here works in.

Conversion is relative colorimetric: white stays white, and what sRGB cannot show is clipped. A
profile that is sRGB in all but name, as most are, changes no bit; one that is broken, or for
another kind of pixels, is passed over.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image, ImageCms

_MAX_BYTES = 8 * 2**20
# Roundings of two profiles of one space differ by this much of 255.
_SAME = 2
_SPACES = {"L": ("GRAY", "RGB "), "RGB": ("RGB ",), "CMYK": ("CMYK",)}


@dataclass(frozen=True)
class Conversion:
    """From the space of a profile to sRGB.

    Attributes:
        name: What the profile calls itself.
        transform: For RGB and CMYK pixels.
        table: For grey ones; 256 levels.
    """

    name: str
    transform: ImageCms.ImageCmsTransform | None
    table: tuple[int, ...] = ()

    def apply(self, image: Image.Image) -> Image.Image:
        """A picture of the mode that it was made for, with or without alpha, in sRGB.

        The pixels of RGB and RGBA are overwritten: a copy of 80 million is a lot of memory.
        """
        if self.transform is None:
            alpha = range(256) if image.mode == "LA" else ()
            return image.point([*self.table, *alpha])
        if image.mode == "CMYK":
            out = ImageCms.applyTransform(image, self.transform)
            assert out is not None
            return out
        ImageCms.applyTransform(image, self.transform, inPlace=True)
        return image


def conversion_to_srgb(icc: object, mode: str) -> Conversion | None:
    """How pixels of a mode with this profile become sRGB.

    Args:
        icc: The bytes of the profile, or None.
        mode: "L", "LA", "RGB", "RGBA" or "CMYK".

    Returns:
        None where there is nothing to do: no profile, sRGB already, broken, or for other pixels.
    """
    if not isinstance(icc, bytes) or not 128 <= len(icc) <= _MAX_BYTES:
        return None
    return _conversion(icc, mode)


@lru_cache(maxsize=8)
def _conversion(icc: bytes, mode: str) -> Conversion | None:
    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        space = ImageCms.core.profile_frombytes(icc).xcolor_space
        if space not in _SPACES[mode.removesuffix("A")]:
            return None
        name = ImageCms.getProfileDescription(profile).strip() or "an unnamed profile"
        if mode in ("L", "LA"):
            return _of_grey(profile, space, name)
        out_mode = "RGB" if mode == "CMYK" else mode
        transform = _transform(profile, mode, out_mode)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError, UnicodeError):
        return None
    return None if mode != "CMYK" and _keeps_colours(profile) else Conversion(name, transform)


def _transform(
    profile: ImageCms.ImageCmsProfile, mode: str, out_mode: str
) -> ImageCms.ImageCmsTransform:
    srgb = ImageCms.createProfile("sRGB")
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    return ImageCms.buildTransform(profile, srgb, mode, out_mode, renderingIntent=intent)


def _of_grey(profile: ImageCms.ImageCmsProfile, space: str, name: str) -> Conversion | None:
    mode = "L" if space == "GRAY" else "RGB"
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8)[None]).convert(mode)
    shown = ImageCms.applyTransform(ramp, _transform(profile, mode, "RGB"))
    levels = np.asarray(shown)[0, :, 1].astype(int)  # grey stays grey, so one channel is all
    if np.abs(levels - np.arange(256)).max() <= _SAME:
        return None
    return Conversion(name, None, tuple(levels.tolist()))


def _keeps_colours(profile: ImageCms.ImageCmsProfile) -> bool:
    """Whether a profile of RGB is sRGB, by what it makes of 17³ colours."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    cube = np.stack(np.meshgrid(steps, steps, steps), axis=-1).reshape(17, -1, 3)
    image = Image.fromarray(cube)
    shown = ImageCms.applyTransform(image, _transform(profile, "RGB", "RGB"))
    return bool(np.abs(np.asarray(shown).astype(int) - cube).max() <= _SAME)
