"""A run that goes on is the run that never stopped, bit for bit: every family, layout, recipe."""

from __future__ import annotations

import signal
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.crash_plan import RUNS, options_of, squares, squares_file
from models.train import fresh_state
from models.training.loop import TrainState, train
from models.training.metrics import Metrics
from models.training.run import RunFiles, Spent, load_state, save_state
from tests.models.training.runs import run_of
from tests.running import ROOT

CPU = torch.device("cpu")
IMAGES = squares(20)


def tensors(files: RunFiles) -> dict[str, torch.Tensor]:
    return load_file(files.state)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in one.items():
        assert torch.equal(value, other[name]), name


def moments(state: TrainState) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The strides of every weight and of each of its moments."""
    slots = state.optimizer.state
    return [(weight.stride(), slots[weight][name].stride()) for weight in state.model.parameters()
            for name in ("exp_avg", "exp_avg_sq") if weight in slots]  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_a_run_that_goes_on_is_the_run_that_never_stopped(name: str, tmp_path: Path) -> None:
    run = run_of(name, IMAGES, "--steps=9", "--lr=0.01")
    whole = fresh_state(run, CPU)
    records = list(train(whole, IMAGES, run.training))
    save_state(RunFiles(tmp_path / "whole"), whole, Spent())

    files, stopped = RunFiles(tmp_path / "parts"), fresh_state(run, CPU)
    list(islice(train(stopped, IMAGES, run.training), 5))
    save_state(files, stopped, Spent(1.5, 2.5))
    resumed = fresh_state(run, CPU)
    assert load_state(files, resumed) == Spent(1.5, 2.5)
    assert moments(resumed) == moments(stopped) and moments(resumed)
    assert all(weight == moment for weight, moment in moments(resumed))
    rest = list(train(resumed, IMAGES, run.training))
    save_state(files, resumed, Spent())

    assert [r.elbo_nats for r in rest] == [r.elbo_nats for r in records[5:]]
    assert [r.gradient_norm for r in rest] == [r.gradient_norm for r in records[5:]]
    same(tensors(files), tensors(RunFiles(tmp_path / "whole")))


def test_some_of_the_weights_are_laid_out_in_another_way_than_they_are_stored() -> None:
    """Else the test above could not fail for what it is there for."""
    state = fresh_state(run_of("convolutions", IMAGES, "--steps=9"), CPU)
    assert any(not weight.is_contiguous() for weight in state.model.parameters())


@pytest.mark.parametrize("stop_at", [1, 4, 5, 6])
def test_the_curve_is_that_of_the_run_that_never_stopped(
    tmp_path: Path, stop_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a row was open when the state was saved, and where rows came after that."""
    monkeypatch.setattr("models.training.metrics.ROWS", 5)  # a row takes 2 of 11 steps
    run = run_of("MLP", IMAGES, "--steps=11")

    def go(state: TrainState, files: RunFiles, steps: int) -> None:
        metrics = Metrics(files, 11, state)
        metrics.start(state.step)
        for record in islice(train(state, IMAGES, run.training), steps):
            metrics.add(record)

    whole, parts = RunFiles(tmp_path / "whole"), RunFiles(tmp_path / "parts")
    go(fresh_state(run, CPU), whole, 11)
    first = fresh_state(run, CPU)
    go(first, parts, stop_at)
    save_state(parts, first, Spent())
    with parts.metrics.open("a") as file:  # what the process wrote before it was killed
        file.write("8,1,1,1,1,1,1,1,1\r\n10,1,1")
    second = fresh_state(run, CPU)
    load_state(parts, second)
    go(second, parts, 11)
    assert curve(parts) == curve(whole)
    assert len(curve(whole)) == 1 + 6


def curve(files: RunFiles) -> list[str]:
    """The lines of metrics.csv without the pace, the last column."""
    return [line.rpartition(",")[0] for line in files.metrics.read_text().splitlines()]


def test_a_killed_process_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """`kill -9` in the middle of convolutions, with a save a step."""
    options = options_of("convolutions", "--steps=60", f"--data={squares_file(tmp_path)}")
    command = [sys.executable, "-m", "models.train", *options, "--save-every=0", "--name=x"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    subprocess.run([*command, f"--out={whole}"], cwd=ROOT, check=True, capture_output=True)
    files = RunFiles(parts)
    process = subprocess.Popen([*command, f"--out={parts}"], cwd=ROOT, stderr=subprocess.PIPE)
    while not files.state.is_file():
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    resume = [sys.executable, "-m", "models.train", "--resume", f"--out={parts}", "--threads=1",
              "--device=cpu"]  # fmt: skip
    subprocess.run(resume, cwd=ROOT, check=True, capture_output=True)
    same(tensors(files), tensors(RunFiles(whole)))
    assert curve(files) == curve(RunFiles(whole))
    for name in ("model.safetensors", "statistics.safetensors", "evaluation.json"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes(), name
