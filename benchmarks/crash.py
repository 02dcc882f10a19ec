"""Trainings that are killed: `python -m benchmarks.crash [--kills 50] [--seed 0]`.

Trains a small model of every family, layout of weights and recipe (`crash_plan.py`) once without
a stop. Then again, killed with SIGKILL at random moments and each time taken up with --resume:

    start      before the first step
    steps      at a random step, the state of some steps before it being saved
    save       while the state is being written
    measure    while the finished model is saved, measured and saved again

In the end weights, averages, optimiser, steered weights and step (state.safetensors), the curve
(metrics.csv, all but the pace), the checkpoint's weights, statistics, evaluation and examples, and
config.json (all but the time taken) must be those of the run that was never stopped, byte for byte.
The trainings are processes of their own, forked from one that has imported torch already.

The exit status is 1 if a run could not go on or if anything differed.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from safetensors import safe_open
from tqdm import tqdm

from benchmarks.crash_plan import RUNS, options_of, squares_file
from models.train import main as train
from models.training import metrics
from models.training.run import RunFiles

MOMENTS = ("steps", "save", "measure", "start")
STEPS = 24
ROWS = 8  # of metrics.csv, so that a row takes three steps and one is mostly open
SAVE_EVERY_S = 0.1
TRAININGS = 20  # of one kind at most: one that ends before its moment is followed by another
FILES = ("model.safetensors", "statistics.safetensors", "evaluation.json", "examples.png")


@dataclass
class Found:
    """What became of one training.

    Args:
        name: Of the run in `RUNS`.
        kills: How often it was killed at each moment.
        lost: How often it could not go on.
        different: What differs from the run that was never stopped.
    """

    name: str
    kills: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    different: list[str] = field(default_factory=list)


def launched(out: Path, arguments: Sequence[str]) -> BaseProcess:
    """A training as a process of its own; what it says goes to a log beside its folder."""
    process = multiprocessing.get_context("forkserver").Process(
        target=_train, args=(str(out) + ".log", list(arguments))
    )
    process.start()
    return process


def _train(log: str, arguments: list[str]) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    metrics.ROWS = ROWS
    tqdm.set_lock(threading.RLock())  # its own one would outlive a killed process
    sys.exit(train(arguments))


def arrived(moment: str, files: RunFiles, chance: random.Random) -> Callable[[], bool]:
    """Whether a training is where it is to be killed."""
    step = chance.randint(min(step_saved(files) + 1, STEPS), STEPS)
    fresh = files.state.with_name(f".{files.state.name}.new")

    def status() -> str:
        try:
            return json.loads(files.status.read_text())["state"]
        except (OSError, ValueError):
            return ""

    def rows() -> int:
        try:
            return int(files.metrics.read_bytes().split(b"\r\n")[-2].split(b",")[0])
        except (OSError, ValueError, IndexError):
            return 0

    return {
        "start": lambda: status() == "starting",
        "steps": lambda: rows() >= step,
        "save": lambda: rows() >= min(step, STEPS - ROWS) and fresh.exists(),
        "measure": lambda: status() == "finishing",
    }[moment]


def step_saved(files: RunFiles) -> int:
    """The step of the saved state; 0 if nothing is saved."""
    if not files.state.is_file():
        return 0
    with safe_open(files.state, "pt") as stored:
        return int(stored.metadata()["step"])


def killed(process: BaseProcess, there: Callable[[], bool], pause_s: float) -> bool:
    """Kill a training a moment after it is there; False if it ended before."""
    while process.is_alive():
        if there():
            time.sleep(pause_s)
            break
        time.sleep(0.002)
    process.kill()
    process.join()
    return process.exitcode == -9


def crash(name: str, folder: Path, data: str, kills: int, chance: random.Random) -> Found:
    """One training without a stop, and others like it that are killed so often in all."""
    found = Found(name)
    options = options_of(name, f"--steps={STEPS}", f"--data={data}")
    whole = folder / f"{name} whole"
    process = launched(whole, [*options, f"--out={whole}"])
    process.join()
    if process.exitcode:
        raise RuntimeError(f"{name}: see {whole}.log")
    measuring_s = (whole / "config.json").stat().st_mtime - RunFiles(whole).state.stat().st_mtime
    # The last moments of a training come last, or there would be nothing left to kill.
    moments = sorted((MOMENTS[n % 4] for n in range(kills)), key=lambda m: m == "measure")
    for number in range(TRAININGS):
        out = folder / f"{name} {number}"
        moments = kill_at(moments, out, options, measuring_s, chance, found)
        found.different += differences(whole, out)
        if not moments:
            return found
    raise RuntimeError(f"{name}: {TRAININGS} trainings ended before they were killed")


def kill_at(
    moments: list[str],
    out: Path,
    options: Sequence[str],
    measuring_s: float,
    chance: random.Random,
    found: Found,
) -> list[str]:
    """Kill a training at these moments, and let it end; the moments that it ended before."""
    every = f"--save-every={SAVE_EVERY_S}"
    arguments = [*options, f"--out={out}", every]
    for number, moment in enumerate(moments):
        files, late = RunFiles(out), measuring_s if moment == "measure" else 0.01
        there = arrived(moment, files, chance)
        process = launched(out, arguments)
        found.kills[moment] += killed(process, there, chance.uniform(0, late))
        found.lost += process.exitcode not in (0, -9)
        if process.exitcode == 0:
            return moments[number:]
        if files.spec.is_file():
            arguments = ["--resume", f"--out={out}", "--device=cpu", "--threads=1", every]
    process = launched(out, arguments)
    process.join()
    found.lost += process.exitcode != 0
    return []


def differences(whole: Path, parts: Path) -> list[str]:
    """What differs between two runs, by name."""
    one, other = tensors(RunFiles(whole)), tensors(RunFiles(parts))
    found = [name for name in sorted({*one, *other}) if one.get(name) != other.get(name)]
    if curve(RunFiles(whole)) != curve(RunFiles(parts)):
        found.append("metrics.csv")
    if untimed(whole) != untimed(parts):
        found.append("config.json")
    return found + [n for n in FILES if (whole / n).read_bytes() != (parts / n).read_bytes()]


def tensors(files: RunFiles) -> dict[str, bytes | str]:
    """Everything in a saved state as bytes, and its step."""
    with safe_open(files.state, "pt") as stored:
        step = {"step": stored.metadata()["step"]}
        keys = stored.keys()
        return step | {key: stored.get_tensor(key).numpy().tobytes() for key in keys}


def curve(files: RunFiles) -> list[str]:
    """The lines of metrics.csv without the pace, their last column."""
    return [line.rpartition(",")[0] for line in files.metrics.read_text().splitlines()]


def untimed(folder: Path) -> dict[str, object]:
    """config.json without the time that the training took."""
    config = json.loads((folder / "config.json").read_text())
    training = {k: v for k, v in config["training"].items() if k not in ("wall_s", "cpu_s")}
    return {**config, "training": training}


def shares(names: Sequence[str], kills: int) -> dict[str, int]:
    """How many of the kills each run gets."""
    return {name: kills // len(names) + (n < kills % len(names)) for n, name in enumerate(names)}


def table(found: Sequence[Found]) -> str:
    """The findings in Markdown, a row a run and one for all."""
    head = f"| run | kills | {' | '.join(MOMENTS)} | lost | different |"
    lines = [head, "|" + "---|" * (len(MOMENTS) + 4)]
    total = Found("all together", sum((f.kills for f in found), Counter()),
                  sum(f.lost for f in found), [d for f in found for d in f.different])  # fmt: skip
    for one in [*found, total]:
        cells = [one.name, one.kills.total(), *(one.kills[m] for m in MOMENTS), one.lost,
                 len(one.different)]  # fmt: skip
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crash", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--kills", type=int, default=50, help="how many in all")
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    parser.add_argument("--only", help="names of the runs, with commas (default: all)")
    parser.add_argument("--json", type=Path, help="write the findings to this file")
    options = parser.parse_args(arguments)
    multiprocessing.get_context("forkserver").set_forkserver_preload(["models.train"])
    chance, found = random.Random(options.seed), []
    wanted = shares(options.only.split(",") if options.only else list(RUNS), options.kills)
    with tempfile.TemporaryDirectory(prefix="strata-crash-") as name:
        folder = Path(name)
        data = squares_file(folder)
        for run, kills in tqdm(wanted.items(), unit=" runs"):
            found.append(crash(run, folder, data, kills, chance))
            for what in found[-1].different:
                tqdm.write(f"{run}: {what} differs", file=sys.stderr)
    print(table(found))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in found], indent=2) + "\n")
    return int(any(one.lost or one.different for one in found))


if __name__ == "__main__":
    sys.exit(main())
