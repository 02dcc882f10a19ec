"""What is said of a training as HTML: progress, the numbers of now, and the latest pictures.

The page puts each new version over the last one node by node, so nothing flashes.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from html import escape
from math import ceil

from explorer.guard.discretion import without_folders
from explorer.panels.train.curves import Row, rate_columns
from explorer.panels.train.job import Snapshot
from models.report.levels import hue_style, level_hue

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


def job_html(job: Snapshot | None) -> str:
    """Progress, message and numbers of a job."""
    if job is None:
        return EMPTY
    model = escape(job.id) if job.explorable else ""
    state = "Stopped" if job.state == "stopped" and not job.explorable else STATES[job.state]
    return (
        f'<div class="job" data-serial="{escape(job.serial)}" data-state="{job.state}" '
        f'data-model="{model}">'
        f'<div class="head"><b>{escape(job.title)}</b><span class="state">{state}</span>'
        f'<span class="left">{_left(job)}</span></div>{_bar(job)}'
        f'<p class="facts">{_facts(job)}</p>{_data(job)}{_message(job)}{_numbers(job.rows)}</div>'
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
    if job.rows and job.rows[-1]["beta"] < 1:
        facts.append(f"KL warm-up, β {job.rows[-1]['beta']:.2f}")
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


def _numbers(rows: Sequence[Row]) -> str:
    """The ELBO and every rate as they are now, in nats, with the colours of the curves."""
    if len(rows) < 2:
        return ""
    rates = "".join(
        f"<span{hue_style(level_hue(t))}><i></i>z<sub>{t}</sub> <b>{_number(_now(rows, key))}</b>"
        "</span>"
        for t, key in enumerate(rate_columns(rows), start=1)
    )
    elbo = f"<span>ELBO <b>{_number(_now(rows, 'elbo_nats'))}</b> nats</span>"
    return f'<p class="now">{elbo}<span>rates</span>{rates}</p>'


def _number(value: float) -> str:
    """A value as the desk writes it: a real minus, three figures, thousands apart."""
    size = abs(value)
    shown = f"{size:,.0f}" if size >= 100 or size == int(size) else f"{size:.3g}"
    return ("−" if value < 0 and float(shown.replace(",", "")) else "") + shown
