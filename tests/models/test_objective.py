"""The objective against the linear-Gaussian chain, and the traps of DESIGN section 2."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import MultivariateNormal, kl_divergence

from models.base import encode
from models.chain import draw_noise
from models.objective import Terms, importance_weighted_bound, log_weight, terms
from tests.models.oracle import LinearGaussianChain

SIZES = {1: (3, 2), 2: (3, 2, 4), 3: (2, 3, 2, 1), 5: (3, 2, 4, 2, 3, 2)}
DEPTHS = pytest.mark.parametrize("depth", SIZES)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """The mean and its standard error."""
    return float(values.mean()), float(values.std() / len(values) ** 0.5)


def many_terms(model: LinearGaussianChain, x: Tensor, draws: int) -> Terms:
    with torch.no_grad():
        return terms(model, x.expand(draws, *x.shape[1:]), draw_noise(model, draws, seeded()))


@DEPTHS
def test_every_draw_is_the_evidence_under_the_true_posterior(depth: int) -> None:
    model = LinearGaussianChain(SIZES[depth])
    x = model.sample_images(64)
    found = log_weight(model, x, draw_noise(model, 64, seeded()))
    torch.testing.assert_close(found, model.log_evidence(x), rtol=0, atol=1e-9)


@DEPTHS
def test_the_elbo_is_the_evidence_under_the_true_posterior(depth: int) -> None:
    model = LinearGaussianChain(SIZES[depth])
    x = model.sample_images(1)
    mean, error = mean_and_error(many_terms(model, x, 100_000).elbo)
    assert error < 0.02
    assert abs(mean - float(model.log_evidence(x))) < 4 * error


@DEPTHS
def test_each_rate_is_its_definition(depth: int) -> None:
    """rate_t against plain log-ratios, level by level, on other noise."""
    model = LinearGaussianChain(SIZES[depth], q_shift=0.3, q_scale=0.8)
    x = model.sample_images(1)
    rates = many_terms(model, x, 100_000).rate
    with torch.no_grad():
        trace = encode(model, x.expand(100_000, -1, -1, -1), draw_noise(model, 100_000, seeded(7)))
        for t in range(1, depth + 1):
            ratio = trace.q(t).log_prob(trace.z[t]) - model.prior(t, trace.z).log_prob(trace.z[t])
            mean, error = mean_and_error(rates[:, t - 1])
            other, other_error = mean_and_error(ratio)
            assert abs(mean - other) < 4 * (error**2 + other_error**2) ** 0.5
            assert error < 0.03 and other_error < 0.03


@DEPTHS
def test_a_wrong_posterior_lies_below_and_the_bound_rises(depth: int) -> None:
    model = LinearGaussianChain(SIZES[depth], q_shift=0.35, q_scale=0.8)
    x = model.sample_images(1)
    evidence = float(model.log_evidence(x))
    repeated = x.expand(2000, *x.shape[1:])
    found = [
        mean_and_error(importance_weighted_bound(model, repeated, k, seeded(k)))
        for k in (1, 10, 100)
    ]
    elbo, error = mean_and_error(many_terms(model, x, 50_000).elbo)
    gap = evidence - elbo
    assert gap > 10 * error
    assert abs(found[0][0] - elbo) < 4 * (found[0][1] ** 2 + error**2) ** 0.5
    assert found[0][0] < found[1][0] < found[2][0]
    assert found[2][0] < evidence + 4 * found[2][1]
    assert evidence - found[2][0] < 0.25 * gap


def closed_form_sum(model: LinearGaussianChain, x: Tensor, draws: int) -> Tensor:
    """The trap: KL(q(z_t|z_{t-1}) ‖ p(z_t|z_{t+1})) with a sampled z_{t+1} for each rate."""
    x = x.expand(draws, *x.shape[1:])
    with torch.no_grad():
        trace = encode(model, x, draw_noise(model, draws, seeded(3)))
        total = model.likelihood(trace.z).log_prob(x)
        for t in range(1, model.depth + 1):
            prior = model.prior(t, trace.z)
            total = total - kl_divergence(trace.q(t), prior.expand(torch.Size([draws])))
    return total


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_the_sampled_closed_form_kl_is_no_rate(depth: int) -> None:
    model = LinearGaussianChain(SIZES[depth])
    x = model.sample_images(1)
    evidence = float(model.log_evidence(x))
    trapped, trap_error = mean_and_error(closed_form_sum(model, x, 50_000))
    right, error = mean_and_error(many_terms(model, x, 50_000).elbo)
    assert trapped < evidence - 20 * trap_error
    assert trapped < evidence - 0.05
    assert abs(right - evidence) < 4 * error


def test_a_closed_form_kl_inside_the_bound_overshoots_and_ours_does_not() -> None:
    model = LinearGaussianChain((1, 1))
    x = model.sample_images(1)
    evidence = float(model.log_evidence(x))
    ours = importance_weighted_bound(model, x, 500, seeded())
    assert float(ours) == pytest.approx(evidence, abs=1e-10)

    draws = closed_form_sum(model, x, 500)
    assert float(draws.logsumexp(0)) - torch.tensor(500.0).log().item() > evidence + 0.05


def test_the_bound_does_not_depend_on_the_chunks() -> None:
    model = LinearGaussianChain(SIZES[3], q_shift=0.3)
    x = model.sample_images(6)
    whole = importance_weighted_bound(model, x, 40, seeded(), rows=10_000)
    chunked = importance_weighted_bound(model, x, 40, seeded(), rows=13)
    torch.testing.assert_close(whole, chunked, rtol=0, atol=1e-10)


def test_the_sign_of_elbo_and_loss() -> None:
    parts = Terms(torch.tensor([-80.0, -60.0]), torch.tensor([[10.0, -2.0], [5.0, 5.0]]))
    assert parts.elbo.tolist() == [-88.0, -70.0]
    assert float(parts.loss) == 79.0
    x = LinearGaussianChain(SIZES[2]).sample_images(1)
    better = many_terms(LinearGaussianChain(SIZES[2]), x, 5000).elbo.mean()
    worse = many_terms(LinearGaussianChain(SIZES[2], q_shift=1.0), x, 5000).elbo.mean()
    assert better > worse


def test_one_level_is_the_vae() -> None:
    """T = 1: reconstruction minus a closed-form KL, written out by hand."""
    model = LinearGaussianChain(SIZES[1], q_scale=0.7)
    x = model.sample_images(5)
    eps = draw_noise(model, 5, seeded())
    q = model.posterior(1, (x,))
    assert isinstance(q, MultivariateNormal)
    z = q.mean + (q.scale_tril @ eps[1].unsqueeze(-1)).squeeze(-1)
    variance = q.covariance_matrix
    kl = 0.5 * (
        variance.diagonal(dim1=1, dim2=2).sum(1) + q.mean.square().sum(1) - 2 - variance.logdet()
    )
    found = terms(model, x, eps)
    torch.testing.assert_close(found.rate[:, 0], kl, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.reconstruction, model.likelihood((x, z)).log_prob(x))
