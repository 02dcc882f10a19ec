"""The curves of a training: means of all rows but the first, each level by its name and colour."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from explorer.panels.train.curves import POINTS, Row, elbo_curve, level_colours, rate_curves
from models.report.levels import level_hue

ROWS = [
    {"step": float(n), "elbo_nats": -1000.0 / n, "rate_1_nats": n % 2, "rate_2_nats": -1.0,
     "beta": 1.0}
    for n in range(1, 1001)
]  # fmt: skip


def curves(rows: Sequence[Row]) -> dict[str, list[tuple[float, float]]]:
    """(step, nats) of every level, by its name."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rate_curves(rows).to_dict("records"):
        found.setdefault(row["level"], []).append((row["step"], row["nats"]))
    return found


def test_curves_are_thinned_to_means_up_to_the_last_step() -> None:
    first, second = curves(ROWS)["z₁"], curves(ROWS)["z₂"]
    assert 100 < len(first) <= POINTS
    assert first[-1][0] == second[-1][0] == 1000
    assert all(abs(nats - 0.5) < 0.1 for _, nats in first[:-1])
    assert {nats for _, nats in second} == {-1.0}
    assert curves(ROWS[:10])["z₁"] == [(n, n % 2) for n in range(1, 11)]


def test_the_first_steps_do_not_flatten_the_rest() -> None:
    table = elbo_curve(ROWS)
    assert list(table.columns) == ["step", "nats"]
    nats = table["nats"].tolist()
    assert nats[0] > -1000 / 30 and nats == sorted(nats)
    assert elbo_curve(ROWS[:2])["nats"].tolist() == [-1000.0, -500.0]


@pytest.mark.parametrize("depth", [1, 9])
def test_every_level_has_its_colour(depth: int) -> None:
    rows = [{"step": 1.0, **{f"rate_{t}_nats": 0.0 for t in range(1, depth + 1)}}] * 2
    colours = level_colours(rows)
    assert set(colours) == set(rate_curves(rows)["level"])
    assert colours["z₁"].endswith(f" {level_hue(1)})")
