"""The importance-weighted objective: its value, and its gradients against plain autograd."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import Tensor, nn

from models.chain import draw_noise
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.objective import log_weight
from models.training.weighted import held, weighted_terms
from tests.models.oracle import LinearGaussianChain

SAMPLES = 4


def small(seed: int = 0) -> MHVAE:
    """Two levels over 8 × 8 binary pixels, in double precision."""
    torch.manual_seed(seed)
    network = NetworkConfig(width=8, blocks=1)
    return MHVAE(MHVAEConfig((1, 8, 8), "bernoulli", ((3,), (2,)), network)).double()


def images(count: int) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return (torch.rand((count, 1, 8, 8), generator=generator) < 0.3).double()


def eps_of(model: MHVAE, rows: int, seed: int = 0) -> tuple[Tensor, ...]:
    return draw_noise(model, rows, torch.Generator().manual_seed(seed))


def plain_bound(model: MHVAE, x: Tensor, eps: tuple[Tensor, ...]) -> Tensor:
    """L_K of these draws, with everything left to autograd."""
    weights = log_weight(model, x.repeat(SAMPLES, 1, 1, 1), eps).view(SAMPLES, -1)
    return (weights.logsumexp(dim=0) - log(SAMPLES)).mean()


def gradient(value: Tensor, parameters: list[nn.Parameter]) -> Tensor:
    found = torch.autograd.grad(value, parameters, allow_unused=True)
    pairs = zip(found, parameters, strict=True)
    return torch.cat([(torch.zeros_like(p) if g is None else g).flatten() for g, p in pairs])


def test_the_value_is_the_bound_and_the_terms_are_those_of_the_draws() -> None:
    model, x = small(), images(5)
    eps = eps_of(model, 5 * SAMPLES)
    loss, parts = weighted_terms(model, held(model), x, eps, SAMPLES)
    torch.testing.assert_close(-loss, plain_bound(model, x, eps))
    weights = log_weight(model, x.repeat(SAMPLES, 1, 1, 1), eps).view(SAMPLES, -1)
    torch.testing.assert_close(parts.elbo, weights.mean(dim=0))
    assert not parts.elbo.requires_grad


def test_the_gradient_of_the_generative_side_is_autograds_in_every_draw() -> None:
    model, x = small(), images(5)
    eps = eps_of(model, 5 * SAMPLES)
    theta = [*model.priors.parameters(), *model.decoder.parameters()]
    loss, _ = weighted_terms(model, held(model), x, eps, SAMPLES)
    torch.testing.assert_close(
        gradient(-loss, theta), gradient(plain_bound(model, x, eps), theta), rtol=1e-9, atol=1e-12
    )


def test_the_gradient_of_the_encoder_is_autograds_in_expectation_and_steadier() -> None:
    model, x = small(), images(2)
    phi = list(model.encoders.parameters())
    twin = held(model)
    plain, double = [], []
    for seed in range(1_500):
        eps = eps_of(model, 2 * SAMPLES, seed)
        plain.append(gradient(plain_bound(model, x, eps), phi))
        double.append(gradient(-weighted_terms(model, twin, x, eps, SAMPLES)[0], phi))
    first, second = torch.stack(plain), torch.stack(double)
    apart = first - second  # pair by pair, under the same noise
    error = apart.std(dim=0) / len(apart) ** 0.5
    z = apart.mean(dim=0) / error.clamp(min=1e-12)
    assert z.abs().max() < 4.5
    assert (second.mean(dim=0).abs() > 20 * error).any()  # which a wrong factor would show
    assert second.var(dim=0).sum() < first.var(dim=0).sum()


@pytest.mark.parametrize("sizes", [(3, 2), (3, 2, 4), (2, 3, 2, 1)])
def test_under_the_true_posterior_no_draw_moves_the_encoder(sizes: tuple[int, ...]) -> None:
    model = LinearGaussianChain(sizes)
    x = model.sample_images(8)
    for shift, is_zero in ((0.0, True), (0.2, False)):
        del model.q_shift
        model.q_shift = nn.Parameter(torch.full((), shift, dtype=torch.float64))  # pyright: ignore
        eps = draw_noise(model, 8 * SAMPLES, torch.Generator().manual_seed(1))
        loss, _ = weighted_terms(model, held(model), x, eps, SAMPLES)
        (found,) = torch.autograd.grad(loss, [model.q_shift])  # pyright: ignore
        assert (abs(float(found)) < 1e-10) is is_zero


def test_the_held_twin_follows_the_model_and_never_learns() -> None:
    model, x = small(), images(4)
    twin = held(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)
    loss, _ = weighted_terms(model, twin, x, eps_of(model, 4 * SAMPLES), SAMPLES)
    loss.backward()
    optimizer.step()
    for own, source in zip(twin.parameters(), model.parameters(), strict=True):
        assert own.grad is None and not own.requires_grad
        assert torch.equal(own, source)
