"""Gaussians with a full covariance do what diagonal ones do, by their own definitions."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import (
    Distribution,
    Independent,
    Laplace,
    LowRankMultivariateNormal,
    MultivariateNormal,
)

from models.gaussians import (
    as_full,
    by_coordinate,
    covariances,
    draw,
    gaussian,
    repeated,
    variance_along,
    whitened,
)

B, D = 3, 4


def rand(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(kind: str) -> Distribution:
    mean, spread = rand(B, D), 0.5 + rand(B, D, seed=1).abs()
    if kind == "diagonal":
        return gaussian(mean, spread, 1)
    if kind == "low rank":
        return LowRankMultivariateNormal(mean, rand(B, D, 2, seed=2), spread)
    factor = rand(B, D, D, seed=2).tril(-1) + torch.diag_embed(spread)
    return MultivariateNormal(mean, scale_tril=factor)


KINDS = ("diagonal", "full", "low rank")


@pytest.mark.parametrize("kind", KINDS)
def test_noise_and_draws_are_each_others_inverse(kind: str) -> None:
    q, eps = made(kind), rand(B, D, seed=5)
    torch.testing.assert_close(whitened(q, draw(q, eps)), eps)
    many = rand(20_000, 1, D, seed=6)
    z = draw(q, many)
    covariance = as_full(q).covariance_matrix
    for b in range(B):
        assert (z[:, b].T.cov() - covariance[b]).abs().max() < 0.05 * covariance[b].abs().max()


@pytest.mark.parametrize("kind", KINDS)
def test_coordinates_add_up_to_the_density(kind: str) -> None:
    q, z = made(kind), rand(B, D, seed=7)
    found = by_coordinate(q, z)
    torch.testing.assert_close(found.sum(1), q.log_prob(z))
    first = torch.distributions.Normal(q.mean[:, 0], q.variance[:, 0].sqrt())
    torch.testing.assert_close(found[:, 0], first.log_prob(z[:, 0]))


@pytest.mark.parametrize("kind", KINDS)
def test_covariances_and_variances_are_those_of_the_distribution(kind: str) -> None:
    q = made(kind)
    exact = as_full(q).covariance_matrix
    torch.testing.assert_close(covariances(q), exact.sum(0))
    rows = torch.linalg.qr(rand(D, D, seed=8)).Q[:2]
    wanted = torch.einsum("kd,bde,ke->bk", rows, exact, rows)
    torch.testing.assert_close(variance_along(q, rows), wanted)


@pytest.mark.parametrize("kind", KINDS)
def test_laid_out_several_times_it_is_the_same(kind: str) -> None:
    q, z = made(kind), rand(2 * B, D, seed=9)
    twice = repeated(q, 2)
    torch.testing.assert_close(twice.log_prob(z), torch.cat([q.log_prob(z[:B]), q.log_prob(z[B:])]))


def test_nothing_but_a_gaussian_has_coordinates() -> None:
    with pytest.raises(TypeError, match="Gaussian"):
        by_coordinate(Independent(Laplace(torch.zeros(2), 1.0), 1), torch.zeros(2))
