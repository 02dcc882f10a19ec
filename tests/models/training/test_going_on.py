"""`--resume` as a person gives it: pictures moved, grown and changed, more steps, other options."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from models import train
from models.checkpoint.checkpoint import load_checkpoint
from models.errors import BadInput
from models.training.metrics import read_metrics
from models.training.run import RunFiles

HOW = ["--levels=8,4", "--width=16", "--blocks=1", "--batch=4", "--precision=fp32"]
WHERE = ["--threads=1", "--device=cpu"]
Said = pytest.CaptureFixture[str]


def picture(folder: Path, name: str, shade: int) -> None:
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (16, 16), (shade, 0, 99)).save(folder / f"{name}.png")


def go(out: Path, *options: str) -> int:
    return train.main([f"--out={out}", *WHERE, *options])


def state(out: Path) -> dict[str, torch.Tensor]:
    return load_file(RunFiles(out).state)


def same(one: Path, other: Path) -> bool:
    a, b = state(one), state(other)
    return a.keys() == b.keys() and all(torch.equal(value, b[name]) for name, value in a.items())


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    for number in range(10):
        picture(tmp_path / "ten", str(number), 25 * number)
    return tmp_path / "ten"


@pytest.fixture
def out(ten: Path, tmp_path: Path) -> Path:
    """A run of 6 steps that is done."""
    assert go(tmp_path / "run", f"--data={ten}", *HOW, "--steps=6") == 0
    return tmp_path / "run"


def refused(said: Said) -> str:
    return said.readouterr().err.strip().splitlines()[-1]


def test_a_run_that_is_done_goes_on_to_more_steps_on_pictures_that_moved(
    out: Path, ten: Path, tmp_path: Path, capsys: Said
) -> None:
    again = Path(shutil.copytree(out, tmp_path / "again"))
    assert go(again, "--resume", "--steps=9") == 0
    ten.rename(tmp_path / "moved")
    before = (out / "config.json").read_bytes()
    assert go(out, "--resume", "--steps=9") == 2
    assert "there is no data at" in (told := refused(capsys)) and "add --data and their" in told
    assert (out / "config.json").read_bytes() == before
    moved = f"--data={tmp_path / 'moved'}"
    assert go(out, "--resume", moved, "--steps=9", *HOW) == 0
    assert same(out, again)
    assert load_checkpoint(out).card["source"] == "moved"
    assert load_checkpoint(out).training["steps_done"] == 9
    assert [row["step"] for row in read_metrics(RunFiles(out))] == list(range(1, 10))
    (tmp_path / "moved").rename(ten)
    assert go(out, "--resume") == 2  # it lives where it moved to
    assert "moved" in refused(capsys)


def test_pictures_that_came_later_are_left_out_and_the_split_stays(
    out: Path, ten: Path, tmp_path: Path, capsys: Said
) -> None:
    """Drawn anew, the split would put the old test picture among those to train on."""
    untouched = Path(shutil.copytree(out, tmp_path / "untouched"))
    assert go(untouched, "--resume", "--steps=9") == 0
    for number in range(5):
        picture(ten, f"0 new {number}", 10 + 25 * number)
    assert go(out, "--resume", "--steps=9") == 0
    assert "holds 5 pictures that this run was not started with" in capsys.readouterr().err
    assert same(out, untouched)
    one, other = load_checkpoint(out), load_checkpoint(untouched)
    assert np.array_equal(one.examples, other.examples)
    assert one.card == other.card and one.evaluation == other.evaluation


def test_other_pictures_are_refused_and_the_run_stays(out: Path, ten: Path, capsys: Said) -> None:
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    saved = state(out)
    picture(ten, "3", 200)
    (ten / "4.png").unlink()
    assert go(out, "--resume", "--steps=9") == 2
    assert "does not hold the pictures that this run was started with" in refused(capsys)
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    assert all(torch.equal(value, saved[name]) for name, value in state(out).items())


def test_a_run_from_before_is_held_against_its_data_card(
    out: Path, ten: Path, capsys: Said
) -> None:
    RunFiles(out).pictures.unlink()
    assert go(out, "--resume", "--steps=7") == 0
    assert "not known" not in capsys.readouterr().err
    assert RunFiles(out).pictures.is_file()
    RunFiles(out).pictures.unlink()
    picture(ten, "late", 250)
    assert go(out, "--resume", "--steps=8") == 2
    assert "SHA-256 differs" in refused(capsys)
    (out / "config.json").unlink()
    assert go(out, "--resume", "--steps=8") == 0
    assert "with which pictures is not known" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "says"), [
    (["--levels=8,2", "--seed=3"], "--levels is 8,4, not 8,2; --seed is 0, not 3"),
    (["--steps=5"], "a run that goes on can only become longer"),
])  # fmt: skip
def test_no_option_is_ignored(out: Path, options: Sequence[str], says: str, capsys: Said) -> None:
    spec = RunFiles(out).spec.read_bytes()
    assert go(out, "--resume", *options) == 2
    assert says in refused(capsys)
    assert RunFiles(out).spec.read_bytes() == spec


def test_nothing_to_do_is_said_and_a_measured_model_is_left_alone(out: Path, capsys: Said) -> None:
    evaluation = out / "evaluation.json"
    evaluation.write_text(json.dumps({"elbo_nats": -1.0, "of": "hours"}))
    assert go(out, "--resume", "--steps=6") == 0
    assert "has done its 6 steps: give more --steps or --minutes" in capsys.readouterr().out
    assert json.loads(evaluation.read_text())["of"] == "hours"
    assert go(out, "--resume", "--name=Renamed") == 0
    assert load_checkpoint(out).name == "Renamed"


def test_more_minutes_come_on_top(out: Path) -> None:
    assert go(out, "--resume", "--minutes=0.01") == 0
    steps = json.loads(RunFiles(out).spec.read_text())["training"]["steps"]
    assert steps > 6
    assert load_checkpoint(out).training["steps_done"] == steps


def test_a_run_that_was_killed_before_it_saved_begins_again(
    out: Path, ten: Path, tmp_path: Path
) -> None:
    early = tmp_path / "early"
    shutil.copytree(RunFiles(out).folder, RunFiles(early).folder)
    RunFiles(early).state.unlink()
    assert go(early, "--resume") == 0
    assert same(early, out)


def test_a_new_training_does_not_go_on_from_an_old_state(
    out: Path, ten: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends before its first save, in a folder that held another run."""

    def broken(*_: object) -> Iterator[None]:
        raise BadInput("ended")
        yield

    monkeypatch.setattr(train, "train", broken)
    assert go(out, f"--data={ten}", *HOW, "--steps=5") == 2
    assert not RunFiles(out).state.exists()
    assert load_checkpoint(out).training["steps_done"] == 6  # the finished model of before


def test_resume_where_there_is_no_run_makes_nothing(tmp_path: Path, capsys: Said) -> None:
    assert go(tmp_path / "none", "--resume") == 2
    assert "there is no run in" in refused(capsys)
    assert list(tmp_path.iterdir()) == []
