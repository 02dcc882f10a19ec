"""The golden numbers of the published VDVAE code (golden/vdvae_tiny.md), and our models of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from models.base import Noise, top_down
from models.families.hvae.model import HVAE, HVAEConfig

FILE = Path(__file__).parent / "golden" / "vdvae_tiny.safetensors"
CONFIGS = {
    "plain": HVAEConfig(
        (3, 8, 8), "logistic_mixture", "8x2,8d2,4x1,4d4,1x1", "1x1,4m1,4x1,8m4,8x1",
        width=16, zdim=2, num_mixtures=3, shift=-120.63838 / 255, scale=255 / 64.16736,
    ),
    "widths": HVAEConfig(
        (3, 16, 16), "logistic_mixture", "16x1,16d2,8x1,8d2,4x1,4d2,2d2,1x1",
        "1x1,2m1,4m2,8m4,8x1,16m8,16x1", width=8, zdim=3, num_mixtures=2,
        custom_width_str="8:12,4:16,2:16,1:16", bottleneck_multiple=0.5, no_bias_above=4,
        pixel_bits=5, shift=-112.8666757481 / 255, scale=255 / 69.84780273,
    ),
}  # fmt: skip


@cache
def golden(part: str) -> dict[str, Tensor]:
    """The tensors of a part, without its name."""
    everything = load_file(FILE)
    return {k.removeprefix(f"{part}/"): v for k, v in everything.items() if k.startswith(part)}


def weights(part: str) -> dict[str, Tensor]:
    """The state dict, in single precision as it was run."""
    found = golden(part)
    prefix = "weights/"
    return {k.removeprefix(prefix): v.float() for k, v in found.items() if k.startswith(prefix)}


@cache
def golden_model(part: str) -> HVAE:
    model = HVAE(CONFIGS[part])
    model.load_state_dict(weights(part))
    return model.requires_grad_(False).eval()


def images(part: str) -> Tensor:
    """x in [0, 1]."""
    return golden(part)["x"].float() / 255


def by_level(part: str, key: str) -> dict[int, Tensor]:
    """What each block gave, by the subscript of its latent."""
    found, depth = golden(part), golden_model(part).depth
    return {t: found[f"{key}/{i}"] for i, t in enumerate(top_down(depth))}


def golden_noise(part: str, key: str = "eps") -> Noise:
    eps = by_level(part, key)
    return (torch.empty(0), *(eps[t] for t in sorted(eps)))
