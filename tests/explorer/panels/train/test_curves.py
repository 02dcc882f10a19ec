"""The curves of a training: means of all rows but the first, each level by its name and colour."""

from __future__ import annotations

import pytest

from explorer.panels.train.curves import POINTS, elbo_curve, level_colours, rate_curves
from models.report.levels import level_hue

ROWS = [
    {"step": float(n), "elbo_nats": -1000.0 / n, "rate_1_nats": n % 2, "rate_2_nats": -1.0,
     "beta": 1.0}
    for n in range(1, 1001)
]  # fmt: skip


def test_curves_are_thinned_to_means_up_to_the_last_step() -> None:
    table = rate_curves(ROWS)
    first = table[table["level"] == "z₁"]
    assert 100 < len(first) <= POINTS
    assert first["step"].iloc[-1] == 1000
    assert (abs(first["nats"].iloc[:-1] - 0.5) < 0.1).all()
    assert (table[table["level"] == "z₂"]["nats"] == -1.0).all()
    few = rate_curves(ROWS[:10])
    assert few[few["level"] == "z₁"]["nats"].tolist() == [1, 0] * 5


def test_the_first_steps_do_not_flatten_the_rest() -> None:
    table = elbo_curve(ROWS)
    assert list(table.columns) == ["step", "nats"]
    assert table["nats"].min() > -1000 / 30
    assert table["nats"].is_monotonic_increasing
    assert elbo_curve(ROWS[:2])["nats"].tolist() == [-1000.0, -500.0]


@pytest.mark.parametrize("depth", [1, 9])
def test_every_level_has_its_colour(depth: int) -> None:
    rows = [{"step": 1.0, **{f"rate_{t}_nats": 0.0 for t in range(1, depth + 1)}}] * 2
    colours = level_colours(rows)
    assert set(colours) == set(rate_curves(rows)["level"])
    assert colours["z₁"].endswith(f" {level_hue(1)})")
