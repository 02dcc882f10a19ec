"""The one command for a machine with a GPU: its rows and bounds, tried out on the CPU."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch

from benchmarks import on_gpu
from benchmarks.on_gpu import Row, agree, main, speed, table, training
from models.base import HierarchicalModel
from tests.running import ROOT

NO_TESTS = (Row("tests", "passed", 1, "tests"),)


def test_a_value_above_its_bound_fails_and_one_without_a_bound_cannot() -> None:
    found = [Row("agree", "x", 0.5, "nats", 0.5), Row("speed", "y", 9.0, "frames/s")]
    found.append(Row("agree", "z", 0.6, "nats", 0.5))
    assert [row.ok for row in found] == [True, True, False]
    assert Row("agree", "n", float("nan"), "nats", 0.5).ok is False
    head, *lines = table(found).splitlines()
    assert "bound" in head and [line.endswith("FAILS") for line in lines] == [False, False, True]


def test_the_cpu_agrees_with_itself_to_the_bit() -> None:
    found = list(agree("digits", "cpu", images=1))
    assert len(found) == 5
    assert {row.value for row in found} == {0.0} and all(row.ok for row in found)


def test_a_device_that_is_wrong_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """With one weight moved in the model of the device alone."""
    load = on_gpu.load_checkpoint

    def moved(path: Path, device: str) -> object:
        checkpoint = load(path, "cpu")
        if device == "cuda":
            model: HierarchicalModel = checkpoint.model
            with torch.no_grad():
                next(model.parameters()).mul_(1.5)
        return checkpoint

    monkeypatch.setattr(on_gpu, "load_checkpoint", moved)
    wrong = {row.what.split(": ")[1].split()[0] for row in agree("digits", "cuda", 1) if not row.ok}
    assert wrong == {"trace", "terms", "picture"}


def test_it_prints_a_table_and_keeps_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_gpu, "tests", lambda device, chosen: iter(NO_TESTS))
    kept = tmp_path / "kept.json"
    assert main(["--device", "cpu", "--quick", "--json", str(kept)]) == 0
    result = json.loads(kept.read_text())
    assert result["passed"] and result["quick"] and result["torch"] == torch.__version__
    parts = {row["part"] for row in result["rows"]}
    assert parts == {"tests", "agree", "speed"}
    said = capsys.readouterr().out
    assert all(row["what"] in said for row in result["rows"])
    monkeypatch.setattr(
        on_gpu, "tests", lambda device, chosen: iter((Row("tests", "failed", 1, "tests", 0),))
    )
    monkeypatch.setattr(on_gpu, "MODELS", ())
    monkeypatch.setattr(on_gpu, "training", lambda *_, **__: iter(()))
    assert main(["--device", "cpu", "--json", str(kept)]) == 1


def test_speeds_are_of_every_way() -> None:
    frames = list(speed("digits", "cpu", compile=False, decodes=4))
    images = list(training("digits", "cpu", seconds=0.0, batch=4))
    assert [row.unit for row in (*frames, *images[:2])] == ["frames/s", "images/s", "images/s"]
    assert all(row.value > 0 for row in (*frames, *images))


def test_without_the_device_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    missing = next(d for d in ("cuda", "mps") if not getattr(torch, d).is_available())
    assert main(["--device", missing]) == 2
    assert "not available" in capsys.readouterr().err


def test_the_script_can_be_run() -> None:
    script = ROOT / "scripts" / "on_gpu"
    assert os.access(script, os.X_OK) and "benchmarks.on_gpu" in script.read_text()
