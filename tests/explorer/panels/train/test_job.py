"""The training job: real processes, started, stopped, killed, resumed and found again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from explorer.panels.train.form import Plan, plan_training
from explorer.panels.train.job import Snapshot, TrainingJob, log_tail, slug
from explorer.panels.train.panel import Asks, end, form_of
from explorer.panels.train.process import end_at_once, mark_of
from models.checkpoint.checkpoint import load_checkpoint
from models.errors import BadInput
from models.training.owner import owning
from models.training.run import RunFiles
from tests.explorer.training import SMALL, picture, picture_zip

ENDLESS = 5_000_000  # steps


@pytest.fixture
def job(tmp_path: Path) -> Iterator[TrainingJob]:
    made = TrainingJob(tmp_path / "runs", device="cpu", threads=1)
    yield made
    process = made._process
    if process is not None:
        if process.poll() is None:
            end_at_once(process.pid)
        process.wait(30)


def plan(tmp_path: Path, given: str | None = None, **changes: object) -> Plan:
    values: Mapping[str, object] = {**SMALL, "files": [str(picture_zip(tmp_path))], **changes}
    return plan_training(form_of(values), given)


def wait(job: TrainingJob, wanted: Callable[[Snapshot], bool], seconds: float = 60) -> Snapshot:
    """The first snapshot that is as wanted."""
    until = time.monotonic() + seconds
    while True:
        snapshot = job.snapshot()
        assert snapshot is not None
        if wanted(snapshot):
            return snapshot
        assert time.monotonic() < until, snapshot
        assert snapshot.alive, snapshot
        time.sleep(0.05)


def pid_of(job: TrainingJob) -> int:
    return json.loads((job.runs / ".training.json").read_text())["pid"]


def test_a_training_goes_from_start_to_a_model_and_leaves_no_room_for_a_second(
    job: TrainingJob, tmp_path: Path
):
    assert job.snapshot() is None
    first = job.start(plan(tmp_path, name="Mes carrés"))
    assert (first.id, first.title, first.state) == ("runs/Mes-carres", "Mes carrés", "starting")
    assert not first.explorable
    pid = pid_of(job)
    assert os.getpgid(pid) == pid != os.getpgid(0)  # a Ctrl-C here does not reach it
    assert os.getpriority(os.PRIO_PROCESS, pid) > os.getpriority(os.PRIO_PROCESS, 0)

    restarted = TrainingJob(job.runs)  # the app started again, or another one
    found = restarted.snapshot()
    assert found is not None
    assert found.alive
    assert found.serial == first.serial
    for other in (job, restarted):
        with pytest.raises(BadInput, match=r"'Mes carrés' is being trained.*one training.*wait"):
            other.start(plan(tmp_path, name="second"))
    assert [path.name for path in job.runs.iterdir() if path.is_dir()] == ["Mes-carres"]

    done = wait(job, lambda s: s.state == "done")
    assert (done.step, done.steps, done.message, done.resumable) == (40, 40, "", False)
    assert done.explorable
    assert len(done.rows) == 40
    assert done.rows[-1]["step"] == 40
    assert done.preview is not None
    assert done.preview.read_bytes()[:4] == b"\x89PNG"
    assert done.remark.startswith("Found 40 picture files in a zip. Used 40: 36 to train on")
    checkpoint = load_checkpoint(job.runs / "Mes-carres")
    assert checkpoint.name == "Mes carrés"
    assert checkpoint.model.depth == 2
    assert checkpoint.card["counts"] == {"train": 36, "test": 4}
    kept = job.runs / "Mes-carres/training/data/my-squares.zip"
    assert kept.read_bytes() == (tmp_path / "my squares.zip").read_bytes()


def test_stop_keeps_a_model_and_kill_9_keeps_what_was_saved(job: TrainingJob, tmp_path: Path):
    job.start(plan(tmp_path, steps=ENDLESS))
    wait(job, lambda s: s.state == "running" and s.steps == ENDLESS)
    job.stop()
    asked = job.snapshot()
    assert asked is not None
    assert asked.state in ("stopping", "finishing", "stopped")
    stopped = wait(job, lambda s: s.state == "stopped")
    assert stopped.explorable
    assert stopped.resumable
    assert 0 < stopped.step < ENDLESS
    assert load_checkpoint(job.runs / "Test").training["steps_done"] == stopped.step

    resumed = job.resume()
    assert resumed.alive
    assert resumed.serial != stopped.serial
    wait(job, lambda s: s.state == "running")
    os.kill(pid_of(job), signal.SIGKILL)
    dead = wait(job, lambda s: s.state == "failed")
    assert "memory ran out" in dead.message
    assert "press Resume" in dead.message
    assert f"--out {job.runs / 'Test'} --resume" in dead.message
    assert dead.resumable
    assert dead.explorable

    job.resume()
    again = wait(job, lambda s: s.state == "running")
    assert again.step >= stopped.step
    job.stop()
    assert wait(job, lambda s: s.state == "stopped").step > stopped.step


def test_a_run_that_a_command_line_trains_is_not_resumed(job: TrainingJob, tmp_path: Path):
    write_record(job.runs, os.getpid(), "another time")
    files = RunFiles(job.runs / "old")
    for path in (files.state, files.spec):
        path.write_text("{}")
    before = job.snapshot()
    assert before is not None and before.resumable
    with owning(files), pytest.raises(BadInput, match=f"is being trained by process {os.getpid()}"):
        job.resume()
    assert job.snapshot() == before  # nothing was started


def test_only_the_page_that_started_a_training_can_stop_it(job: TrainingJob, tmp_path: Path):
    job.start(plan(tmp_path, steps=ENDLESS), owner="this page")
    for other in ("", "another page"):
        assert "started from another page" in end(job, other)
        assert "started from another page" in Asks(job, None, trusted=False).stop(other)
    running = job.snapshot()
    assert running is not None and running.state in ("starting", "running")
    again = TrainingJob(job.runs)  # the app was started anew
    assert end(again, "this page") == ""
    wait(job, lambda s: s.state == "stopped")

    job.start(plan(tmp_path, steps=ENDLESS), owner="this page")
    assert Asks(job, None, trusted=True).stop("") == ""  # who is logged in may stop any
    wait(job, lambda s: s.state == "stopped")


def test_what_the_run_refuses_is_said_in_its_own_words(job: TrainingJob, tmp_path: Path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "good.png").write_bytes(picture(1))
    (folder / "cut.png").write_bytes(picture(2)[:60])
    job.start(plan(tmp_path, str(folder), data="given"))
    failed = wait(job, lambda s: s.state == "failed")
    assert "cut.png is cut off or damaged" in failed.message
    assert "Traceback" not in failed.message
    assert not failed.resumable
    assert not failed.explorable
    with pytest.raises(BadInput, match="no training to resume"):
        job.resume()


def test_stop_before_the_first_step_ends_it_at_once(job: TrainingJob, tmp_path: Path):
    job.start(plan(tmp_path))
    job.stop()
    stopped = wait(job, lambda s: s.state == "stopped", seconds=5)
    assert "nothing new was learned" in stopped.message
    assert not stopped.explorable
    assert not stopped.resumable


def test_a_name_that_is_taken_gets_a_number(job: TrainingJob, tmp_path: Path):
    (job.runs / "Test").mkdir(parents=True)
    (job.runs / "Test-2").mkdir()
    started = job.start(plan(tmp_path))
    assert (started.id, started.title) == ("runs/Test-3", "Test 3")
    job.stop()


def write_record(runs: Path, pid: int, mark: str, status: str | None = "running") -> None:
    files = runs / "old" / "training"
    files.mkdir(parents=True)
    record = {"folder": "old", "title": "Old", "pid": pid, "mark": mark, "started": 100.0}
    (runs / ".training.json").write_text(json.dumps(record))
    if status is not None:
        written = {"state": status, "message": "", "at": 200.0, "step": 7, "steps": 10}
        (files / "status.json").write_text(json.dumps(written))
    (files / "log.txt").write_text("old:  70%|## | 7/10 [00:01, 3step/s]\rNumPy says: no\n")


def test_a_stranger_with_the_same_id_is_not_taken_for_the_training(job: TrainingJob):
    write_record(job.runs, os.getpid(), "another time")
    dead = job.snapshot()
    assert dead is not None
    assert dead.state == "failed"
    assert dead.step == 7
    assert "NumPy says: no" in dead.message
    assert "70%" not in dead.message
    assert "Nothing had been saved yet" in dead.message
    job.stop()  # must not touch the stranger, which is this process


def test_a_process_that_lives_is_running_whoever_started_it(job: TrainingJob):
    mark = mark_of(os.getpid())
    assert mark is not None
    write_record(job.runs, os.getpid(), mark)
    found = job.snapshot()
    assert found is not None
    assert found.state == "running"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"folder": "../x"}'])
def test_a_damaged_record_is_no_training(job: TrainingJob, text: str):
    job.runs.mkdir(parents=True)
    (job.runs / ".training.json").write_text(text)
    assert job.snapshot() is None


def test_runs_that_cannot_be_written_are_an_error_for_people(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"cannot be stored.*--runs"):
        TrainingJob(tmp_path / "file").start(plan(tmp_path))


def test_a_process_has_a_mark_until_it_ends():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        first = mark_of(process.pid)
        assert first is not None
        assert mark_of(process.pid) == first
        process.kill()
        until = time.monotonic() + 10
        while mark_of(process.pid) is not None:  # a zombie counts as ended
            assert time.monotonic() < until
            time.sleep(0.01)
    assert mark_of(0) is None


@pytest.mark.parametrize(
    ("name", "folder"),
    [("My Faces!", "My-Faces"), ("../../etc", "etc"), ("Ünï", "Uni"), ("日本", "model"),
     ("CON", "CON-model"), ("a" * 90, "a" * 48)],
)  # fmt: skip
def test_a_folder_name_is_plain(name: str, folder: str):
    assert slug(name) == folder
    assert slug(folder) == folder


def test_the_log_is_told_without_its_bars(tmp_path: Path):
    log = tmp_path / "log.txt"
    assert log_tail(log) == ""
    log.write_bytes(b"one\ntwo\nx: 10%|# | 1/10 [3step/s]\rx: 20%|## | 2/10\nthree\n\xff\nKilled")
    assert log_tail(log) == "two / three / \N{REPLACEMENT CHARACTER} / Killed"
