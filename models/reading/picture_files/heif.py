"""HEIC and HEIF, the phone's own format, by pillow-heif: opened as any other picture.

libheif turns a picture upright itself, and pillow-heif then takes the orientation out of the EXIF,
so nothing here turns it again. Its tiles are put together there too; thumbnails, maps of depth and
other helpers are not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pillow_heif

from models.reading.picture_files.png_colour import profile_of_points

FORMAT = "HEIF"
BRANDS = frozenset(b"heic heix hevc hevx heim heis hevm hevs mif1 msf1".split())


def register() -> None:
    """Let Pillow open it."""
    pillow_heif.register_heif_opener(thumbnails=False, depth_images=False, aux_images=False)


def heif_profile(info: Mapping[Any, Any]) -> bytes | None:
    """The bytes of a profile for the code points (nclx) of a picture without an embedded one.

    Args:
        info: What Pillow took from its header.
    """
    points = info.get("nclx_profile")
    if "icc_profile" in info or not isinstance(points, Mapping):
        return None
    return profile_of_points(points["color_primaries"], points["transfer_characteristics"])
