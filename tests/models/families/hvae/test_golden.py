"""Our HVAE computes what the published VDVAE code computed, level by level."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import Walk, encode, top_down
from models.chain import draw_noise
from models.families.hvae.mixtures import LogisticMixture
from models.objective import terms
from tests.models.golden_vdvae import (
    by_level,
    golden,
    golden_model,
    golden_noise,
    images,
)

PARTS = pytest.mark.parametrize("part", ["plain", "widths"])


def close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-4)


def mean_and_log_std(distribution: Distribution) -> tuple[Tensor, Tensor]:
    return distribution.mean, distribution.stddev.log()


@PARTS
def test_posteriors_and_priors_at_every_level(part: str) -> None:
    model = golden_model(part)
    trace = encode(model, images(part), golden_noise(part))
    for name, found in (("q", trace.posteriors), ("p", trace.priors)):
        means, log_stds = by_level(part, f"{name}_mean"), by_level(part, f"{name}_log_std")
        for t in top_down(model.depth):
            mean, log_std = mean_and_log_std(found[t - 1])
            close(mean, means[t][: len(mean)])
            close(log_std, log_stds[t][: len(mean)])
            assert means[t].abs().max() > 0.05 and log_stds[t].abs().max() > 0.05
    for t, z_t in by_level(part, "z").items():
        close(trace.z[t], z_t)


@PARTS
def test_rates_and_likelihood(part: str) -> None:
    model, x = golden_model(part), images(part)
    found = terms(model, x, golden_noise(part))
    rates = by_level(part, "rate")
    for t in top_down(model.depth):
        close(found.rate[:, t - 1], rates[t])
    close(-found.reconstruction / x[0].numel(), golden(part)["nll_per_dim"])


@PARTS
def test_the_output_and_the_mixture(part: str) -> None:
    model = golden_model(part)
    z = (None, *(by_level(part, "z")[t] for t in sorted(by_level(part, "z"))))
    kept: dict[str, Tensor] = {}
    convolution = cast(Any, model.decoder.out_net).out_conv
    hook = convolution.register_forward_hook(
        lambda _m, inputs, out: kept.update(output=inputs[0], mixture=out)
    )
    mixture = model.likelihood(z)
    hook.remove()
    close(kept["output"], golden(part)["output"])
    close(kept["mixture"], golden(part)["mixture"])
    assert isinstance(mixture, LogisticMixture)
    assert mixture.step == {"plain": 1, "widths": 8}[part]


@PARTS
def test_a_draw_from_the_prior(part: str) -> None:
    model = golden_model(part)
    eps, z = golden_noise(part, "prior/eps"), Walk([None] * (model.depth + 1))
    means, log_stds = by_level(part, "prior/p_mean"), by_level(part, "prior/p_log_std")
    latents = by_level(part, "prior/z")
    for t in top_down(model.depth):
        p = model.prior(t, z)
        mean, log_std = mean_and_log_std(p)
        close(mean, means[t][: len(mean)])
        close(log_std, log_stds[t][: len(mean)])
        z = z.put(t, mean + log_std.exp() * eps[t])
        close(z[t], latents[t])  # pyright: ignore[reportArgumentType]
    close(model._descent(0, z).h, golden(part)["prior/output"])


@PARTS
def test_other_noise_gives_other_numbers(part: str) -> None:
    """The comparisons above can fail."""
    model, x = golden_model(part), images(part)
    found = terms(model, x, draw_noise(model, len(x), torch.Generator().manual_seed(9)))
    rates = by_level(part, "rate")
    assert all((found.rate[:, t - 1] - rates[t]).abs().max() > 1e-2 for t in range(1, model.depth))
