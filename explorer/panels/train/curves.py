"""The curves of a training, as the tables that `gr.LinePlot` draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor

import numpy as np
import pandas as pd

from models.report.levels import level_hue, level_name

POINTS = 160  # of a curve at most
EARLY = 0.03  # the share of the rows that is left out: the first steps would flatten the rest
STEP, NATS, LEVEL = "step", "nats", "level"

Row = Mapping[str, float]


def rate_columns(rows: Sequence[Row]) -> list[str]:
    """The columns of the rates, z_1 first."""
    return [key for key in rows[0] if key.startswith("rate_")]


def elbo_curve(rows: Sequence[Row]) -> pd.DataFrame:
    """The columns step and nats."""
    return _thinned(rows, ["elbo_nats"]).rename(columns={"elbo_nats": NATS})


def rate_curves(rows: Sequence[Row]) -> pd.DataFrame:
    """The columns step, level and nats, level by level."""
    columns = rate_columns(rows)
    names = {key: level_name(t) for t, key in enumerate(columns, start=1)}
    table = _thinned(rows, columns).rename(columns=names)
    return table.melt(STEP, var_name=LEVEL, value_name=NATS)


def level_colours(rows: Sequence[Row]) -> dict[str, str]:
    """The colour of every level that the rows have, by its name."""
    depth = len(rate_columns(rows))
    return {level_name(t): f"oklch(0.66 0.13 {level_hue(t)})" for t in range(1, depth + 1)}


def _thinned(rows: Sequence[Row], columns: Sequence[str]) -> pd.DataFrame:
    """Means over blocks of rows, each at its last step."""
    table = pd.DataFrame(rows)[[STEP, *columns]].iloc[floor(EARLY * len(rows)) :]
    blocks = table.groupby(np.arange(len(table)) // max(1, ceil(len(table) / POINTS)))
    return blocks.mean().assign(step=blocks[STEP].last())
