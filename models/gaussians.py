"""Gaussians over latents, diagonal or with a full covariance: the one place that tells them apart.

    diagonal   z = mean + std·eps     `gaussian`: an Independent Normal, of any shape
    full       z = mean + L·eps       torch's MultivariateNormal or its low-rank one, of vectors

A full covariance is L·Lᵀ with L lower triangular, so that eps ~ N(0, I) in either case.
"""

from __future__ import annotations

from math import log, pi
from typing import Any

import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    LowRankMultivariateNormal,
    MultivariateNormal,
    Normal,
)

from models.precision import double

LOG_STD_LOW, LOG_STD_HIGH = 7.0, 3.0


def gaussian(mean: Tensor, std: Tensor, event_dims: int) -> Independent:
    """N(mean, std²), diagonal, whose last `event_dims` dimensions are one event."""
    return Independent(Normal(mean, std, validate_args=False), event_dims, validate_args=False)


def draw(distribution: Distribution, eps: Tensor) -> Tensor:
    """The reparameterised draw mean + std·eps (or mean + L·eps for a full covariance L·Lᵀ).

    Args:
        distribution: A Gaussian with shape `(B, *event)`, or `(*event)` if it is a fixed prior.
        eps: Standard normal noise, with shape `(B, *event)`.
    """
    if (factor := factor_of(distribution)) is not None:
        return distribution.mean + (factor @ eps.unsqueeze(-1)).squeeze(-1)
    return distribution.mean + distribution.stddev * eps


def whitened(distribution: Distribution, z: Tensor) -> Tensor:
    """The noise that `draw` makes z of: (z − mean) / std, or L⁻¹(z − mean); shape `(B, *event)`."""
    apart = z - distribution.mean
    if (factor := factor_of(distribution)) is not None:
        return torch.linalg.solve_triangular(factor, apart.unsqueeze(-1), upper=False).squeeze(-1)
    return apart / distribution.stddev


def factor_of(distribution: Distribution) -> Tensor | None:
    """The lower triangular L of a Gaussian with covariance L·Lᵀ; None where it is diagonal."""
    if isinstance(distribution, MultivariateNormal | LowRankMultivariateNormal):
        return distribution.scale_tril
    return None


def as_full(distribution: Distribution) -> MultivariateNormal:
    """A Gaussian over vectors as one with a full covariance, whichever it is."""
    factor = factor_of(distribution)
    if factor is None:
        factor = torch.diag_embed(distribution.stddev)
    return MultivariateNormal(distribution.mean, scale_tril=factor, validate_args=False)


def variance_along(q: Distribution, rows: Tensor) -> Tensor:
    """The variance of every Gaussian of a batch along unit directions `(K, D)`, `(B, K)`."""
    if (factor := factor_of(q)) is not None:
        return (double(factor).mT @ rows.T).square().sum(1)
    return double(q.variance.flatten(1)) @ rows.square().T


def covariances(q: Distribution) -> Tensor:
    """The covariance of the coordinates of a batch of Gaussians, summed over rows, `(C, C)`."""
    if (factor := factor_of(q)) is not None:
        factor = double(factor)
        return (factor @ factor.mT).sum(0)
    return torch.diag(as_rows(q.variance).sum(0))


def by_coordinate(distribution: Distribution, z: Tensor) -> Tensor:
    """The log-density of every coordinate of a Gaussian, with the shape of `z`.

    With a full covariance it is that of z_i given z_1 … z_{i−1}, so that all add up to log N(z).
    """
    if (factor := factor_of(distribution)) is not None:
        eps, scale = whitened(distribution, z), factor.diagonal(dim1=-2, dim2=-1)
        return -0.5 * (eps.square() + log(2 * pi)) - scale.log()
    if not isinstance(distribution, Independent) or not isinstance(distribution.base_dist, Normal):
        raise TypeError("nats by coordinate need a Gaussian")
    return distribution.base_dist.log_prob(z)


def as_rows(z: Tensor) -> Tensor:
    """`(B, C)` or `(B, C, H, W)` as rows of C coordinates, in float64 on the CPU."""
    z = double(z)
    return z if z.ndim == 2 else z.movedim(1, -1).reshape(-1, z.shape[1])


def repeated(evidence: Any, times: int) -> Any:
    """What `HierarchicalModel.evidence` gave for a batch, laid out `times` times over.

    Args:
        evidence: A tensor `(B, *)`, a batch of Gaussians, or a mapping or tuple of these.
    """
    if isinstance(evidence, Distribution):
        return _repeated_gaussian(evidence, times)
    if isinstance(evidence, Tensor):
        return evidence.repeat((times,) + (1,) * (evidence.ndim - 1))
    if isinstance(evidence, dict):
        return {key: repeated(value, times) for key, value in evidence.items()}
    if isinstance(evidence, tuple):
        return tuple(repeated(value, times) for value in evidence)
    return evidence


def _repeated_gaussian(distribution: Distribution, times: int) -> Distribution:
    if (factor := factor_of(distribution)) is not None:
        mean = distribution.mean.repeat(times, 1)
        return MultivariateNormal(mean, scale_tril=factor.repeat(times, 1, 1))
    tiling = (times,) + (1,) * (distribution.mean.ndim - 1)
    mean, std = distribution.mean.repeat(tiling), distribution.stddev.repeat(tiling)
    return gaussian(mean, std, len(distribution.event_shape))


def bounded_log_std(raw: Tensor) -> Tensor:
    """log std in (−7, 3): the identity near zero, twice differentiable, saturating smoothly."""
    bound = torch.where(raw > 0, LOG_STD_HIGH, LOG_STD_LOW)
    return bound * torch.tanh(raw / bound)
