"""The statements of docs/theory.md in closed form, on a linear-Gaussian chain with a wrong q."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.chain import draw_noise
from models.families.vdm.bound import denoising_rate
from models.objective import terms
from tests.models.diffusion_toys import draw_independent, independent
from tests.models.joint import LOG_2PI, Joint, down, generative, inferred, mean_log, top_prior
from tests.models.oracle import LinearGaussianChain

DEPTHS = pytest.mark.parametrize("sizes", [(3, 2), (3, 2, 4), (2, 3, 2, 1), (3, 2, 4, 2, 3)])
MARKOV = pytest.mark.parametrize("sizes", [(3, 2, 4), (2, 3, 2, 1), (3, 2, 4, 2, 3)])


def reconstruction(model: LinearGaussianChain, q: Joint, x: Tensor) -> Tensor:
    """E_q log p(x | z_1)."""
    weight, bias, noise = down(model, 1)
    mean, covariance = q.of((1,))
    off = x.flatten() - weight @ mean - bias
    spread = weight @ covariance @ weight.T + torch.outer(off, off)
    norm = noise.logdet() + len(bias) * LOG_2PI
    return -0.5 * (norm + torch.linalg.solve(noise, spread).trace())


def mean_log_prior(model: LinearGaussianChain, q: Joint, t: int) -> Tensor:
    """E_q log p(z_t | z_{t+1}), or of p(z_T)."""
    if t == model.depth:
        return mean_log(q, top_prior(model), (t,), ())
    return mean_log(q, down(model, t + 1), (t,), (t + 1,))


def rates(model: LinearGaussianChain, q: Joint) -> list[Tensor]:
    """rate_1 … rate_T, by their definition."""
    levels = range(1, model.depth + 1)
    return [
        -q.entropy((t,), (t - 1,) if t > 1 else ()) - mean_log_prior(model, q, t) for t in levels
    ]


def elbo(model: LinearGaussianChain, q: Joint, x: Tensor) -> Tensor:
    return reconstruction(model, q, x) - sum(rates(model, q))


def wrong(sizes: tuple[int, ...]) -> tuple[LinearGaussianChain, Tensor, Joint]:
    model = LinearGaussianChain(sizes, q_shift=0.3, q_scale=0.8)
    x = model.sample_images(1)
    return model, x, inferred(model, x)


@DEPTHS
def test_the_code_estimates_these_terms(sizes: tuple[int, ...]) -> None:
    model, x, q = wrong(sizes)
    draws = 20_000
    with torch.no_grad():
        found = terms(model, x.expand(draws, -1, -1, -1), draw_noise(model, draws))
    columns = torch.cat([found.reconstruction[:, None], found.rate], dim=1)
    exact = torch.stack([reconstruction(model, q, x), *rates(model, q)])
    error = columns.std(dim=0) / draws**0.5
    assert bool((columns.mean(dim=0) - exact).abs().le(4 * error + 1e-9).all())
    assert float(error.max()) < 0.05


@DEPTHS
def test_the_gap_is_the_divergence_from_the_posterior(sizes: tuple[int, ...]) -> None:
    """ELBO + KL(q ‖ p(z|x)) = log p(x), at once and level by level."""
    model, x, q = wrong(sizes)
    p, levels = generative(model), tuple(range(1, len(sizes)))
    weight, bias, noise = p.conditional(levels, (0,))
    none = torch.zeros(len(bias), 0).double()
    posterior = (none, weight @ x.flatten() + bias, noise)
    gap = -q.entropy(levels) - mean_log(q, posterior, levels, ())
    assert float(gap) > 0.05
    torch.testing.assert_close(elbo(model, q, x) + gap, model.log_evidence(x)[0])
    parts = []
    for t in levels:
        weight, bias, noise = p.conditional((t,), (t - 1,))
        if t == 1:
            upward, below = (none[: len(bias)], weight @ x.flatten() + bias, noise), ()
        else:
            upward, below = (weight, bias, noise), (t - 1,)
        parts.append(-q.entropy((t,), below) - mean_log(q, upward, (t,), below))
    assert min(float(part) for part in parts) > 0
    torch.testing.assert_close(torch.stack(parts).sum(), gap)


@MARKOV
def test_the_gap_falls_into_levels_from_the_top_too(sizes: tuple[int, ...]) -> None:
    """Σ_t E KL(q(z_t | x, z_{>t}) ‖ p(z_t | x, z_{>t})): the chain rule the other way."""
    model, x, q = wrong(sizes)
    levels = tuple(range(1, len(sizes)))
    weight, bias, noise = generative(model).conditional(levels, (0,))
    posterior = Joint(weight @ x.flatten() + bias, noise, q.at)
    parts = []
    for t in levels:
        above = levels[t:]
        upon = posterior.conditional((t,), above) if above else alone(posterior, t)
        parts.append(-q.entropy((t,), above) - mean_log(q, upon, (t,), above))
    assert min(float(part) for part in parts) > 0
    gap = torch.stack(parts).sum()
    torch.testing.assert_close(elbo(model, q, x) + gap, model.log_evidence(x)[0])


def alone(joint: Joint, t: int) -> tuple[Tensor, Tensor, Tensor]:
    """The density of z_t, given nothing."""
    mean, covariance = joint.of((t,))
    return torch.zeros(len(mean), 0).double(), mean, covariance


@DEPTHS
def test_the_rates_add_up_to_the_divergence_from_the_prior(sizes: tuple[int, ...]) -> None:
    model, _, q = wrong(sizes)
    levels = tuple(range(1, len(sizes)))
    mean, covariance = generative(model).of(levels)
    prior = (torch.zeros(len(mean), 0).double(), mean, covariance)
    whole = -q.entropy(levels) - mean_log(q, prior, levels, ())
    torch.testing.assert_close(torch.stack(rates(model, q)).sum(), whole)
    assert float(whole) > 0


@MARKOV
def test_a_rate_is_a_divergence_less_what_the_level_above_knows(sizes: tuple[int, ...]) -> None:
    """rate_t = E KL(q(z_t | z_{t−1}, z_{t+1}) ‖ p(z_t | z_{t+1})) − I(z_t ; z_{t+1} | z_{t−1})."""
    model, _, q = wrong(sizes)
    for t in range(1, model.depth):
        below = (t - 1,) if t > 1 else ()
        both = -q.entropy((t,), (*below, t + 1)) - mean_log_prior(model, q, t)
        information = q.information((t,), (t + 1,), below)
        assert float(both) > 0 and float(information) > 0
        torch.testing.assert_close(rates(model, q)[t - 1], both - information)


def test_a_rate_below_the_top_can_be_negative_though_q_is_the_posterior() -> None:
    """z_2 is nearly z_1 to p, while x says next to nothing of z_1."""
    model = LinearGaussianChain((1, 1, 1))
    model.weight = [torch.tensor([[w]]).double() for w in (0.1, 1.0)]
    model.noise = [torch.tensor([[v]]).double() for v in (1.0, 0.01)]
    model.mean, model.covariance = model._marginals()
    x = model.sample_images(1)
    q = inferred(model, x)
    one, two = rates(model, q)
    assert float(one) < -1 < 0 < float(one + two)
    torch.testing.assert_close(elbo(model, q, x), model.log_evidence(x)[0])
    with torch.no_grad():
        found = terms(model, x.expand(4000, -1, -1, -1), draw_noise(model, 4000))
    assert abs(float(found.rate[:, 0].mean()) - float(one)) < 0.2


@MARKOV
def test_turned_around_by_bayes_it_is_the_same_bound(sizes: tuple[int, ...]) -> None:
    """Denoising matching and prior matching of a chain; the rates level by level are others."""
    model, x, q = wrong(sizes)
    top = model.depth
    matching = [-q.entropy((t,), (t + 1,)) - mean_log_prior(model, q, t) for t in range(1, top)]
    assert min(float(rate) for rate in matching) > 0  # all are divergences
    prior_matching = -q.entropy((top,)) - mean_log_prior(model, q, top)
    second = reconstruction(model, q, x) - sum(matching) - prior_matching
    torch.testing.assert_close(second, elbo(model, q, x))
    assert abs(float(prior_matching - rates(model, q)[-1])) > 0.01


@pytest.mark.parametrize("right", [True, False])
@MARKOV
def test_the_closed_form_with_a_draw_inside_bounds_another_posterior(
    sizes: tuple[int, ...], right: bool
) -> None:
    """Its sum is ELBO_r − Σ (I_q − I_r), with r(z_t, z_{t+1}) as that closed form pairs them."""
    model = LinearGaussianChain(sizes) if right else wrong(sizes)[0]
    x = model.sample_images(1)
    q, top = inferred(model, x), model.depth
    bound, lost = reconstruction(model, q, x) + mean_log_prior(model, q, top), torch.zeros(())
    paired = reconstruction(model, q, x) + mean_log_prior(model, q, top)
    entropy_of_r = q.entropy((top,))
    for t in range(1, top + 1):
        bound = bound + q.entropy((t,), (t - 1,) if t > 1 else ())
    for t in range(1, top):
        pair = fresh_pair(q, t)
        crossed = mean_log(pair, down(model, t + 1), (t,), (t + 1,))
        bound, paired = bound + crossed, paired + crossed
        of_r = pair.information((t,), (t + 1,))
        drop = q.information((t,), (t + 1,)) - of_r
        assert float(drop) > 0
        lost = lost + drop
        entropy_of_r = entropy_of_r + q.entropy((t,)) - of_r
    evidence = model.log_evidence(x)[0]
    torch.testing.assert_close(bound, paired + entropy_of_r - lost)
    assert float(bound) < float(paired + entropy_of_r) <= float(evidence) + 1e-9
    if right:
        assert float(bound) < float(evidence) - 0.05


def fresh_pair(q: Joint, t: int) -> Joint:
    """(z_t, z_{t+1}) with z_t drawn anew from q(z_t | z_{t−1}), after z_{t+1} was."""
    (mean, covariance), size = q.of((t, t + 1)), len(q.of((t,))[0])
    covariance = covariance.clone()
    if t == 1:  # z_0 is the image: nothing ties a fresh z_1 to z_2
        cross = torch.zeros_like(covariance[:size, size:])
    else:
        weight, _, _ = q.conditional((t,), (t - 1,))
        rows, columns = q.rows((t - 1,)), q.rows((t + 1,))
        cross = weight @ q.covariance[rows][:, columns]
    covariance[:size, size:], covariance[size:, :size] = cross, cross.T
    return Joint(mean, covariance, {t: slice(0, size), t + 1: slice(size, len(mean))})


def test_a_matching_by_noise_is_one_by_pixels() -> None:
    """½ (e^{γ_t−γ_s} − 1) ‖ε − ε̂‖² = ½ (e^{−γ_s} − e^{−γ_t}) ‖x̃ − x̂‖²."""
    model, x = independent(5), draw_independent(6)
    (noise,) = draw_noise(model, 6)[3:4]
    gamma, u = model.gammas(), model.places()
    z = model.marginal(3, x)
    guess = model.denoised(3, z.mean + z.stddev * noise)
    by_pixels = 0.5 * (torch.exp(-gamma[1]) - torch.exp(-gamma[2])) * (2 * x - 1 - guess) ** 2
    found = denoising_rate(model, x, noise, u[1], u[2])
    torch.testing.assert_close(found, by_pixels.flatten(1).sum(1))
