"""Several processes train as one does: real ones, on gloo, started by `accelerate launch`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from models import train
from models.checkpoint.checkpoint import load_checkpoint
from models.errors import BadInput
from models.training.metrics import read_metrics
from models.training.processes import Processes, join_processes
from models.training.run import RunFiles
from tests.models.shared import CASES, CLAMPED, run_case
from tests.running import ROOT

CPU = torch.device("cpu")
TWO = [sys.executable, "-m", "accelerate.commands.accelerate_cli", "launch", "--multi_gpu",
       "--num_processes=2", "--num_machines=1", "--mixed_precision=no", "--dynamo_backend=no",
       "--main_process_port=0", "-m"]  # fmt: skip
WAIT_S = 180.0  # a busy machine imports torch slowly


@contextmanager
def launched(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Two processes and their launcher, none of which outlives the test."""
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with log.open("wb") as output:
        process = subprocess.Popen([*TWO, *arguments], cwd=ROOT, env=environment, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)  # fmt: skip
        try:
            yield process
        finally:
            if alive(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(WAIT_S)


def alive(group: int) -> bool:
    """Whether any process of a group is there."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What each of two processes wrote of every case."""
    folder = tmp_path_factory.mktemp("shared")
    with launched("tests.models.shared", str(folder), log=folder / "log") as process:
        assert process.wait(WAIT_S) == 0, (folder / "log").read_text()
    return folder


def found(folder: Path, name: str, rank: int) -> dict[str, np.ndarray]:
    with np.load(folder / f"{name}-{rank}.npz") as file:
        return {key: file[key] for key in file.files}


@pytest.mark.parametrize("name", CASES)
def test_two_processes_train_as_one_does(shared: Path, name: str) -> None:
    alone, first, second = run_case(name), found(shared, name, 0), found(shared, name, 1)
    assert np.array_equal(first["curve"], second["curve"])
    assert np.array_equal(first["weights"], second["weights"])
    assert len(alone["curve"]) == 30
    np.testing.assert_allclose(first["curve"], alone["curve"], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(first["weights"], alone["weights"], rtol=1e-4, atol=1e-5)


def test_a_clamp_on_each_process_of_its_own_would_be_seen(shared: Path) -> None:
    """Free bits act on the mean over all; were they to act on a part, the curve is another."""
    alone, apart = run_case("clamped")["curve"], found(shared, "apart", 0)["curve"]
    assert np.abs(apart[:, 0] / alone[:, 0] - 1).max() > 1e-2
    rates, floor = alone[:, 2], CLAMPED.free_bits[0]
    assert (rates < floor).any()
    assert (rates > floor).any()


def test_all_agree(shared: Path) -> None:
    for rank in (0, 1):
        assert found(shared, "agreements", rank)["agreed"].tolist() == [True, False, True, True]


def test_noise_is_shared_by_sample() -> None:
    """Two images, three draws of each, the draws of all images one after the other."""
    values = torch.tensor([[10, 0], [11, 0], [20, 0], [21, 0], [30, 0], [31, 0]])
    first, second = (Processes(CPU, rank, 2).share(values, copies=3)[:, 0] for rank in (0, 1))
    assert first.tolist() == [10, 20, 30]
    assert second.tolist() == [11, 21, 31]
    assert Processes(CPU).share(values, copies=3) is values


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Processes(CPU, 0, 4).check_batch(32)
    with pytest.raises(BadInput, match="batch of 32 cannot be shared evenly by 3 processes"):
        Processes(CPU, 0, 3).check_batch(32)
    assert join_processes(CPU) == Processes(CPU)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadInput, match="2 processes cannot share"):
        join_processes(CPU)


def test_two_processes_told_to_end_keep_their_model_and_one_goes_on(tmp_path: Path) -> None:
    """`kill` in the middle, then --resume in a single process: as one that never stopped."""
    data, whole, parts = tmp_path / "bars.npz", tmp_path / "whole", tmp_path / "parts"
    images = np.full((64, 8, 8), 20, np.uint8)
    for i in range(64):
        images[i, i % 8] = 200 + i % 50
    np.savez(data, train=images[:48], test=images[48:])
    options = ["--data", str(data), "--steps", "400", "--precision", "fp32", "--name", "x",
               "--levels", "6,3", "--width", "16", "--blocks", "1", "--batch", "16",
               "--device", "cpu", "--threads", "1"]  # fmt: skip
    assert train.main([*options, "--out", str(whole)]) == 0

    files, log = RunFiles(parts), tmp_path / "log"
    with launched("models.train", *options, "--out", str(parts), log=log) as process:
        deadline = time.monotonic() + WAIT_S
        while len(read_metrics(files)) < 20 and time.monotonic() < deadline:
            assert process.poll() is None, log.read_text()
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        assert not alive(process.pid)
    status = json.loads(files.status.read_text())
    assert status["state"] == "stopped", log.read_text()
    assert log.read_text().count("Used 64: 48 to train on") == 1  # said once, by the main process
    assert 20 <= status["step"] < 400
    assert load_checkpoint(parts).training["steps_done"] == status["step"]

    resume = ["--resume", "--out", str(parts), "--device", "cpu", "--threads", "1"]
    assert train.main(resume) == 0
    one, two = (load_checkpoint(path).model.state_dict() for path in (whole, parts))
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-3, atol=1e-3)
    assert [row["step"] for row in read_metrics(files)] == list(range(1, 401))
