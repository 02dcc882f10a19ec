"""The picture of a training as HTML: progress, two curves, and the latest pictures.

The page puts each new version over the last one node by node, so nothing flashes; curves
are SVG stretched to their frame, and words beside them are HTML, so that both stay crisp.
Values are drawn at asinh(v): straight around 0, like a logarithm far from it, so that the
first steps do not flatten the rest.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from math import asinh, ceil, floor, log10, sinh

from explorer.guard.discretion import without_folders
from explorer.panels.train.job import Snapshot

HUES = (205, 262, 312, 5, 62, 140, 235, 285)  # z_1 first, as in explorer/desk/js/words.js
POINTS = 160  # of a curve at most
EARLY = 0.03  # share of the rows that does not set the range
TICK_GAP = 0.16  # least distance of two labels, as a share of the height
NOW_ROWS = 5  # what is said of now is a mean over so many rows

STATES = {
    "starting": "Starting",
    "running": "Training",
    "stopping": "Stopping after this step",
    "finishing": "Measuring and saving",
    "done": "Done",
    "stopped": "Stopped, what was learned is kept",
    "failed": "Failed",
}
EMPTY = (
    '<div class="empty"><b>Nothing has been trained here yet.</b><span>Choose pictures and '
    "press Start training. Its curves, reconstructions and samples appear here as it learns, "
    "and you may close the page meanwhile.</span></div>"
)

Row = Mapping[str, float]


def job_html(job: Snapshot | None) -> str:
    """Progress, message and curves of a job."""
    if job is None:
        return EMPTY
    model = escape(job.id) if job.explorable else ""
    state = "Stopped" if job.state == "stopped" and not job.explorable else STATES[job.state]
    return (
        f'<div class="job" data-serial="{escape(job.serial)}" data-state="{job.state}" '
        f'data-model="{model}">'
        f'<div class="head"><b>{escape(job.title)}</b><span class="state">{state}</span>'
        f'<span class="left">{_left(job)}</span></div>{_bar(job)}'
        f'<p class="facts">{_facts(job)}</p>{_data(job)}{_message(job)}{_curves(job.rows)}</div>'
    )


def preview_html(png: bytes | None) -> str:
    """The sheet of models/training/run.py: test images, their reconstructions, samples."""
    if png is None:
        return ""
    width, height = struct.unpack(">II", png[16:24])
    columns = max(1, round(3 * width / height))
    names = "".join(f"<span>{n}</span>" for n in ("Test images", "Reconstructions", "Samples"))
    data = base64.b64encode(png).decode()
    return (
        f'<figure class="sheet" style="--columns:{columns}"><figcaption>{names}</figcaption>'
        f'<img alt="Three rows: test images, their reconstructions, samples from the model" '
        f'src="data:image/png;base64,{data}" style="aspect-ratio:{width}/{height}"></figure>'
    )


def sentence(text: str) -> str:
    """A message as a visitor reads it: naming no folder of the server, with a capital letter
    unless it begins with the name of a file."""
    text = without_folders(text)
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text[:1].upper() + text[1:] if first.isalpha() else text


def duration(seconds: float) -> str:
    """A time in words, coarse enough to stay calm."""
    if seconds < 60:
        return f"{5 * ceil(seconds / 5)} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def ticks(low: float, high: float) -> list[float]:
    """Round values between two bounds, far enough apart for their labels, 0 first."""
    if not low < high:
        return []
    kept: list[float] = []
    span = asinh(high) - asinh(low)
    for candidates in (_powers(low, high), _even(low, high)):
        for value in candidates:
            near = any(abs(asinh(value) - asinh(other)) < TICK_GAP * span for other in kept)
            if low <= value <= high and not near:
                kept.append(value)
        if len(kept) > 2:
            break
    return sorted(kept)


def thinned(rows: Sequence[Row], key: str) -> list[tuple[float, float]]:
    """(step, value) of a column, means over blocks of rows, at most `POINTS`."""
    size = max(1, ceil(len(rows) / POINTS))
    blocks = (rows[at : at + size] for at in range(0, len(rows), size))
    return [(block[-1]["step"], sum(row[key] for row in block) / len(block)) for block in blocks]


def value_range(curves: Sequence[Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """Bounds of a plot around the values of curves, their first steps left out."""
    late = [value for curve in curves for _, value in curve[floor(EARLY * len(curve)) :]]
    low, high = asinh(min(late)), asinh(max(late))
    margin = 0.04 * (high - low) or 0.01
    return sinh(low - margin), sinh(high + margin)


def _powers(low: float, high: float) -> Iterator[float]:
    """1, 3, 2 and 5 times the powers of ten, either side of 0, the roundest first."""
    yield 0.0
    top = max(abs(low), abs(high))
    powers = range(floor(log10(top)) + 1) if top >= 1 else range(0)
    for digit in (1, 3, 2, 5):
        yield from (sign * digit * 10.0**p for p in reversed(powers) for sign in (1, -1))


def _even(low: float, high: float) -> Iterator[float]:
    """Multiples of a round step, where powers of ten are too far apart."""
    step = 10.0 ** floor(log10((high - low) / 2))
    for part in (step, step / 2, step / 5):
        first, last = ceil(low / part), floor(high / part)
        yield from (index * part for index in range(first, last + 1))


def _left(job: Snapshot) -> str:
    if job.state == "running":
        return "" if job.eta_s is None else f"about {duration(job.eta_s)} left"
    if job.state == "finishing":
        return "a moment more"
    return ""


def _bar(job: Snapshot) -> str:
    share = job.step / job.steps if job.steps else 0.0
    waiting = job.state in ("starting", "finishing", "stopping")
    now = "" if waiting else f' aria-valuenow="{100 * share:.0f}"'
    return (
        f'<div class="bar{" waiting" if waiting else ""}" role="progressbar" aria-valuemin="0" '
        f'aria-valuemax="100"{now} aria-label="Training progress">'
        f'<i style="width:{100 * share:.2f}%"></i></div>'
    )


def _facts(job: Snapshot) -> str:
    facts = []
    if job.steps:
        facts.append(f"step {job.step:,} of {job.steps:,}")
    if job.rows:
        facts.append(f"{_now(job.rows, 'images_per_s'):,.0f} images/s")
    if job.elapsed_s >= 1:
        facts.append(f"{duration(job.elapsed_s)}{' so far' if job.alive else ''}")
    return " · ".join(facts)


def _data(job: Snapshot) -> str:
    """What was found in the data, used and left out."""
    return f'<p class="data"><b>Data.</b> {escape(job.remark)}</p>' if job.remark else ""


def _message(job: Snapshot) -> str:
    if not job.message:
        return ""
    alert = ' role="alert"' if job.state == "failed" else ""
    return f'<p class="says {job.state}"{alert}>{escape(sentence(job.message))}</p>'


def _now(rows: Sequence[Row], key: str) -> float:
    last = rows[-NOW_ROWS:]
    return sum(row[key] for row in last) / len(last)


def _curves(rows: Sequence[Row]) -> str:
    if len(rows) < 2:
        return ""
    levels = [key for key in rows[0] if key.startswith("rate_")]
    elbo = [thinned(rows, "elbo_nats")]
    rates = [thinned(rows, key) for key in levels]
    now = f"<span><b>{_number(_now(rows, 'elbo_nats'))}</b> nats</span>"
    chips = "".join(
        f'<span style="--hue:{_hue(t)}"><i></i>z<sub>{t}</sub> '
        f"<b>{_number(_now(rows, key))}</b></span>"
        for t, key in enumerate(levels, start=1)
    )
    low, high = value_range(rates)
    low = low if min(value for curve in rates for _, value in curve) < 0 else 0.0
    return (
        '<div class="plots">'
        + _figure("ELBO per image, larger is better", now, rows, elbo, value_range(elbo), False)
        + _figure(
            "Rate of each level, nats per image",
            chips,
            rows,
            rates,
            (low, max(high, 1.0)),
            True,
        )
        + "</div>"
    )


def _figure(
    title: str,
    now: str,
    rows: Sequence[Row],
    curves: Sequence[Sequence[tuple[float, float]]],
    bounds: tuple[float, float],
    of_levels: bool,
) -> str:
    """One plot; curves of levels, z_1 first, have the colours of the levels."""
    low, high = (asinh(bound) for bound in bounds)
    last = rows[-1]["step"]

    def height(value: float) -> float:
        return 100 * (asinh(value) - low) / (high - low)

    lines = "".join(
        f'<polyline class="{"level" if of_levels else "ink"}" style="--hue:{_hue(t)}" points="'
        + " ".join(f"{1000 * x / last:.1f},{1000 - 10 * height(y):.1f}" for x, y in curve)
        + '"/>'
        for t, curve in enumerate(curves, start=1)
    )
    marks = "".join(
        f'<span class="y{" zero" if value == 0 else ""}" style="bottom:{height(value):.2f}%">'
        f"<em>{_number(value)}</em></span>"
        for value in ticks(*bounds)
    )
    steps = "".join(
        f'<span class="x" style="left:{100 * value / last:.2f}%">{value:,.0f}</span>'
        for value in _step_ticks(last)
    )
    warm = next((row["step"] for row in rows if row["beta"] >= 1), last)
    wide = " wide" if warm > 0.3 * last else ""
    shade = f'<span class="warm{wide}" style="width:{100 * warm / last:.2f}%"></span>'
    return (
        f'<figure class="plot"><figcaption><span>{title}</span><span class="now">{now}</span>'
        f'</figcaption><div class="frame">{shade if rows[0]["beta"] < 1 else ""}{marks}'
        '<svg viewBox="0 0 1000 1000" preserveAspectRatio="none" aria-hidden="true">'
        f"{lines}</svg>{steps}</div></figure>"
    )


def _step_ticks(last: float) -> list[float]:
    """Up to four round numbers of steps, 0 left out."""
    raw = last / 4
    unit = 10.0 ** floor(log10(raw)) if raw >= 1 else 1.0
    step = next(m * unit for m in (1, 2, 5, 10) if m * unit >= raw)
    return [n * step for n in range(1, 5) if n * step <= 0.97 * last]


def _hue(t: int) -> int:
    return HUES[(t - 1) % len(HUES)]


def _number(value: float) -> str:
    """A value as the desk writes it: a real minus, three figures, thousands apart."""
    size = abs(value)
    shown = f"{size:,.0f}" if size >= 100 or size == int(size) else f"{size:.3g}"
    return ("−" if value < 0 and float(shown.replace(",", "")) else "") + shown
