"""A small form and small pictures, for the tests of the training job and its panel."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

SMALL: dict[str, object] = {
    "data": "upload",
    "faces": 200,
    "files": [],
    "name": "Test",
    "image_size": 28,
    "levels": "8,4",
    "likelihood": "discretised_logistic",
    "free_bits": "1",
    "rate_targets": "",
    "kl_warmup": 0.2,
    "budget": "steps",
    "minutes": 1,
    "steps": 40,
    "width": 16,
    "blocks": 1,
    "conv": "",
    "patch": 4,
    "batch": 16,
    "learning_rate": 1e-3,
}


def picture(seed: int) -> bytes:
    """A PNG of 28 × 28 pixels: one bright square at a place of the seed's."""
    pixels = np.zeros((28, 28, 3), np.uint8)
    x, y = np.random.default_rng(seed).integers(0, 18, 2)
    pixels[y : y + 10, x : x + 10] = (230, 120, 40)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def picture_zip(folder: Path, count: int = 40) -> Path:
    """A zip of `count` pictures, of the same bytes whenever it is made."""
    path = folder / "my squares.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for seed in range(count):
            archive.writestr(zipfile.ZipInfo(f"{seed}.png"), picture(seed))
    return path
