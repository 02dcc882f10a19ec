"""The kinds of plot that the report has: bars, points with their errors, histograms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator
from matplotlib.transforms import offset_copy

from models.report.svg import CARD, INK, ONE, SOFT, drawing

WIDTH, HEIGHT, LOWER = 360, 220, 202  # in units; the lower where the x axis has no name
PALE, FAINT = 0.38, 0.16  # how much of the colour of a bar others of its group have
WHISKER = {"ecolor": INK, "elinewidth": 1, "capsize": 3, "capthick": 1}
Told = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Series:
    """Values that belong together.

    Args:
        name: What is told of it on hover.
        y: The values.
        x: Where they stand; by default 1, 2, ….
        error: Standard errors of the values; empty for none.
        filled: Whether each mark is filled; empty for all.
        colour: Of its marks (`models/report/svg.py`).
        shift: Units that its marks stand to the right, where two would cover each other.
    """

    name: str
    y: Sequence[float]
    x: Sequence[float] = ()
    error: Sequence[float] = ()
    filled: Sequence[bool] = ()
    colour: str = ONE
    shift: float = 0.0

    def at(self) -> Sequence[float]:
        return self.x if len(self.x) else range(1, len(self.y) + 1)

    def spread(self) -> Sequence[float]:
        return self.error if len(self.error) else [0.0] * len(self.y)


def number(value: float) -> str:
    """A tick's label: as short as it can be."""
    return f"{value:,.10g}".replace("-", "−")


def bar_chart(series: Sequence[Series], labels: Sequence[str], y_label: str, what: str,
              colours: Sequence[str], digits: int = 1,
              wholes: Sequence[float] = ()) -> str:  # fmt: skip
    """Groups of bars, one group a label; the value stands above its bar.

    Args:
        colours: One a group; series after the first are paler.
        wholes: What the values of each group are a part of, drawn behind them.
    """

    def draw(figure: Figure) -> Told:
        axes = _axes(figure, y_label)
        places = np.arange(1, len(labels) + 1)
        if wholes:
            axes.bar(places, wholes, 0.66, color=[to_rgba(c, FAINT) for c in colours])
        width = 0.62 / len(series)
        said: dict[str, Sequence[str]] = {}
        for j, one in enumerate(series):
            shown = [f"{value:,.{digits}f}".replace("-", "−") for value in one.y]
            alpha = PALE if j else 1.0
            bars = axes.bar(
                places + (j - (len(series) - 1) / 2) * width, one.y, 0.9 * width,
                color=[to_rgba(c, alpha) for c in colours],
                yerr=one.error if len(one.error) else None, error_kw=WHISKER,
            )  # fmt: skip
            axes.bar_label(bars, shown, padding=3, color=INK, weight="bold")
            for i, (bar, text) in enumerate(zip(bars, _told(one, shown), strict=True)):
                bar.set_gid(f"bar-{j}-{i}")
                said[f"bar-{j}-{i}"] = [text]
        axes.margins(y=0.12)
        axes.set_xticks(places, labels)
        return said

    return drawing(what, draw, WIDTH, LOWER)


def point_chart(
    series: Sequence[Series], y_label: str, x_label: str, what: str, log_x: bool = False,
    x_ticks: Sequence[float] = (), radius: float = 3.5,
) -> str:  # fmt: skip
    """Points with error bars, joined by lines; an unfilled point is drawn as a ring."""

    def draw(figure: Figure) -> Told:
        axes = _axes(figure, y_label, x_label)
        if log_x:
            axes.set_xscale("log")
            axes.minorticks_off()
        if x_ticks:
            axes.set_xticks(x_ticks, [number(x) for x in x_ticks])
        for i, one in enumerate(series):
            _points(axes, one, f"points-{i}", radius)
        axes.margins(0.06, 0.08)
        if min(y - e for s in series for y, e in zip(s.y, s.spread(), strict=True)) >= 0:
            axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
        return {
            f"points-{i}": _told(one, [f"{y:,.2f}" for y in one.y], one.at())
            for i, one in enumerate(series)
        }

    return drawing(what, draw, WIDTH, HEIGHT)


def _points(axes: Axes, one: Series, gid: str, radius: float) -> None:
    """One series, `shift` units to the right of where its values are."""
    place = offset_copy(axes.transData, axes.get_figure(root=True), x=one.shift, units="points")
    x, y, error = (np.asarray(part, float) for part in (one.at(), one.y, one.spread()))
    filled = one.filled if len(one.filled) else [True] * len(x)
    for ends in (y - error, y + error):  # which axes do not see through an offset
        axes.update_datalim(np.column_stack([x, ends]))
    axes.errorbar(
        x, y, error if error.any() else None, color=one.colour, transform=place, **WHISKER
    )
    axes.scatter(
        x, y, (2 * radius) ** 2, [one.colour if full else CARD for full in filled],
        edgecolors=one.colour, linewidths=1, transform=place, gid=gid, zorder=3, clip_on=False,
    )  # fmt: skip


def histogram(
    series: Sequence[Series], x_label: str, what: str, bins: int = 36
) -> str:  # fmt: skip
    """How the values of each series are spread, in percent of the series a bin.

    The bins reach from the least value to the 99.5 % quantile; the last one takes the rest.
    """
    values = np.concatenate([np.asarray(s.y, float) for s in series])
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)

    def draw(figure: Figure) -> Told:
        axes = _axes(figure, "% of pictures", x_label)
        for i, one in enumerate(series):
            counts, _ = np.histogram(np.clip(one.y, low, edges[-1]), edges)
            axes.stairs(
                100 * counts / len(one.y), edges, fill=True, facecolor=to_rgba(one.colour, FAINT),
                edgecolor=one.colour, linewidth=1.5, gid=f"area-{i}",
            )  # fmt: skip
        axes.margins(x=0)
        return {
            f"area-{i}": [f"{s.name}: mean {np.mean(s.y):,.3g}, {len(s.y):,} pictures"]
            for i, s in enumerate(series)
        }

    return drawing(what, draw, WIDTH, HEIGHT)


def _axes(figure: Figure, y_label: str, x_label: str = "") -> Axes:
    """Axes with the name of y above them and few round numbers on both."""
    axes = figure.subplots()
    axes.set_title(y_label)
    axes.set_xlabel(x_label)
    if not x_label:
        axes.axhline(0, color=SOFT, linewidth=1, alpha=0.7)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axis.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    return axes


def _told(one: Series, values: Sequence[str], at: Sequence[float] = ()) -> list[str]:
    """What each mark of a series tells on hover: its name, place, value and error."""
    places = [f", {number(x)}" for x in at] or [""] * len(values)
    return [
        f"{one.name}{place}: {value}" + (f" ± {error:.3g}" if error else "")
        for place, value, error in zip(places, values, one.spread(), strict=True)
    ]
