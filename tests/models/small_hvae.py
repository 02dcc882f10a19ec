"""A small general HVAE whose every layer matters, for tests."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import torch
from torch import Tensor

from models.families.hvae.model import HVAE, HVAEConfig

# T = 5: z_5 and z_4 at side 1, z_3 at 4, z_2 and z_1 at 8.
GREY = HVAEConfig(
    (1, 8, 8), "bernoulli", "8x1,8d2,4d4,1x1", "1x2,4m1,8m4,8x1", width=8, zdim=2,
)  # fmt: skip
COLOUR = replace(GREY, image_shape=(3, 8, 8), likelihood="logistic_mixture", num_mixtures=2)


def random_hvae(config: HVAEConfig = GREY, spread: float = 0.8) -> HVAE:
    """A frozen model of random weights, also where a training starts at zero."""
    generator = torch.Generator().manual_seed(5)
    model = HVAE(config)
    with torch.no_grad():
        for value in model.parameters():
            size = prod(value.shape[1:]) if value.ndim == 4 and len(value) > 1 else 4
            value.copy_(spread * size**-0.5 * torch.randn(value.shape, generator=generator))
    return model.requires_grad_(False).eval()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def some_images(count: int, config: HVAEConfig = GREY) -> Tensor:
    x = torch.rand((count, *config.image_shape), generator=seeded(1))
    return (x > 0.5).float() if config.likelihood == "bernoulli" else (255 * x).round() / 255
