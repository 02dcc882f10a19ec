"""What stays of a picture when all below a level is drawn anew, and a PNG of it per level."""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.base import HierarchicalModel, bottom_up
from models.evaluation.redrawn import redrawn
from models.pixels import sheet_image, to_float
from models.report.attributes_section import sheet_name

COLUMNS, DRAWS = 8, 4
COLOURS = 256  # of a sheet's palette, for a third of the bytes


@torch.no_grad()
def level_sheets(model: HierarchicalModel, images: np.ndarray) -> dict[str, bytes]:
    """For each level t a PNG by its file name: originals, then z_t … z_T kept, a row a seed.

    For t = 1 nothing lies below and the one row is the reconstruction.

    Args:
        images: Test images, uint8 `(N, H, W, C)`; the first eight are shown.
    """
    x = model.as_seen(to_float(images[:COLUMNS]))
    trace = model.embed(x)
    sheets = {}
    for t in bottom_up(model.depth):
        rows = [x]
        for seed in range(1 if t == 1 else DRAWS):
            rows.append(redrawn(model, trace, t, seed))
        sheets[sheet_name(t)] = _palette_png(rows)
    return sheets


def _palette_png(rows: list[Tensor]) -> bytes:
    """Rows of pictures `(N, C, H, W)` in [0, 1] as one PNG of few colours."""
    content = io.BytesIO()
    few = sheet_image(rows).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(content, "PNG", optimize=True)
    return content.getvalue()
