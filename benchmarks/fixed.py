"""A made-up model whose decode takes two milliseconds, wherever it runs.

T = 3 levels of 60, 2 and 2 coordinates, all alive: a page that shows the first twelve of each
level shows 16 sliders, and 64 once all are shown. Every map is linear,

    q(z_t | z_{t-1}) = N(C_t z_{t-1}, 0.4²),   p(z_{t-1} | z_t) = N(A_t z_t, 0.7²)

and the image is seen and drawn at 8 × 8. The likelihood passes the time that is left of its
two milliseconds in small matrix products, which release Python's lock as a network does.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

from models.base import Chain, HierarchicalModel, Level, bottom_up, known
from models.checkpoint.checkpoint import EXAMPLES, Checkpoint
from models.checkpoint.statistics import LevelStatistics, Statistics
from models.gaussians import gaussian

DECODE_MS = 2.0
SIZES = (60, 2, 2)
IMAGE_SHAPE = (3, 64, 64)
COARSE = 8  # side at which the image is seen and drawn
POSTERIOR_STD, PRIOR_STD, PIXEL_STD = 0.4, 0.7, 0.1
HASH = "f1fed0decade2500"


class FixedModel(HierarchicalModel):
    """Three linear levels below a likelihood that takes its time.

    Args:
        decode_ms: How long `likelihood` takes, in milliseconds.
    """

    def __init__(self, decode_ms: float = DECODE_MS) -> None:
        super().__init__()
        self.decode_s = decode_ms / 1000
        self.image_shape, self.eight_bit = IMAGE_SHAPE, True
        self.levels = tuple(Level(t, (size,)) for t, size in enumerate(SIZES, start=1))
        sizes = (IMAGE_SHAPE[0] * COARSE**2, *SIZES)
        generator = torch.Generator().manual_seed(0)

        def matrix(rows: int, columns: int) -> nn.Parameter:
            values = torch.randn((rows, columns), generator=generator) / columns**0.5
            return nn.Parameter(values, requires_grad=False)

        self.up = nn.ParameterList(matrix(sizes[t], sizes[t - 1]) for t in bottom_up(self.depth))
        self.down = nn.ParameterList(matrix(sizes[t - 1], sizes[t]) for t in bottom_up(self.depth))
        self.load = matrix(96, 96)

    def as_seen(self, x: Tensor) -> Tensor:
        return (x * 255).round().clamp(0, 255) / 255

    def posterior(self, t: int, z: Chain) -> Distribution:
        """q(z_t | z_{t-1})."""
        below = known(z, t - 1)
        seen = F.adaptive_avg_pool2d(below, COARSE).flatten(1) if t == 1 else below
        return self._linear(self.up[t - 1], seen, POSTERIOR_STD)

    def prior(self, t: int, z: Chain) -> Distribution:
        """p(z_t | z_{t+1}), and N(0, I) at the top."""
        if t == self.depth:
            return gaussian(torch.zeros(SIZES[t - 1]), torch.ones(SIZES[t - 1]), 1)
        return self._linear(self.down[t], known(z, t + 1), PRIOR_STD)

    def likelihood(self, z: Chain) -> Distribution:
        """p(x | z_1), once the time is over."""
        end = time.perf_counter() + self.decode_s
        coarse = torch.sigmoid(known(z, 1) @ self.down[0].T).reshape(-1, 3, COARSE, COARSE)
        picture = F.interpolate(coarse, size=IMAGE_SHAPE[1:], mode="nearest")
        while time.perf_counter() < end:
            torch.mm(self.load, self.load)
        return gaussian(picture, torch.full_like(picture, PIXEL_STD), 3)

    def _linear(self, weight: Tensor, z: Tensor, std: float) -> Distribution:
        mean = z @ weight.T
        return gaussian(mean, torch.full_like(mean, std), 1)


def fixed_checkpoint(decode_ms: float = DECODE_MS) -> Checkpoint:
    """The model as a checkpoint that was never on disk.

    Args:
        decode_ms: How long a likelihood takes, in milliseconds.
    """
    model = FixedModel(decode_ms).eval()
    return Checkpoint(
        name="fixed",
        path=Path("fixed"),
        model=model,
        statistics=_statistics(),
        evaluation={},
        card={},
        training={},
        hash=HASH,
        examples=_examples(),
    )


def _statistics() -> Statistics:
    """Every coordinate alive, the first ones weighing most."""
    levels = tuple(
        LevelStatistics(
            mean=torch.zeros(size),
            std=torch.ones(size),
            nats=torch.arange(size, 0, -1).float() / size,
            active=torch.ones(size, dtype=torch.bool),
            components=torch.eye(size)[: min(size, 32)],
            component_std=torch.ones(min(size, 32)),
            component_share=torch.full((min(size, 32),), 1 / size),
        )
        for size in SIZES
    )
    return Statistics(levels, torch.linspace(-60.0, -10.0, 101), 8, -20.0, (1.0,) * len(SIZES))


def _examples() -> np.ndarray:
    """Soft random pictures, uint8 `(N, H, W, C)`."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand((EXAMPLES, 3, 4, 4), generator=generator)
    pictures = F.interpolate(coarse, size=IMAGE_SHAPE[1:], mode="bicubic").clamp(0, 1)
    return (pictures * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
