"""A general HVAE of more levels than are shown one by one, never trained, and a folder of it."""

from __future__ import annotations

from pathlib import Path

import torch

from models.checkpoint.checkpoint import save_checkpoint
from models.checkpoint.statistics import Statistics, level_statistics
from models.families.hvae.model import HVAEConfig
from tests.explorer.maps import smooth_pictures
from tests.models.small_hvae import random_hvae

SIDE = 16
# T = 15: z_15 at side 1, z_14 … z_11 at 4, z_10 … z_7 at 8, z_6 … z_1 at 16.
DEEP = HVAEConfig(
    (3, SIDE, SIDE), "discretised_logistic", "16x1,16d2,8d2,4d4,1x1",
    "1x1,4m1,4x3,8m4,8x3,16m8,16x5", width=8, zdim=4,
)  # fmt: skip
GROUPS = ((15,), (14, 13, 12, 11), (10, 9, 8, 7), (6, 5, 4, 3, 2, 1))


def save_deep(folder: Path, name: str = "deep", config: HVAEConfig = DEEP) -> Path:
    """The checkpoint folder of a model of random weights; of its channels the first is inactive.

    What it says of test images is made up.
    """
    model = random_hvae(config, spread=0.5)
    pictures = smooth_pictures(8, config.image_side)
    active = tuple(torch.arange(level.channels) > 0 for level in model.levels)
    statistics = Statistics(
        levels=level_statistics(model, pictures, active),
        reference_elbo=torch.linspace(-20_000.0, -2_000.0, 101),
        reference_draws=4,
        reference_reconstruction=-3_000.0,
        reference_rate=(10.0,) * model.depth,
    )
    save_checkpoint(folder, name, model, statistics, {}, {}, {}, pictures[:4], "")
    return folder
