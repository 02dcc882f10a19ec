"""What every family of hierarchical VAE has in common.

Notation: z_0 is the image x, z_1 … z_T are the latents, z_T is the top. A chain is a
tuple `z` of T + 1 entries with `z[t]` = z_t; an entry not known yet is None.
`bottom_up` and `top_down` are the only two ways to walk it.
"""

from __future__ import annotations

import abc
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal

from models.errors import BadInput

Chain = tuple[Tensor | None, ...]
Noise = tuple[Tensor, ...]  # eps at its subscripts; entry 0 is empty


def bottom_up(depth: int) -> Iterable[int]:
    """The levels 1, 2, …, T: the order of inference in a Markov chain."""
    return range(1, depth + 1)


def top_down(depth: int) -> Iterable[int]:
    """The levels T, …, 2, 1: the order of generation."""
    return range(depth, 0, -1)


@dataclass(frozen=True)
class Level:
    """One latent z_t.

    Args:
        index: The subscript t, from 1.
        shape: The event shape, `(D,)` for a vector or `(C, H, W)` for a spatial latent.
    """

    index: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """Number of scalars in z_t."""
        return prod(self.shape)

    @property
    def channels(self) -> int:
        """Number of coordinates a person can name: D, or C of a spatial latent."""
        return self.shape[0]

    @property
    def is_spatial(self) -> bool:
        return len(self.shape) > 1

    def over(self, values: Tensor) -> Tensor:
        """One value a coordinate, `(C,)`, broadcastable over z_t: a channel's at every place."""
        return values.reshape(self.channels, *(1 for _ in self.shape[1:]))


@dataclass(frozen=True)
class Trace:
    """An image encoded at every level.

    Args:
        z: The chain z_0 … z_T, each entry with shape `(B, *event)`.
        posteriors: q(z_1 | …) … q(z_T | …), bottom first; read them with `q`.
        own: The image's own detail ε_1 … ε_T at its subscripts, where it was worked out
            (`models.chain.with_own_noise`); else empty.
    """

    z: tuple[Tensor, ...]
    posteriors: tuple[Distribution, ...] = ()
    own: Noise = ()

    @property
    def depth(self) -> int:
        return len(self.z) - 1

    def q(self, t: int) -> Distribution:
        """q(z_t | …), by its subscript."""
        return self.posteriors[t - 1]


def known(z: Chain, t: int) -> Tensor:
    """The entry z_t of a chain that has come as far as t."""
    entry = z[t]
    if entry is None:
        raise ValueError(f"z_{t} was read before the chain reached it")
    return entry


def gaussian(mean: Tensor, std: Tensor, event_dims: int) -> Independent:
    """N(mean, std²), diagonal, whose last `event_dims` dimensions are one event."""
    return Independent(Normal(mean, std, validate_args=False), event_dims, validate_args=False)


def draw(distribution: Distribution, eps: Tensor) -> Tensor:
    """The reparameterised draw mean + std·eps (or mean + L·eps for a full covariance).

    Args:
        distribution: A Gaussian with shape `(B, *event)`, or `(*event)` if it is a fixed prior.
        eps: Standard normal noise, with shape `(B, *event)`.
    """
    if isinstance(distribution, MultivariateNormal):
        return distribution.mean + (distribution.scale_tril @ eps.unsqueeze(-1)).squeeze(-1)
    return distribution.mean + distribution.stddev * eps


def repeated(distribution: Distribution, times: int) -> Distribution:
    """A batch of Gaussians laid out `times` times over, batch by batch."""
    if isinstance(distribution, MultivariateNormal):
        factor = distribution.scale_tril.repeat(times, 1, 1)
        return MultivariateNormal(distribution.mean.repeat(times, 1), scale_tril=factor)
    tiling = (times,) + (1,) * (distribution.mean.ndim - 1)
    mean, std = distribution.mean.repeat(tiling), distribution.stddev.repeat(tiling)
    return gaussian(mean, std, len(distribution.event_shape))


class HierarchicalModel(nn.Module, abc.ABC):
    """The interface that the objective, the evaluation and the explorer use, and nothing else.

    Attributes:
        image_shape: `(C, H, W)` of x; pixels are floats in [0, 1].
        levels: The latents z_1 … z_T, bottom first.
        eight_bit: Whether x has 256 values a pixel, so that bits per dimension apply;
            otherwise x is binary.
    """

    image_shape: tuple[int, int, int]
    levels: tuple[Level, ...]
    eight_bit: bool

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return len(self.levels)

    def level(self, t: int) -> Level:
        """The level z_t, by its subscript."""
        return self.levels[t - 1]

    @property
    def side_step(self) -> int | None:
        """Image sides that the model takes are the multiples of this; None: its own side only."""
        return None

    def at_side(self, side: int) -> HierarchicalModel:
        """The same model, over the same parameters, for images of another side.

        Args:
            side: In pixels; a multiple of `side_step`, or the model's own side.

        Raises:
            BadInput: The model does not take images of that side.
        """
        if side == self.image_shape[1]:
            return self
        raise BadInput(
            f"the model takes images of side {self.image_shape[1]} only, not {side}: "
            "a fully convolutional one, with maps at every level, takes others."
        )

    @abc.abstractmethod
    def as_seen(self, x: Tensor) -> Tensor:
        """The image as the model sees it, `(B, C, H, W)`: binary, or on the 8-bit grid."""

    @abc.abstractmethod
    def posterior(self, t: int, z: Chain) -> Distribution:
        """q(z_t | …) given the entries of `z` below t, with shape `(B, *event)`."""

    @abc.abstractmethod
    def prior(self, t: int, z: Chain) -> Distribution:
        """p(z_t | …) given the entries of `z` above t; at the top the fixed p(z_T), unbatched."""

    @abc.abstractmethod
    def likelihood(self, z: Chain) -> Distribution:
        """p(x | …) with shape `(B, C, H, W)`; its `mean` is the picture, in [0, 1]."""


def noise(seed: int, level: int, shape: tuple[int, ...]) -> Tensor:
    """Standard normal noise that is a function of (seed, level) alone.

    Drawn on the CPU so that every device shows the same picture.
    """
    mixed = (int(seed) * 1_000_003 + int(level) * 7_919 + 12_345) % (2**63 - 1)
    return torch.randn(shape, generator=torch.Generator().manual_seed(mixed))
