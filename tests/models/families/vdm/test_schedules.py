"""Noise schedules: their ends, their slopes, their closed forms, and what is refused."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor

from models.errors import BadInput
from models.families.vdm.noise import Betas, Curve, check_stops, read_schedule
from models.families.vdm.schedules import LEAST_SNR, TIMES, LearnedSchedule, Schedule, TableSchedule

U = torch.linspace(0, 1, 101, dtype=torch.float64)
ENDS = (-13.3, 5.0)
CONFIGS = [
    Curve("linear", *ENDS), Curve("cosine", *ENDS), Curve("learned", *ENDS), Betas(),
    Betas("scaled_linear", 0.00085, 0.012), Betas("squaredcos_cap_v2"), Betas(timesteps=50),
]  # fmt: skip


def bent(seed: int = 3) -> LearnedSchedule:
    """A learned schedule that has left the line."""
    schedule = LearnedSchedule(*ENDS).double()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        schedule.heights.copy_(3 * torch.randn(len(schedule.heights), generator=generator))
        schedule.shift.fill_(0.7)
        schedule.stretch.fill_(-0.2)
    return schedule


def name(config: Curve | Betas) -> str:
    return config.kind if isinstance(config, Curve) else f"{config.beta_schedule}"


@pytest.mark.parametrize("config", CONFIGS, ids=name)
def test_it_rises_and_its_slope_is_its_derivative(config: Curve | Betas) -> None:
    schedule = config.build().double()
    assert (schedule.gamma(U).diff() > 0).all()
    inside = (U[:-1] + U[1:]) / 2 + 1e-4  # no knot of any of them
    step = 1e-7
    difference = (schedule.gamma(inside + step) - schedule.gamma(inside - step)) / (2 * step)
    torch.testing.assert_close(schedule.slope(inside), difference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["linear", "cosine", "learned"])
def test_a_curve_goes_from_end_to_end_in_single_precision_too(kind: str) -> None:
    schedule = Curve(kind, -13.3, 13.3).build()
    ends = torch.tensor([0.0, 1.0])
    gammas = schedule.gamma(ends)
    torch.testing.assert_close(gammas, torch.tensor([-13.3, 13.3]), rtol=2e-6, atol=0)
    times = schedule.time(ends, gammas)
    torch.testing.assert_close(times, torch.tensor([0.0, TIMES]), atol=2e-3, rtol=0)


def test_linear_and_learned_are_the_line_at_first() -> None:
    line = ENDS[0] + U * (ENDS[1] - ENDS[0])
    torch.testing.assert_close(Curve("linear", *ENDS).build().gamma(U), line)
    learned = Curve("learned", *ENDS).build().double()
    torch.testing.assert_close(learned.gamma(U), line, rtol=0, atol=1e-12)


def test_the_cosine_is_the_papers() -> None:
    """Nichol & Dhariwal 2021, eq. 17, from t = 0 to the t where β would be clipped."""
    last = 0.99

    def paper(t: Tensor) -> Tensor:
        alpha_bar = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
        return torch.log((1 - alpha_bar) / alpha_bar)

    least, most = paper(torch.tensor([0.0, last], dtype=torch.float64)).tolist()
    schedule = Curve("cosine", least, most).build()
    torch.testing.assert_close(schedule.gamma(U), paper(last * U), rtol=1e-9, atol=1e-9)


def test_the_time_is_the_noise_level() -> None:
    """So that a network trained under one schedule is right under another."""
    line, cosine = (Curve(kind, *ENDS).build().double() for kind in ("linear", "cosine"))
    for schedule in (cosine, bent()):
        level = (schedule.gamma(U) - ENDS[0]) / (ENDS[1] - ENDS[0])
        told = schedule.time(U, schedule.gamma(U))
        torch.testing.assert_close(told, line.time(level, line.gamma(level)))
    assert (cosine.gamma(U) - line.gamma(U)).abs().max() > 1


@pytest.mark.parametrize(
    ("config", "first", "last"),
    [
        (Betas("linear", 1e-4, 0.02, 4), 1e-4, 0.02),
        (Betas("scaled_linear", 0.01, 0.04, 4), 0.01, 0.04),
        (Betas("squaredcos_cap_v2", timesteps=4), None, 0.999),
    ],
)
def test_betas_by_hand(config: Betas, first: float | None, last: float) -> None:
    n, count = range(config.timesteps), config.timesteps
    if config.beta_schedule == "linear":
        betas = [1e-4 + k / 3 * (0.02 - 1e-4) for k in n]
    elif config.beta_schedule == "scaled_linear":
        betas = [(0.1 + k / 3 * 0.1) ** 2 for k in n]
    else:
        bar = [math.cos((k / count + 0.008) / 1.008 * math.pi / 2) ** 2 for k in range(count + 1)]
        betas = [min(1 - bar[k + 1] / bar[k], 0.999) for k in n]
    assert betas[0] == pytest.approx(first if first else betas[0])
    assert betas[-1] == pytest.approx(last)
    gammas, alpha_bar = [], 1.0
    for beta in betas:
        alpha_bar *= 1 - beta
        gammas.append(math.log((1 - alpha_bar) / alpha_bar))
    wanted = torch.tensor(gammas, dtype=torch.float64)
    torch.testing.assert_close(config.gammas(), wanted, rtol=1e-12, atol=1e-12)


def test_a_table_is_told_its_own_timesteps() -> None:
    schedule = Betas().build()
    assert isinstance(schedule, TableSchedule)
    u = torch.tensor([schedule.at(n) for n in range(1000)], dtype=torch.float64)
    assert torch.equal(schedule.time(u, schedule.gamma(u)).float(), torch.arange(1000.0))
    torch.testing.assert_close(schedule.gamma(u), Betas().gammas(), rtol=1e-12, atol=1e-12)


def test_stops_of_a_table_are_even_in_gamma_where_timesteps_allow() -> None:
    schedule = Betas().build()
    stops = torch.tensor(schedule.spread(10), dtype=torch.float64)
    gammas = schedule.gamma(stops)
    assert stops[0] == 0 and stops[-1] == 1
    even = torch.linspace(schedule.least, schedule.most, 10, dtype=torch.float64)
    assert (gammas - even).abs().max() < 0.1
    assert (999 * stops - (999 * stops).round()).abs().max() < 1e-9


def snr(config: Betas, stops: tuple[float, ...]) -> Tensor:
    """α²/σ² at stops, `(T,)`."""
    return torch.exp(-config.build().gamma(torch.tensor(stops, dtype=torch.float64)))


def test_ten_stops_of_a_cosine_show_something_of_an_image() -> None:
    """Evenly in γ over all of it, five of the ten would be below an SNR of 0.0015."""
    config = Betas("squaredcos_cap_v2")
    table = config.build()
    assert int((snr(config, table.spread(10)) < 0.0015).sum()) == 5
    chosen = config.stops(10)
    assert isinstance(chosen, tuple) and chosen == table.visible(10)
    found = snr(config, chosen)
    assert int((found < 0.0015).sum()) == 2 and LEAST_SNR <= float(found.min()) < 1e-4
    gammas = -found.log()
    even = torch.linspace(float(gammas[0]), float(gammas[-1]), 10, dtype=torch.float64)
    assert chosen[0] == 0 and (gammas - even).abs().max() < 0.3


@pytest.mark.parametrize("config", [Betas(), Betas("scaled_linear", 0.00085, 0.012)], ids=name)
def test_where_all_of_a_schedule_shows_something_a_number_says_it(config: Betas) -> None:
    """So a published model of before keeps its stops, its config and the hash it is known by."""
    assert config.stops(10) == 10
    assert config.build().visible(10) == config.build().spread(10)


def test_as_many_stops_as_timesteps_are_all_of_them_also_of_a_cosine() -> None:
    config = Betas("squaredcos_cap_v2", timesteps=40)
    assert config.stops(40) == 40
    for count in (38, 39):
        chosen = config.build().visible(count)
        assert len(set(chosen)) == count and list(chosen) == sorted(chosen)
    with pytest.raises(BadInput, match="40 levels of noise"):
        config.stops(41)


@pytest.mark.parametrize("count", [2, 3, 7, 19, 20])
def test_stops_of_a_short_table_never_coincide(count: int) -> None:
    schedule = Betas(timesteps=20).build()
    chosen = [round(19 * u) for u in schedule.spread(count)]
    assert len(set(chosen)) == count
    assert chosen == sorted(chosen) and chosen[0] == 0 and chosen[-1] == 19


def test_a_learned_schedule_stays_rising_and_moves_its_ends() -> None:
    schedule = bent()
    gammas = schedule.gamma(U)
    assert (gammas.diff() > 0).all()
    assert gammas[0].item() == pytest.approx(ENDS[0] + 0.7)
    span = (ENDS[1] - ENDS[0]) * math.exp(-0.2)
    assert gammas[-1].item() == pytest.approx(ENDS[0] + 0.7 + span)
    gammas.square().sum().backward()
    for parameter in schedule.parameters():
        assert parameter.grad is not None and parameter.grad.abs().min() > 0


@pytest.mark.parametrize("config", CONFIGS, ids=name)
def test_json_and_back(config: Curve | Betas) -> None:
    assert read_schedule(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"kind": "sigmoid", "gamma_min": -1, "gamma_max": 1}, "schedule 'sigmoid' is unknown"),
        ({"kind": "linear", "gamma_min": 1, "gamma_max": 1}, "gamma_min 1.0 to gamma_max 1.0"),
        ({"kind": "linear", "gamma_min": float("nan"), "gamma_max": 1}, "gamma_min nan"),
        ({"kind": "linear", "gamma_min": -1}, "missing gamma_max"),
        ({"kind": "linear", "gamma_min": -1, "gamma_max": 1, "s": 0}, "unknown s"),
        ({"kind": "linear", "gamma_min": "-1", "gamma_max": 1}, "'-1' should be a number"),
        ({"kind": "betas", "beta_schedule": "linear"}, "missing beta_start"),
        (Betas().to_json() | {"beta_schedule": "laplace"}, "'laplace' is unknown"),
        (Betas().to_json() | {"beta_end": 1.5}, "betas from 0.0001 to 1.5"),
        (Betas().to_json() | {"timesteps": 1.0}, "1.0 should be a whole number"),
        (Betas().to_json() | {"timesteps": 1}, "1 timesteps"),
        ([1, 2], "must be a JSON object"),
    ],
)
def test_bad_schedules_are_named(values: object, named: str) -> None:
    with pytest.raises(BadInput, match=named):
        read_schedule(values)


def test_bad_stops_are_named() -> None:
    schedule: Schedule = Betas(timesteps=20).build()
    with pytest.raises(BadInput, match="20 levels of noise"):
        schedule.spread(21)
    with pytest.raises(BadInput, match="1 stops"):
        schedule.spread(1)
    for stops in ((0.2, 0.1), (0.0, 0.5, 0.5), (-0.1, 0.5), (0.5, 1.01), (float("nan"), 1.0)):
        with pytest.raises(BadInput, match="must rise"):
            check_stops(stops)
