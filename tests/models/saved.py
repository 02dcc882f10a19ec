"""A small checkpoint folder of every family, untrained."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.base import ModelConfig
from models.checkpoint.checkpoint import as_stored, save_checkpoint
from models.evaluation.reference import statistics_of
from models.families.autoencoder_kl.config import AutoencoderKLConfig
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.networks import NetworkConfig
from models.families.registry import new_model
from models.families.vdm.config import VDMConfig
from models.families.vdm.network import make_unet
from tests.models.published import VAE
from tests.models.small_hvae import GREY

CONVOLUTIONS = NetworkConfig(8, 1, (6, 8), 2)
SMALL: Mapping[str, tuple[str, Callable[[], ModelConfig]]] = {
    "vector": ("MHVAE", lambda: MHVAEConfig((1, 8, 8), "bernoulli", ((5,), (3,)))),
    "maps": ("MHVAE", lambda: MHVAEConfig(
        (3, 16, 16), "discretised_logistic", ((4, 8, 8), (3, 2, 2)), CONVOLUTIONS)),
    "map-and-vector": ("MHVAE", lambda: MHVAEConfig(
        (3, 16, 16), "discretised_logistic", ((4, 4, 4), (3,)), CONVOLUTIONS)),
    "general": ("HVAE", lambda: GREY),
    "diffusion": ("VDM", lambda: VDMConfig(
        (1, 8, 8), "bernoulli", stops=3, unet=make_unet((1, 8, 8), (8, 16), layers=1))),
    "chosen-stops": ("VDM", lambda: VDMConfig(
        (1, 8, 8), "bernoulli", stops=(0.0, 0.3, 0.5, 1.0), unet=make_unet((1, 8, 8), (8,)))),
    "autoencoder": ("AutoencoderKL", lambda: AutoencoderKLConfig((3, 16, 16), own(VAE))),
}  # fmt: skip


def own(network: dict[str, Any]) -> dict[str, Any]:
    """A configuration of diffusers as JSON has it."""
    return {key: list(v) if isinstance(v, tuple) else v for key, v in network.items()}


def save_small(folder: Path, which: str) -> Path:
    """A checkpoint folder of one of `SMALL`; it is called what that is."""
    family, config = SMALL[which]
    model = as_stored(new_model(family, config()))
    channels, height, width = model.image_shape
    images = np.random.default_rng(0).integers(0, 256, (6, height, width, channels), np.uint8)
    statistics = statistics_of(model, images)
    save_checkpoint(folder / which, which, model, statistics, {}, {}, {}, images, "")
    return folder / which
