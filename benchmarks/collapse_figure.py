"""The figure of docs/collapse.md: how the rates of each level go in the course of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from models.report.levels import level_hue, level_name
from models.report.svg import INK, SOFT, drawing, of_hue

COLUMNS, POINTS = 3, 120
WIDTH, HEIGHT = 360, 200  # of one plot, in units
BOTTOM_NATS, TOP_NATS = -8.0, 30.0
ROOM_NATS = 7.0  # above the curves, for the names of the levels
WHAT = "The rates of every level over the training, a plot a run"
# What a page would say of its colours; a picture in a page has nobody else who says it.
STYLE = """
svg{font-family:system-ui,sans-serif;--page:#fff;--ink:#1d1f23;--soft:#676c75;--line:#e3e3e0;
--lv-l:.52;--lv-c:.13;background:var(--page)}
@media(prefers-color-scheme:dark){svg{--page:#16181c;--ink:#e8e9eb;--soft:#9aa0aa;--line:#2d3138;
--lv-l:.74;--lv-c:.12}}
""".replace("\n", "")


@dataclass(frozen=True)
class Panel:
    """One training: its title, the share of it that is done, and the rates there, in nats."""

    title: str
    done: Sequence[float]
    rates: Sequence[Sequence[float]]


def figure(panels: Sequence[Panel]) -> str:
    """A whole SVG file with one small plot a training."""
    rows = -(-len(panels) // COLUMNS)

    def draw(whole: Figure) -> dict[str, list[str]]:
        for i, panel in enumerate(panels, start=1):
            _panel(whole.add_subplot(rows, COLUMNS, i), panel)
        return {}

    drawn = drawing(WHAT, draw, COLUMNS * WIDTH, rows * HEIGHT)
    return drawn.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1).replace(
        ">", f"><style>{STYLE}</style>", 1
    )


def _panel(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, color=INK, weight="bold")
    axes.set_xlabel("% of the steps")
    axes.axhline(0, color=SOFT, linewidth=1, alpha=0.7)
    for t, rates in enumerate(panel.rates, start=1):
        done, smooth = _smooth(panel.done, rates)
        axes.plot(done, smooth, color=of_hue(level_hue(t)), label=level_name(t), linewidth=2)
    axes.set(xlim=(0, 100), ylim=(BOTTOM_NATS, TOP_NATS + ROOM_NATS))
    axes.set(xticks=(0, 25, 50, 75, 100), yticks=(0, 10, 20, 30))
    axes.legend(
        frameon=False, labelcolor="linecolor", ncols=len(panel.rates), loc="upper right",
        borderaxespad=0, handlelength=1.2, columnspacing=1.2,
    )  # fmt: skip


def _smooth(done: Sequence[float], rates: Sequence[float]) -> tuple[list[float], list[float]]:
    """In %, and means over `POINTS` stretches, so that the curve can be read."""
    count = min(POINTS, len(rates))
    pairs = zip(np.array_split(done, count), np.array_split(rates, count), strict=True)
    means = [(100 * float(x.mean()), min(float(y.mean()), TOP_NATS)) for x, y in pairs]
    return [x for x, _ in means], [y for _, y in means]
