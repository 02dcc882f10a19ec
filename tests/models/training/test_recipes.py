"""The recipes against collapse: what each one does to the loss, the gradients and the rates."""

from __future__ import annotations

from dataclasses import replace
from math import log, sqrt
from pathlib import Path

import numpy as np
import pytest
import torch

from models.base import encode
from models.chain import draw_noise
from models.checkpoint.checkpoint import load_model
from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.objective import terms
from models.storage.model_folder import save_model
from models.training.loop import TrainState, train
from models.training.recipes import (
    LOG_WEIGHT_BOUND,
    STEERING_GAIN,
    batch_loss,
    greedy_loss,
    steered,
)
from models.training.run import RunFiles, Spent, load_state, save_state
from models.training.schedule import TrainConfig, greedy_level

SMALL = NetworkConfig(width=24, blocks=1)
MODEL = MHVAEConfig((1, 8, 8), "bernoulli", ((6,), (4,), (3,)), SMALL)
PLAIN = TrainConfig(steps=100, batch_size=16, warmup_steps=5, kl_warmup=0.0, bf16=False)


def fresh(config: MHVAEConfig = MODEL) -> MHVAE:
    torch.manual_seed(0)
    return MHVAE(config)


def pictures(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return (torch.rand((count, 1, 8, 8), generator=generator) < 0.4).float()


def bars(count: int = 64) -> np.ndarray:
    """Pictures of a bright row and a bright column, uint8 `(N, 8, 8, 1)`."""
    images = np.full((count, 8, 8, 1), 10, np.uint8)
    for i in range(count):
        images[i, i % 8, :, 0] = images[i, :, (i // 8) % 8, 0] = 245
    return images


def test_steering_makes_a_level_above_its_target_dearer_and_one_below_cheaper() -> None:
    rates = torch.tensor([12.0, 2.0, 5.0])
    moved = steered(torch.zeros(3), rates, (8.0, 4.0, 5.0))
    expected = STEERING_GAIN * torch.tensor([0.5, -0.5, 0.0])
    torch.testing.assert_close(moved, expected)
    for sign in (1, -1):
        log_weights = torch.full((1,), sign * LOG_WEIGHT_BOUND)
        bounded = steered(log_weights, torch.tensor([4.0 + 100 * sign]), (4.0,))
        assert bounded.abs().item() == pytest.approx(LOG_WEIGHT_BOUND)


def test_rate_targets_weigh_each_rate() -> None:
    model, x = fresh(), pictures(5)
    eps = draw_noise(model, 5, torch.Generator().manual_seed(1))
    weights = torch.tensor([0.5, 2.0, 4.0])
    config = replace(PLAIN, rate_targets=(3.0, 2.0, 1.0))
    loss, parts = batch_loss(model, model, x, eps, 50, config, weights.log())
    plain = terms(model, x, eps)
    expected = (plain.rate.mean(0) * weights).sum() - plain.reconstruction.mean()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(parts.rate, plain.rate)


@pytest.mark.parametrize("targets", [(4.0, 1.5), (1.5, 3.0)])
def test_rates_are_steered_to_their_targets(targets: tuple[float, ...]) -> None:
    config = replace(PLAIN, steps=1000, learning_rate=3e-3, rate_targets=targets)
    state = TrainState(fresh(replace(MODEL, levels=((6,), (4,)))), config)
    rates = [record.rate_nats for record in train(state, bars(), config)]
    reached = np.mean(rates[-200:], axis=0)
    np.testing.assert_allclose(reached, targets, rtol=0.25)


def test_a_level_is_trained_alone_on_the_chain_that_ends_with_it() -> None:
    model, x = fresh(), pictures(7)
    eps = draw_noise(model, 7, torch.Generator().manual_seed(1))
    for level in (1, 2, 3):
        short = MHVAE(replace(MODEL, levels=MODEL.levels[:level]))
        names = short.state_dict()
        short.load_state_dict({k: v for k, v in model.state_dict().items() if k in names})
        expected = terms(short, x, eps[: level + 1])
        model.zero_grad()
        loss, parts = greedy_loss(model, x, eps, level, PLAIN, 1.0, lambda v: v.mean(0))
        torch.testing.assert_close(parts.reconstruction, expected.reconstruction)
        torch.testing.assert_close(parts.rate[:, :level], expected.rate)
        assert (parts.rate[:, level:] == 0).all()
        loss.backward()
        learning = {name.rsplit(".network", 1)[0] for name, p in model.named_parameters()
                    if p.grad is not None and p.grad.abs().sum() > 0}  # fmt: skip
        below = "decoder" if level == 1 else f"priors.{level - 2}"
        assert learning == {f"encoders.{level - 1}", below}


def test_free_bits_hold_for_the_level_that_is_trained_alone() -> None:
    model, x = fresh(), pictures(7)
    eps = draw_noise(model, 7, torch.Generator().manual_seed(1))
    for level in (1, 2):
        plain, parts = greedy_loss(model, x, eps, level, PLAIN, 0.5, lambda v: v.mean(0))
        rate = float(parts.rate[:, level - 1].detach().mean())
        for floor in (rate / 2, rate + 3):
            bits = replace(PLAIN, free_bits=tuple(floor if t == level else 99.0 for t in (1, 2, 3)))
            loss, _ = greedy_loss(model, x, eps, level, bits, 0.5, lambda v: v.mean(0))
            expected = float(plain.detach()) + 0.5 * max(0.0, floor - rate)
            assert float(loss.detach()) == pytest.approx(expected, abs=1e-4)


def test_greedy_levels_share_the_first_steps_then_all_are_trained() -> None:
    config = replace(PLAIN, steps=100, greedy=0.3)
    levels = [greedy_level(step, config, 3) for step in range(100)]
    assert levels == [1] * 10 + [2] * 10 + [3] * 10 + [None] * 70
    assert greedy_level(0, PLAIN, 3) is None


def test_greedy_pre_training_leaves_the_levels_below_as_they_are() -> None:
    config = replace(PLAIN, steps=20, greedy=1.0, weight_decay=0.1)
    state = TrainState(fresh(replace(MODEL, levels=((6,), (4,)))), config)
    stream = train(state, bars(), config)
    for _ in range(10):
        next(stream)
    kept = {k: v.clone() for k, v in state.model.state_dict().items()}
    for _ in stream:
        pass
    changed = {k for k, v in state.model.state_dict().items() if not torch.equal(v, kept[k])}
    assert {name.split(".network")[0] for name in changed} == {"encoders.1", "priors.0"}


def test_a_fixed_top_is_linear_gaussian_and_learns_nothing() -> None:
    model, x = fresh(replace(MODEL, fixed_top=0.75)), pictures(4)
    assert list(model.encoders[2].parameters()) == []
    trace = encode(model, x, draw_noise(model, 4))
    q, weight = trace.q(3), model.state_dict()["encoders.2.weight"]
    torch.testing.assert_close(weight @ weight.T, torch.eye(3))
    torch.testing.assert_close(q.mean, sqrt(0.75) * trace.z[2] @ weight.T)
    torch.testing.assert_close(q.stddev, torch.full_like(q.mean, 0.5))
    # If z_2 is standard normal z_T is too, and its rate is −D/2 log(1 − a) nats.
    z_2 = torch.randn((20_000, 4), generator=torch.Generator().manual_seed(3))
    q = model.posterior(3, (None, None, z_2, None))
    rate = torch.distributions.kl_divergence(q, model.prior(3, ()).expand(q.batch_shape)).mean()
    assert rate.item() == pytest.approx(-1.5 * log(0.25), rel=0.02)


def test_a_fixed_top_is_stored_with_its_model(tmp_path: Path) -> None:
    model = fresh(replace(MODEL, fixed_top=0.5, network=replace(SMALL, norm="none")))
    save_model(tmp_path / "fixed", model)
    loaded = load_model(tmp_path / "fixed")
    assert loaded.config == model.config
    torch.testing.assert_close(
        loaded.state_dict()["encoders.2.weight"], model.state_dict()["encoders.2.weight"],
        atol=1e-3, rtol=0,
    )  # fmt: skip


@pytest.mark.parametrize("norm", ["none", "group", "layer"])
def test_normalisation_can_be_chosen(norm: str) -> None:
    network = NetworkConfig(width=16, blocks=1, channels=(8, 12), norm=norm)
    model = MHVAE(MHVAEConfig((1, 16, 16), "bernoulli", ((5,), (3,)), network))
    kinds = {type(module).__name__ for module in model.modules()}
    assert ("LayerNorm" in kinds) == (norm != "none")
    assert ("GroupNorm" in kinds) == (norm == "group")
    x = torch.ones((2, 1, 16, 16))
    assert torch.isfinite(terms(model, x, draw_noise(model, 2)).elbo).all()


def test_a_steered_run_that_was_stopped_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    config = replace(PLAIN, steps=8, rate_targets=(3.0, 2.0, 1.0))
    whole = TrainState(fresh(), config)
    records = list(train(whole, bars(), config))
    first = TrainState(fresh(), config)
    stream = train(first, bars(), config)
    for _ in range(5):
        next(stream)
    files = RunFiles(tmp_path)
    save_state(files, first, Spent())
    second = TrainState(fresh(), config)
    load_state(files, second)
    rest = list(train(second, bars(), config))
    assert [r.rate_nats for r in rest] == [r.rate_nats for r in records[5:]]
    assert torch.equal(second.log_weights, whole.log_weights)
    assert whole.log_weights.abs().min() > 0


@pytest.mark.parametrize(("change", "message"), [
    ({"rate_targets": (3.0, 0.0, 1.0)}, "rate_targets"),
    ({"rate_targets": (3.0,) * 3, "free_bits": (1.0,) * 3}, "choose one of the two"),
    ({"greedy": 1.5}, "greedy"),
])  # fmt: skip
def test_recipes_out_of_range_are_refused(change: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        replace(PLAIN, **change)


@pytest.mark.parametrize(("change", "message"), [
    ({"fixed_top": 1.0}, "fixed_top is 1.0"),
    ({"fixed_top": 0.5, "levels": ((6,), (8,))}, "no larger than the one below"),
    ({"fixed_top": 0.5, "levels": ((6,),)}, "two levels"),
    ({"network": replace(SMALL, norm="batch")}, "norm 'batch' is unknown"),
])  # fmt: skip
def test_architectures_out_of_range_are_refused(change: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        replace(MODEL, **change)


def test_targets_for_another_number_of_levels_are_refused() -> None:
    config = replace(PLAIN, rate_targets=(3.0, 2.0))
    with pytest.raises(BadInput, match="rate_targets has 2 values for 3 levels"):
        next(train(TrainState(fresh(), config), bars(), config))
