"""The measures of a level against closed forms, and the statistics against brute force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import Chain, encode, known
from models.chain import decode, draw_noise
from models.checkpoint.statistics import LevelStatistics, Statistics, level_statistics
from models.evaluation.measures import (
    active_units,
    drift,
    mean_terms,
    one_draw_means,
    psnr_of_each,
    reach,
    seen_test_set,
    units,
)
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.gaussians import draw, gaussian
from models.policy import KEEP
from tests.models.oracle import LinearGaussianChain


def images(count: int, side: int = 8, channels: int = 1) -> np.ndarray:
    generator = np.random.default_rng(3)
    return generator.integers(0, 256, (count, side, side, channels)).astype(np.uint8)


def small(likelihood: str = "bernoulli") -> MHVAE:
    torch.manual_seed(2)
    model = MHVAE(MHVAEConfig((1, 8, 8), likelihood, ((5,), (3,)), NetworkConfig(16, 1)))
    return model.requires_grad_(False).eval()


def spread(*stds: Tensor) -> tuple[LevelStatistics, ...]:
    """Statistics of which only σ matters."""
    unit = torch.ones(1)
    return tuple(
        LevelStatistics(s, s, s, torch.ones_like(s, dtype=torch.bool), unit, unit, unit)
        for s in stds
    )


def dead_top_chain() -> LinearGaussianChain:
    """z_2 has one coordinate that z_1 does not see, so nothing of x ever reaches it."""
    model = LinearGaussianChain((4, 3, 2), seed=4)
    model.weight[1][:, 1] = 0
    model.mean, model.covariance = model._marginals()
    return model


def test_active_units_against_the_closed_form_covariance() -> None:
    model = dead_top_chain()
    x = model.sample_images(4000)
    gain_1 = model.covariance[1] @ model.weight[0].T @ torch.linalg.inv(model.covariance[0])
    gain_2 = model.covariance[2] @ model.weight[1].T @ torch.linalg.inv(model.covariance[1])
    of_z1 = gain_1 @ model.covariance[0] @ gain_1.T
    of_z2 = gain_2 @ of_z1 @ gain_2.T
    exact = [of_z1.diagonal() > 0.01, of_z2.diagonal() > 0.01]
    assert exact[1].tolist() == [True, False]
    found = active_units(model, x)
    assert [f.tolist() for f in found] == [e.tolist() for e in exact]


def test_a_dead_unit_is_not_counted_for_the_noise_of_its_mean() -> None:
    """The mean of 50 draws of a dead unit still varies by 1/50 > 0.01 from image to image."""
    model = dead_top_chain()
    x = model.sample_images(2000)
    generator = torch.Generator().manual_seed(0)
    means = torch.stack(
        [encode(model, x, draw_noise(model, 2000, generator)).z[2] for _ in range(50)]
    ).mean(0)
    assert float(means[:, 1].var()) > 0.01  # what a single mean would count
    found = units(model, x)
    assert [level.tolist() for level in found.active] == [[True] * 3, [True, False]]
    assert [level.tolist() for level in found.burda] == [[True] * 3, [True, False]]


def test_the_count_of_burda_et_al_is_at_one_draw_below() -> None:
    """Their released code: the variance of the mean of q(z_2 | z_1) at one z_1 ~ q(z_1 | x). Here
    x says next to nothing of z_1, so no unit of z_2 is active, and yet its mean follows z_1."""
    model = LinearGaussianChain((4, 3, 2), seed=4)
    model.weight[0] = 0.01 * model.weight[0]
    model.mean, model.covariance = model._marginals()
    x = model.sample_images(4000)
    gain = model.covariance[2] @ model.weight[1].T @ torch.linalg.inv(model.covariance[1])
    exact = (gain @ model.covariance[1] @ gain.T).diagonal()
    assert float(exact.min()) > 0.1
    means = one_draw_means(model, x)
    torch.testing.assert_close(means[1].var(0), exact, rtol=0.1, atol=0)
    torch.testing.assert_close(means[0], model.posterior(1, (x,)).mean)
    found = units(model, x)
    assert [level.tolist() for level in found.active] == [[False] * 3, [False, False]]
    assert [level.tolist() for level in found.burda] == [[False] * 3, [True, True]]


def test_reach_of_a_linear_decoder() -> None:
    """The picture moves by 4σ along a column of the decoder, whatever the image."""
    model = LinearGaussianChain((4, 3), seed=1)
    sigma = torch.tensor([0.5, 1.0, 0.2]).double()
    moved = 4 * sigma * model.weight[0].square().mean(dim=0).sqrt()
    found = reach(model, model.sample_images(20), spread(sigma))
    assert found == (pytest.approx(float(moved.max()), rel=1e-9),)


def test_reach_of_an_upper_level_follows_the_definition() -> None:
    model = small()
    x = seen_test_set(model, images(12))
    sigmas = (torch.full((5,), 0.7), torch.tensor([0.3, 1.1, 0.6]))
    trace = encode(model, x)
    changes = []
    for i in range(3):
        delta = torch.zeros(3)
        delta[i] = 2 * sigmas[1][i]
        high, low = (
            model.likelihood(decode(model, trace, (KEEP, KEEP), {2: s * delta})).mean
            for s in (1, -1)
        )
        changes.append(float((high - low).square().mean(dim=(1, 2, 3)).sqrt().mean()))
    assert reach(model, x, spread(*sigmas))[1] == pytest.approx(max(changes), rel=1e-6)


def test_statistics_against_brute_force() -> None:
    model = small()
    data = images(400)
    active = (torch.ones(5, dtype=torch.bool), torch.tensor([True, False, True]))
    levels = level_statistics(model, data, active, seed=1, batch=150)
    assert levels[1].active.tolist() == [True, False, True]

    x = seen_test_set(model, data, seed=9)
    q = model.posterior(1, (x,))
    drawn = torch.cat([draw(q, torch.randn(400, 5)) for _ in range(20)])
    torch.testing.assert_close(levels[0].std, drawn.std(0), rtol=0.06, atol=0.01)
    of_means = torch.cov(q.mean.T, correction=0)
    values = torch.linalg.eigvalsh(of_means).flip(0)
    share = values / values.sum()
    torch.testing.assert_close(levels[0].component_share, share, rtol=0.1, atol=0.02)
    identity = levels[0].components @ levels[0].components.T
    torch.testing.assert_close(identity, torch.eye(5), rtol=0, atol=1e-5)

    _, rate = mean_terms(model, x, draws=20)
    for level, mean in zip(levels, rate.mean(0), strict=True):
        assert float(level.nats.sum()) == pytest.approx(float(mean), abs=0.15)


def test_statistics_survive_their_file() -> None:
    model = small()
    active = (torch.ones(5, dtype=torch.bool), torch.ones(3, dtype=torch.bool))
    levels = level_statistics(model, images(20), active)
    whole = Statistics(levels, torch.tensor([-3.0, -1.0]), 8, -2.0, (0.5, 0.25))
    back = Statistics.from_tensors(whole.to_tensors(), ((5,), (3,)))
    assert torch.equal(back.levels[1].components, levels[1].components)
    assert back.reference_elbo.tolist() == [-3, -1]
    assert (back.reference_draws, back.reference_rate) == (8, (0.5, 0.25))


def test_the_test_set_is_binarised_once() -> None:
    model = small()
    data = images(30)
    whole = seen_test_set(model, data)
    assert torch.equal(whole, seen_test_set(model, data))
    assert torch.equal(whole[:7], seen_test_set(model, data[:7]))
    assert not torch.equal(whole, seen_test_set(model, data, seed=1))


def test_psnr_by_hand() -> None:
    model = small("discretised_logistic")
    x = seen_test_set(model, images(3))
    picture = model.likelihood(encode(model, x).z).mean
    errors = [float(((picture[i] - x[i]) ** 2).mean()) for i in range(3)]
    assert float(psnr_of_each(model, x).mean()) == pytest.approx(
        np.mean([-10 * np.log10(e) for e in errors]), abs=1e-4
    )


class Invertible(LinearGaussianChain):
    """Its encoder undoes its decoder: the mean of q(z_1 | x) is the z_1 whose picture is x."""

    def posterior(self, t: int, z: Chain) -> Distribution:
        if t > 1:
            return super().posterior(t, z)
        mean = (known(z, 0).flatten(1) - self.bias[0]) @ torch.linalg.inv(self.weight[0]).T
        return gaussian(mean, torch.ones_like(mean), 1)


def test_drift_is_zero_where_the_encoder_undoes_the_decoder() -> None:
    model = Invertible((3, 3, 2))
    sigmas = (torch.ones(3).double(), torch.ones(2).double())
    found = drift(model, model.sample_images(30), spread(*sigmas))
    assert found == pytest.approx((0, 0), abs=1e-9)


def test_drift_by_hand() -> None:
    """A posterior mean shrinks what comes back; only active coordinates count, in their σ."""
    model = LinearGaussianChain((4, 3, 2), seed=1)
    x = model.sample_images(25)
    first, second = spread(torch.tensor([0.5, 2.0, 1.0]), torch.tensor([1.0, 1.0]))
    first = replace(first, active=torch.tensor([True, True, False]))
    second = replace(second, active=torch.tensor([False, False]))
    there = encode(model, x)
    back = encode(model, model.likelihood(there.z).mean)
    moved = ((back.z[1] - there.z[1])[:, :2] / torch.tensor([0.5, 2.0])).square().mean().sqrt()
    found = drift(model, x, (first, second))
    assert found[0] == pytest.approx(float(moved)) and float(moved) > 0.1
    assert found[1] is None
