"""Deleting inactive units: nothing moves where they are dead, and much where one is alive."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.distributions import Distribution, Normal

from models.base import Chain, known
from models.chain import draw_noise
from models.checkpoint.statistics import LevelStatistics
from models.evaluation.deletion import delete_inactive, log_weight_without
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.gaussians import gaussian
from models.objective import log_weight
from tests.models.oracle import LinearGaussianChain

SIZE, DEAD = 3, 1


class DiagonalChain(LinearGaussianChain):
    """Every coordinate is a chain of its own, so that densities factor; `DEAD` is cut at z_2."""

    def __init__(self, q_scale: float = 1.0) -> None:
        super().__init__((SIZE, SIZE, SIZE), seed=3, q_scale=q_scale)
        self.weight = [torch.diag(torch.diagonal(weight)) for weight in self.weight]
        self.weight[1][DEAD, DEAD] = 0
        self.mean, self.covariance = self._marginals()

    def posterior(self, t: int, z: Chain) -> Distribution:
        found = super().posterior(t, z)
        return gaussian(found.mean, found.stddev, 1)

    def prior(self, t: int, z: Chain) -> Distribution:
        if t == self.depth:
            return gaussian(self.mean[t], self.covariance[t].diagonal().sqrt(), 1)
        below = self._below(t + 1, known(z, t + 1))
        return gaussian(below.mean, below.stddev, 1)


def statistics(model: LinearGaussianChain, *active: list[bool]) -> tuple[LevelStatistics, ...]:
    """The aggregate posterior is the prior's marginal, since the data are the model's own."""
    one, nats = torch.ones(1), torch.arange(1.0, SIZE + 1)
    return tuple(
        LevelStatistics(
            model.mean[t], model.covariance[t].diagonal().sqrt(), nats, torch.tensor(on),
            one, one, one,
        )
        for t, on in enumerate(active, start=1)
    )  # fmt: skip


ALL, BUT_DEAD = [True] * SIZE, [True, False, True]


def test_a_dead_coordinate_is_deleted_without_a_trace() -> None:
    """With the true posterior every draw is log p(x), before and after."""
    model = DiagonalChain()
    x = model.sample_images(40)
    found = delete_inactive(model, x, statistics(model, ALL, BUT_DEAD))
    assert found.deleted == (0, 1) and found.nats == (0.0, 2.0)
    assert -found.before == pytest.approx(float(model.log_evidence(x).mean()), abs=1e-9)
    assert found.after == pytest.approx(found.before, abs=1e-9)
    assert found.difference_error < 1e-9 and not found.moved


def test_a_live_coordinate_is_missed() -> None:
    model = DiagonalChain()
    x = model.sample_images(200)
    for active in ((ALL, [False, True, True]), ([False, True, True], ALL)):
        found = delete_inactive(model, x, statistics(model, *active))
        assert found.after - found.before > 6 * found.difference_error > 0
        assert found.moved
        facts = found.to_json()
        assert facts["difference_nats"] == pytest.approx(found.after - found.before)


def test_what_is_left_is_a_bound() -> None:
    """A mean over draws of exp(log weight) is p(x): the weights are those of a bound."""
    model = DiagonalChain()
    x = model.sample_images(1)
    generator = torch.Generator().manual_seed(0)
    many = x.expand(200_000, *x.shape[1:])
    levels = statistics(model, [True, True, False], ALL)
    with torch.no_grad():
        noise = [draw_noise(model, len(many), generator) for _ in range(2)]
        found = log_weight_without(model, many, noise[0], noise[1], levels)
    ratio = (found - model.log_evidence(x)).exp()
    error = float(ratio.std() / len(ratio) ** 0.5)
    assert error < 0.02
    assert abs(float(ratio.mean()) - 1) < 4 * error


def test_with_no_unit_deleted_it_is_the_whole_bound() -> None:
    """On real networks, a spatial level among them."""
    torch.manual_seed(1)
    config = MHVAEConfig(
        (1, 8, 8), "bernoulli", ((4, 4, 4), (3,)), NetworkConfig(16, 1, (8,), patch=2)
    )
    model = MHVAE(config).requires_grad_(False).eval()
    x = (torch.rand(5, 1, 8, 8) > 0.5).float()
    one = torch.ones(1)
    levels = tuple(
        LevelStatistics(
            torch.zeros(c), torch.ones(c), torch.ones(c), torch.ones(c).bool(), one, one, one
        )
        for c in (4, 3)
    )
    eps, fresh = draw_noise(model, 5), draw_noise(model, 5)
    whole = log_weight(model, x, eps)
    same = log_weight_without(model, x, eps, fresh, levels)
    torch.testing.assert_close(same, whole, rtol=0, atol=1e-4)
    found = delete_inactive(model, x, levels, draws=2)
    assert found.deleted == (0, 0)
    assert abs(found.after - found.before) < 1e-4


def test_nothing_of_a_deleted_unit_goes_up_or_down() -> None:
    """Whatever q says of the deleted units of z_1, the weight is the same."""
    torch.manual_seed(1)
    config = MHVAEConfig((1, 8, 8), "bernoulli", ((4,), (3,)), NetworkConfig(16, 1))
    model = MHVAE(config).requires_grad_(False).eval()
    x = (torch.rand(5, 1, 8, 8) > 0.5).float()
    one = torch.ones(1)
    levels = tuple(
        LevelStatistics(torch.zeros(c), torch.ones(c), torch.ones(c), on, one, one, one)
        for c, on in ((4, torch.tensor([True, False, True, False])), (3, torch.ones(3).bool()))
    )
    eps, fresh = draw_noise(model, 5), draw_noise(model, 5)
    before = log_weight_without(model, x, eps, fresh, levels)
    whole = log_weight(model, x, eps)
    head = [m for m in model.encoders[0].modules() if isinstance(m, nn.Linear)][-1]
    head.bias[[1, 3]] += 2.0  # their means; the second half are the spreads
    head.bias[[5, 7]] -= 1.0
    assert torch.equal(log_weight_without(model, x, eps, fresh, levels), before)
    assert (log_weight(model, x, eps) - whole).abs().min() > 0.01


def test_a_deleted_unit_is_drawn_from_the_prior_on_the_way_down() -> None:
    """One level by hand: log p(x | a, ξ) + log p(a) − log q(a), a the active units of z_1."""
    torch.manual_seed(1)
    config = MHVAEConfig((1, 8, 8), "bernoulli", ((3,),), NetworkConfig(16, 1))
    model = MHVAE(config).requires_grad_(False).eval()
    x = (torch.rand(5, 1, 8, 8) > 0.5).float()
    one = torch.ones(1)
    on = torch.tensor([True, False, True])
    levels = (LevelStatistics(torch.ones(3), torch.ones(3), torch.ones(3), on, one, one, one),)
    eps, fresh = draw_noise(model, 5), draw_noise(model, 5)
    q = model.posterior(1, (x, None))
    a = q.mean + q.stddev * eps[1]
    picture = model.likelihood((None, torch.stack([a[:, 0], fresh[1][:, 1], a[:, 2]], dim=1)))
    p = Normal(0.0, 1.0).log_prob(a)[:, on].sum(1)
    log_q = Normal(q.mean, q.stddev).log_prob(a)[:, on].sum(1)
    expected = picture.log_prob(x) + p - log_q
    torch.testing.assert_close(log_weight_without(model, x, eps, fresh, levels), expected)
