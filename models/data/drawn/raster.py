"""An SVG as pixels, the same on every machine: no font of the system is looked at."""

from __future__ import annotations

import io

import numpy as np
import resvg_py
from PIL import Image


def rasterised(svg: str, mode: str) -> np.ndarray:
    """The drawing in its own size, uint8 `(H, W, C)`, with the channels of a mode of Pillow."""
    png = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as image:
        return np.asarray(image.convert(mode))
