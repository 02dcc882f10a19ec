"""Small plots as inline SVG, for a report that is one file: bars, points, curves, histograms.

Every plot is drawn in the same frame of 360 × 220 units, so that the text keeps its size where
several stand in a row and where one fills a telephone. Colours come from the page's style sheet
by the classes and the custom property `--hue`; numbers show on hover by `<title>`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 24, 40
UNNAMED = 18  # units that a plot without a name under its x axis is lower


@dataclass(frozen=True)
class Series:
    """Values that belong together.

    Args:
        name: What the legend calls it.
        y: The values.
        x: Where they stand; by default 1, 2, ….
        error: Standard errors of the values; empty for none.
        filled: Whether each mark is filled; empty for all.
        kind: The class of its marks.
        hue: The hue of its marks in degrees; None leaves it to the class.
        shift: Units that its marks stand to the right, where two would cover each other.
    """

    name: str
    y: Sequence[float]
    x: Sequence[float] = ()
    error: Sequence[float] = ()
    filled: Sequence[bool] = ()
    kind: str = ""
    hue: int | None = None
    shift: float = 0.0

    def at(self) -> Sequence[float]:
        return self.x if len(self.x) else range(1, len(self.y) + 1)

    def spread(self) -> Sequence[float]:
        return self.error if len(self.error) else [0.0] * len(self.y)


def hue_of(hue: int | None) -> str:
    """The attribute that sets a hue, or nothing."""
    return "" if hue is None else f' style="--hue: {hue}"'


def ticks(low: float, high: float, wanted: int = 4) -> list[float]:
    """Round numbers from `low` to `high`, about `wanted` of them."""
    span = max(high - low, 1e-12)
    raw = span / wanted
    unit = 10.0 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 2.5, 5, 10) if unit * m >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [k * step for k in range(first, math.floor(high / step + 1e-9) + 1)]


def number(value: float) -> str:
    """A tick's label: as short as it can be."""
    return f"{value:,.10g}".replace("-", "−")


class Frame:
    """The axes of a plot: data coordinates become units of the drawing."""

    def __init__(self, x: tuple[float, float], y: tuple[float, float], log_x: bool = False) -> None:
        self.log_x = log_x
        self.x_range = (math.log(x[0]), math.log(x[1])) if log_x else x
        self.y_range = y

    def px(self, x: float) -> float:
        low, high = self.x_range
        at = math.log(x) if self.log_x else x
        return LEFT + (at - low) / max(high - low, 1e-12) * (WIDTH - LEFT - RIGHT)

    def py(self, y: float) -> float:
        low, high = self.y_range
        return HEIGHT - BOTTOM - (y - low) / max(high - low, 1e-12) * (HEIGHT - TOP - BOTTOM)

    def grid(self, y_label: str) -> list[str]:
        """Horizontal lines with their numbers, and the name of the y axis above them."""
        parts = [f'<text class="name" x="4" y="10">{escape(y_label)}</text>']
        for tick in ticks(*self.y_range):
            y = self.py(tick)
            kind = "zero" if abs(tick) < 1e-12 else "line"
            parts.append(f'<path class="{kind}" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
            parts.append(f'<text class="end" x="{LEFT - 5}" y="{y + 4:.1f}">{number(tick)}</text>')
        return parts

    def below(self, at: Sequence[float], labels: Sequence[str], x_label: str) -> list[str]:
        """The labels under the x axis, and its name."""
        row = HEIGHT - BOTTOM + 15
        parts = [
            f'<text class="mid" x="{self.px(x):.1f}" y="{row}">{escape(label)}</text>'
            for x, label in zip(at, labels, strict=True)
        ]
        middle = (LEFT + WIDTH - RIGHT) / 2
        name = f'<text class="name mid" x="{middle}" y="{HEIGHT - 6}">{escape(x_label)}</text>'
        return [*parts, name]

    def whisker(self, at: float, y: float, error: float) -> str:
        """An error bar of ± one standard error, `at` units from the left."""
        if error <= 0:
            return ""
        low, high = self.py(y - error), self.py(y + error)
        ends = f"M{at - 3:.1f} {low:.1f}h6M{at - 3:.1f} {high:.1f}h6"
        return f'<path class="whisker" d="M{at:.1f} {low:.1f}V{high:.1f}{ends}"/>'


def svg(parts: Sequence[str], what: str, height: int = HEIGHT) -> str:
    """The whole drawing; `what` is read out to who cannot see it."""
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(what)}">'
        f"{''.join(parts)}</svg>"
    )


def bar_chart(series: Sequence[Series], labels: Sequence[str], y_label: str, what: str,
              hues: Sequence[int] = (), digits: int = 1,
              wholes: Sequence[float] = ()) -> str:  # fmt: skip
    """Groups of bars, one group a label; the value stands above its bar.

    Args:
        hues: The hue of each group in degrees.
        wholes: What the values of each group are a part of, drawn behind them.
    """
    tops = [y + e for s in series for y, e in zip(s.y, s.spread(), strict=True)]
    lows = [y - e for s in series for y, e in zip(s.y, s.spread(), strict=True)]
    high = max([0.0, *tops, *wholes]) or 1.0
    frame = Frame((0.5, len(labels) + 0.5), (min([0.0, *lows]) * 1.1, high * 1.12))
    width = 0.62 / len(series)
    parts = frame.grid(y_label)
    for i in range(len(labels)):
        parts.append(f"<g{hue_of(hues[i] if hues else None)}>")
        if wholes:
            left, right, top = frame.px(i + 0.67), frame.px(i + 1.33), frame.py(wholes[i])
            parts.append(
                f'<rect class="bar faint" x="{left:.1f}" y="{top:.1f}" rx="2" '
                f'width="{right - left:.1f}" height="{frame.py(0) - top:.1f}"/>'
            )
        for j, one in enumerate(series):
            centre = i + 1 + (j - (len(series) - 1) / 2) * width
            parts.append(_bar(frame, one, i, centre, width * 0.9, digits))
        parts.append("</g>")
    below = frame.below(range(1, len(labels) + 1), labels, "")
    return svg([*parts, *below], what, HEIGHT - UNNAMED)


