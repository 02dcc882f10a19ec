"""Units of the latents: exact to every nat and picture, and what the measures see through them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from models.base import encode
from models.chain import decode, draw_noise
from models.checkpoint.checkpoint import load_model
from models.evaluation.measures import active_units
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.objective import log_weight, terms
from models.policy import Policy
from models.storage.model_folder import save_model

NETWORK = NetworkConfig(width=16, blocks=1, channels=(8, 12), patch=4)
CONFIGS = {
    "vectors": MHVAEConfig((1, 16, 16), "bernoulli", ((6,), (4,), (3,)), NETWORK),
    "maps": MHVAEConfig((3, 32, 32), "discretised_logistic", ((4, 8, 8), (3, 4, 4)), NETWORK),
}
EVERY = pytest.mark.parametrize("name", CONFIGS)


def pair(name: str) -> tuple[MHVAE, MHVAE]:
    """A model, and the same one in arbitrary units."""
    torch.manual_seed(0)
    model = MHVAE(CONFIGS[name]).eval()
    generator = torch.Generator().manual_seed(1)
    stds = [torch.rand(level.channels, generator=generator) * 3 + 0.05 for level in model.levels]
    return model, model.in_units(lambda: stds)


def pictures(model: MHVAE, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return model.as_seen(torch.rand((count, *model.image_shape), generator=generator))


@EVERY
@torch.no_grad()
def test_no_nat_changes(name: str) -> None:
    model, scaled = pair(name)
    x = pictures(model, 3)
    eps = draw_noise(model, 3, torch.Generator().manual_seed(3))
    own, other = terms(model, x, eps), terms(scaled, x, eps)
    torch.testing.assert_close(other.reconstruction, own.reconstruction, rtol=1e-5, atol=1e-2)
    torch.testing.assert_close(other.rate, own.rate, rtol=1e-5, atol=2e-3)
    torch.testing.assert_close(log_weight(scaled, x, eps), log_weight(model, x, eps),
                               rtol=1e-5, atol=1e-2)  # fmt: skip


@EVERY
@torch.no_grad()
def test_codes_are_in_units_and_the_pictures_are_the_same(name: str) -> None:
    model, scaled = pair(name)
    x = pictures(model, 2)
    own, other = encode(model, x), encode(scaled, x)
    for t in range(1, model.depth):
        u = scaled.units.scale(t)
        assert u is not None
        torch.testing.assert_close(other.z[t], own.z[t] * u, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(other.z[model.depth], own.z[model.depth], rtol=1e-5, atol=1e-6)
    policies = (Policy("resample", 4),) * (model.depth - 1) + (Policy("keep"),)
    for a, b in (
        (own.z, other.z),
        (decode(model, own, policies), decode(scaled, other, policies)),
    ):
        torch.testing.assert_close(
            scaled.likelihood(b).mean, model.likelihood(a).mean, rtol=1e-5, atol=1e-6
        )


@torch.no_grad()
def test_a_unit_that_is_small_but_tells_pictures_apart_is_active_once_in_units() -> None:
    torch.manual_seed(0)
    config = replace(CONFIGS["vectors"], levels=((6,), (3,)))
    model = MHVAE(config).eval()
    head = [m for m in model.encoders[0].modules() if isinstance(m, nn.Linear)][-1]
    head.weight[:6] *= 0.03
    head.bias[6:] = -6.5  # a posterior that is narrow beside what it tells
    x = torch.bernoulli(torch.rand((200, 1, 1, 1)).expand(200, 1, 16, 16))
    first = encode(model, x).z[1]
    assert not active_units(model, x)[0].any()
    scaled = model.in_units(lambda: [first.std(0), torch.ones(3)])
    assert active_units(scaled, x)[0].all()


def test_a_channel_that_never_moves_keeps_its_scale() -> None:
    model, _ = pair("vectors")
    stds = [torch.tensor([0.0, 1e-6, 0.49, 1.1, 2.0, 0.02]), torch.ones(4), torch.ones(3)]
    scaled = model.in_units(lambda: stds)
    expected = torch.tensor([1.0, 1.0, 2.0, 1.0, 0.5, 64.0])
    torch.testing.assert_close(scaled.units.scale(1), expected)


def test_units_are_stored_with_the_model_and_set_once(tmp_path: Path) -> None:
    model, scaled = pair("maps")
    save_model(tmp_path / "scaled", scaled)
    loaded = load_model(tmp_path / "scaled")
    assert isinstance(loaded, MHVAE)
    assert loaded.config.unit_scale
    stored, own = (one.units.get_buffer("scale_1") for one in (loaded, scaled))
    assert torch.equal(stored, own)
    large = loaded.at_side(64)
    torch.testing.assert_close(large.units.scale(1), loaded.units.scale(1))
    with pytest.raises(ValueError, match="without units"):
        scaled.in_units(lambda: [torch.ones(4), torch.ones(3)])
    assert not any(key.startswith("units") for key in model.state_dict())
