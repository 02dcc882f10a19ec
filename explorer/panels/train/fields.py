"""The form of the Train tab: native components, each with a line that explains it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from explorer.panels.train.form import FIELDS, QUICK, STARTING_POINTS
from models.reading.files import SUFFIXES

Fields = Mapping[str, Component]

LIKELIHOODS = (
    ("8-bit values", "discretised_logistic"),
    ("Black or white", "bernoulli"),
)
FILES_PX = 124  # as high as train_form.css makes their place
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
# What a starting point fills in; the pictures and the name stay as they are.
FILLED = tuple(name for name in FIELDS if name not in ("data", "faces", "files", "name"))


def fill(point: str) -> list[Any]:
    """The fields of a starting point, in the order of `FILLED`, then its description."""
    chosen = STARTING_POINTS[point]
    budget = str(chosen.values["budget"])
    updates = {name: chosen.values[name] for name in FILLED if name in chosen.values}
    updates |= dict(zip(("minutes", "steps"), budget_shown(budget), strict=True))
    updates["minutes"] = gr.Number(chosen.values["minutes"], visible=budget == "minutes")
    return [*(updates[name] for name in FILLED), gr.Dropdown(info=chosen.about)]


def data_shown(data: str | None) -> tuple[Any, Any]:
    """The number of faces, or the upload, or neither."""
    return gr.Number(visible=data == "avatars"), gr.File(visible=data == "upload")


def budget_shown(budget: str | None) -> tuple[Any, Any]:
    """The number of minutes, or of steps."""
    return gr.Number(visible=budget == "minutes"), gr.Number(visible=budget == "steps")


def data_choices(given: str | None) -> list[tuple[str, str]]:
    """What can be trained on; the command line's data only if it named some."""
    choices = [("Drawn faces", "avatars"), ("My pictures", "upload")]
    if given:
        short = given if given.startswith("hf:") else Path(given).name or given
        choices.append((short, "given"))
    return choices


def build_fields(given: str | None) -> Fields:
    """The form's components by the names in `training_form.FIELDS`."""
    first = STARTING_POINTS[QUICK]
    point = gr.Dropdown(
        [(p.title, key) for key, p in STARTING_POINTS.items()],
        value=QUICK,
        label="Starting point",
        info=first.about,
        filterable=False,
    )
    fields = _pictures(given) | _model(first.values) | _budget(first.values)
    with gr.Accordion("Likelihood, rates, network, optimiser", open=False):
        fields |= _scoring(first.values) | _network(first.values) | _optimiser(first.values)
    point.input(fill, point, [*(fields[name] for name in FILLED), point], **QUIET)
    fields["data"].input(data_shown, fields["data"], [fields["faces"], fields["files"]], **QUIET)
    fields["budget"].input(
        budget_shown, fields["budget"], [fields["minutes"], fields["steps"]], **QUIET
    )
    return fields


def _pictures(given: str | None) -> dict[str, Any]:
    data = gr.Radio(
        data_choices(given),
        value="given" if given else "avatars",
        label="Pictures",
        info="Faces drawn here, or files of yours.",
    )
    with gr.Column(elem_classes=["strata-pictures"]):  # as high whatever is chosen
        faces = gr.Number(
            4000,
            label="Number of faces",
            info="About 100 a second; 1 in 20 is for testing.",
            precision=0,
            visible=not given,
        )
        files = gr.File(
            label="One .zip, or some hundred pictures",
            file_count="multiple",
            file_types=["image", *sorted(SUFFIXES), ".zip"],  # not every system knows them all
            height=FILES_PX,
            visible=False,
        )
    return {"data": data, "faces": faces, "files": files}


def _model(first: Mapping[str, Any]) -> dict[str, Any]:
    with gr.Row():
        name = gr.Textbox(
            label="Name",
            info="What the model is called in Explore.",
            placeholder="chosen for you",
            max_lines=1,
            min_width=140,
        )
        size = gr.Number(
            first["image_size"],
            label="Image size",
            info="Pixels a side, 8 to 256; blank: as the pictures.",
            precision=0,
            min_width=140,
        )
    with gr.Row():
        levels = gr.Textbox(
            first["levels"],
            label="Levels",
            info="Sizes of z₁, z₂, … from the bottom up. 8x16x16 is a map.",
            max_lines=1,
            min_width=140,
        )
        bits = gr.Textbox(
            first["free_bits"],
            label="Free bits",
            info="Nats each level may use at no cost, so that it lives; 0: off.",
            max_lines=1,
            min_width=140,
        )
    return {
        "name": name,
        "image_size": size,
        "levels": levels,
        "free_bits": bits,
    }


def _budget(first: Mapping[str, Any]) -> dict[str, Any]:
    with gr.Row():
        budget = gr.Radio(
            [("Minutes", "minutes"), ("Steps", "steps")],
            value="minutes",
            label="Budget",
            info="Minutes are turned into steps at the start.",
            min_width=140,
        )
        minutes = gr.Number(
            first["minutes"],
            label="Minutes",
            info="Of training alone.",
            min_width=140,
        )
        steps = gr.Number(
            2000,
            label="Steps",
            info="Each learns from one batch of pictures.",
            precision=0,
            visible=False,
            min_width=140,
        )
    return {"budget": budget, "minutes": minutes, "steps": steps}


def _scoring(first: Mapping[str, Any]) -> dict[str, Any]:
    with gr.Row():
        likelihood = gr.Dropdown(
            list(LIKELIHOODS),
            value=first["likelihood"],
            label="Likelihood",
            info="How a pixel is scored: by its 256 values, or on and off.",
            filterable=False,
            min_width=140,
        )
        warmup = gr.Number(
            first["kl_warmup"],
            label="KL warm-up",
            info="Share of the training over which rates begin to count; 0: off.",
            step=0.05,
            min_width=140,
        )
    targets = gr.Textbox(
        first["rate_targets"],
        label="Rate targets",
        info="Nats each level is steered to, such as 12,6,6, in place of free bits (then "
        "0); blank: off.",
        max_lines=1,
        min_width=140,
    )
    return {"likelihood": likelihood, "kl_warmup": warmup, "rate_targets": targets}


def _network(first: Mapping[str, Any]) -> dict[str, Any]:
    with gr.Row():
        width = gr.Number(
            first["width"],
            label="Width",
            info="Features of the hidden layers.",
            precision=0,
            min_width=140,
        )
        blocks = gr.Number(
            first["blocks"],
            label="Blocks",
            info="Residual blocks of each network.",
            precision=0,
            min_width=140,
        )
    with gr.Row():
        conv = gr.Textbox(
            first["conv"],
            label="Feature maps",
            info="Channels of the convolutions, such as 64,96; blank: none.",
            max_lines=1,
            min_width=140,
        )
        patch = gr.Number(
            first["patch"],
            label="Patch",
            info="Pixels a side that a convolution reads at once.",
            precision=0,
            min_width=140,
        )
    return {"width": width, "blocks": blocks, "conv": conv, "patch": patch}


def _optimiser(first: Mapping[str, Any]) -> dict[str, Any]:
    with gr.Row():
        batch = gr.Number(
            first["batch"],
            label="Batch",
            info="Pictures a step learns from.",
            precision=0,
            min_width=140,
        )
        rate = gr.Number(
            first["learning_rate"],
            label="Learning rate",
            info="At its peak; smaller if the curve jumps.",
            min_width=140,
        )
    return {"batch": batch, "learning_rate": rate}
