"""A small fully convolutional model with maps at every level, never trained, and a folder of it.

It takes images of 64 × 64 and of all sides in steps of 16. Its decoder's last layer is scaled
up, so that an edit shows in the picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from models.checkpoint.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.checkpoint.statistics import Statistics, level_statistics
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig

SIDE, STEP = 64, 16
LEVELS = ((4, 16, 16), (5, 8, 8), (6, 4, 4))
CONFIG = MHVAEConfig(
    (3, SIDE, SIDE),
    "discretised_logistic",
    LEVELS,
    NetworkConfig(width=8, blocks=1, channels=(8, 8, 8), patch=4),
)


def maps_model() -> MHVAE:
    """The model, with seeded weights."""
    torch.manual_seed(0)
    model = MHVAE(CONFIG)
    last = [layer for layer in model.decoder.modules() if isinstance(layer, nn.Conv2d)][-1]
    with torch.no_grad():
        last.weight.mul_(3)
    return model.requires_grad_(False).eval()


def smooth_pictures(count: int, side: int = SIDE, seed: int = 0) -> np.ndarray:
    """Smooth colour pictures, uint8 `(N, H, W, 3)`."""
    coarse = np.random.default_rng(seed).integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    size = (side, side)
    smooth = [Image.fromarray(one).resize(size, Image.Resampling.BICUBIC) for one in coarse]
    return np.stack([np.asarray(one) for one in smooth])


def maps_statistics(model: MHVAE) -> Statistics:
    """Measured statistics of the levels; the reference is made up and none is usual to it."""
    active = tuple(torch.ones(level.channels, dtype=torch.bool) for level in model.levels)
    return Statistics(
        levels=level_statistics(model, smooth_pictures(8), active),
        reference_elbo=torch.linspace(-200_000.0, -20_000.0, 101),
        reference_draws=8,
        reference_reconstruction=-90_000.0,
        reference_rate=(100.0, 10.0, 1.0),
    )


def save_maps(folder: Path, name: str = "maps") -> Path:
    """The checkpoint folder of the model."""
    model = maps_model()
    examples = smooth_pictures(4, seed=1)
    save_checkpoint(folder, name, model, maps_statistics(model), {}, {}, {}, examples, "")
    return folder


def maps_checkpoint(folder: Path) -> Checkpoint:
    """The model as loaded from a folder."""
    return load_checkpoint(save_maps(folder))
