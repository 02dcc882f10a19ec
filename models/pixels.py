"""Pictures as arrays, as tensors and as sheets."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.base import HierarchicalModel


def to_float(images: np.ndarray) -> Tensor:
    """uint8 `(N, H, W, C)` as floats in [0, 1], `(N, C, H, W)`."""
    # A copy, since the pictures of a large set are mapped and cannot be written to.
    return torch.tensor(images).permute(0, 3, 1, 2).float() / 255


def see(model: HierarchicalModel, x: Tensor, generator: torch.Generator) -> Tensor:
    """Training images as the model sees them, on its device.

    A binary model gets a fresh draw of each pixel, from the CPU's generator.
    """
    x = x.to(model.like.device)
    if model.pixel_kind != "binary":
        return model.as_seen(x)
    return (torch.rand(x.shape, generator=generator).to(x.device) < x).to(x.dtype)


def as_pixels(x: Tensor) -> np.ndarray:
    """Pictures in [0, 1], `(B, C, H, W)`, as uint8 `(B, H, W, C)`."""
    return (255 * x).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy().copy()


def sheet_png(rows: Sequence[torch.Tensor]) -> bytes:
    """Rows of pictures `(N, C, H, W)` in [0, 1] as one PNG."""
    content = io.BytesIO()
    sheet_image(rows).save(content, "PNG")
    return content.getvalue()


def sheet_image(rows: Sequence[torch.Tensor]) -> Image.Image:
    """Rows of pictures `(N, C, H, W)` in [0, 1], grey or RGB, as one image."""
    stacked = torch.cat([torch.cat(list(row), dim=2) for row in rows], dim=1)
    pixels = (stacked.permute(1, 2, 0) * 255).round().byte().cpu().numpy()
    return Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
