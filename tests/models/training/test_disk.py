"""A disk that is full, a folder that cannot be written, a curve that cannot be read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from benchmarks.crash_plan import options_of, squares_file
from models import train
from models.checkpoint.checkpoint import load_checkpoint
from models.training.metrics import read_metrics
from models.training.run import RunFiles
from tests.running import ROOT
from tests.sealing import close, open_again, under

HOW = options_of("MLP")
RESUME = ["--resume", "--threads=1", "--device=cpu"]
Said = pytest.CaptureFixture[str]
as_root = pytest.mark.skipif(
    sys.platform != "linux" or os.getuid() != 0, reason="only root mounts a disk"
)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """A run of 4 steps that is done."""
    out = tmp_path / "run"
    assert train.main([*HOW, "--steps=4", f"--data={squares_file(tmp_path)}", f"--out={out}"]) == 0
    return out


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", place], check=False)
    if made.returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def fill(path: Path) -> None:
    """Write a file until its disk is full."""
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def last_line(said: Said) -> str:
    return said.readouterr().err.strip().splitlines()[-1]


@as_root
def test_a_full_disk_is_a_sentence_and_the_last_good_state_stays(
    out: Path, disk: Path, tmp_path: Path, capsys: Said
) -> None:
    files = RunFiles(Path(shutil.copytree(out, disk / "run")))
    filler = disk / "filler"
    fill(filler)
    before = contents(files.out)
    arguments = [*RESUME, f"--out={files.out}", "--steps=8", "--save-every=0"]
    assert train.main(arguments) == 2
    assert "the disk is full" in last_line(capsys)
    after = contents(files.out)
    for name in ("training/state.safetensors", "training/run.json", "model.safetensors"):
        assert after[name] == before[name], name
    assert load_checkpoint(files.out).training["steps_done"] == 4

    filler.unlink()  # space is free again
    assert train.main(arguments) == 0
    assert train.main([*RESUME, f"--out={out}", "--steps=8"]) == 0
    assert all(torch.equal(value, load_file(files.state)[name])
               for name, value in load_file(RunFiles(out).state).items())  # fmt: skip
    assert load_checkpoint(files.out).hash == load_checkpoint(out).hash


@pytest.mark.parametrize("given", ["a new folder", "a run"])
def test_a_folder_that_cannot_be_written_is_a_sentence(out: Path, given: str) -> None:
    before = contents(out)
    if given == "a run":
        arguments = [*RESUME, "--steps=8", f"--out={out}"]
    else:
        arguments = [*HOW, "--steps=4", f"--data={out.parent / 'squares.npz'}",
                     f"--out={out / 'new'}"]  # fmt: skip
    close(out)
    told = subprocess.run(
        [*under(), sys.executable, "-m", "models.train", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    open_again(out)
    assert told.returncode == 2, told.stderr
    assert "Traceback" not in told.stderr
    assert "Permission denied" in told.stderr.splitlines()[-1]
    assert contents(out) == before


@pytest.mark.parametrize("damage", [b"\xe9t\xe9,1\r\n", b"3,\x00\x00\x00\r\n", b"3,4,5\r\n", b""])
def test_a_damaged_curve_is_a_sentence_and_the_state_stays(
    out: Path, damage: bytes, capsys: Said
) -> None:
    files = RunFiles(out)
    good, state = files.metrics.read_bytes(), files.state.read_bytes()
    bad = good + damage if damage else good.replace(b"step", b"steps")
    files.metrics.write_bytes(bad)
    assert train.main([*RESUME, f"--out={out}", "--steps=8"]) == 2
    assert "metrics.csv' is damaged or not UTF-8: move it away" in last_line(capsys)
    assert files.metrics.read_bytes() == bad
    assert files.state.read_bytes() == state
    files.metrics.rename(out / "old.csv")
    assert train.main([*RESUME, f"--out={out}", "--steps=8"]) == 0
    assert [row["step"] for row in read_metrics(files)] == [5, 6, 7, 8]


def test_a_row_that_was_cut_off_is_dropped(out: Path) -> None:
    files = RunFiles(out)
    good = files.metrics.read_bytes()
    files.metrics.write_bytes(good[:-3])  # a number that still reads as one
    assert [row["step"] for row in read_metrics(files)] == [1, 2, 3]
    files.metrics.write_bytes(good + b"5,")
    assert train.main([*RESUME, f"--out={out}", "--steps=6"]) == 0
    assert files.metrics.read_bytes().startswith(good)
    assert [row["step"] for row in read_metrics(files)] == [1, 2, 3, 4, 5, 6]
