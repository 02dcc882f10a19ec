"""σ of an axis, from the means and the variances of q: against closed forms, without any noise."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from models.base import Fields
from models.checkpoint.statistics import level_statistics
from models.pixels import to_float
from tests.models.oracle import LinearGaussianChain


def images(count: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 1, width, 1), dtype=np.uint8)


def aggregate(model: LinearGaussianChain, x: Tensor, t: int) -> tuple[Tensor, Tensor]:
    """Mean and covariance of Σ_x q(z_t | x) / N, by propagating Gaussians up the chain."""
    mean, within = x.flatten(1), torch.zeros(x[0].numel(), x[0].numel()).double()
    for s in range(1, t + 1):
        cross = model.covariance[s] @ model.weight[s - 1].T
        gain = cross @ torch.linalg.inv(model.covariance[s - 1])
        mean = model.mean[s] + (mean - model.mean[s - 1]) @ gain.T
        within = gain @ within @ gain.T + model.covariance[s] - gain @ cross.T
    return mean.mean(0), mean.T.cov(correction=0) + within


@pytest.mark.parametrize("count", [2, 7])
def test_of_the_first_level_it_is_exact_for_any_number_of_images(count: int) -> None:
    """No draw has a share in it: one draw an image would be off by tens of percent here."""
    model, pixels = LinearGaussianChain((5, 3)), images(count, 5)
    (level,) = level_statistics(model, pixels, None)
    mean, covariance = aggregate(model, to_float(pixels).double(), 1)
    torch.testing.assert_close(level.mean.double(), mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(level.std.double(), covariance.diagonal().sqrt(), rtol=1e-5, atol=0)
    rows = level.components.double()
    along = torch.einsum("kc,cd,kd->k", rows, covariance, rows).sqrt()
    torch.testing.assert_close(level.component_std.double(), along, rtol=1e-5, atol=0)


def test_above_it_only_the_draws_below_are_noise() -> None:
    model, pixels = LinearGaussianChain((5, 4, 3)), images(4_000, 5)
    levels = level_statistics(model, pixels, None)
    for t in (1, 2):
        mean, covariance = aggregate(model, to_float(pixels).double(), t)
        torch.testing.assert_close(levels[t - 1].mean.double(), mean, rtol=0.02, atol=0.02)
        wanted = covariance.diagonal().sqrt()
        torch.testing.assert_close(levels[t - 1].std.double(), wanted, rtol=0.02, atol=0)


def test_along_fields_it_is_exact_too() -> None:
    model, pixels = LinearGaussianChain((5, 3)), images(3, 5)
    directions = torch.linalg.qr(torch.ones(3, 3).double().triu()).Q[:2]
    model.fields = lambda t: Fields(directions, ("a", "b"))  # pyright: ignore
    (level,) = level_statistics(model, pixels, None)
    _, covariance = aggregate(model, to_float(pixels).double(), 1)
    along = torch.einsum("kc,cd,kd->k", directions, covariance, directions).sqrt()
    torch.testing.assert_close(level.component_std.double(), along, rtol=1e-5, atol=0)
