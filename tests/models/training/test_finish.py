"""The end of a training: whatever happens to the measures, the model is there."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.crash_plan import options_of, squares_file
from models import evaluate, train
from models.checkpoint.checkpoint import load_checkpoint, load_model
from models.checkpoint.description import describe
from models.storage.model_folder import NotMeasured, is_measured
from models.training import finish
from models.training.run import RunFiles
from tests.running import ROOT

# The first measure of all ends the process.
DIES = """
import os, signal, sys
from models import train
from models.training import finish
finish.spreads = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
train.main(sys.argv[1:])
"""
Said = pytest.CaptureFixture[str]


@pytest.fixture
def data(tmp_path: Path) -> str:
    return squares_file(tmp_path)


def broken(*_: object, **__: object) -> None:
    raise RuntimeError("no float64 on this device")


@pytest.fixture
def out(data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> Path:
    """A run whose measures failed."""
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(finish, "evaluate", broken)
        assert train.main([*options_of("MLP", "--steps=4"), f"--data={data}", f"--out={out}"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "the training is over and its model is saved in" in said
    assert "(RuntimeError: no float64 on this device)" in said
    status = json.loads(RunFiles(out).status.read_text())
    assert (status["state"], f"error: {status['message']}") == ("failed", said)
    return out


def test_an_error_in_the_measures_costs_the_measures_alone(out: Path) -> None:
    assert not is_measured(out)
    assert load_model(out).depth == 2
    for read in (load_checkpoint, describe):
        with pytest.raises(NotMeasured, match=r"models.evaluate .*/run --data DATA --write"):
            read(out)


def test_the_command_that_is_named_measures_it(out: Path, data: str, capsys: Said) -> None:
    quick = [str(out), f"--data={data}", "--quick", "--k=1", "--samples=0", "--threads=1"]
    assert evaluate.main(quick) == 2
    assert "--write" in capsys.readouterr().err
    assert evaluate.main([*quick, "--write"]) == 0
    found = load_checkpoint(out)
    assert found.evaluation["n_images"] == 12
    assert found.training["steps_done"] == 4
    assert is_measured(out)


def test_it_is_measured_on_what_it_was_trained_on_alone(
    out: Path, tmp_path: Path, capsys: Said
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    arguments = [str(out), f"--data={squares_file(other, count=40)}", "--quick", "--write"]
    assert evaluate.main(arguments) == 2
    assert "SHA-256 differs" in capsys.readouterr().err
    assert not is_measured(out)


def test_going_on_measures_it_as_if_it_had_never_failed(
    out: Path, data: str, tmp_path: Path
) -> None:
    assert train.main(["--resume", f"--out={out}", "--threads=1", "--device=cpu"]) == 0
    whole = tmp_path / "whole"
    assert train.main([*options_of("MLP", "--steps=4"), f"--data={data}", f"--out={whole}"]) == 0
    for name in ("model.safetensors", "statistics.safetensors", "evaluation.json"):
        assert (out / name).read_bytes() == (whole / name).read_bytes(), name


def test_the_model_is_there_when_the_process_dies_in_the_measures(
    data: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    arguments = [*options_of("MLP", "--steps=4"), f"--data={data}", f"--out={out}"]
    killed = subprocess.run([sys.executable, "-c", DIES, *arguments], cwd=ROOT, check=False,
                            capture_output=True)  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    assert load_model(out).depth == 2
    assert not is_measured(out)
