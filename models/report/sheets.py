"""Sheets of pictures for the report, each one an image in a data URI.

Grey pictures are PNG; colour ones are WebP of quality 85, without which a page of photographs
would weigh megabytes. The gaps between pictures are transparent.
"""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.base import HierarchicalModel
from models.evaluation.neighbours import Nearest, reconstructions
from models.evaluation.redrawn import redrawn
from models.pixels import to_float
from models.precision import quick

GAP = 2  # pixels between pictures
SMALL_SIDE = 40  # grey pictures below it are drawn at twice their size
COLUMNS, REDRAWS = 8, 3
WEBP_QUALITY = 85


def sheet(rows: list[Tensor]) -> str:
    """Rows of pictures `(N, C, H, W)` in [0, 1], each of the same N, as a data URI."""
    count, channels, height, width = rows[0].shape
    shape = (len(rows) * (height + GAP) - GAP, count * (width + GAP) - GAP, channels + 1)
    pixels = np.zeros(shape, np.uint8)
    for r, row in enumerate(rows):
        drawn = (row.clamp(0, 1) * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        for c, picture in enumerate(drawn):
            top, left = r * (height + GAP), c * (width + GAP)
            pixels[top : top + height, left : left + width, :channels] = picture
            pixels[top : top + height, left : left + width, channels] = 255
    image = Image.fromarray(pixels, "RGBA" if channels == 3 else "LA")
    if channels == 1 and height < SMALL_SIDE:
        image = image.resize((2 * image.width, 2 * image.height), Image.Resampling.NEAREST)
    return _uri(image, colour=channels == 3)


def _uri(image: Image.Image, colour: bool) -> str:
    content, kind = io.BytesIO(), "webp" if colour else "png"
    options = {"quality": WEBP_QUALITY, "method": 6} if colour else {"optimize": True}
    image.save(content, kind.upper(), **options)
    return f"data:image/{kind};base64,{base64.b64encode(content.getvalue()).decode()}"


def in_rows(pictures: Tensor, columns: int) -> list[Tensor]:
    """Pictures as whole rows of `columns`; a last part row is left out unless it is the only."""
    if len(pictures) <= columns:
        return [pictures]
    whole = len(pictures) // columns * columns
    return list(pictures[:whole].split(columns))


@quick()
def reconstruction_sheet(model: HierarchicalModel, seen: Tensor, columns: int) -> str:
    """Pairs of rows: test images as the model sees them, and their reconstructions."""
    rows: list[Tensor] = []
    for part in in_rows(seen, columns):
        rows += [part, reconstructions(model, part)]
    return sheet(rows)


@quick()
@torch.no_grad()
def level_sheet(model: HierarchicalModel, seen: Tensor, t: int) -> str:
    """Test images, then their pictures with z_t … z_T kept and all below drawn anew, thrice."""
    device = model.like.device
    x = seen[:COLUMNS].to(device)
    trace = model.embed(x)
    return sheet([x, *(redrawn(model, trace, t, seed) for seed in range(REDRAWS))])


def neighbour_strips(
    pictures: Tensor, near: Nearest, train: np.ndarray, nearest: int = 3
) -> list[tuple[str, list[float]]]:
    """For each picture one strip, itself and its nearest training images, and their distances."""
    strips = []
    for picture, index, distance in zip(pictures, near.index, near.distance, strict=False):
        found = to_float(train[index[:nearest]])
        row = torch.cat([picture[None].cpu(), found])
        strips.append((sheet([row]), [float(d) for d in distance[:nearest]]))
    return strips
