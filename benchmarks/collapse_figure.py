"""The figure of docs/collapse.md: how the rates of each level go in the course of a training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from models.report.svg import HEIGHT, WIDTH, Frame, hue_of

COLUMNS, POINTS = 3, 120
HUES = (212, 28, 145, 280, 350)  # z_1 upwards
BOTTOM_NATS, TOP_NATS = -8.0, 30.0
MARGIN = 14  # the last tick of the right column is wider than its plot
STYLE = (
    "svg{font:13px system-ui,sans-serif;background:#fff}text{fill:#333}.mid{text-anchor:middle}"
    ".end{text-anchor:end}.line{stroke:#e4e4e4}.zero{stroke:#888}.title{font-weight:600}"
    ".curve{fill:none;stroke-width:2;stroke:hsl(var(--hue) 70% 42%)}"
    ".tag{fill:hsl(var(--hue) 70% 36%)}"
)


@dataclass(frozen=True)
class Panel:
    """One training: its title, the share of it that is done, and the rates there, in nats."""

    title: str
    done: Sequence[float]
    rates: Sequence[Sequence[float]]


def figure(panels: Sequence[Panel]) -> str:
    """A whole SVG file with one small plot a training."""
    rows = -(-len(panels) // COLUMNS)
    size = f"{COLUMNS * WIDTH + MARGIN} {rows * HEIGHT}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}">',
        f"<style>{STYLE}</style>",
    ]
    for i, panel in enumerate(panels):
        x, y = WIDTH * (i % COLUMNS), HEIGHT * (i // COLUMNS)
        parts.append(f'<g transform="translate({x} {y})">{_panel(panel)}</g>')
    return "".join([*parts, "</svg>\n"])


def _panel(panel: Panel) -> str:
    frame = Frame((0, 100), (BOTTOM_NATS, TOP_NATS))
    ticks = (0, 25, 50, 75, 100)
    parts = frame.grid("")
    parts += frame.below(ticks, [str(tick) for tick in ticks], "% of the steps")
    parts.append(f'<text class="title" x="8" y="14">{escape(panel.title)}</text>')
    for t, rates in enumerate(panel.rates, start=1):
        done, smooth = _smooth(panel.done, rates)
        places = "L".join(
            f"{frame.px(100 * x):.1f} {frame.py(min(y, TOP_NATS)):.1f}"
            for x, y in zip(done, smooth, strict=True)
        )
        hue = hue_of(HUES[t - 1])
        parts.append(f'<path class="curve" d="M{places}"{hue}/>')
        parts.append(f'<text class="tag end" x="{WIDTH - 12}" y="{14 + 13 * t}"{hue}>z{t}</text>')
    return "".join(parts)


def _smooth(done: Sequence[float], rates: Sequence[float]) -> tuple[list[float], list[float]]:
    """Means over `POINTS` stretches, so that the curve can be read."""
    count = min(POINTS, len(rates))
    pairs = zip(np.array_split(done, count), np.array_split(rates, count), strict=True)
    means = [(float(x.mean()), float(y.mean())) for x, y in pairs]
    return [x for x, _ in means], [y for _, y in means]
