"""The diffusion as a Markov hierarchy: its Gaussians, its pixels, its trace and its policies."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.distributions import kl_divergence

from models.base import encode
from models.chain import decode, draw_noise
from models.errors import BadInput
from models.families.vdm.config import VDMConfig
from models.families.vdm.gaussians import alpha_sigma, forward_step, reverse_step, standard_kl
from models.families.vdm.likelihood import GridGaussian, pixels_given
from models.families.vdm.model import VDM
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Betas, Curve
from models.likelihoods import LEVELS
from models.policy import KEEP, Policy
from models.storage.diffusers_files import diffusers
from tests.models.diffusion_toys import (
    ON,
    draw_independent,
    independent,
    on_probabilities,
    patterned,
)  # fmt: skip
from tests.running import ROOT

UNET = make_unet((1, 8, 8), (8, 16), layers=1)
CONFIG = VDMConfig((1, 8, 8), "discretised", Curve("linear", -13.3, 5.0), 6, unet=UNET)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def two_patterns(stops: int = 8, prediction: str = "sample") -> VDM:
    """8 × 8 binary images: a block on the left or, more often, one at the top."""
    patterns = torch.zeros(2, 1, 8, 8)
    patterns[0, :, :, :4] = 1
    patterns[1, :, :3] = 1
    return patterned(patterns, torch.tensor([0.3, 0.7]), stops, prediction)


def untrained(**changes: object) -> VDM:
    torch.manual_seed(0)
    model = VDM(replace(CONFIG, **changes))  # pyright: ignore[reportArgumentType]
    return model.requires_grad_(False).eval()


# The Gaussians ---------------------------------------------------------------------------------


def test_the_steps_are_bayes_rule_of_the_marginals() -> None:
    """q(z_s | z_t, x) from the joint of (z_s, z_t), neighbours near and far."""
    gammas = torch.tensor([-13.3, -13.28, -4.0, 0.0, 0.02, 5.0], dtype=torch.float64)
    for s, t in ((0, 1), (0, 5), (2, 3), (3, 4), (4, 5)):
        scale, std = forward_step(gammas[s], gammas[t])
        (alpha_s, sigma_s), (alpha_t, sigma_t) = alpha_sigma(gammas[s]), alpha_sigma(gammas[t])
        torch.testing.assert_close(scale * alpha_s, alpha_t)
        torch.testing.assert_close((scale * sigma_s) ** 2 + std**2, sigma_t**2)
        gain = scale * sigma_s**2 / sigma_t**2
        found = reverse_step(gammas[s], gammas[t])
        torch.testing.assert_close(found.of_z, gain)
        torch.testing.assert_close(found.of_x, alpha_s - gain * alpha_t, rtol=1e-5, atol=0)
        variance = sigma_s**2 - gain * scale * sigma_s**2
        torch.testing.assert_close(found.std**2, variance, rtol=1e-5, atol=0)
        torch.testing.assert_close(found.std_forward, std)


def test_neighbours_of_a_thousand_keep_their_digits_in_single_precision() -> None:
    gammas = torch.linspace(-13.3, 5, 1000, dtype=torch.float64)
    exact = reverse_step(gammas[:-1], gammas[1:])
    single = reverse_step(gammas[:-1].float(), gammas[1:].float())
    torch.testing.assert_close(single.std.double(), exact.std, rtol=1e-4, atol=0)
    torch.testing.assert_close(single.of_x.double(), exact.of_x, rtol=1e-4, atol=0)


def test_the_encoder_reads_the_same_from_both_ends() -> None:
    """Moments of 10,000 draws bottom up, top down, and of the marginals."""
    model, x = independent(4), draw_independent(1).expand(10_000, 1, 4, 4)
    eps = draw_noise(model, len(x), seeded())
    up = encode(model, x, eps).z
    down: list[Tensor | None] = [x] + [None] * model.depth
    for t in range(model.depth, 0, -1):
        q = model.reverse_posterior(t, x, tuple(down))
        down[t] = q.mean + q.stddev * eps[t]
    for t in range(1, model.depth):
        marginal = model.marginal(t, x[:1])
        both = [torch.stack([z[t], z[t + 1]]).flatten(2) for z in (up, down)]  # pyright: ignore
        scale, _ = forward_step(*model.gammas()[t - 1 : t + 1])
        shared = scale * marginal.stddev[0, 0, 0, 0] / model.marginal(t + 1, x[:1]).stddev.max()
        for pair in both:
            assert (pair[0].mean(0) - marginal.mean.flatten()).abs().max() < 0.04
            assert (pair[0].std(0) / marginal.stddev.flatten() - 1).abs().max() < 0.03
            correlation = torch.corrcoef(pair[:, :, 0])[0, 1]
            assert (correlation - shared).abs() < 0.04


def test_p_is_q_with_the_guess_for_the_image() -> None:
    """With one pattern the guess is the image, so p(z_t | z_{t+1}) is q(z_t | z_{t+1}, x)."""
    pattern = draw_independent(1)
    model = patterned(pattern, torch.ones(1), 5)
    z = encode(model, pattern, draw_noise(model, 1, seeded())).z
    for t in range(1, model.depth):
        p, q = model.prior(t, z), model.reverse_posterior(t, pattern, z)
        torch.testing.assert_close(p.mean, q.mean)
        torch.testing.assert_close(p.stddev, q.stddev)
    large = VDM(replace(model.config, variance="large"), model.network)
    step = forward_step(model.gammas()[1], model.gammas()[2])
    torch.testing.assert_close(large.prior(2, z).stddev, step[1].expand_as(pattern))
    torch.testing.assert_close(large.prior(2, z).mean, model.prior(2, z).mean)


def test_the_top_is_standard_normal_and_nearly_reached() -> None:
    model, x = independent(4), draw_independent(3)
    p, q = model.prior(model.depth, (x,)), model.marginal(model.depth, x)
    torch.testing.assert_close(p.mean, torch.zeros_like(x[0]))
    kl = kl_divergence(q, p.expand(q.batch_shape))  # pyright: ignore[reportArgumentType]
    torch.testing.assert_close(kl, standard_kl(q.mean, q.stddev))
    assert (kl < 16 * 0.5 * alpha_sigma(model.gammas()[-1])[0] ** 2 + 1e-6).all()  # ½ α² a pixel


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_three_predictions_are_one_model(prediction: str) -> None:
    plain, other = two_patterns(), two_patterns(prediction=prediction)
    x = torch.zeros(2, 1, 8, 8, dtype=torch.float64)
    z = encode(plain, x, draw_noise(plain, 2, seeded())).z
    for t in range(1, plain.depth):
        torch.testing.assert_close(other.prior(t, z).mean, plain.prior(t, z).mean)


def test_a_guess_is_clipped_where_asked() -> None:
    model = untrained(clip=0.5)
    z = torch.randn((2, 1, 8, 8), generator=seeded())
    free = untrained().denoised(4, z)
    assert free.abs().max() > 0.5
    assert torch.equal(model.denoised(4, z), free.clamp(-0.5, 0.5))


# The pixels ------------------------------------------------------------------------------------


def test_two_values_have_a_closed_logit() -> None:
    gamma = torch.tensor(-1.0, dtype=torch.float64)
    alpha, sigma = alpha_sigma(gamma)
    z = torch.linspace(-2, 2, 9, dtype=torch.float64).view(1, 1, 3, 3)
    density = [torch.exp(-((z - alpha * v) ** 2) / (2 * sigma**2)) for v in (-1, 1)]
    wanted = density[1] / (density[0] + density[1])
    found = pixels_given(z, gamma, "bernoulli")
    torch.testing.assert_close(found.mean, wanted)
    torch.testing.assert_close(found.log_prob(torch.ones_like(z)), wanted.log().sum((1, 2, 3)))


@pytest.mark.parametrize("gamma", [-13.3, -9.2, -7.0, -3.0, 2.0])
def test_256_values_against_all_of_them(gamma: float) -> None:
    """The window leaves out what changes no digit: p sums to 1, and mean and p are exact."""
    alpha, sigma = alpha_sigma(torch.tensor(gamma, dtype=torch.float64))
    z = torch.tensor([-1.4, -0.999, -0.2, 0.0039, 0.5, 1.0, 1.2], dtype=torch.float64)
    values = torch.arange(LEVELS + 1, dtype=torch.float64) / LEVELS
    logits = -((z[:, None] - alpha * (2 * values - 1)) ** 2) / (2 * sigma**2)
    wanted = torch.log_softmax(logits, 1)
    grid = GridGaussian(z / alpha, torch.exp(torch.tensor(-gamma, dtype=torch.float64)))
    found = torch.stack([grid.log_prob(value) for value in values], 1)
    torch.testing.assert_close(found, wanted, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(grid.mean, wanted.exp() @ values)


def test_256_values_are_drawn_as_probable_as_they_are() -> None:
    snr = torch.tensor(2_000.0)
    grid = GridGaussian(torch.full((20_000,), 0.3), snr)
    drawn = grid.sample()
    assert torch.equal((drawn * LEVELS).round() / LEVELS, drawn)
    for k in (160, 165, 170):
        p = grid.log_prob(torch.tensor(k / LEVELS)).exp()[0]
        share = (drawn == k / LEVELS).float().mean()
        assert (share - p).abs() < 4 * (p * (1 - p) / len(drawn)).sqrt()
    assert grid.sample(torch.Size([3])).shape == (3, 20_000)


def test_an_image_is_seen_as_its_pixels_are() -> None:
    x = torch.tensor([0.2, 0.5, 0.51, 0.3019])
    assert independent().as_seen(x).tolist() == [0, 0, 1, 0]
    assert torch.equal(untrained().as_seen(x), (x * 255).round() / 255)
    assert untrained().eight_bit and not independent().eight_bit


# The trace and the policies --------------------------------------------------------------------


def test_an_embedded_image_has_noise_of_its_own_at_every_stop() -> None:
    """Of 1,024 pixels, where a correlation by chance has σ = 1/32."""
    model = independent(6, side=32)
    x = draw_independent(3, side=32)
    trace = model.embed(x)
    alpha, sigma = alpha_sigma(model.gammas())

    def noises(z: tuple[Tensor, ...]) -> Tensor:
        each = ((z[t] - alpha[t - 1] * (2 * x - 1)) / sigma[t - 1] for t in range(1, 7))
        return torch.stack(list(each)).flatten(2)

    drawn = noises(trace.z)
    torch.testing.assert_close(drawn[:, 0], drawn[:, 1])  # not the image's
    correlation = torch.corrcoef(drawn[:, 0])
    assert (correlation - torch.eye(6)).abs().max() < 0.12
    assert (drawn[:, 0].var(1) - 1).abs().max() < 0.15
    chain = noises(encode(model, x, draw_noise(model, 3, seeded())).z)
    assert torch.corrcoef(chain[:, 0]).diagonal(1).min() > 0.15
    for t in range(1, model.depth + 1):
        assert torch.equal(trace.q(t).mean, model.marginal(t, x).mean)
        assert torch.equal(trace.q(t).stddev, model.marginal(t, x).stddev)


def test_a_trace_depends_on_nothing_but_its_image() -> None:
    model = untrained()
    x = model.as_seen(torch.rand((3, 1, 8, 8), generator=seeded()))
    every, own = model.embed(x), model.embed(x[1:2])
    for t in range(model.depth + 1):
        assert torch.equal(every.z[t][1:2], own.z[t])
    fresh = model.embed(x, draw_noise(model, 3, seeded(7)))
    assert not torch.equal(fresh.z[1], every.z[1])


@pytest.mark.parametrize("make", [untrained, lambda: independent(6), lambda: two_patterns(6)])
def test_keep_everywhere_is_the_trace_and_the_picture_the_image(
    make: Callable[[], VDM],
) -> None:
    model = make()
    x = torch.rand((2, *model.image_shape), generator=seeded()).to(
        model.prior(model.depth, ()).mean
    )
    x = model.as_seen(x)
    trace = model.embed(x)
    z = decode(model, trace, (KEEP,) * model.depth)
    assert all(torch.equal(a, b) for a, b in zip(z, trace.z, strict=True))
    picture = model.likelihood(z).mean
    assert picture.min() >= 0 and picture.max() <= 1
    assert (picture - x).abs().max() < 1 / 255
    off = (model.as_seen(picture) != x).double().mean()
    assert off < 0.02  # at γ = −13.3 half a step of a pixel is 3 σ


def test_an_edit_above_moves_the_picture_and_keeps_the_image() -> None:
    """From a trace of the left block, a push towards the top block at a high level."""
    model = two_patterns(12)
    left, top = (model.network.patterns.detach() + 1) / 2  # pyright: ignore
    trace = model.embed(left[None])
    push = 8 * (top - left)
    z = decode(model, trace, (KEEP,) * model.depth, {9: push})
    assert torch.equal(model.as_seen(model.likelihood(z).mean)[0], top)
    pinned = (KEEP,) * 2 + (Policy("pin"),) + (KEEP,) * 9
    assert torch.equal(decode(model, trace, pinned, {9: push})[1], trace.z[1])


def test_resampled_from_the_top_it_draws_from_the_data() -> None:
    """Frequencies of both patterns in 300 draws; every draw is one of them."""
    model = two_patterns(60)
    patterns = (model.network.patterns.detach() + 1) / 2  # pyright: ignore
    count, generator = 300, seeded(3)
    z = torch.randn((count, 1, 8, 8), generator=generator, dtype=torch.float64)
    for t in range(model.depth - 1, 0, -1):
        p = model.prior(t, (None,) * (t + 1) + (z,))
        z = p.mean + p.stddev * torch.randn(z.shape, generator=generator, dtype=torch.float64)
    drawn = model.as_seen(model.likelihood((None, z)).mean)
    hit = [(drawn == pattern).flatten(1).all(1) for pattern in patterns]
    assert (hit[0] | hit[1]).all()
    assert (hit[0].double().mean() - 0.3).abs() < 3 * (0.3 * 0.7 / count) ** 0.5


def test_the_policy_resample_draws_from_the_data() -> None:
    """The same through `decode`, seed by seed: each of `ON` in 20 draws of 64 pixels."""
    model = independent(60, side=16)
    empty, shares = model.embed(draw_independent(1, side=16)), []
    for seed in range(20):
        z = decode(model, empty, (Policy("resample", seed),) * model.depth)
        shares.append(model.as_seen(model.likelihood(z).mean).view(4, 64).mean(1))
    found, wanted = torch.stack(shares).mean(0), torch.tensor(ON, dtype=torch.float64)
    assert ((found - wanted).abs() < 3 * (wanted * (1 - wanted) / 1280).sqrt()).all()


# Stops, networks and configurations ------------------------------------------------------------


def test_other_stops_are_the_same_weights() -> None:
    model = untrained()
    many = model.with_stops(11)
    assert many.depth == 11 and model.depth == 6
    assert many.network is model.network and many.schedule is model.schedule
    assert many.stops[::2] == model.stops
    z = torch.randn((1, 1, 8, 8), generator=seeded())
    assert torch.equal(many.denoised(5, z), model.denoised(3, z))
    chosen = model.with_stops([0.25, 0.5])
    assert chosen.gammas().tolist() == pytest.approx([-13.3 + 18.3 / 4, -13.3 + 18.3 / 2])
    with pytest.raises(BadInput, match="must rise"):
        model.with_stops([0.5, 0.25])
    assert not many.training and len(list(many.parameters())) == len(list(model.parameters()))


def test_a_network_sees_each_image_by_itself() -> None:
    model = untrained()
    x = model.as_seen(torch.rand((3, 1, 8, 8), generator=seeded()))
    z = model.embed(x).z
    alone = model.prior(2, tuple(entry[1:2] for entry in z))
    torch.testing.assert_close(model.prior(2, z).mean[1:2], alone.mean, rtol=1e-5, atol=1e-6)


def test_a_network_knows_the_noise_level() -> None:
    model, z = untrained(), torch.randn((1, 1, 8, 8), generator=seeded())
    gamma, (low, high) = model.gammas()[3], model.times()[[1, 4]]
    assert (model.denoise(z, gamma, low) - model.denoise(z, gamma, high)).abs().max() > 1e-3


@pytest.mark.parametrize(
    "config",
    [
        CONFIG,
        replace(CONFIG, schedule=Betas(), stops=(0.0, 0.25, 1.0), clip=1.0, variance="large"),
        replace(CONFIG, likelihood="bernoulli", prediction="v_prediction"),
    ],
)
def test_a_config_survives_json(config: VDMConfig) -> None:
    assert VDMConfig.from_json(json.loads(json.dumps(config.to_json()))) == config
    assert hash(config) == hash(replace(config))


def changed(**changes: object) -> dict[str, object]:
    return {**json.loads(json.dumps(CONFIG.to_json())), **changes}


def unet(**changes: object) -> dict[str, object]:
    return changed(unet={**json.loads(json.dumps(UNET)), **changes})


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({k: v for k, v in changed().items() if k != "clip"}, "missing clip"),
        (changed(beta=1), "unknown beta"),
        (changed(likelihood="poisson"), "likelihood 'poisson' is unknown"),
        (changed(prediction="flow"), "prediction 'flow' is unknown"),
        (changed(variance="learned"), "variance 'learned' is unknown"),
        (changed(clip=0), "clip is 0"),
        (changed(clip=True), "True should be a number"),
        (changed(stops=1), "1 stops"),
        (changed(stops=2.0), "2.0 should be a number of stops"),
        (changed(stops=[0, 1, 0.5]), "must rise"),
        (changed(image_shape=[2, 8, 8]), r"image_shape \[2, 8, 8\]"),
        (changed(image_shape=[1, 8, "8"]), "'8' should be a whole number"),
        (changed(unet={}), "unet must be the configuration"),
        (unet(encoder_hid_dim=3), "encoder_hid_dim is no part"),
        (unet(num_class_embeds=10), "class-conditional"),
        (unet(time_embedding_type="fourier"), "time_embedding_type 'fourier'"),
        (unet(down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"]), "CrossAttnDownBlock2D"),
        (unet(up_block_types=["UpBlock2D"]), "up_block_types needs one entry for each of the 2"),
        (unet(mid_block_type="UNetMidBlock2DCrossAttn"), "UNetMidBlock2DCrossAttn"),
        (unet(block_out_channels=[8, 12]), "norm_num_groups 8 does not divide"),
        (unet(attention_head_dim=5), "attention_head_dim 5 does not divide"),
        (unet(in_channels=3), "3 channels in and 1 out"),
        (unet(out_channels=2), "predicts a variance"),
        (unet(sample_size=16), "sample_size 16 is not the image side 8"),
        (unet(block_out_channels="8,16"), "block_out_channels '8,16'"),
    ],
)
def test_bad_configs_are_named(values: dict[str, object], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        VDMConfig.from_json(values)


def test_a_side_is_halved_as_often_as_there_are_resolutions() -> None:
    VDMConfig((1, 28, 28), "bernoulli", unet=make_unet((1, 28, 28), (8, 8, 8), 1))
    with pytest.raises(BadInput, match="28 is no multiple of 8"):
        VDMConfig((1, 28, 28), "bernoulli", unet=make_unet((1, 28, 28), (8, 8, 8, 8), 1))


def test_what_diffusers_cannot_build_is_bad_input() -> None:
    config = replace(CONFIG, unet={**UNET, "act_fn": "smoothstep"})
    with pytest.raises(BadInput, match="smoothstep"):
        VDM(config)


def test_the_package_is_imported_only_where_a_network_is_built() -> None:
    for path in sorted((ROOT / "models").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import)
                 for alias in node.names}  # fmt: skip
        found |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert "diffusers" not in {name.split(".")[0] for name in found}, path.name
    assert diffusers().UNet2DModel.__name__ == "UNet2DModel"


def test_the_toy_is_the_data_it_says() -> None:
    """The oracle itself: its guess without noise is the image, without signal the mean."""
    model, x = independent(), draw_independent(16)
    clean = model.denoise(2 * x - 1, torch.tensor(-6.0), torch.tensor(0.0))
    torch.testing.assert_close(clean, 2 * x - 1, rtol=0, atol=1e-6)
    blind = model.denoise(torch.zeros_like(x), torch.tensor(8.0), torch.tensor(1000.0))
    torch.testing.assert_close(blind[0], 2 * on_probabilities(4) - 1)
    patterns = torch.stack([torch.zeros(1, 2, 2), torch.ones(1, 2, 2)])
    both = patterned(patterns, torch.tensor([0.25, 0.75]))
    guess = both.denoise(torch.zeros_like(patterns), torch.tensor(8.0), torch.tensor(1000.0))
    assert guess.flatten().tolist() == pytest.approx([0.5] * 8)
