"""Training: exact resume, time budgets, free bits, schedules, the guard against NaN."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.objective import importance_weighted_bound
from models.pixels import see, to_float
from models.training.loop import Diverged, TrainState, steps_within, train
from models.training.run import RunFiles, Spent, load_state, save_state
from models.training.schedule import TrainConfig, kl_weight, learning_rate, samples_at

MODEL = MHVAEConfig((1, 8, 8), "bernoulli", ((6,), (3,)), NetworkConfig(width=16, blocks=1))
CONFIG = TrainConfig(steps=12, batch_size=8, warmup_steps=3, free_bits=(1.0, 1.0), seed=5)


def bars(count: int = 64) -> np.ndarray:
    """Pictures of one bright bar each, uint8 `(N, 8, 8, 1)`."""
    images = np.full((count, 8, 8, 1), 20, np.uint8)
    for i in range(count):
        images[i, i % 8, :, 0] = 230
    return images


def fresh(config: TrainConfig = CONFIG) -> TrainState:
    torch.manual_seed(config.seed)
    return TrainState(MHVAE(MODEL), config)


def weights(state: TrainState) -> dict[str, torch.Tensor]:
    both = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    return both | {f"ema.{k}": v for k, v in state.ema.state_dict().items()}


@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("samples", [1, 3])
def test_a_resumed_run_is_the_run_that_never_stopped(
    tmp_path: Path, bf16: bool, samples: int
) -> None:
    config = replace(CONFIG, bf16=bf16, samples=samples, weighted_from=0.6)
    whole = fresh(config)
    records = list(train(whole, bars(), config))

    files = RunFiles(tmp_path)
    first = fresh(config)
    list(islice(train(first, bars(), config), 5))
    save_state(files, first, Spent(1.5, 2.5))
    second = TrainState(MHVAE(MODEL), config)
    assert load_state(files, second) == Spent(1.5, 2.5)
    resumed = list(train(second, bars(), config))

    assert [r.elbo_nats for r in resumed] == [r.elbo_nats for r in records[5:]]
    for (name, a), b in zip(weights(whole).items(), weights(second).values(), strict=True):
        assert torch.equal(a, b), name


def test_the_elbo_rises_and_the_records_count() -> None:
    config = replace(CONFIG, steps=300, learning_rate=5e-3, free_bits=(), kl_warmup=0.0)
    records = list(train(fresh(config), bars(), config))
    assert [r.step for r in records] == list(range(1, 301))
    early, late = (np.mean([r.elbo_nats for r in part]) for part in (records[:20], records[-20:]))
    assert late > early + 5
    last = records[-1]
    assert last.elbo_nats == pytest.approx(last.reconstruction_nats - sum(last.rate_nats), abs=1e-3)


def test_free_bits_hold_a_level_up() -> None:
    """Without them the second level of so small a set dies; with them it keeps about its nats."""
    plain = replace(CONFIG, steps=400, learning_rate=5e-3, free_bits=(), kl_warmup=0.0)
    held = replace(plain, free_bits=(3.0, 3.0))
    last = {
        config: np.mean([r.rate_nats[1] for r in list(train(fresh(config), bars(), config))[-50:]])
        for config in (plain, held)
    }
    assert last[plain] < 1.0
    assert last[held] > 2.0


def test_the_weighted_bound_is_what_rises_where_it_is_asked_for() -> None:
    config = replace(CONFIG, steps=300, learning_rate=5e-3, free_bits=(), kl_warmup=0.0)
    half = replace(config, samples=8, weighted_from=0.5)
    assert [samples_at(s, half) for s in (0, 149, 150, 299)] == [1, 1, 8, 8]
    whole = replace(config, samples=8, weighted_from=0.0)
    x = see(MHVAE(MODEL), to_float(bars()), torch.Generator().manual_seed(0))
    before, after = fresh(whole), fresh(whole)
    list(train(after, bars(), whole))
    bounds = [
        float(importance_weighted_bound(s.ema, x, 8, torch.Generator().manual_seed(1)).mean())
        for s in (before, after)
    ]
    assert bounds[1] > bounds[0] + 10


def test_schedules_by_hand() -> None:
    config = replace(CONFIG, steps=103, warmup_steps=3, learning_rate=1.0, kl_warmup=0.5)
    assert [round(learning_rate(s, config), 4) for s in (0, 1, 2, 3)] == [0.3333, 0.6667, 1, 1]
    assert learning_rate(53, config) == pytest.approx(0.5)
    assert learning_rate(103, config) == pytest.approx(0)
    assert [kl_weight(s, config) for s in (0, 103 // 2, 103)] == [
        0,
        pytest.approx(0.990, abs=1e-3),
        1,
    ]
    assert kl_weight(0, replace(config, kl_warmup=0.0)) == 1


def test_dynamic_binarisation_follows_the_grey_values_and_the_seed() -> None:
    model = MHVAE(MODEL)
    x = to_float(np.full((2000, 8, 8, 1), 64, np.uint8))
    one, again, other = (see(model, x, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert set(one.unique().tolist()) == {0, 1}
    assert abs(float(one.mean()) - 64 / 255) < 0.005


def test_a_time_budget_leaves_the_state_alone() -> None:
    state = fresh()
    before = {k: v.clone() for k, v in weights(state).items()}
    steps = steps_within(state, bars(), CONFIG, seconds=30)
    assert 50 < steps < 1_000_000
    assert state.step == 0
    for name, value in weights(state).items():
        assert torch.equal(value, before[name]), name


@pytest.mark.parametrize("share", [1e6, 1.005, 0.995, 0.1])
def test_the_gradient_is_scaled_down_to_the_limit_and_never_up(share: float) -> None:
    """`share` is the limit over the norm that the first gradient has without one."""
    config = replace(CONFIG, bf16=False, clip_norm=1e9)
    norm = next(train(fresh(config), bars(), config)).gradient_norm
    config = replace(config, clip_norm=share * norm)
    state = fresh(config)
    assert next(train(state, bars(), config)).gradient_norm == norm
    gradients = [p.grad for p in state.model.parameters() if p.grad is not None]
    left = float(torch.nn.utils.get_total_norm(gradients))
    assert left == pytest.approx(min(1.0, share) * norm, rel=1e-5)


def test_the_guard_stops_before_a_bad_step() -> None:
    config = replace(CONFIG, bf16=False)
    state = fresh(config)
    list(islice(train(state, bars(), config), 2))
    with torch.no_grad():
        next(state.model.parameters()).view(-1)[0] = torch.nan
    averaged = {k: v.clone() for k, v in state.ema.state_dict().items()}
    with pytest.raises(Diverged, match="not finite"):
        next(train(state, bars(), config))
    assert state.step == 2
    assert all(torch.equal(v, averaged[k]) for k, v in state.ema.state_dict().items())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"steps": 0}, "steps"),
        ({"batch_size": 0}, "batch_size"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"free_bits": (-1.0,)}, "free_bits"),
        ({"kl_warmup": 2.0}, "kl_warmup"),
    ],
)
def test_bad_configurations_are_named(changes: dict, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        replace(CONFIG, **changes)


def test_a_batch_larger_than_the_data_and_wrong_free_bits_are_refused() -> None:
    config = replace(CONFIG, batch_size=65)
    with pytest.raises(BadInput, match="larger than the data"):
        next(train(fresh(config), bars(), config))
    config = replace(CONFIG, free_bits=(1.0,))
    with pytest.raises(BadInput, match="2 levels"):
        next(train(fresh(config), bars(), config))


def test_a_damaged_state_is_refused(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    with pytest.raises(BadInput, match="nothing to resume"):
        load_state(files, fresh())
    state = fresh()
    list(islice(train(state, bars(), CONFIG), 1))
    save_state(files, state, Spent())
    files.state.write_bytes(files.state.read_bytes()[:-40])
    with pytest.raises(BadInput, match="damaged"):
        load_state(files, fresh())
