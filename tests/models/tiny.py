"""A tiny checkpoint with its data on disk: real files, in a tenth of a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from models.checkpoint.checkpoint import save_checkpoint
from models.checkpoint.statistics import Statistics, level_statistics
from models.data.load import load_data
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig

TRAINING = {
    "preset": None, "steps_done": 0, "data": "data.npz", "wall_s": 0.0, "cpu_s": 0.0,
    "config": {"batch_size": 1, "free_bits": [], "kl_warmup": 0.0},
}  # fmt: skip


def tiny_model(likelihood: str = "bernoulli") -> MHVAE:
    """T = 2 on 8×8 grey images, untrained."""
    torch.manual_seed(2)
    model = MHVAE(MHVAEConfig((1, 8, 8), likelihood, ((5,), (3,)), NetworkConfig(16, 1)))
    return model.requires_grad_(False).eval()


def tiny_images(count: int) -> np.ndarray:
    """Noise, uint8 `(count, 8, 8, 1)`; fewer are the start of more."""
    return np.random.default_rng(0).integers(0, 256, (count, 8, 8, 1), dtype=np.uint8)


def tiny_checkpoint(folder: Path, likelihood: str = "bernoulli") -> tuple[Path, Path]:
    """A checkpoint folder, and its data: 30 training and 60 test images."""
    pictures, path = tiny_images(90), folder / "data.npz"
    np.savez(path, train=pictures[:30, :, :, 0], test=pictures[30:, :, :, 0])
    model = tiny_model(likelihood)
    active = tuple(torch.ones(level.channels, dtype=torch.bool) for level in model.levels)
    levels = level_statistics(model, pictures[:30], active)
    statistics = Statistics(levels, torch.tensor([-3.0, -1.0]), 8, -2.0, (0.5, 0.25))
    save_checkpoint(
        folder / "tiny", "tiny", model, statistics, {}, load_data(str(path)).card, TRAINING,
        pictures[30:], "",
    )  # fmt: skip
    return folder / "tiny", path
