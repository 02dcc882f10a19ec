"""The bound of a diffusion in both exact forms, its continuous limit, and training by samples.

The denoisers know the data, so log p(x) is known and an expectation over noise is a sum over the
nodes of a quadrature (`diffusion_toys.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from math import log

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.base import Noise, encode
from models.chain import draw_noise
from models.families.vdm.bound import continuous_bound, noise_error
from models.families.vdm.config import VDMConfig
from models.families.vdm.model import VDM
from models.families.vdm.noise import Betas, Curve
from models.families.vdm.training import continuous_terms, draw_stops, sampled_terms
from models.likelihoods import bits_per_dim
from models.objective import Terms, both_forms, terms
from tests.models.diffusion_toys import (
    CURVE,
    Pixels,
    draw_independent,
    expected_terms,
    grey,
    grey_probabilities,
    independent,
    log_independent,
    noise_nodes,
    on_probabilities,
    stop_terms,
)

X = draw_independent(1, seed=4)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def expected_elbo(model: VDM) -> float:
    reconstruction, rates = expected_terms(model, X)
    return reconstruction - float(rates.sum())


def repeated_draws(model: VDM, count: int, seed: int = 0) -> tuple[Tensor, Noise]:
    return X.expand(count, *X.shape[1:]), draw_noise(model, count, seeded(seed))


# Two forms -------------------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("variance", ["small", "large"])
@pytest.mark.parametrize(("stops", "share"), [(12, 0.6), (40, 0.1)])
def test_both_forms_have_one_total_and_the_second_varies_less(
    stops: int, share: float, variance: str
) -> None:
    model = independent(stops, variance=variance)
    x, eps = repeated_draws(model, 4_000)
    ratios, matched = both_forms(model, x, eps)
    exact = expected_elbo(model)
    for parts in (ratios, matched):
        error = float(parts.elbo.std()) / len(x) ** 0.5
        assert abs(float(parts.elbo.mean()) - exact) < 4 * error
        assert error < 0.35
    assert matched.elbo.var() < share * ratios.elbo.var()
    # Rate by rate they are not the same: the entropies of the chain lie elsewhere.
    assert (ratios.rate - matched.rate).mean(0).abs().max() > 0.5


@torch.no_grad()
@pytest.mark.parametrize("variance", ["small", "large"])
def test_a_matched_rate_of_the_interface_is_an_error_of_the_noise(variance: str) -> None:
    """`denoising_rate` and `prior_rate` at the noise that the chain has come to at each level."""
    model = independent(6, variance=variance)
    x = draw_independent(5)
    eps = draw_noise(model, 5, seeded())
    _, parts = both_forms(model, x, eps)
    z, marginals = encode(model, x, eps).z, [model.marginal(t, x) for t in range(1, 7)]
    noise = [(z[t] - q.mean) / q.stddev for t, q in enumerate(marginals, start=1)]
    whole = stop_terms(model, x, (torch.empty(0), *noise))
    torch.testing.assert_close(parts.rate, whole.rate)
    torch.testing.assert_close(parts.reconstruction, whole.reconstruction)


@torch.no_grad()
def test_both_forms_stay_below_what_the_data_allow() -> None:
    """The ELBO of an exact denoiser at few stops is below log p(x), averaged over the data too."""
    model = independent(20)
    x = draw_independent(4_000)
    ceiling = log_independent(x).mean()
    for parts in both_forms(model, x, draw_noise(model, len(x), seeded())):
        below = ceiling - parts.elbo.mean()
        assert 3 < below < 9
        assert below > 4 * parts.elbo.std() / len(x) ** 0.5


# More and more stops ---------------------------------------------------------------------------


@torch.no_grad()
def test_the_discrete_bound_rises_to_log_p() -> None:
    """The gap falls as 1/T once the stops are dense, and the continuous bound is its limit."""
    model, exact = independent(), float(log_independent(X))
    gaps = {T: exact - expected_elbo(model.with_stops(T)) for T in (5, 9, 17, 33, 65, 129, 257)}
    values = list(gaps.values())
    assert all(a > b > 0 for a, b in pairwise(values))
    assert gaps[257] < 0.4
    assert gaps[257] / gaps[129] == pytest.approx(0.5, abs=0.02)
    limit = 2 * gaps[257] - gaps[129]  # Richardson
    assert limit == pytest.approx(exact - expected_continuous(model), abs=0.02)


@torch.no_grad()
@pytest.mark.parametrize("kind", ["linear", "cosine", "learned"])
def test_the_continuous_bound_is_log_p_under_any_schedule(kind: str) -> None:
    plain = independent(3)
    schedule = Curve(kind, CURVE.gamma_min, CURVE.gamma_max).build().double()
    if kind == "learned":
        bend(schedule)
    model = VDM(plain.config, plain.network, schedule)
    assert expected_continuous(model) == pytest.approx(float(log_independent(X)), abs=1e-3)


@torch.no_grad()
def expected_continuous(model: VDM, pieces: int = 64) -> float:
    """E of `continuous_bound` by Gauss–Legendre in u on every piece, and Hermite in the noise."""
    nodes, weights = noise_nodes(model.image_shape, 64)
    inner, share = np.polynomial.legendre.leggauss(4)
    places = (np.arange(pieces)[:, None] + (inner + 1) / 2) / pieces
    u = torch.from_numpy(places.ravel()).repeat_interleave(len(nodes))
    noise = nodes.repeat(places.size, 1, 1, 1)
    bound = continuous_bound(model, X.expand(len(u), *X.shape[1:]), u, (noise, noise))
    by_place = (bound.view(-1, len(nodes)) @ weights).view(pieces, 4).mean(0)
    return float(by_place.numpy() @ share / 2)


def bend(schedule: nn.Module) -> None:
    """Leave the line; the ends stay."""
    heights = schedule.get_parameter("heights")
    with torch.no_grad():
        heights.copy_(torch.sin(torch.arange(len(heights), dtype=torch.float64) / 5))


@torch.no_grad()
def test_an_estimate_of_the_continuous_bound_is_unbiased() -> None:
    model = independent(3)
    x, _ = repeated_draws(model, 20_000)
    eps, u = draw_stops(model, len(x), seeded())
    found = continuous_bound(model, x, u, eps)
    error = float(found.std()) / len(x) ** 0.5
    assert abs(float(found.mean()) - float(log_independent(X))) < 4 * error
    assert error < 0.2


@torch.no_grad()
def test_a_published_table_has_a_continuous_bound_too() -> None:
    """Between timesteps the table is linear in γ; at all of them the discrete bound is near."""
    betas = Betas(timesteps=50, beta_end=0.3)
    gammas = betas.gammas()
    curve = Curve("linear", float(gammas[0]), float(gammas[-1]))

    class Told(Pixels):
        """Told timesteps in place of noise levels."""

        def forward(self, z_t: Tensor, time: Tensor) -> Tensor:
            gamma = torch.from_numpy(np.interp(time.numpy(), np.arange(50), gammas.numpy()))
            least, most = curve.gamma_min, curve.gamma_max
            return super().forward(z_t, 1000 * (gamma - least) / (most - least))

    config = VDMConfig((1, 4, 4), "bernoulli", betas, 50, "sample")
    model = VDM(config, Told(on_probabilities(4), curve)).double()
    assert expected_elbo(model) < expected_continuous(model)
    assert expected_continuous(model) == pytest.approx(float(log_independent(X)), abs=0.02)
    assert expected_elbo(model.with_stops(10)) < expected_elbo(model)


# Eight bits ------------------------------------------------------------------------------------


@torch.no_grad()
def test_eight_bits_reach_log_p_in_bits_per_dimension() -> None:
    """8 bits a pixel at most; here fewer, since the values are not equally probable."""
    model, probabilities = grey(), grey_probabilities()
    x = torch.tensor([0, 60, 128, 255], dtype=torch.float64).reshape(1, 1, 2, 2) / 255
    exact = float(probabilities[[0, 60, 128, 255]].log().sum())
    nodes, weights = noise_nodes((1, 2, 2), 64)
    u = ((torch.arange(256, dtype=torch.float64) + 0.5) / 256).repeat_interleave(64)
    noise = nodes.repeat(256, 1, 1, 1)
    bound = continuous_bound(model, x.expand(len(u), 1, 2, 2), u, (noise, noise))
    nats = -float((bound.view(256, 64) @ weights).mean())
    found = bits_per_dim(nats, (1, 2, 2))
    assert found == pytest.approx(-exact / 4 / log(2), abs=2e-3)
    assert 6 < found < 9


# Training by samples ---------------------------------------------------------------------------


@torch.no_grad()
@pytest.mark.parametrize("stops", [2, 7])
def test_one_stop_an_image_gives_the_whole_sum(stops: int) -> None:
    """Each step drawn once with one noise: the batch mean is exactly the sum over steps."""
    model = independent(stops)
    steps = stops - 1
    first, noise = torch.randn((2, 1, *model.image_shape), generator=seeded()).double()
    whole = stop_terms(model, X, (torch.empty(0), first, *(noise,) * steps))
    u = (torch.arange(steps, dtype=torch.float64) + 0.3) / steps
    x = X.expand(steps, *X.shape[1:])
    drawn = sampled_terms(model, x, (first.expand_as(x), noise.expand_as(x)), u)
    torch.testing.assert_close(drawn.rate.mean(0), whole.rate[0])
    torch.testing.assert_close(drawn.elbo.mean(), whole.elbo[0])
    assert torch.equal(drawn.rate[:, :-1].diagonal().diag(), drawn.rate[:, :-1])


@torch.no_grad()
def test_continuous_rates_are_in_the_places_of_the_levels() -> None:
    curve = Curve("linear", -2.0, 8.0)
    model = independent(5, curve=curve).with_stops([0.05, 0.15, 0.45, 0.65, 0.95])
    count = 4_000
    x = X.expand(count, *X.shape[1:])
    eps, u = draw_stops(model, count, seeded())
    parts = continuous_terms(model, x, eps, u)
    torch.testing.assert_close(parts.elbo, continuous_bound(model, x, u, eps))
    share = (parts.rate[:, :-1] > 0).double().mean(0)
    assert share.tolist() == pytest.approx([1 / 9, 3 / 9, 2 / 9, 3 / 9], abs=1e-3)
    # The integral between two stops is the limit of the discrete sum between them.
    rates = expected_terms(model.with_stops(np.linspace(0.05, 0.95, 181).tolist()), X)[1][:-1]
    dense = np.add.reduceat(rates, [0, 20, 80, 120])
    found, error = parts.rate[:, :-1].mean(0), parts.rate[:, :-1].std(0) / count**0.5
    assert ((found - torch.from_numpy(dense)).abs() < 4 * error + 0.02 * found).all()


@torch.no_grad()
def test_a_batch_covers_the_schedule_evenly() -> None:
    (first, noise), u = draw_stops(independent(), 16, seeded(5))
    gaps = u.sort().values.diff()
    torch.testing.assert_close(gaps, torch.full((15,), 1 / 16).double(), atol=1e-6, rtol=0)
    assert u.min() >= 0 and u.max() < 1
    assert first.shape == noise.shape == (16, 1, 4, 4)
    assert not torch.equal(first, noise)
    again = draw_stops(independent(), 16, seeded(5))
    assert torch.equal(again[1], u) and torch.equal(again[0][0], first)


def learnable(stops: int = 6) -> VDM:
    """An independent toy under a learned schedule off the line, whose guess is not exact."""
    curve = Curve("learned", -6.0, 8.0)
    config = VDMConfig((1, 4, 4), "bernoulli", curve, stops, "sample")
    model = VDM(config, Pixels(0.8 * on_probabilities(4), curve)).double()
    with torch.no_grad():
        for number, parameter in enumerate(model.schedule.parameters()):
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=seeded(number)))
    return model


def loss_of(kind: str, model: VDM) -> Tensor:
    x = draw_independent(40)
    eps, u = draw_stops(model, len(x), seeded())
    if kind == "matched":
        return both_forms(model, x, draw_noise(model, len(x), seeded()))[1].loss
    if kind == "ratios":
        return terms(model, x, draw_noise(model, len(x), seeded())).loss
    estimate = sampled_terms if kind == "sampled" else continuous_terms
    return estimate(model, x, eps, u).loss


def slope_of(value: Callable[[], float], parameter: Tensor, index: tuple[int, ...]) -> float:
    """A central difference."""
    found = []
    for step in (-1e-5, 1e-5):
        with torch.no_grad():
            parameter[index] += step
            found.append(value())
            parameter[index] -= step
    return (found[1] - found[0]) / 2e-5


@pytest.mark.parametrize("kind", ["matched", "ratios", "sampled", "continuous"])
def test_gradients_of_a_learned_schedule_are_its_finite_differences(kind: str) -> None:
    model = learnable()
    loss_of(kind, model).backward()
    ends = [("shift", ()), ("stretch", ())]
    shape = [] if kind == "continuous" else [("heights", (9,)), ("heights", (30,))]
    for name, index in ends + shape:
        parameter = model.schedule.get_parameter(name)
        assert parameter.grad is not None
        slope = slope_of(lambda: loss_of(kind, model).item(), parameter, index)
        assert float(parameter.grad[index]) == pytest.approx(slope, rel=1e-4, abs=1e-7)
        assert abs(slope) > 1e-4


def test_with_infinitely_many_stops_the_shape_descends_the_variance() -> None:
    """½ m Var(r/m), m held: its finite difference, and the variance falls, the bound stays."""
    model = learnable()
    x = X.expand(256, *X.shape[1:])
    eps, u = draw_stops(model, len(x), seeded())
    continuous_terms(model, x, eps, u).loss.backward()
    heights = model.schedule.get_parameter("heights")
    assert heights.grad is not None

    def rates() -> Tensor:
        with torch.no_grad():
            return continuous_terms(model, x, eps, u).rate[:, :-1].sum(1)

    mean = rates().mean()
    for index in (9, 30, 50):
        half = slope_of(lambda: (rates().square().mean() / (2 * mean)).item(), heights, (index,))
        plain = slope_of(lambda: rates().mean().item(), heights, (index,))
        assert float(heights.grad[index]) == pytest.approx(half - plain, rel=1e-4, abs=1e-7)
        assert abs(half - plain) > 1e-4

    before, bound = rates().std(), expected_continuous(model)
    optimizer = torch.optim.Adam([heights], lr=0.1)
    for step in range(25):
        eps, u = draw_stops(model, len(x), seeded(step))
        optimizer.zero_grad()
        continuous_terms(model, x, eps, u).loss.backward()
        optimizer.step()
    eps, u = draw_stops(model, len(x), seeded())
    assert rates().std() < 0.9 * before
    assert expected_continuous(model) == pytest.approx(bound, abs=1e-4)


def test_a_learned_schedule_finds_better_stops() -> None:
    """At six stops its shape matters: from the line the exact bound rises by training."""
    curve = Curve("learned", -6.0, 8.0)
    config = VDMConfig((1, 4, 4), "bernoulli", curve, 6, "sample")
    model = VDM(config, Pixels(on_probabilities(4), curve)).double()
    model.network.requires_grad_(False)
    before = expected_elbo(model)
    optimizer = torch.optim.Adam(model.schedule.parameters(), lr=0.1)
    nodes, weights = noise_nodes(model.image_shape, 32)
    for _ in range(25):
        parts = stop_terms(
            model, X.expand(32, *X.shape[1:]), (torch.empty(0),) + (nodes,) * model.depth
        )
        optimizer.zero_grad()
        (-weights @ parts.elbo).backward()
        optimizer.step()
    assert before + 0.2 < expected_elbo(model) < float(log_independent(X))


class Small(nn.Module):
    """Two convolutions that see the noise level as a plane: enough to learn a block."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 16, 3, padding=1)
        self.second = nn.Conv2d(16, 1, 3, padding=1)

    def forward(self, z_t: Tensor, time: Tensor) -> Tensor:
        plane = (time / 500 - 1).view(-1, 1, 1, 1).expand_as(z_t)
        return self.second(torch.relu(self.first(torch.cat([z_t, plane], 1))))


