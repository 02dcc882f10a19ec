"""A small linear-Gaussian hierarchy and a checkpoint around it, quick and exactly known.

p(z_T) = N(0, I),  p(z_s | z_{s+1}) = N(A_s z_{s+1}, σ_p² I),  picture = sigmoid(B z_1)
q(z_t | z_{t-1}) = N(C_t z_{t-1}, σ_q² I)
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Independent

from explorer.images.uploads import image_hash
from explorer.recipe.recipe import Recipe, zero_recipe
from explorer.render.axes import offset, steps
from models.base import Chain, HierarchicalModel, Level, Trace, encode
from models.checkpoint.checkpoint import Checkpoint
from models.checkpoint.statistics import LevelStatistics, Statistics
from models.gaussians import gaussian

PRIOR_STD = 0.7
POSTERIOR_STD = 0.4
SHAPES = ((2, 2, 2), (4,), (3,))


class Toy(HierarchicalModel):
    """Three levels, the lowest one spatial, of an image of 4 × 4 grey pixels."""

    def __init__(
        self,
        shapes: tuple[tuple[int, ...], ...] = SHAPES,
        image_shape: tuple[int, int, int] = (1, 4, 4),
        seed: int = 0,
        eight_bit: bool = True,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.eight_bit = eight_bit
        self.levels = tuple(Level(t, shape) for t, shape in enumerate(shapes, start=1))
        sizes = (prod(image_shape), *(prod(shape) for shape in shapes))
        generator = torch.Generator().manual_seed(seed)

        def matrix(rows: int, columns: int) -> nn.Parameter:
            values = torch.randn((rows, columns), generator=generator) / columns**0.5
            return nn.Parameter(values, requires_grad=False)

        depth = len(shapes)
        self.up = nn.ParameterList(matrix(sizes[t], sizes[t - 1]) for t in range(1, depth + 1))
        self.down = nn.ParameterList(matrix(sizes[t], sizes[t + 1]) for t in range(depth))

    def as_seen(self, x: Tensor) -> Tensor:
        return (x * 255).round().clamp(0, 255) / 255 if self.eight_bit else (x > 0.5).to(x)

    def posterior(self, t: int, z: Chain) -> Distribution:
        return self._linear(self.up[t - 1], known(z[t - 1]), self.level(t), POSTERIOR_STD)

    def prior(self, t: int, z: Chain) -> Distribution:
        if t == self.depth:
            shape = self.level(t).shape
            return gaussian(torch.zeros(shape), torch.ones(shape), len(shape))
        return self._linear(self.down[t], known(z[t + 1]), self.level(t), PRIOR_STD)

    def likelihood(self, z: Chain) -> Distribution:
        flat = known(z[1]).flatten(1) @ self.down[0].T
        logits = 3 * flat.reshape(-1, *self.image_shape)
        return Independent(Bernoulli(logits=logits, validate_args=False), 3, validate_args=False)

    def _linear(self, weight: Tensor, below: Tensor, level: Level, std: float) -> Distribution:
        mean = (below.flatten(1) @ weight.T).reshape(-1, *level.shape)
        return gaussian(mean, torch.full_like(mean, std), len(level.shape))


def known(entry: Tensor | None) -> Tensor:
    """An entry of a chain that must be there."""
    assert entry is not None
    return entry


def toy_statistics(model: HierarchicalModel, seed: int = 1) -> Statistics:
    """Made-up statistics of the right shapes; the last coordinate of every level is dead."""
    generator = torch.Generator().manual_seed(seed)
    levels = []
    for level in model.levels:
        c = level.channels
        basis, _ = torch.linalg.qr(torch.randn((c, c), generator=generator))
        share = torch.arange(c, 0, -1).float()
        share = share / share.sum()
        active = torch.ones(c, dtype=torch.bool)
        active[-1] = False
        levels.append(
            LevelStatistics(
                mean=torch.zeros(c),
                std=0.5 + torch.rand(c, generator=generator),
                nats=torch.arange(c).float(),
                active=active,
                components=basis.T.contiguous(),
                component_std=0.5 + torch.rand(c, generator=generator),
                component_share=share,
            )
        )
    return Statistics(
        levels=tuple(levels),
        reference_elbo=torch.linspace(-60.0, -10.0, 101),
        reference_draws=8,
        reference_reconstruction=-20.0,
        reference_rate=tuple(1.0 + t for t in range(model.depth)),
    )


def toy_pixels(image_shape: tuple[int, int, int], count: int, seed: int = 2) -> np.ndarray:
    """Random 8-bit pictures, with shape `(N, H, W, C)`."""
    c, h, w = image_shape
    return np.random.default_rng(seed).integers(0, 256, (count, h, w, c), dtype=np.uint8)


def toy_checkpoint(
    name: str = "toy",
    hash: str = "0123456789abcdef",
    image_shape: tuple[int, int, int] = (1, 4, 4),
    likelihood: str = "discretised_logistic",
) -> Checkpoint:
    """A checkpoint that was never on disk."""
    eight_bit = likelihood == "discretised_logistic"
    model = Toy(image_shape=image_shape, seed=int(hash[:4], 16), eight_bit=eight_bit).eval()
    fields = SimpleNamespace(
        name=name,
        path=Path(name),
        config=SimpleNamespace(image_shape=image_shape, likelihood=likelihood, name=name),
        model=model,
        statistics=toy_statistics(model),
        evaluation={},
        card={},
        hash=hash,
        examples=toy_pixels(image_shape, 50),
    )
    return cast(Checkpoint, fields)  # its model is no MHVAE, which nothing here relies on


def toy_trace(model: HierarchicalModel, seed: int = 3) -> Trace:
    """One image encoded along the mean path."""
    pixels = torch.from_numpy(toy_pixels(model.image_shape, 1, seed)).permute(0, 3, 1, 2)
    return encode(model, pixels.float() / 255)


def toy_recipe(checkpoint: Checkpoint, pixels: np.ndarray) -> Recipe:
    """The zero recipe of an image under a toy checkpoint."""
    return zero_recipe(checkpoint.hash, image_hash(pixels), checkpoint.model.depth)


def offsets(model: HierarchicalModel, statistics: Statistics, recipe: Recipe) -> dict[int, Tensor]:
    """δ of every edited level of a model without local axes, by its subscript."""
    moved = steps(model, statistics, recipe, lambda t: torch.empty(0, model.level(t).size))
    return {t: offset(model.level(t), parts) for t, parts in moved.items()}
