"""The Train tab: its form, its messages and its picture of a job, as plain values."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from explorer.panels.train import panel
from explorer.panels.train.fields import FILLED, data_choices, fill
from explorer.panels.train.form import FIELDS, STARTING_POINTS, Form, Plan, plan_training
from explorer.panels.train.job import Snapshot, TrainingJob
from explorer.panels.train.panel import (
    begin,
    button_states,
    closed_html,
    form_of,
    message_html,
    view,
)
from explorer.panels.train.view import duration, job_html, preview_html
from models.errors import BadInput
from tests.explorer.training import SMALL, picture, picture_zip

ROWS = [
    {"step": float(n), "elbo_nats": -1000.0 / n, "rate_1_nats": 30.0, "rate_2_nats": -1.0,
     "beta": min(1.0, n / 50), "images_per_s": 200.0}
    for n in range(1, 501)
]  # fmt: skip
RUNNING = Snapshot(
    "runs/a", "A <b>", "running", "", 500, 1000, 130.0, 61.0, ROWS, None, False, False, "a@1"
)
DONE = replace(RUNNING, state="done", step=1000, eta_s=None, explorable=True)


def plan_of(given: str | None = None, **changes: Any) -> Plan:
    return plan_training(form_of({**SMALL, "data": "avatars", **changes}), given)


@pytest.mark.parametrize("point", STARTING_POINTS)
def test_every_starting_point_can_be_trained(point: str):
    values = STARTING_POINTS[point].values
    plan = plan_of(**{"faces": 4000, **values})
    assert plan.notices == ()
    assert f"--levels={values['levels']}" in plan.arguments
    assert f"--minutes={float(values['minutes'])}" in plan.arguments
    assert plan.data == "avatars:4000"
    filled = fill(point)
    assert len(filled) == len(FILLED) + 1
    assert filled[FILLED.index("levels")] == values["levels"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"levels": ""}, "levels is empty.*64,32,16"),
        ({"levels": "8,0"}, "z_2.*at least 1"),
        ({"levels": "8,x"}, "levels '8,x' cannot be read"),
        ({"levels": "8x4x4"}, "z_1 is a map.*convolutions"),
        ({"levels": "9" * 40}, "Levels|z_1"),
        ({"levels": "1," * 150}, "Levels is too long"),
        ({"free_bits": "1,2,3"}, "free_bits has 3 values for 2 levels"),
        ({"free_bits": "-1"}, "free_bits.*from 0"),
        ({"rate_targets": "5,3"}, "free_bits and rate_targets both set the rates: choose one"),
        ({"free_bits": "0", "rate_targets": "5,3,1"}, "rate_targets has 3 values for 2 levels"),
        ({"free_bits": "much"}, "free-bits 'much' cannot be read"),
        ({"conv": "nan"}, "Feature maps"),
        ({"conv": "64", "patch": 5}, "patch 5 does not divide"),
        ({"likelihood": "gaussian"}, "Likelihood is not chosen"),
        ({"likelihood": None}, "Likelihood is not chosen"),
        ({"kl_warmup": 2}, "KL warm-up is 2"),
        ({"kl_warmup": None}, "KL warm-up is empty"),
        ({"image_size": 4}, "Image size is 4: give a number from 8 to 256"),
        ({"image_size": 28.5}, "Image size is 28.5: give a whole number"),
        ({"steps": 0}, "Steps is 0"),
        ({"steps": None}, "Steps is empty"),
        ({"budget": "minutes", "minutes": 0}, "Minutes is 0"),
        ({"budget": "minutes", "minutes": math.inf}, "Minutes is inf"),
        ({"budget": "minutes", "minutes": math.nan}, "Minutes is nan"),
        ({"width": 100_000}, "Width is 100000"),
        ({"levels": "900000", "width": 4096}, "Levels and Width.*million weights"),
        ({"blocks": 0}, "Blocks is 0"),
        ({"batch": 0}, "Batch is 0"),
        ({"learning_rate": 3}, "Learning rate is 3"),
        ({"faces": 2}, "Number of faces is 2"),
        ({"name": "x" * 60}, "Name: use at most 40"),
        ({"name": "a\nb"}, "Name"),
        ({"data": "given"}, "Pictures: choose"),
        ({"data": "/etc"}, "Pictures: choose"),
        ({"data": None}, "Pictures: choose"),
        ({"data": "upload"}, "nothing is uploaded yet"),
    ],
)
def test_a_bad_field_is_named(changes: dict[str, Any], says: str):
    with pytest.raises(BadInput, match=says):
        plan_of(**changes)


def test_uploads_are_checked_before_anything_starts(tmp_path: Path):
    good, cut, other = tmp_path / "good.png", tmp_path / "cut.png", tmp_path / "notes.txt"
    good.write_bytes(picture(1))
    cut.write_bytes(picture(2)[:60])
    other.write_text("hello")
    fake = tmp_path / "fake.zip"
    fake.write_bytes(picture(3))
    for files, says in (
        ([good, cut], "cut.png is cut off"),
        ([good, other], "notes.txt is no picture"),
        ([good], "1 is too few"),
        ([good, fake], "either one .zip or loose pictures"),
        ([fake], "not a zip"),
    ):
        with pytest.raises(BadInput, match=says):
            plan_of(data="upload", files=[str(file) for file in files])
    plan = plan_of(data="upload", files=[str(good)] * 30, batch=256)
    assert plan.pictures is not None
    assert plan.pictures.count == 30
    assert "--batch=27" in plan.arguments
    assert "27 of them instead of 256" in plan.notices[0]
    zipped = plan_of(data="upload", files=[str(picture_zip(tmp_path))])
    assert zipped.pictures is not None
    assert zipped.pictures.count == 40
    assert not zipped.notices


def test_a_page_trains_on_the_command_lines_data_or_its_own_never_on_a_path(tmp_path: Path):
    assert [value for _, value in data_choices(None)] == ["avatars", "upload"]
    assert data_choices("/some/where/faces")[2] == ("faces", "given")
    plan = plan_of(str(tmp_path), data="given", name="", batch=4096)
    assert plan.data == str(tmp_path.resolve())
    assert plan.name == "model"
    assert plan_of("hf:ylecun/mnist", data="given").data == "hf:ylecun/mnist"


def test_what_is_wrong_is_said_on_the_page_and_starts_nothing(tmp_path: Path):
    job = TrainingJob(tmp_path / "runs")
    said = begin(job, None, {**SMALL, "data": "avatars", "levels": "<b>,1"})
    assert 'role="alert"' in said
    assert "&lt;b&gt;" in said
    assert "<b>" not in said
    assert job.snapshot() is None
    assert not (tmp_path / "runs").exists()
    assert panel.go_on(job) != ""
    assert panel.end(job) == ""


def test_a_fault_of_ours_is_calm_on_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    job = TrainingJob(tmp_path / "runs")
    monkeypatch.setattr(job, "start", broken)
    said = begin(job, None, {**SMALL, "data": "avatars"})
    assert "secret" not in said
    assert "nothing of yours is lost" in said


def test_the_form_has_every_field():
    assert tuple(field.name for field in fields(Form)) == FIELDS == tuple(SMALL)
    blank = form_of(dict.fromkeys(FIELDS))
    assert (blank.levels, blank.files, blank.steps) == ("", (), None)


def test_a_running_job_is_drawn():
    html = job_html(RUNNING)
    assert "A &lt;b&gt;" in html
    assert "about 2 min left" in html
    assert "width:50.00%" in html
    assert "step 500 of 1,000 · 200 images/s · 1 min so far" in html
    assert 'data-state="running"' in html
    assert 'data-model=""' in html
    assert "<b>30</b>" in html
    assert "<b>−1</b>" in html
    assert "Data." not in html
    told = job_html(replace(RUNNING, remark="Found 12 in a&b."))
    assert "<b>Data.</b> Found 12 in a&amp;b.</p>" in told


def test_the_states_of_a_job_are_told_apart():
    assert "Nothing has been trained here yet" in job_html(None)
    assert 'data-model="runs/a"' in job_html(DONE)
    failed = replace(RUNNING, state="failed", message="out of <memory>", rows=[])
    assert 'role="alert">Out of &lt;memory&gt;' in job_html(failed)
    starting = replace(RUNNING, state="starting", steps=0, step=0, rows=[], elapsed_s=0.0)
    assert "bar waiting" in job_html(starting)
    assert "ELBO" not in job_html(starting)
    early = job_html(replace(RUNNING, rows=ROWS[:20]))
    assert "KL warm-up, β 0.40" in early and "warm-up" not in job_html(RUNNING)


def test_buttons_follow_the_job():
    assert button_states(None)["start"]
    assert not button_states(None)["stop_shown"]
    running = button_states(RUNNING)
    assert running["stop"]
    assert not running["start"]
    assert not running["explore_shown"]
    stopping = button_states(replace(RUNNING, state="stopping"))
    assert stopping["stop_shown"]
    assert not stopping["stop"]
    assert not stopping["start"]
    stopped = button_states(replace(DONE, state="stopped", resumable=True))
    assert stopped["start"]
    assert stopped["resume_shown"]
    assert stopped["explore_shown"]


def test_where_nothing_can_be_kept_nothing_can_be_started(tmp_path: Path):
    closed = button_states(replace(DONE, state="stopped", resumable=True), closed=True)
    assert closed["explore_shown"] and not closed["start"] and not closed["resume"]
    (tmp_path / "file").write_text("no folder")
    said = closed_html(TrainingJob(tmp_path / "file" / "runs"))
    assert "Training is off" in said and "--runs" in said
    assert "&#x27;runs&#x27;" in said and tmp_path.name not in said
    assert closed_html(TrainingJob(tmp_path / "runs")) == ""


def test_only_what_changed_is_sent_again(tmp_path: Path):
    png = tmp_path / "preview.png"
    png.write_bytes(picture(1))
    job = replace(RUNNING, preview=png)
    *first, seen = view(job, {})
    assert all(isinstance(plot, gr.LinePlot) and plot.visible for plot in first[1:3])
    assert "data:image/png;base64," in str(first[3])
    assert first[4] != gr.skip()
    assert isinstance(first[8], gr.Timer)
    assert first[8].active
    assert isinstance(seen, dict)
    *second, _ = view(job, seen)
    assert second[1:8] == [gr.skip()] * 7
    *third, _ = view(replace(job, rows=[*ROWS, dict(ROWS[-1], step=501.0)]), seen)
    assert third[1] != gr.skip() and third[3] == gr.skip()
    *ended, _ = view(replace(DONE, preview=None), seen)
    assert ended[3] == ""
    assert isinstance(ended[8], gr.Timer)
    assert not ended[8].active
    *other, _ = view(replace(RUNNING, rows=[], serial="b@2"), seen)
    assert all(isinstance(plot, gr.LinePlot) and not plot.visible for plot in other[1:3])


def test_the_preview_keeps_its_shape():
    assert preview_html(None) == ""
    assert "aspect-ratio:28/28" in preview_html(picture(1))


def test_times_are_told_calmly():
    told = [duration(s) for s in (0, 3, 58, 61, 1700, 3600, 7300)]
    assert told == ["0 s", "5 s", "60 s", "1 min", "28 min", "1 h 00 min", "2 h 02 min"]


def test_messages_name_files_as_they_are():
    assert "cut.png is" in message_html("cut.png is damaged", "error")
    assert ">Levels is" in message_html("levels is empty", "error")