@pytest.mark.parametrize("estimate", [sampled_terms, continuous_terms])
def test_a_few_steps_raise_the_bound(estimate: object) -> None:
    """Blank and full images: the bound of a thousand stops before and after, in nats."""
    torch.manual_seed(1)
    config = VDMConfig((1, 8, 8), "bernoulli", Curve("linear", -5.0, 8.0), 10)
    model = VDM(config, Small())
    x = (torch.arange(32) % 2).float().view(32, 1, 1, 1).expand(32, 1, 8, 8)

    def bound() -> float:
        with torch.no_grad():
            draws = [draw_stops(model, 32, seeded(seed)) for seed in range(20)]
            return float(np.mean([continuous_bound(model, x, u, e).mean() for e, u in draws]))

    before, optimizer = bound(), torch.optim.Adam(model.parameters(), lr=5e-3)
    for step in range(80):
        eps, u = draw_stops(model, 32, seeded(1_000 + step))
        parts = estimate(model, x, eps, u)  # pyright: ignore[reportCallIssue]
        assert isinstance(parts, Terms)
        optimizer.zero_grad()
        (parts.loss / 64).backward()
        optimizer.step()
    assert bound() > before + 30


@torch.no_grad()
def test_the_error_is_measured_in_units_of_the_noise() -> None:
    """‖ε − ε̂‖² by hand, one noise level an image."""
    model = independent()
    x, u = draw_independent(3), torch.tensor([0.1, 0.5, 0.9], dtype=torch.float64)
    eps = torch.randn(x.shape, generator=seeded()).double()
    gamma = -6.0 + 14.0 * u.view(3, 1, 1, 1)
    alpha, sigma = torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt()
    z = alpha * (2 * x - 1) + sigma * eps
    guess = torch.tanh(alpha * z / sigma**2 + torch.logit(on_probabilities(4)) / 2)
    by_hand = ((eps - (z - alpha * guess) / sigma) ** 2).sum((1, 2, 3))
    torch.testing.assert_close(noise_error(model, x, eps, u, model.schedule.gamma(u)), by_hand)
    clipped = VDM(replace(model.config, clip=0.1), model.network)
    by_hand = ((eps - (z - alpha * guess.clamp(-0.1, 0.1)) / sigma) ** 2).sum((1, 2, 3))
    torch.testing.assert_close(noise_error(clipped, x, eps, u, model.schedule.gamma(u)), by_hand)
