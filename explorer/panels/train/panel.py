"""The Train tab: fill in a form, start the one training job, watch it learn.

All that is shown comes from the job's files, so a page that is closed and opened again, or
opened twice, shows the same. The view is asked for once a second while a training runs.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Literal

import gradio as gr
from gradio.context import Context

from explorer.live.requests import CALM, log_fault
from explorer.page.scripts import on_load
from explorer.panels.train.curves import (
    LEVEL,
    NATS,
    STEP,
    elbo_curve,
    level_colours,
    rate_curves,
)
from explorer.panels.train.fields import QUIET, Fields, build_fields
from explorer.panels.train.form import FIELDS, Form, plan_training
from explorer.panels.train.job import Snapshot, TrainingJob
from explorer.panels.train.view import job_html, preview_html, sentence
from models.errors import BadInput

HERE = Path(__file__).parent
POLL_S = 1.0
# A component's own style sheet reaches neither the form beside it nor may it hold keyframes.
TEMPLATE = "<style>" + (HERE / "train_form.css").read_text(encoding="utf-8") + "</style>${value}"
EXPLORE_JS = """() => {
  const job = document.querySelector(".strata-job [data-model]");
  const detail = job && job.dataset.model ? { id: job.dataset.model } : {};
  window.dispatchEvent(new CustomEvent("strata:models", { detail }));
}"""

Seen = Mapping[str, object]


def begin(
    job: TrainingJob, given: str | None, values: Mapping[str, object], owner: str = ""
) -> str:
    """Start a training from the values of the form.

    Args:
        job: The job.
        given: The data named on the command line; a page cannot name any other path.
        values: By the names in `FIELDS`.
        owner: What names this page.

    Returns:
        What the page says of it, as HTML: nothing, a notice, or what is wrong and what to do.
    """
    try:
        plan = plan_training(form_of(values), given, owner)
        job.start(plan, owner)
    except BadInput as error:
        return message_html(str(error), "error")
    except Exception:
        log_fault("the start of a training")
        return message_html(CALM, "error")
    return "".join(message_html(notice, "notice") for notice in plan.notices)


def go_on(job: TrainingJob, owner: str = "") -> str:
    """Resume the last training; returns as `begin` does."""
    try:
        job.resume(owner)
    except BadInput as error:
        return message_html(str(error), "error")
    return ""


def end(job: TrainingJob, owner: str | None = None) -> str:
    """Ask the training to stop; returns as `begin` does. None may stop that of any page."""
    try:
        job.stop(owner)
    except BadInput as error:
        return message_html(str(error), "error")
    return ""


def form_of(values: Mapping[str, object]) -> Form:
    """The form as it was filled in; text that is missing is empty."""
    known = dict(values)
    for name in ("name", "levels", "free_bits", "rate_targets", "conv"):
        known[name] = str(known.get(name) or "")
    files = known.get("files")
    known["files"] = tuple(str(path) for path in files) if isinstance(files, list) else ()
    return Form(**known)  # pyright: ignore[reportArgumentType]


def message_html(text: str, kind: str) -> str:
    """A message below the form: its kind is "error" or "notice"."""
    role = "alert" if kind == "error" else "status"
    return f'<p class="message {kind}" role="{role}">{escape(sentence(text))}</p>'


def closed_html(job: TrainingJob) -> str:
    """What the page says where nothing can be trained; nothing where it can."""
    why = job.closed()
    return "" if why is None else message_html(f"Training is off: {why}", "notice")


def view(job: Snapshot | None, seen: Seen, closed: bool = False) -> tuple[object, ...]:
    """What the page shows of a job, in the order of the outputs in `build`.

    Args:
        job: The job as it stands.
        seen: What this page was given last; what has not changed since is not sent again.
        closed: Whether nothing can be trained.
    """
    stamp, png = _preview(job, seen.get("preview"))
    drawn = f"{job.serial} {len(job.rows)}" if job else ""
    buttons = button_states(job, closed)
    same = seen.get("buttons") == buttons
    updates = [
        gr.skip()
        if same
        else gr.Button(interactive=bool(buttons[name]), visible=bool(buttons[f"{name}_shown"]))
        for name in ("start", "stop", "resume", "explore")
    ]
    return (
        job_html(job),
        *((gr.skip(), gr.skip()) if drawn == seen.get("drawn") else _curves(job)),
        gr.skip() if png == b"" else preview_html(png),
        *updates,
        gr.Timer(POLL_S, active=bool(job and job.alive)),
        {"preview": stamp, "buttons": buttons, "drawn": drawn},
    )


def button_states(job: Snapshot | None, closed: bool = False) -> dict[str, bool]:
    """Which buttons can be pressed, and which are there at all."""
    alive = job is not None and job.alive
    return {
        "start": not alive and not closed,
        "start_shown": True,
        "stop": job is not None and job.state in ("starting", "running"),
        "stop_shown": alive,
        "resume": not closed,
        "resume_shown": job is not None and job.resumable and not alive,
        "explore": True,
        "explore_shown": job is not None and job.explorable,
    }


def build(
    job: TrainingJob,
    data: str | None,
    tabs: gr.Tabs,
    explore: str = "explore",
    trusted: bool = False,
) -> None:
    """The tab's content; to be called inside its `gr.Tab`.

    Args:
        job: The process-wide training job.
        data: The data named on the command line, offered as a choice; None for none.
        tabs: The tabs, for the button that leads to the new model.
        explore: The id of the Explore tab among them.
        trusted: Whether any visitor may stop a training that another one started.
    """
    with gr.Row(equal_height=False, elem_classes=["strata-train"]):
        with gr.Column(scale=4, min_width=330):
            fields = build_fields(data)
            start = gr.Button("Start training", variant="primary")
            said = gr.HTML(
                value=lambda: closed_html(job),
                css_template=_text("train_message.css"),
                apply_default_css=False,
            )
        with gr.Column(scale=7, min_width=330):
            shown = gr.HTML(
                html_template=TEMPLATE,
                value=lambda: job_html(job.snapshot()),
                css_template=_text("train.css"),
                js_on_load=on_load("panels/train/train.js"),
                apply_default_css=False,
                elem_classes=["strata-job"],
            )
            with gr.Row():
                elbo = _plot("ELBO per image, larger is better")
                rates = _plot("Rate of each level, per image", LEVEL)
            with gr.Row(elem_classes=["strata-train-buttons"]):
                stop = _button("Stop and keep what was learned", 240)
                open_it = _button("Explore it", 140, variant="primary")
                resume = _button("Resume", 140)
            preview = gr.HTML("", css_template=_text("train.css"), apply_default_css=False)
    timer = gr.Timer(POLL_S, active=False)
    seen = gr.State({})
    outputs = [shown, elbo, rates, preview, start, stop, resume, open_it, timer, seen]
    key = gr.BrowserState("", storage_key="strata-training", secret="strata")  # survives a reload
    asks = Asks(job, data, trusted)
    _connect(asks, fields, (start, stop, resume), (said, key), timer, seen, outputs)
    open_it.click(lambda: gr.Tabs(selected=explore), None, tabs, js=EXPLORE_JS, **QUIET)


@dataclass(frozen=True)
class Asks:
    """What a page may ask of the job, under the key that names this page.

    Args:
        job: The process-wide training job.
        data: The data named on the command line.
        trusted: Whether any visitor may stop the training of another.
    """

    job: TrainingJob
    data: str | None
    trusted: bool

    def start(self, key: str, *values: object) -> tuple[str, str]:
        key = key or secrets.token_urlsafe(16)
        return begin(self.job, self.data, dict(zip(FIELDS, values, strict=True)), key), key

    def resume(self, key: str) -> tuple[str, str]:
        key = key or secrets.token_urlsafe(16)
        return go_on(self.job, key), key

    def stop(self, key: str) -> str:
        return end(self.job, None if self.trusted else key)


def _connect(
    asks: Asks,
    fields: Fields,
    buttons: tuple[gr.Button, gr.Button, gr.Button],
    answers: tuple[gr.HTML, gr.BrowserState],
    timer: gr.Timer,
    seen: gr.State,
    outputs: list,
) -> None:
    """What happens on which event."""
    start, stop, resume = buttons
    said, key = answers

    def refresh(before):
        return view(asks.job.snapshot(), before, closed=asks.job.closed() is not None)

    checking = message_html("Checking…", "notice")
    inputs = [key, *(fields[name] for name in FIELDS)]
    start.click(lambda: checking, None, said, **QUIET).then(
        asks.start, inputs, [said, key], **QUIET
    ).then(refresh, seen, outputs, **QUIET)
    stop.click(asks.stop, key, said, **QUIET).then(refresh, seen, outputs, **QUIET)
    resume.click(asks.resume, key, [said, key], **QUIET).then(refresh, seen, outputs, **QUIET)
    timer.tick(refresh, seen, outputs, concurrency_limit=8, **QUIET)
    # Another page may have started one since this page, or this tab, was last looked at.
    if Context.root_block is not None:
        Context.root_block.load(refresh, seen, outputs, **QUIET)
    if isinstance(Context.block, gr.Tab):
        Context.block.select(refresh, seen, outputs, **QUIET)


def _plot(title: str, colour: str | None = None) -> gr.LinePlot:
    return gr.LinePlot(
        x=STEP, y=NATS, color=colour, label=title, min_width=300, visible=False,
        buttons=[], colors_in_legend=[],  # the numbers above have the colours
    )  # fmt: skip


def _curves(job: Snapshot | None) -> tuple[gr.LinePlot, gr.LinePlot]:
    """What the two plots show from now on; nothing before there is a line to draw."""
    if job is None or len(job.rows) < 2:
        return gr.LinePlot(visible=False), gr.LinePlot(visible=False)
    return (
        gr.LinePlot(elbo_curve(job.rows), visible=True),
        gr.LinePlot(rate_curves(job.rows), visible=True, color_map=level_colours(job.rows)),
    )


def _button(
    text: str, width: int, variant: Literal["primary", "secondary"] = "secondary"
) -> gr.Button:
    return gr.Button(text, variant=variant, size="md", scale=0, min_width=width, visible=False)


def _preview(job: Snapshot | None, before: object) -> tuple[str, bytes | None]:
    """The preview's stamp and its PNG: None if there is none, empty if it is the one before."""
    if job is None or job.preview is None:
        return "", None
    try:
        stamp = f"{job.preview} {job.preview.stat().st_mtime_ns}"
        return stamp, b"" if stamp == before else job.preview.read_bytes()
    except OSError:
        return "", None


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
