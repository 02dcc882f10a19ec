"""A small model of every family, of random weights that matter, with images for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch

from models.base import HierarchicalModel
from models.families.autoencoder_kl.config import AutoencoderKLConfig
from models.families.autoencoder_kl.model import AutoencoderKL
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.families.vdm.config import VDMConfig
from models.families.vdm.model import VDM
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Betas, Curve
from tests.models.published import VAE
from tests.models.small_hvae import COLOUR, GREY, random_hvae
from tests.models.tiny import tiny_model

# Its maps shrink from side 7 to 4, as those of `digits` do, and its top is fixed.
CONV = MHVAEConfig(
    (1, 14, 14), "discretised_logistic", ((6,), (3,)),
    NetworkConfig(16, 1, channels=(4, 4), patch=2), fixed_top=0.5,
)  # fmt: skip
MAPS = MHVAEConfig(
    (3, 8, 8), "discretised_logistic", ((2, 4, 4), (2, 2, 2)),
    NetworkConfig(8, 1, channels=(8, 8), patch=2, norm="group", resize="shuffle"), unit_scale=True,
)  # fmt: skip


def _vdm(schedule: Curve | Betas, likelihood: str) -> VDM:
    unet = make_unet((1, 8, 8), (8, 16), layers=1)
    return VDM(VDMConfig((1, 8, 8), likelihood, schedule, 3, unet=unet))


BUILDERS: Mapping[str, Callable[[], HierarchicalModel]] = {
    "mlp": tiny_model,
    "conv": lambda: MHVAE(CONV),
    "maps": lambda: MHVAE(MAPS),
    "hvae": lambda: random_hvae(GREY),
    "hvae-mixture": lambda: random_hvae(replace(COLOUR, dec_blocks="1x1,4m1,8m4")),
    "vdm": lambda: _vdm(Curve("learned", -4.0, 5.0), "discretised"),
    "vdm-betas": lambda: _vdm(Betas(timesteps=50, beta_end=0.2), "bernoulli"),
    "autoencoder-kl": lambda: AutoencoderKL(AutoencoderKLConfig.of(VAE)),
}


def small(family: str) -> HierarchicalModel:
    """A frozen model on the CPU, the same at every call."""
    torch.manual_seed(3)
    model = BUILDERS[family]()
    with torch.no_grad():  # away from the zeros that some last layers begin with
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return model.requires_grad_(False).eval()


def images_for(model: HierarchicalModel, count: int = 6) -> np.ndarray:
    """Smooth noise, uint8 `(count, H, W, C)`."""
    channels, side, _ = model.image_shape
    coarse = np.random.default_rng(0).integers(0, 256, (count, side // 2, side // 2, channels))
    return coarse.repeat(2, 1).repeat(2, 2).astype(np.uint8)
