"""Train a model: `python -m models.train --data … --levels 64,32,16 --out runs/mine`.

What a run is (its options, pictures, state and files) is in `models/training/`; docs/training.md
says how it goes on.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import zlib
from dataclasses import replace

import torch

from models.checkpoint.checkpoint import pick_device
from models.data.load import Data, load_data
from models.errors import BadInput
from models.families.registry import new_model
from models.seeds import seed_torch
from models.storage.atomic import plain, write_file
from models.storage.model_folder import open_stored, to_json
from models.training.asked import Run, check_unchanged, continued, new_run, read_run, warmup_steps
from models.training.finish import finish, is_finished
from models.training.loop import Diverged, TrainState, check_fit, steps_within, train
from models.training.options import parse
from models.training.owner import owning
from models.training.pictures import (
    as_begun,
    check_by_card,
    pictures_of,
    read_pictures,
    save_pictures,
)
from models.training.processes import ALONE, Processes, StopRequest, join_processes
from models.training.progress import Progress
from models.training.run import RunFiles, Spent, load_state, write_status


def start(options: argparse.Namespace, processes: Processes) -> tuple[Run, Data, TrainState, Spent]:
    """The run, its data and the state to train from; the same in all processes."""
    files = RunFiles(options.out)
    say_starting(files, "getting the pictures ready", processes)
    if options.resume:
        run, data = going_on(files, options, processes)
    else:
        with processes.first_here_first():
            data = load_data(
                options.data, image_size=options.image_size, quiet=not processes.is_main
            )
        run = new_run(options, data, processes.device)
    state = fresh_state(run, processes.device)
    check_fit(state.model, data.train, run.training)
    processes.check_batch(run.training.batch_size)
    spent = load_state(files, state) if options.resume and files.state.is_file() else Spent()
    run = with_budget(run, options, state, data, processes)
    check_same_start(run, data, state, processes)
    if processes.is_main:
        keep(run, data, files, options.resume)
    return run, data, state, spent


def going_on(
    files: RunFiles, options: argparse.Namespace, processes: Processes
) -> tuple[Run, Data]:
    """The run of a folder as it goes on, and its pictures split as they were."""
    run = read_run(files)
    check_unchanged(run, options, processes.device)
    moved = {"data": options.data} if options.data else {}
    if "name" in options.given:
        moved["name"] = options.name
    run = replace(run, **moved)
    channels, side, _ = run.model.image_shape
    try:
        with processes.first_here_first():
            data = load_data(
                run.data, image_size=side, channels=channels, quiet=not processes.is_main
            )
    except BadInput as error:
        advice = "" if options.data else (
            f" The run was started on '{run.data}': where its pictures have moved, add --data and "
            "their new place."
        )  # fmt: skip
        raise BadInput(f"{error}{advice}") from error
    return run, the_same(files, data, run.data, processes)


def the_same(files: RunFiles, data: Data, spec: str, processes: Processes) -> Data:
    """The pictures that a run was started with, split as they were."""
    begun, left_out, remark = read_pictures(files), 0, ""
    if begun is not None:
        data, left_out = as_begun(begun, data, spec)
    elif not check_by_card(card_of(files), data, spec):
        remark = (
            "an older Strata began this run, and with which pictures is not known: it goes on with "
            f"those in '{spec}' as they are now"
        )
    if left_out:
        remark = (
            f"'{spec}' holds {left_out:,} pictures that this run was not started with: they are "
            "left out, and the split is as it was"
        )
    if remark and processes.is_main:
        print(f"note: {remark}.", file=sys.stderr)
    return data


def card_of(files: RunFiles) -> dict[str, object]:
    """The data card of the checkpoint that a run has saved; empty if it has none."""
    try:
        return open_stored(files.out).config()["data"]
    except BadInput:
        return {}


def fresh_state(run: Run, device: torch.device) -> TrainState:
    """The state before the first step."""
    seed_torch("initial weights", run.training.seed)
    model = new_model(run.family, run.model).to(device)
    if any(isinstance(module, torch.nn.Conv2d) for module in model.modules()):
        model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return TrainState(model, run.training)


def with_budget(
    run: Run, options: argparse.Namespace, state: TrainState, data: Data, processes: Processes
) -> Run:
    """The run with the steps that `--steps` or `--minutes` allow, counted from where it is."""
    if options.minutes is not None:
        say_starting(RunFiles(options.out), "measuring how fast it trains", processes)
        more = steps_within(state, data.train, run.training, 60 * options.minutes, processes)
        if options.resume:
            return continued(run, state.step + more)
        timed = replace(run.training, steps=more, warmup_steps=warmup_steps(more))
        return replace(run, training=timed)
    return continued(run, options.steps) if options.resume and options.steps is not None else run


def keep(run: Run, data: Data, files: RunFiles, resumes: bool) -> None:
    """Write what is needed to go on; what another run left in the folder goes first."""
    if not resumes:
        for path in (files.spec, files.state, files.pictures, files.metrics, files.preview):
            path.unlink(missing_ok=True)
    if not files.pictures.is_file():
        save_pictures(files, pictures_of(data))
    write_file(files.data, to_json(data.card))
    write_file(files.spec, run.to_json())


def check_same_start(run: Run, data: Data, state: TrainState, processes: Processes) -> None:
    """Refuse processes that would not train the same weights on the same pictures."""
    processes.check_same("run", run)
    if processes.count > 1:
        weights = [value.detach().cpu().numpy() for value in state.model.state_dict().values()]
        processes.check_same("pictures", data.card["sha256"])
        processes.check_same("weights", [zlib.crc32(w.tobytes()) for w in weights])
        processes.check_same("step", state.step)


def say_starting(files: RunFiles, message: str, processes: Processes) -> None:
    """Tell the page what comes before the first step."""
    if processes.is_main:
        write_status(files, "starting", message)


def run_to_end(
    run: Run, data: Data, state: TrainState, files: RunFiles, spent: Spent,
    stop: StopRequest, processes: Processes, save_every_s: float,
) -> Spent:  # fmt: skip
    """Train until the end or until any process is asked to stop; returns the time spent in all."""
    progress = None
    if processes.is_main:
        progress = Progress(run.name, files, state, data, run.training.steps, spent, save_every_s)
    for record in train(state, data.train, run.training, processes):
        if progress:
            progress.add(record)
        if processes.any(stop.asked):
            break
    return progress.close() if progress else spent


def train_and_measure(options: argparse.Namespace, processes: Processes) -> None:
    """A whole training; at its end the main process measures and saves on its own."""
    files, stop = RunFiles(options.out), StopRequest()
    run, data, state, spent = start(options, processes)
    if state.step == run.training.steps and is_finished(run, state, files):
        processes.part()
        if processes.is_main:
            write_status(files, "done", step=state.step, steps=state.step)
            print(f"{options.out} has done its {state.step:,} steps: give more --steps or "
                  "--minutes to go on.")  # fmt: skip
        return
    try:
        spent = run_to_end(run, data, state, files, spent, stop, processes, options.save_every)
    except Diverged:
        processes.part()
        if processes.is_main and files.state.is_file():
            finish(run, data, state, files, load_state(files, state))
        raise
    processes.part()
    if processes.is_main:
        finish(run, data, state, files, spent)
        print(f"saved {options.out}: open it with  python app.py --model {options.out}")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    processes = ALONE
    try:
        options = parse(arguments)
        files = RunFiles(options.out)
        processes = join_processes(pick_device(options.device))
        if options.threads:
            torch.set_num_threads(options.threads)
        with owning(files) if processes.is_main else contextlib.nullcontext():
            try:
                train_and_measure(options, processes)
            except (BadInput, OSError) as error:
                if processes.is_main:
                    say_failed(files, plain(error))
                raise
    except (BadInput, OSError) as error:
        if isinstance(error, Diverged) and not processes.is_main:
            return 0  # all stop at the same step, and the main process says why
        print(f"error: {plain(error)}", file=sys.stderr)
        return 2
    return 0


def say_failed(files: RunFiles, message: str) -> None:
    """Tell the page why a training ended, also on a disk that is full."""
    for make_room in (lambda: None, lambda: files.preview.unlink(missing_ok=True)):
        with contextlib.suppress(BadInput, OSError):
            make_room()
            write_status(files, "failed", message)
            return


if __name__ == "__main__":
    sys.exit(main())
