"""Decoding against DESIGN section 3 written out by hand, policy by policy."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from models.base import Trace, encode, noise
from models.chain import decode, draw_noise, prior_samples, sample_chain
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.policy import KEEP, MEAN, Policy
from tests.models.tiny import tiny_model

SIZES = (6, 4, 3)
TEMPERATURE = 0.7


def small() -> MHVAE:
    torch.manual_seed(0)
    levels = tuple((n,) for n in SIZES)
    model = MHVAE(MHVAEConfig((1, 8, 8), "bernoulli", levels, NetworkConfig(12, 1)))
    with torch.no_grad():  # the fresh networks are nearly constant
        for parameter in model.parameters():
            parameter.mul_(2.5)
    return model.requires_grad_(False).eval()


MODEL = small()


def trace(count: int = 1) -> Trace:
    generator = torch.Generator().manual_seed(5)
    x = (torch.rand((count, 1, 8, 8), generator=generator) > 0.5).float()
    return encode(MODEL, x, draw_noise(MODEL, count, generator))


def prior(t: int, z: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
    """μ_p and σ_p of level t."""
    p = MODEL.prior(t, z)
    return p.mean, p.stddev


def expected(s: int, policy: Policy, z: tuple[Tensor, ...], moved: tuple[Tensor, ...]) -> Tensor:
    """z'_s from the table, for a level with something changed above it."""
    mean, std = prior(s, z)
    mean_moved, std_moved = prior(s, moved)
    eps = (z[s] - mean) / std
    xi = noise(policy.seed, s, tuple(z[s].shape[1:]))
    return {
        "keep": mean_moved + std_moved * eps,
        "mean": mean_moved,
        "resample": mean_moved + TEMPERATURE * std_moved * xi,
        "memory": mean_moved
        + std_moved * (policy.rho * eps + (1 - policy.rho**2) ** 0.5 * TEMPERATURE * xi),
        "pin": z[s],
    }[policy.kind]


@pytest.mark.parametrize(
    "policy",
    [KEEP, MEAN, Policy("resample", 3), Policy("memory", 4, 0.6), Policy("pin")],
    ids=lambda policy: policy.kind,
)
@pytest.mark.parametrize("level", [1, 2])
def test_every_policy_is_its_formula(policy: Policy, level: int) -> None:
    encoded = trace()
    policies = [KEEP] * 3
    policies[level - 1] = policy
    top = torch.tensor([0.5, -1.0, 0.25])
    own = torch.linspace(-0.4, 0.4, SIZES[level - 1])
    found = decode(MODEL, encoded, policies, {3: top, level: own}, TEMPERATURE)
    assert torch.equal(found[3], encoded.z[3] + top)
    wanted = expected(level, policy, encoded.z, found) + own
    torch.testing.assert_close(found[level], wanted, rtol=1e-5, atol=1e-6)
    if policy.kind != "pin":
        assert (wanted - encoded.z[level] - own).abs().max() > 0.01  # the edit above arrives


@pytest.mark.parametrize("kind", ["mean", "resample"])
def test_the_top_level_uses_the_standard_normal(kind: str) -> None:
    encoded = trace()
    found = decode(MODEL, encoded, (KEEP, KEEP, Policy(kind, 9)), temperature=TEMPERATURE)
    xi = TEMPERATURE * noise(9, 3, (3,)) if kind == "resample" else torch.zeros(3)
    torch.testing.assert_close(found[3][0], xi, rtol=0, atol=1e-7)


def test_untouched_levels_are_the_trace_itself() -> None:
    encoded = trace()
    found = decode(MODEL, encoded, (KEEP,) * 3)
    assert all(a is b for a, b in zip(found, encoded.z, strict=True))
    edited = decode(MODEL, encoded, (KEEP,) * 3, {2: torch.ones(4)})
    assert edited[3] is encoded.z[3]
    assert torch.equal(edited[2], encoded.z[2] + 1)


def test_pinned_levels_shut_out_what_is_above() -> None:
    encoded = trace()
    pinned = (KEEP, Policy("pin"), KEEP)
    quiet = decode(MODEL, encoded, pinned)
    loud = decode(MODEL, encoded, pinned, {3: torch.full((3,), 2.0)})
    assert torch.equal(quiet[1], loud[1])
    assert torch.equal(MODEL.likelihood(quiet).mean, MODEL.likelihood(loud).mean)


def test_fresh_noise_is_a_function_of_seed_and_level() -> None:
    assert torch.equal(noise(1, 2, (5,)), noise(1, 2, (5,)))
    assert not torch.equal(noise(1, 2, (5,)), noise(1, 3, (5,)))
    assert not torch.equal(noise(1, 2, (5,)), noise(2, 2, (5,)))
    two = decode(MODEL, trace(2), (Policy("resample", 7),) * 3)
    assert torch.equal(two[3][0], two[3][1])


def test_samples_of_the_top_are_standard_normal() -> None:
    drawn = torch.cat([sample_chain(MODEL, seed)[3] for seed in range(3000)])
    assert drawn.mean(0).abs().max() < 4 / 3000**0.5
    assert (drawn.var(0) - 1).abs().max() < 4 * (2 / 3000) ** 0.5


def test_memory_between_keep_and_resample_keeps_the_variance() -> None:
    """ρ² + (1 − ρ²) = 1: over seeds, the noise fed to a level stays standard."""
    encoded = trace()
    mixed = Policy("memory", 0, 0.8)
    mean, std = prior(3, encoded.z)
    fed = torch.cat([
        (decode(MODEL, encoded, (KEEP, KEEP, replace(mixed, seed=seed)))[3] - mean) / std
        for seed in range(2000)
    ])  # fmt: skip
    own = 0.8 * (encoded.z[3] - mean) / std
    assert (fed.mean(0) - own[0]).abs().max() < 4 * 0.6 / 2000**0.5
    assert (fed.var(0) - 0.36).abs().max() < 4 * 0.36 * (2 / 2000) ** 0.5


def test_a_sample_is_that_of_its_seed() -> None:
    model = tiny_model()
    many = prior_samples(model, 7, seed=3, size=3)
    for i in range(7):
        one = model.likelihood(sample_chain(model, 3 + i)).mean
        torch.testing.assert_close(many[i : i + 1], one, rtol=0, atol=1e-6)