def _bar(frame: Frame, one: Series, i: int, centre: float, width: float, digits: int) -> str:
    value, error = one.y[i], one.spread()[i]
    left, right = frame.px(centre - width / 2), frame.px(centre + width / 2)
    top, bottom = sorted((frame.py(value), frame.py(0)))
    shown = f"{value:,.{digits}f}".replace("-", "−")
    above = frame.py(max(value, 0) + error) - 4
    said = f"{one.name}: {shown}" + (f" ± {error:.3g}" if error else "")
    return (
        f'<rect class="bar {one.kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{max(bottom - top, 0.5):.1f}" rx="2"><title>{escape(said)}</title></rect>'
        f"{frame.whisker((left + right) / 2, value, error)}"
        f'<text class="mid value" x="{(left + right) / 2:.1f}" y="{above:.1f}">{shown}</text>'
    )


def point_chart(
    series: Sequence[Series], y_label: str, x_label: str, what: str, log_x: bool = False,
    x_ticks: Sequence[float] = (), joined: bool = True, radius: float = 3.5,
) -> str:  # fmt: skip
    """Points with error bars, joined by lines; an unfilled point is drawn as a ring."""
    xs = [float(x) for s in series for x in s.at()]
    ends = [(y - e, y + e) for s in series for y, e in zip(s.y, s.spread(), strict=True)]
    low, high = min(a for a, _ in ends), max(b for _, b in ends)
    room = 0.08 * (high - low) or 1.0
    low, high = low - room, high + room
    if min(a for a, _ in ends) >= 0 > low:
        low = 0.0
    margin = max(xs) / min(xs) if log_x else max(xs) - min(xs)
    sides = (min(xs) / margin**0.06, max(xs) * margin**0.06) if log_x else (
        min(xs) - 0.03 * margin - 0.5, max(xs) + 0.03 * margin + 0.5
    )  # fmt: skip
    frame = Frame(sides, (low, high), log_x)
    parts = frame.grid(y_label)
    for one in series:
        parts.append(_curve(frame, one, joined, radius))
    below = x_ticks or [x for x in ticks(min(xs), max(xs), 5) if min(xs) <= x <= max(xs)]
    return svg([*parts, *frame.below(below, [number(x) for x in below], x_label)], what)


def _curve(frame: Frame, one: Series, joined: bool, radius: float) -> str:
    at = [(float(x), float(y)) for x, y in zip(one.at(), one.y, strict=True)]
    places = [f"{frame.px(x) + one.shift:.1f} {frame.py(y):.1f}" for x, y in at]
    parts = [f'<path class="curve" d="M{"L".join(places)}"/>'] if joined else []
    filled = one.filled if len(one.filled) else [True] * len(at)
    for (x, y), error, full in zip(at, one.spread(), filled, strict=True):
        said = f"{one.name}, {number(x)}: {y:,.2f}" + (f" ± {error:.2f}" if error else "")
        parts.append(frame.whisker(frame.px(x) + one.shift, y, error))
        parts.append(
            f'<circle class="{"dot" if full else "ring"}" cx="{frame.px(x) + one.shift:.1f}" '
            f'cy="{frame.py(y):.1f}" r="{radius}"><title>{escape(said)}</title></circle>'
        )
    return f'<g class="{one.kind}"{hue_of(one.hue)}>{"".join(parts)}</g>'


def histogram(
    series: Sequence[Series], x_label: str, what: str, bins: int = 36,
    shown: Callable[[float], str] = number,
) -> str:  # fmt: skip
    """How the values of each series are spread, in percent of the series a bin.

    The bins reach from the least value to the 99.5 % quantile; the last one takes the rest.
    """
    values = np.concatenate([np.asarray(s.y, float) for s in series])
    low, high = float(values.min()), float(np.quantile(values, 0.995))
    edges = np.linspace(low, high if high > low else low + 1, bins + 1)
    shares = [np.histogram(np.clip(s.y, low, edges[-1]), edges)[0] / len(s.y) for s in series]
    frame = Frame((edges[0], edges[-1]), (0, 100 * max(share.max() for share in shares) * 1.08))
    parts = frame.grid("% of pictures")
    for one, share in zip(series, shares, strict=True):
        path = f"M{frame.px(edges[0]):.1f} {frame.py(0):.1f}"
        for left, right, part in zip(edges, edges[1:], share, strict=False):
            path += f"L{frame.px(left):.1f} {frame.py(100 * part):.1f}H{frame.px(right):.1f}"
        path += f"V{frame.py(0):.1f}Z"
        said = f"{one.name}: mean {np.mean(one.y):,.3g}, {len(one.y):,} pictures"
        parts.append(f'<path class="area {one.kind}" d="{path}"><title>{said}</title></path>')
    below = ticks(float(edges[0]), float(edges[-1]), 5)
    return svg([*parts, *frame.below(below, [shown(x) for x in below], x_label)], what)
