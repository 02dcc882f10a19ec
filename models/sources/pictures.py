"""Pictures to measure a model with that came without any: its own, or synthetic ones.

A model whose prior knows what pictures look like draws them itself. One that only reconstructs,
such as an autoencoder whose latents are not N(0, I), gets smooth fields of colour: they have
edges, gradients and every hue, and are nobody's photographs.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn.functional import interpolate

from models.base import HierarchicalModel, noise
from models.chain import prior_samples
from models.pixels import as_pixels
from models.precision import exact

PICTURES, LEAST = 16, 4
FULL_SIDE = 64  # up to here PICTURES are affordable on a CPU; beyond, fewer
SYNTHETIC_LEVEL = 1_000  # keeps the noise of these pictures apart from that of latents
OWN_TITLE = "pictures drawn from the model itself"
SYNTHETIC_TITLE = "smooth synthetic colours, no photographs"


def affordable(side: int) -> int:
    """How many pictures of a side a model is measured on."""
    return max(LEAST, min(PICTURES, PICTURES * FULL_SIDE // side))


@exact()  # a model is measured on them
@torch.no_grad()
def own_pictures(model: HierarchicalModel, count: int, seed: int = 0) -> np.ndarray:
    """What the prior generates at temperature 1, uint8 `(count, H, W, C)`: picture i has seed + i.

    The picture of a chain is the mean of p(x | z).
    """
    return as_pixels(prior_samples(model, count, seed))


def smooth_pictures(
    shape: tuple[int, int, int], count: int = PICTURES, seed: int = 0
) -> np.ndarray:
    """Smooth fields of colour with a few edges, uint8 `(count, H, W, C)`.

    Args:
        shape: `(C, H, W)`.
    """
    channels, height, width = shape
    drawn = []
    for i in range(count):
        # Octaves of noise, the coarsest strongest; a step through one of them makes an edge.
        octaves = [
            interpolate(
                noise(seed + i, SYNTHETIC_LEVEL + grid, (1, channels + 1, grid, grid)) / grid**0.5,
                size=(height, width), mode="bicubic", align_corners=False,
            )[0]
            for grid in (2, 4, 8)
        ]  # fmt: skip
        field = torch.stack(octaves).sum(0)
        side = (field[channels:] > 0).float() - 0.5
        drawn.append(torch.sigmoid(2 * (field[:channels] + side)))
    return as_pixels(torch.stack(drawn))


def pictures_for(
    model: HierarchicalModel, draws: bool, count: int | None = None
) -> tuple[np.ndarray, dict[str, object]]:
    """Pictures for a model that came without any, uint8 `(N, H, W, C)`, and their data card."""
    count = count or affordable(model.image_shape[-1])
    if draws:
        return own_pictures(model, count), {"title": OWN_TITLE}
    return smooth_pictures(model.image_shape, count), {"title": SYNTHETIC_TITLE}
