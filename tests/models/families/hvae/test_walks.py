"""A walk of the general HVAE remembers its way, and never changes a bit by that."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, kl_divergence

from models.base import Chain, Walk, bottom_up, encode, top_down
from models.chain import decode, draw_noise
from models.families.hvae.model import HVAE, HVAEConfig
from models.gaussians import draw
from models.objective import importance_weighted_bound, terms
from models.policy import Policy
from tests.models.small_hvae import COLOUR, GREY, random_hvae, seeded, some_images

MODEL = random_hvae()
T = MODEL.depth


def same(found: Distribution, expected: Distribution) -> None:
    """Bit for bit; of a picture the mean is compared."""
    assert torch.equal(found.mean, expected.mean)
    if isinstance(found, Independent) and isinstance(found.base_dist, Normal):
        assert torch.equal(found.stddev, expected.stddev)


class Counted:
    """How often each module of a model ran."""

    def __init__(self, model: nn.Module) -> None:
        self.runs: Counter[str] = Counter()
        self.hooks = [
            module.register_forward_hook(lambda *_, name=name: self.runs.update([name]))
            for name, module in model.named_modules()
        ]

    def stop(self) -> Counter[str]:
        for hook in self.hooks:
            hook.remove()
        return self.runs


@pytest.mark.parametrize("config", [GREY, COLOUR], ids=["grey", "colour"])
def test_a_walk_gives_what_a_plain_tuple_gives_bit_for_bit(config: HVAEConfig) -> None:
    model, x = random_hvae(config), some_images(3, config)
    eps = draw_noise(model, 3, seeded())
    walk = Walk((x, *(None for _ in model.levels)), model.evidence(x))
    plain: Chain = (x, *(None for _ in model.levels))
    for t in top_down(model.depth):
        same(q := model.posterior(t, walk), model.posterior(t, plain))
        same(model.prior(t, walk), model.prior(t, plain))
        z_t = draw(q, eps[t])
        walk, plain = walk.put(t, z_t), (*plain[:t], z_t, *plain[t + 1 :])
    same(model.likelihood(walk), model.likelihood(plain))
    assert torch.equal(
        terms(model, x, eps).elbo, model.likelihood(plain).log_prob(x) - closed_rates(model, plain)
    )


def closed_rates(model: HVAE, z: Chain) -> Tensor:
    """The sum of the closed KLs, `(B,)`."""
    rates = []
    for t in bottom_up(model.depth):
        q = model.posterior(t, z)
        rates.append(kl_divergence(q, model.prior(t, z).expand(q.batch_shape)))
    return torch.stack(rates, dim=1).sum(dim=1)


def test_a_walk_runs_every_block_once() -> None:
    x, eps = some_images(2), draw_noise(MODEL, 2, seeded())
    counted = Counted(MODEL)
    terms(MODEL, x, eps)
    runs = counted.stop()
    assert set(runs.values()) == {1}
    assert len(runs) == sum(1 for name, m in MODEL.named_modules() if not listed(m) and name)


def listed(module: nn.Module) -> bool:
    """Whether a module only holds others, and never runs itself."""
    named = type(module).__name__
    return isinstance(module, nn.ModuleList | nn.ParameterList) or named.startswith("Decoder")


def test_a_decode_runs_every_block_once() -> None:
    trace = encode(MODEL, some_images(1))
    counted = Counted(MODEL)
    z = decode(MODEL, trace, (Policy("keep"),) * T, {T: torch.ones(1, 2, 1, 1)})
    MODEL.likelihood(z)
    runs = counted.stop()
    assert all(runs[f"decoder.dec_blocks.{i}.{part}"] == 1 for i in range(T) for part in (
        "prior", "z_proj", "resnet",
    ))  # fmt: skip
    assert max(runs.values()) == 1 and "encoder" not in runs


def test_an_image_is_encoded_once_for_many_draws() -> None:
    counted = Counted(MODEL)
    importance_weighted_bound(MODEL, some_images(2), 20, seeded(), rows=8)
    assert counted.stop()["encoder"] == 1


def test_a_walk_without_evidence_works_it_out_once() -> None:
    x = some_images(2)
    z = Walk((x, *(None for _ in MODEL.levels)))
    counted = Counted(MODEL)
    for t in top_down(T):
        z = z.put(t, MODEL.posterior(t, z).mean)
    assert counted.stop()["encoder"] == 1
    other = z.put(0, 1 - x)
    same(MODEL.posterior(1, other), MODEL.posterior(1, tuple(other)))


def walked(t: int, model: HVAE = MODEL) -> Walk:
    """A walk that has come to the entry of z_t's block, its memory filled."""
    z = Walk(encode(model, some_images(2), draw_noise(model, 2, seeded())).z)
    model.prior(t, z)
    return z


def test_a_walk_forgets_what_another_entry_above_makes_void() -> None:
    for t in top_down(T - 1):
        for s in range(t + 1, T + 1):
            z = walked(t)
            kept = MODEL.prior(t, z).mean
            moved = z.put(s, torch.full_like(z[s], 0.3))  # pyright: ignore[reportArgumentType]
            same(MODEL.prior(t, moved), MODEL.prior(t, tuple(moved)))
            assert not torch.equal(MODEL.prior(t, moved).mean, kept)
            assert torch.equal(MODEL.prior(t, z).mean, kept)


def test_a_walk_may_be_asked_in_any_order() -> None:
    z = walked(1)
    for t in (*bottom_up(T), *top_down(T)):
        same(MODEL.prior(t, z), MODEL.prior(t, tuple(z)))
        same(MODEL.posterior(t, z), MODEL.posterior(t, tuple(z)))
        same(MODEL.likelihood(z), MODEL.likelihood(tuple(z)))


def test_memory_of_another_model_is_not_used() -> None:
    z, other = walked(1), random_hvae(spread=0.5)
    same(other.prior(1, z), other.prior(1, tuple(z)))
    same(other.likelihood(z), other.likelihood(tuple(z)))


def test_memory_from_without_gradients_is_not_used_with_them() -> None:
    model = random_hvae().requires_grad_(True)
    x = some_images(2)
    with torch.no_grad():
        z = Walk((x, *(None for _ in model.levels)))
        for t in top_down(T):
            z = z.put(t, model.posterior(t, z).mean)
            model.prior(t, z)
    model.likelihood(z).log_prob(x).sum().backward()
    weight = model.decoder.block(T).z_proj.weight
    assert weight.grad is not None and weight.grad.abs().max() > 0


def test_gradients_reach_a_latent_that_asks_for_them_later() -> None:
    z = walked(1)
    top = z[T]
    assert top is not None
    top.requires_grad_(True)
    (gradient,) = torch.autograd.grad(MODEL.prior(1, z).mean.sum(), top)
    assert gradient.abs().max() > 0
