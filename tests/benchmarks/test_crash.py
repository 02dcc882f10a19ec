"""The benchmark that kills trainings: it kills real ones, and sees what would differ."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from benchmarks.crash import MOMENTS, Found, crash, differences, shares, table
from benchmarks.crash_plan import options_of, squares_file
from models import train
from models.training.run import RunFiles


def test_a_killed_training_is_compared_with_the_one_that_was_not(tmp_path: Path) -> None:
    found = crash("MLP", tmp_path, squares_file(tmp_path), 1, random.Random(0))
    assert (found.lost, found.different) == (0, [])
    assert found.kills == Counter(steps=1)
    assert (tmp_path / "MLP 0" / "model.safetensors").is_file()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash")
    data, out = squares_file(folder), folder / "whole"
    assert train.main([*options_of("MLP", "--steps=2"), f"--data={data}", f"--out={out}"]) == 0
    return out


def test_every_difference_is_seen(whole: Path, tmp_path: Path) -> None:
    parts = Path(shutil.copytree(whole, tmp_path / "parts"))
    assert differences(whole, parts) == []
    files = RunFiles(parts)
    tensors = load_file(files.state)
    tensors["optimizer.0.exp_avg"].view(-1)[0] += 1
    save_file(tensors, files.state, {"step": "3"})
    lines = files.metrics.read_text().splitlines(keepends=True)
    files.metrics.write_text("".join([*lines[:-1], lines[-1].replace("2,", "3,", 1)]))
    (parts / "evaluation.json").write_text("{}")
    assert differences(whole, parts) == [
        "optimizer.0.exp_avg", "step", "metrics.csv", "evaluation.json"
    ]  # fmt: skip


def test_the_time_that_was_taken_is_no_difference(whole: Path, tmp_path: Path) -> None:
    parts = Path(shutil.copytree(whole, tmp_path / "parts"))
    config = json.loads((parts / "config.json").read_text())
    config["training"] |= {"wall_s": 1e6, "cpu_s": 1e6}
    (parts / "config.json").write_text(json.dumps(config))
    assert differences(whole, parts) == []
    config["training"]["steps_done"] = 3
    (parts / "config.json").write_text(json.dumps(config))
    assert differences(whole, parts) == ["config.json"]


def test_the_table_adds_up() -> None:
    assert shares(["a", "b", "c"], 5) == {"a": 2, "b": 2, "c": 1}
    found = [Found("a", Counter(steps=2, save=1)), Found("b", Counter(save=1), 1, ["x", "y"])]
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table(found).splitlines()]
    assert rows[0] == ["run", "kills", *MOMENTS, "lost", "different"]
    assert rows[-1] == ["all together", "4", "2", "2", "0", "0", "1", "2"]
    assert len(rows) == 2 + 3
