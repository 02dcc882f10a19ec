"""The command lines of training and evaluation, as a person runs them."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from models import evaluate, train
from models.checkpoint.checkpoint import load_checkpoint
from models.training.loop import TrainState
from models.training.metrics import read_metrics
from models.training.processes import Processes
from models.training.run import RunFiles
from models.training.schedule import TrainConfig
from tests.running import ROOT

TINY = ["--levels", "6,3", "--width", "16", "--blocks", "1", "--batch", "16", "--device", "cpu"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("data") / "bars.npz"
    images = np.full((160, 8, 8), 20, np.uint8)
    for i in range(160):
        images[i, i % 8] = 200 + i % 50
    np.savez(path, train=images[:120], test=images[120:])
    return str(path)


@pytest.fixture(scope="module")
def trained(data: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "bars"
    arguments = ["--data", data, "--out", str(out), "--steps", "40", *TINY]
    assert train.main(arguments) == 0
    return out


def test_training_leaves_a_whole_checkpoint(trained: Path) -> None:
    checkpoint = load_checkpoint(trained)
    assert checkpoint.name == "bars"
    assert checkpoint.training["steps_done"] == 40
    assert checkpoint.evaluation["n_images"] == 40
    assert len(checkpoint.statistics.reference_elbo) == 40
    rows = read_metrics(RunFiles(trained))
    assert [row["step"] for row in rows] == list(range(1, 41))
    assert json.loads(RunFiles(trained).status.read_text())["state"] == "done"
    card = (trained / "README.md").read_text()
    told = json.loads(RunFiles(trained).data.read_text())
    assert told == checkpoint.card and told["remark"].startswith("Found 160 pictures in arrays")
    assert f"| −ELBO | {-float(str(checkpoint.evaluation['elbo_nats'])):.2f} ± " in card


def test_evaluation_prints_writes_and_repeats(
    trained: Path, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(trained), "--data", data, "--k", "5", "--limit", "8"]
    assert evaluate.main([*arguments, "--json", str(tmp_path / "a.json"), "--write"]) == 0
    first = capsys.readouterr().out
    assert evaluate.main([*arguments, "--json", str(tmp_path / "b.json")]) == 0
    assert capsys.readouterr().out == first
    result = json.loads((tmp_path / "a.json").read_text())
    assert result == json.loads((tmp_path / "b.json").read_text())
    assert load_checkpoint(trained).evaluation == result
    keys = {"elbo_nats", "reconstruction_nats", "rate_nats", "active_units", "reach"}
    assert keys | {"nll_nats", "k", "n_images", "bits_per_dim"} <= result.keys()
    assert f"{result['nll_nats']:.2f} ±" in (trained / "README.md").read_text()


def test_a_stopped_process_keeps_its_model_and_resumes_exactly(data: str, tmp_path: Path) -> None:
    """Ctrl-C in the middle, then --resume: the same weights as a run that never stopped."""
    command = [sys.executable, "-m", "models.train", "--data", data, "--precision", "fp32"]
    command += [*TINY, "--steps", "400", "--threads", "1"]
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    subprocess.run([*command, "--out", whole, "--name", "x"], cwd=ROOT, check=True,
                   capture_output=True)  # fmt: skip

    process = subprocess.Popen([*command, "--out", parts, "--name", "x"], cwd=ROOT,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    files = RunFiles(parts)
    deadline = time.monotonic() + 120
    while len(read_metrics(files)) < 20 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=120) == 0
    status = json.loads(files.status.read_text())
    assert status["state"] == "stopped"
    assert 20 <= status["step"] < 400
    assert load_checkpoint(parts).training["steps_done"] == status["step"]

    resume = [sys.executable, "-m", "models.train", "--resume", "--out", str(parts)]
    resume += ["--device", "cpu", "--threads", "1"]
    subprocess.run(resume, cwd=ROOT, check=True, capture_output=True)
    assert load_checkpoint(parts).hash == load_checkpoint(whole).hash
    assert [r["step"] for r in read_metrics(files)] == list(range(1, 401))


@pytest.mark.parametrize(
    ("extra", "says"),
    [
        (["--levels", ""], "T = 0"),
        (["--levels", "8,0"], "z_2"),
        (["--levels", "many"], "levels 'many' cannot be read"),
        (["--batch", "5000"], "larger than the data"),
        (["--free-bits", "1,2,3"], "free_bits has 3 values for 2 levels"),
        (["--steps", "0"], "steps"),
        (["--minutes", "-1"], "minutes"),
        (["--device", "tpu"], "device 'tpu'"),
        (["--data", "/nowhere"], "/nowhere"),
        (["--lr", "0"], "learning_rate"),
    ],
)
def test_bad_arguments_are_one_clear_line(
    extra: list[str], says: str, data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    base = ["--data", data, "--out", out, *TINY]
    if "--minutes" not in extra:
        base += ["--steps", "3"]
    assert train.main([*base, *extra]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ")
    assert says in said


def test_a_run_that_diverges_keeps_its_last_good_model(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The weights turn to NaN after ten steps; the checkpoint is of the last saved state."""

    def poisoned(state: TrainState, images: np.ndarray, config: TrainConfig, processes: Processes):
        for record in stream(state, images, config, processes):
            yield record
            if record.step == 10:
                with torch.no_grad():
                    next(state.model.parameters()).fill_(torch.nan)

    stream = train.train
    monkeypatch.setattr(train, "train", poisoned)
    out = tmp_path / "out"
    assert (
        train.main(["--data", data, "--out", str(out), "--steps", "30", *TINY, "--save-every", "0"])
        == 2
    )
    assert "step 11: the loss or its gradient is not finite" in capsys.readouterr().err
    assert load_checkpoint(out).training["steps_done"] == 10
    assert json.loads(RunFiles(out).status.read_text())["state"] == "failed"


def test_evaluation_refuses_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate.main(["/nowhere", "--data", "avatars:40"]) == 2
    assert "no checkpoint folder '/nowhere'" in capsys.readouterr().err


def test_a_time_budget_becomes_steps(data: str, tmp_path: Path) -> None:
    out = tmp_path / "timed"
    assert train.main(["--data", data, "--out", str(out), "--minutes", "0.02", *TINY]) == 0
    steps = json.loads(RunFiles(out).spec.read_text())["training"]["steps"]
    assert steps > 5
    assert load_checkpoint(out).training["steps_done"] == steps
    torch.manual_seed(0)
