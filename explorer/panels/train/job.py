"""The training job: one low-priority process, known by its files alone.

    RUNS/.training.json      which run was started last, by which process
    RUNS/.training.lock      held while a start is decided
    RUNS/NAME/training/      what the run says of itself (models/training/run.py), and log.txt

Nothing is kept in memory but caches, so another page, or the app started again, sees the
same job. There is one at a time for all pages over one folder of runs.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from explorer.panels.train.form import Plan
from explorer.panels.train.pictures import keep_pictures
from explorer.panels.train.process import ask_to_stop, end_at_once, mark_of, start_low
from models.errors import BadInput
from models.storage.atomic import write_file
from models.storage.locks import exclusive
from models.storage.model_folder import is_measured
from models.training.metrics import read_metrics
from models.training.owner import check_free
from models.training.run import RunFiles

ROOT = Path(__file__).resolve().parents[3]
ENDED = ("done", "stopped", "failed")
TAIL_BYTES, TAIL_LINES = 16_384, 4
# Else the progress bar of a night fills the log.
ENVIRONMENT = {"PYTHONUNBUFFERED": "1", "TQDM_MININTERVAL": "10"}

_log = logging.getLogger(__name__)

_BAR = re.compile(r"\d+%\||\d+(face|step|it)/s")
_RESERVED = re.compile(r"con|prn|aux|nul|com\d|lpt\d", re.IGNORECASE)  # by Windows


@dataclass(frozen=True)
class Record:
    """The run that was started last.

    Args:
        folder: Its folder's name under the runs.
        title: What the model is called.
        pid: The process.
        mark: When that process started (`processes.mark_of`).
        started: When it was started, seconds since the epoch.
        asked: "", "stop" if it was asked to finish, "end" if it was ended before its first step.
        owner: What names the page that started it; "" where no page did.
    """

    folder: str
    title: str
    pid: int
    mark: str
    started: float
    asked: str = ""
    owner: str = ""


@dataclass(frozen=True)
class Snapshot:
    """A job as it stands.

    Args:
        id: The model's id in the library.
        title: What the model is called.
        state: starting, running, stopping, finishing, done, stopped or failed.
        message: What it says for itself; for a failure what happened and what to do.
        step: Steps done.
        steps: Steps in all; 0 while unknown.
        eta_s: Seconds left; None while unknown.
        elapsed_s: Seconds since this process was started, until it ended.
        rows: metrics.csv (models/training/run.py).
        preview: The preview file, if there is one.
        resumable: Whether it can go on from a saved state.
        explorable: Whether there is a model to open.
        serial: Names this start of this job, so that it is announced once.
        remark: What was found in the data, used and left out.
    """

    id: str
    title: str
    state: str
    message: str
    step: int
    steps: int
    eta_s: float | None
    elapsed_s: float
    rows: Sequence[dict[str, float]]
    preview: Path | None
    resumable: bool
    explorable: bool
    serial: str
    remark: str = ""

    @property
    def alive(self) -> bool:
        return self.state not in ENDED


class TrainingJob:
    """The one training of a folder of runs.

    Args:
        runs: The folder; it is made when the first training starts.
        device: `--device` of the training.
        threads: `--threads` of the training; None for all.
    """

    def __init__(self, runs: Path, device: str = "auto", threads: int | None = None) -> None:
        self.runs = runs.expanduser().resolve()
        self._options = [f"--device={device}", *([f"--threads={threads}"] if threads else [])]
        self._process: subprocess.Popen[bytes] | None = None  # of this app, to be reaped
        self._metrics: tuple[tuple[str, int, int], list[dict[str, float]]] | None = None
        self._lock = threading.Lock()

    def closed(self) -> str | None:
        """Why nothing can be trained, and what to do; None if the folder can be written.

        A folder that is missing is made.
        """
        try:
            self.runs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            why = f"cannot be made ({error.strerror or error})"
        else:
            if os.access(self.runs, os.W_OK | os.X_OK):
                return None
            why = "cannot be written"
        return (
            f"the folder '{self.runs}' {why}, so trained models cannot be kept: start the app "
            "with --runs and a folder of yours."
        )

    def start(self, plan: Plan, owner: str = "") -> Snapshot:
        """Start a training.

        Args:
            plan: What to train.
            owner: What names the page that asks for it.

        Raises:
            BadInput: One is running, or the run cannot be stored.
        """
        with self._deciding():
            self._refuse_second()
            out, title = self._reserve(plan.name)
            try:
                data = plan.data
                if plan.pictures is not None:
                    data = str(keep_pictures(plan.pictures, RunFiles(out).folder / "data"))
                arguments = [f"--data={data}", f"--name={title}", *plan.arguments]
                self._launch(out, title, arguments, owner)
            except BaseException:
                shutil.rmtree(out, ignore_errors=True)
                raise
        return self._seen()

    def resume(self, owner: str = "") -> Snapshot:
        """Go on with the run that was started last.

        Args:
            owner: What names the page that asks for it.

        Raises:
            BadInput: One is running, here or from a command line, or there is nothing to go on
                with.
        """
        with self._deciding():
            self._refuse_second()
            record, snapshot = self._record(), self.snapshot()
            if record is None or snapshot is None or not snapshot.resumable:
                raise BadInput("there is no training to resume: start a new one.")
            self._launch(self.runs / record.folder, record.title, ["--resume"], owner)
        return self._seen()

    def stop(self, owner: str | None = None) -> None:
        """Ask the training to end after its step; it measures and saves what it learned.

        One that has not taken a step has learned nothing and is ended at once.

        Args:
            owner: What names the page that asks; None for one who may stop any.

        Raises:
            BadInput: Another page started it.
        """
        with self._deciding():
            record, snapshot = self._record(), self.snapshot()
            if record is None or snapshot is None or snapshot.state not in ("starting", "running"):
                return
            if owner is not None and (not owner or owner != record.owner):
                raise BadInput(
                    "this training was started from another page, and only that page, or whoever "
                    "runs this server, can stop it."
                )
            early = snapshot.state == "starting"
            self._write(replace(record, asked="end" if early else "stop"))
            (end_at_once if early else ask_to_stop)(record.pid)

    def has_own(self) -> bool:
        """Whether a training that this app began still runs."""
        self._reap()
        return self._process is not None and self._process.returncode is None

    def let_go(self) -> None:
        """Ask a training that this app began to stop, as `stop` does."""
        if self.has_own():
            self.stop()

    def snapshot(self) -> Snapshot | None:
        """How the last training stands; None if there was none."""
        record = self._record()
        if record is None or not (self.runs / record.folder).is_dir():
            return None
        self._reap()
        # First whether it lives, then what it wrote: a dead one writes no more.
        lives = mark_of(record.pid) == record.mark
        files = RunFiles(self.runs / record.folder)
        status = _fresh_status(files, record)
        rows = self._rows(files) if status else []
        state, message = _state(record, status, lives)
        step = int(max(status.get("step", 0), rows[-1]["step"] if rows else 0))
        steps = int(status.get("steps", 0))
        saved = files.state.is_file() and files.spec.is_file()
        resumable = saved and state in ("stopped", "failed") and (step < steps or not steps)
        if state == "failed" and not message:
            message = self._obituary(files, saved)
        return Snapshot(
            id=f"runs/{record.folder}",
            title=record.title,
            state=state,
            message=message,
            step=step,
            steps=steps,
            eta_s=_eta(status) if state == "running" else None,
            elapsed_s=_elapsed(record, status, lives),
            rows=rows,
            preview=files.preview if files.preview.is_file() else None,
            resumable=resumable,
            explorable=state in ENDED and is_measured(files.out),
            serial=f"{record.folder}@{record.started:.3f}",
            remark=_remark(files) if status else "",
        )

    def _deciding(self) -> _Deciding:
        return _Deciding(self._lock, self.runs)

    def _refuse_second(self) -> None:
        snapshot = self.snapshot()
        if snapshot is not None and snapshot.alive:
            raise BadInput(
                f"'{snapshot.title}' is being trained, and one training runs at a time: wait "
                "until it is done, or stop it first."
            )

    def _reserve(self, name: str) -> tuple[Path, str]:
        """A new folder for a run, and its title, both numbered if the name is taken."""
        base = slug(name)
        for number in range(1, 10_000):
            mark = "" if number == 1 else f"-{number}"
            out = self.runs / f"{base}{mark}"
            try:
                out.mkdir()
            except FileExistsError:
                continue
            RunFiles(out).folder.mkdir()
            return out, name + mark.replace("-", " ")
        raise BadInput(f"the name '{name}' is taken too often: choose another.")

    def _launch(self, out: Path, title: str, arguments: Sequence[str], owner: str) -> None:
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):  # it has said its last word
                self._process.wait(10)
        check_free(RunFiles(out))  # of a training that a command line started
        command = [sys.executable, "-m", "models.train", f"--out={out}", *arguments]
        started = time.time()
        process = start_low(
            [*command, *self._options], ROOT, RunFiles(out).folder / "log.txt", ENVIRONMENT
        )
        self._process = process
        # One that has ended already has no mark, and none equals it.
        mark = mark_of(process.pid) or "ended"
        try:
            self._write(Record(out.name, title, process.pid, mark, started, owner=owner))
        except BaseException:
            end_at_once(process.pid)  # nobody would know of it
            raise
        _log.info("training '%s': kill -TERM %d asks it to stop", title, process.pid)

    def _seen(self) -> Snapshot:
        snapshot = self.snapshot()
        assert snapshot is not None  # its record was just written
        return snapshot

    def _record(self) -> Record | None:
        try:
            record = Record(**json.loads((self.runs / ".training.json").read_text()))
        except (OSError, ValueError, TypeError):
            return None
        return record if slug(record.folder) == record.folder else None

    def _write(self, record: Record) -> None:
        write_file(self.runs / ".training.json", json.dumps(asdict(record)).encode())

    def _reap(self) -> None:
        """Learn whether our own process ended; until then its id is not given out again."""
        if self._process is not None:
            self._process.poll()

    def _rows(self, files: RunFiles) -> list[dict[str, float]]:
        """metrics.csv, read again only when it has grown."""
        try:
            stat = files.metrics.stat()
            key = (str(files.metrics), stat.st_mtime_ns, stat.st_size)
            if self._metrics is None or self._metrics[0] != key:
                self._metrics = (key, read_metrics(files))
            return self._metrics[1]
        except (OSError, ValueError):
            return []

    def _obituary(self, files: RunFiles, saved: bool) -> str:
        """What to say of a process that died without a word."""
        code = self._process.returncode if self._process is not None else None
        why = "the training was ended from outside, or the memory ran out"
        if code is not None and code >= 0:
            why = "the training broke off with an error"
        tail = log_tail(files.folder / "log.txt")
        said = f" The end of its log: {tail}" if tail else ""
        advice = "Nothing had been saved yet: start it again."
        if saved:
            advice = (
                "What was saved is kept: press Resume, or run "
                f"python -m models.train --out {files.out} --resume"
            )
        return f"{why[0].upper()}{why[1:]}.{said.rstrip('.')}{'.' if said else ''} {advice}"


class _Deciding:
    """Alone in deciding over the job: among our threads, and among processes over one folder."""

    def __init__(self, lock: threading.Lock, runs: Path) -> None:
        self._lock, self._runs = lock, runs

    def __enter__(self) -> None:
        self._lock.acquire()
        try:
            self._runs.mkdir(parents=True, exist_ok=True)
            self._among = exclusive(self._runs / ".training.lock")
            self._among.__enter__()
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise _not_stored(self._runs, error) from error
            raise

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self._among.__exit__(None, None, None)
        finally:
            self._lock.release()
        if isinstance(error, OSError):
            raise _not_stored(self._runs, error) from error


def slug(name: str) -> str:
    """A folder name for a model's name: plain letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:48].strip("-") or "model"
    return f"{kept}-model" if _RESERVED.fullmatch(kept) else kept


