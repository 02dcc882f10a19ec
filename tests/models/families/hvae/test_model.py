"""The general HVAE as the rest sees it: levels, terms, decoding, and training from nothing."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import cast

import pytest
import torch
from torch import Tensor

from models.base import bottom_up, encode, noise
from models.chain import decode, draw_noise, own_noise, sample_chain
from models.families.hvae.blocks import Bottleneck
from models.families.hvae.model import HVAE, HVAEConfig
from models.gaussians import draw
from models.objective import importance_weighted_bound, log_weight, terms
from models.policy import Policy
from tests.models.small_hvae import COLOUR, GREY, random_hvae, seeded, some_images

MODEL = random_hvae()
T = MODEL.depth
KEEP = (Policy("keep"),) * T


def mean_and_error(values: Tensor) -> tuple[float, float]:
    """The mean and its standard error."""
    return float(values.mean()), float(values.std() / len(values) ** 0.5)


def test_levels_from_the_last_block_up() -> None:
    assert [level.shape for level in MODEL.levels] == [
        (2, 8, 8), (2, 8, 8), (2, 4, 4), (2, 1, 1), (2, 1, 1),
    ]  # fmt: skip
    assert GREY.depth == T == 5
    assert MODEL.decoder.block(T) is MODEL.decoder.dec_blocks[0]
    assert list(MODEL.inference_order()) == [5, 4, 3, 2, 1]
    assert not MODEL.is_markov and MODEL.infers_top_down


def test_each_latent_sees_all_above_it_and_nothing_below() -> None:
    z = encode(MODEL, some_images(1), draw_noise(MODEL, 1, seeded())).z
    for t in bottom_up(T):
        before = MODEL.prior(t, tuple(z)).mean
        for s in bottom_up(T):
            moved = tuple(z_s + 1.0 if i == s else z_s for i, z_s in enumerate(z))
            changed = not torch.equal(MODEL.prior(t, moved).mean, before)
            assert changed == (s > t), (t, s)
        pixels = MODEL.likelihood(tuple(z_s + (i == t) for i, z_s in enumerate(z))).mean
        assert not torch.equal(pixels, MODEL.likelihood(tuple(z)).mean)


def test_an_image_does_not_depend_on_its_batch() -> None:
    x, eps = some_images(4), draw_noise(MODEL, 4, seeded())
    together = encode(MODEL, x, eps)
    alone = encode(MODEL, x[2:3], (eps[0], *(e[2:3] for e in eps[1:])))
    for t in bottom_up(T):
        torch.testing.assert_close(alone.z[t], together.z[t][2:3], rtol=0, atol=1e-5)


def test_many_draws_of_one_image() -> None:
    """One image against noise for three broadcasts."""
    x, eps = some_images(1), draw_noise(MODEL, 3, seeded())
    spread = encode(MODEL, x, eps)
    repeated = encode(MODEL, x.expand(3, -1, -1, -1), eps)
    for t in bottom_up(T):
        torch.testing.assert_close(spread.z[t], repeated.z[t], rtol=0, atol=1e-5)


# --- the objective ------------------------------------------------------------------------------


def test_rates_are_closed_and_equal_log_ratios_on_average() -> None:
    x, draws = some_images(1).expand(2000, -1, -1, -1), 2000
    model = random_hvae(spread=0.6)
    eps = draw_noise(model, draws, seeded())
    found = terms(model, x, eps)
    trace = encode(model, x, draw_noise(model, draws, seeded(1)))
    for t in bottom_up(T):
        z_t, rate = trace.z[t], found.rate[:, t - 1]
        assert (rate >= 0).all()
        ratio = trace.q(t).log_prob(z_t) - trace.priors[t - 1].log_prob(z_t)
        mean, error = mean_and_error(rate)
        other, other_error = mean_and_error(ratio)
        assert abs(mean - other) < 4 * (error**2 + other_error**2) ** 0.5
        assert other_error < 0.05 * mean + 0.03


def test_the_bound_of_one_draw_is_the_elbo_on_average() -> None:
    x = some_images(1).expand(1500, -1, -1, -1)
    model = random_hvae(spread=0.6)
    elbo, error = mean_and_error(terms(model, x, draw_noise(model, 1500, seeded())).elbo)
    one, one_error = mean_and_error(importance_weighted_bound(model, x, 1, seeded(1)))
    many, _ = mean_and_error(importance_weighted_bound(model, x[:100], 30, seeded(2)))
    assert abs(elbo - one) < 4 * (error**2 + one_error**2) ** 0.5
    assert max(error, one_error) < 0.4
    assert many > elbo + 1


def test_the_evidence_by_quadrature() -> None:
    """One pixel, two latents of one number: E[w] = p(x), by integrating both out."""
    tiny = HVAEConfig((1, 1, 1), "bernoulli", "1x1", "1x2", width=4, zdim=1)
    model, x = random_hvae(tiny), torch.ones(1, 1, 1, 1)
    for t in (1, 2):  # q broader than the posterior, so that no weight is far out
        model.decoder.block(t).enc.c4.bias[1:] += 0.7  # pyright: ignore[reportOptionalSubscript]
    grid = torch.linspace(-9, 9, 361)
    step = float(grid[1] - grid[0])
    z2, z1 = (g.reshape(-1, 1, 1, 1) for g in torch.meshgrid(grid, grid, indexing="ij"))
    p2, p1 = model.prior(2, ()), model.prior(1, (None, None, z2))
    joint = (p2.log_prob(z2) + p1.log_prob(z1)).double()
    evidence = joint + model.likelihood((None, z1, z2)).log_prob(x.expand(len(z1), -1, -1, -1))
    assert abs(float((joint.logsumexp(0)).exp() * step**2) - 1) < 1e-4
    exact = float(evidence.logsumexp(0).exp() * step**2)
    many = x.expand(40_000, -1, -1, -1)
    eps = draw_noise(model, len(many), seeded())
    found, error = mean_and_error(log_weight(model, many, eps).exp())
    assert abs(found - exact) < 4 * error and error < 0.01 * exact
    elbo, elbo_error = mean_and_error(terms(model, many, eps).elbo)
    assert elbo < torch.tensor(exact).log() - 10 * elbo_error


# --- decoding -----------------------------------------------------------------------------------


@pytest.mark.parametrize("config", [GREY, COLOUR], ids=["grey", "colour"])
def test_keep_everywhere_is_the_reconstruction(config: HVAEConfig) -> None:
    model, x = random_hvae(config), some_images(2, config)
    for eps in (None, draw_noise(model, 2, seeded())):
        trace = encode(model, x, eps)
        z = decode(model, trace, KEEP)
        assert all(a is b for a, b in zip(z, trace.z, strict=True))
        picture = model.likelihood(z).mean
        assert torch.equal(picture, model.likelihood(trace.z).mean)
        assert torch.equal(picture, model.likelihood(tuple(trace.z)).mean)
        assert picture.min() >= 0 and picture.max() <= 1


def test_an_edit_changes_everything_below_and_nothing_above() -> None:
    trace = encode(MODEL, some_images(2), draw_noise(MODEL, 2, seeded()))
    before = MODEL.likelihood(trace.z).mean
    for t in bottom_up(T):
        offset = torch.zeros(1, *MODEL.level(t).shape)
        offset[:, 0] = 1.5
        z = decode(MODEL, trace, KEEP, {t: offset})
        assert all(z[s] is trace.z[s] for s in range(t + 1, T + 1))
        assert torch.equal(z[t], trace.z[t] + offset)
        for s in range(1, t):
            p = MODEL.prior(s, tuple(z))
            torch.testing.assert_close(z[s], draw(p, own_noise(MODEL, trace, s)))
            assert not torch.allclose(z[s], trace.z[s], atol=1e-4)
        assert not torch.equal(MODEL.likelihood(z).mean, before)


def test_a_pinned_level_does_not_cut_off_those_above() -> None:
    trace = encode(MODEL, some_images(1))
    policies = tuple(Policy("pin" if s == 2 else "keep") for s in bottom_up(T))
    z = decode(MODEL, trace, policies, {4: torch.ones(1, 2, 1, 1)})
    assert z[2] is trace.z[2]
    assert not torch.allclose(z[1], trace.z[1], atol=1e-4)
    assert not torch.equal(MODEL.likelihood(z).mean, MODEL.likelihood(trace.z).mean)


def test_sampling_draws_from_the_prior_with_the_seeds_noise() -> None:
    z = sample_chain(MODEL, seed=3)
    for t in bottom_up(T):
        p = MODEL.prior(t, tuple(z))
        expected = draw(p, noise(3, t, MODEL.level(t).shape)[None])
        torch.testing.assert_close(z[t], expected)


# --- a model of our own -------------------------------------------------------------------------


def test_a_fresh_model_starts_as_published() -> None:
    """Zero biases; every prior N(0, I); what joins the map scaled by the number of blocks."""
    model = HVAE(replace(GREY, width=64))
    for name, value in model.named_parameters():
        if name.endswith(".bias") or ".bias_xs." in name:
            assert not value.any(), name
    z = encode(model, some_images(1), draw_noise(model, 1, seeded())).z
    for t in bottom_up(T):
        p = model.prior(t, z)
        assert not p.mean.any() and torch.equal(p.stddev, torch.ones_like(p.stddev))
    blocks = [cast(Bottleneck, block) for block in model.encoder.enc_blocks]
    layers = [(block.c4, len(blocks)) for block in blocks]
    for t in bottom_up(T):
        block = model.decoder.block(t)
        layers += [(block.z_proj, T), (block.resnet.c4, T), (block.enc.c4, 1), (block.prior.c1, 1)]
    for layer, shared in layers:
        bound = sqrt(1 / shared / layer.weight[0].numel())  # of PyTorch's own start
        assert 0.8 * bound < layer.weight.abs().max() <= bound


@pytest.mark.parametrize("likelihood", ["bernoulli", "discretised_logistic"])
def test_digits_of_28_pixels(likelihood: str) -> None:
    """Layouts for sides that are no powers of two; a few steps of training lower the loss."""
    config = HVAEConfig(
        (1, 28, 28), likelihood, "28x1,28d2,14x1,14d2,7x1,7d7,1x1", "1x2,7m1,14m7,28m14,28x1",
        width=8, zdim=4, bottleneck_multiple=0.5, bound_log_std=True,
    )  # fmt: skip
    torch.manual_seed(0)
    model = HVAE(config)
    x = torch.zeros(4, 1, 28, 28)
    for i in range(4):  # bars
        x[i, :, 2 + 6 * i : 8 + 6 * i, 4:24] = 1
    x = model.as_seen(x)
    optimiser = torch.optim.Adam(model.parameters(), 1e-2)
    losses = []
    for step in range(8):
        loss = terms(model, x, draw_noise(model, 4, seeded(step))).loss
        optimiser.zero_grad()
        loss.backward()
        if step == 5:
            assert all(value.grad is not None for value in model.parameters())
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] - {"bernoulli": 100, "discretised_logistic": 1000}[likelihood]
    picture = model.likelihood(encode(model, x).z).mean
    assert picture.shape == x.shape and picture.min() >= 0 and picture.max() <= 1


def test_log_std_is_bounded_only_where_asked() -> None:
    x = some_images(4)
    for bound in (True, False):
        model = random_hvae(replace(GREY, bound_log_std=bound), spread=3.0)
        trace = encode(model, x)
        each = torch.cat([q.stddev.flatten() for q in (*trace.posteriors, *trace.priors)])
        assert (each.log().abs().max() > 2.9).item()
        within = each.log().min() > -7.001 and each.log().max() < 3.001
        assert bool(within) == bound