def log_tail(path: Path) -> str:
    """The last lines of a log without its progress bars, as one line."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    return " / ".join([line for line in lines if line and not _BAR.search(line)][-TAIL_LINES:])


def _not_stored(runs: Path, error: OSError) -> BadInput:
    return BadInput(
        f"the training cannot be stored in '{runs}' ({error.strerror or error}): free some "
        "space there, or start the app with --runs and another folder."
    )


def _fresh_status(files: RunFiles, record: Record) -> dict:
    """status.json, unless it is of the process before this one."""
    try:
        status = json.loads(files.status.read_text())
        return status if status["at"] >= record.started else {}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _remark(files: RunFiles) -> str:
    """What the data card says was read."""
    try:
        return str(json.loads(files.data.read_text(encoding="utf-8")).get("remark", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def _state(record: Record, status: dict, lives: bool) -> tuple[str, str]:
    """The state of a job and what it says, from what it wrote and whether it lives."""
    written, message = status.get("state", "starting"), str(status.get("message", ""))
    if written in ENDED:
        return written, message
    if not lives and record.asked == "end":
        return "stopped", "Stopped before its first step, so nothing new was learned."
    if not lives:
        return "failed", ""
    if record.asked and written != "finishing":
        return "stopping", message
    return written, message


def _eta(status: dict) -> float | None:
    """Seconds left by now, from what was left when it was written."""
    left = status.get("eta_s", -1.0)
    return max(0.0, left - (time.time() - status["at"])) if left >= 0 else None


def _elapsed(record: Record, status: dict, lives: bool) -> float:
    until = time.time() if lives else status.get("at", record.started)
    return max(0.0, until - record.started)
