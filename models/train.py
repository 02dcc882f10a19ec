"""Train an MHVAE: `python -m models.train --data … --levels 64,32,16 --out runs/mine`.

Interrupt it (Ctrl-C) or stop it from the page and what was learned is kept as a checkpoint;
`--resume` goes on exactly where it stopped.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import zlib
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.atomic import plain, write_file
from models.base import HierarchicalModel, ModelConfig
from models.card import model_card
from models.checkpoint import (
    EXAMPLES,
    as_stored,
    pick_device,
    save_checkpoint,
    to_json,
)
from models.data import Data, load_data
from models.errors import BadInput
from models.evaluation.measures import active_units, seen_test_set
from models.evaluation.quick import evaluate
from models.families import FAMILIES, new_model, read_family
from models.measured import with_reference
from models.mhvae import MHVAE, in_units
from models.seeds import seed_torch
from models.statistics import SAMPLE, Statistics, level_statistics, with_sample
from models.training.architectures import add_options, architecture, parse_numbers
from models.training.loop import (
    Diverged,
    TrainState,
    check_fit,
    epoch_order,
    steps_within,
    train,
)
from models.training.presets import PRESETS
from models.training.processes import ALONE, Processes, StopRequest, join_processes
from models.training.progress import Progress
from models.training.run import RunFiles, Spent, load_state, preview, write_status
from models.training.schedule import TrainConfig

FREE_BITS = 4.0
REFERENCE_IMAGES, REFERENCE_DRAWS = 1000, 8
# The measurement that ends a training is a quick one; `models.evaluate --write` does it in full.
QUICK_IMAGES, QUICK_STATISTICS, QUICK_REACH = 500, 5000, 16


@dataclass(frozen=True)
class Run:
    """All that a run was asked: enough to do it again, or to go on."""

    name: str
    preset: str | None
    data: str
    image_size: int | None
    family: str
    model: ModelConfig
    training: TrainConfig

    def to_json(self) -> bytes:
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return to_json(values | {"model": self.model.to_json(), "training": asdict(self.training)})


def by_level(text: str, name: str, depth: int) -> tuple[float, ...]:
    """One number a level; a single one stands for all."""
    numbers = parse_numbers(text, name)
    return numbers * depth if len(numbers) == 1 else numbers


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.train", description=__doc__)
    add = parser.add_argument
    add("--preset", choices=sorted(PRESETS), help="start from the recipe of a bundled model")
    add("--data", help="avatars[:N], photos[:FOLDER], an IDX folder, a folder or zip of images, "
        ".npz, hf:OWNER/NAME")  # fmt: skip
    add("--out", required=True, type=Path, help="folder of the checkpoint")
    add("--name", help="what the model is called (default: the folder's name)")
    add("--image-size", type=int, help="side that pictures are resized to")
    add_options(parser)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=int, help="optimiser steps (default 5000)")
    budget.add_argument("--minutes", type=float, help="time budget, turned into steps once")
    add("--batch", type=int, default=256, help="images a step")
    add("--lr", type=float, default=1e-3, help="peak learning rate")
    add("--free-bits", help="nats a level keeps: one number or one a level; 0: off "
        f"(default: {FREE_BITS:g}, or off with rate targets)")  # fmt: skip
    add("--rate-targets", default="", help="nats that each level is steered to: one number or one "
        "a level; empty: off")  # fmt: skip
    add("--greedy", type=float, default=0.0, help="share of the steps in which the levels are "
        "trained one after the other, bottom first; 0: off")  # fmt: skip
    add("--kl-warmup", type=float, default=0.2, help="share of the steps of KL warm-up; 0: off")
    add("--samples", type=int, default=1, help="draws K of the importance-weighted objective, "
        "which takes over in the course of the training; 1: the ELBO throughout")  # fmt: skip
    add("--weighted-from", type=float, default=0.5, help="share of the steps before it does")
    add("--seed", type=int, default=0)
    add("--device", default="auto", help="auto, cpu, cuda or mps")
    add("--precision", choices=("auto", "bf16", "fp32"), default="auto")
    add("--threads", type=int, help="CPU threads (default: all)")
    add("--resume", action="store_true", help="go on with the run in --out")
    return parser


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The options, a preset filling in what was not given."""
    parser = build_parser()
    first, _ = parser.parse_known_args(arguments)
    if first.preset:
        preset = dict(PRESETS[first.preset])
        if first.minutes is not None:
            preset.pop("steps")
        parser.set_defaults(name=first.preset, **preset)
    options = parser.parse_args(arguments)
    if options.minutes is not None and not 0 < options.minutes <= 100_000:
        raise BadInput(f"--minutes is {options.minutes}: give a number above 0.")
    if not options.resume and not options.data:
        raise BadInput(
            "--data is missing: give avatars, an IDX folder, pictures, .npz or hf:OWNER/NAME."
        )
    return options


def wants_bf16(precision: str, device: torch.device) -> bool:
    """Whether matrix products run in bfloat16: asked for, or quick on this device."""
    if precision != "auto":
        return precision == "bf16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()


def warmup_steps(steps: int) -> int:
    """Steps of learning rate warm-up: the usual 200, or a tenth of a short run."""
    return min(TrainConfig.warmup_steps, max(0, steps) // 10)


def new_run(options: argparse.Namespace, data: Data, device: torch.device) -> Run:
    """The run that the options ask for; a time budget counts as one step until measured."""
    height, _, channels = data.train.shape[1:]
    model = architecture(options, (channels, height, height))
    depth, dies = model.depth, FAMILIES[options.family][0].needs_free_bits
    targets = by_level(options.rate_targets, "--rate-targets", depth)
    default = "0" if targets or not dies else f"{FREE_BITS:g}"
    bits = by_level(default if options.free_bits is None else options.free_bits,
                    "--free-bits", depth)  # fmt: skip
    steps = options.steps if options.steps is not None else 5000
    training = TrainConfig(
        steps=steps, batch_size=options.batch, learning_rate=options.lr,
        warmup_steps=warmup_steps(steps),
        kl_warmup=options.kl_warmup, free_bits=bits if any(bits) else (), seed=options.seed,
        bf16=wants_bf16(options.precision, device),
        samples=options.samples, weighted_from=options.weighted_from,
        rate_targets=targets, greedy=options.greedy,
    )  # fmt: skip
    name = options.name or options.out.resolve().name
    return Run(
        name, options.preset, options.data, options.image_size, options.family, model, training
    )


def read_run(files: RunFiles) -> Run:
    """The run that was started in a folder."""
    try:
        raw = json.loads(files.spec.read_text())
        training = raw["training"]
        for name in ("free_bits", "rate_targets"):
            training[name] = tuple(training.get(name, ()))
        return Run(
            raw["name"],
            raw["preset"],
            raw["data"],
            raw["image_size"],
            raw.get("family", "MHVAE"),
            read_family(raw.get("family", "MHVAE"), raw["model"]),
            TrainConfig(**training),
        )
    except FileNotFoundError as error:
        raise BadInput(f"there is no run in '{files.out}': train without --resume.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise BadInput(f"'{files.spec}' cannot be read ({error}): train again.") from error


def start(options: argparse.Namespace, processes: Processes) -> tuple[Run, Data, TrainState, Spent]:
    """The run, its data and the state to train from; the same in all processes."""
    files = RunFiles(options.out)
    run = read_run(files) if options.resume else None
    spec, size = (run.data, run.image_size) if run else (options.data, options.image_size)
    say_starting(files, "getting the pictures ready", processes)
    with processes.first_here_first():
        data = load_data(spec, image_size=size)
    run = run or new_run(options, data, processes.device)
    seed_torch("initial weights", run.training.seed)
    model = new_model(run.family, run.model).to(processes.device)
    if any(isinstance(module, torch.nn.Conv2d) for module in model.modules()):
        model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    check_fit(model, data.train, run.training)
    processes.check_batch(run.training.batch_size)
    state = TrainState(model, run.training)
    spent = load_state(files, state) if options.resume else Spent()
    if options.minutes is not None and not options.resume:
        say_starting(files, "measuring how fast it trains", processes)
        steps = steps_within(state, data.train, run.training, 60 * options.minutes, processes)
        timed = replace(run.training, steps=steps, warmup_steps=warmup_steps(steps))
        run = replace(run, training=timed)
    check_same_start(run, data, state, processes)
    if processes.is_main and not options.resume:
        write_file(files.spec, run.to_json())
    return run, data, state, spent


def check_same_start(run: Run, data: Data, state: TrainState, processes: Processes) -> None:
    """Refuse processes that would not train the same weights on the same pictures."""
    processes.check_same("run", run)
    if processes.count > 1:
        weights = [value.detach().cpu().numpy() for value in state.model.state_dict().values()]
        processes.check_same("pictures", zlib.crc32(np.ascontiguousarray(data.train).data))
        processes.check_same("weights", [zlib.crc32(np.ascontiguousarray(w).data) for w in weights])
        processes.check_same("step", state.step)


def say_starting(files: RunFiles, message: str, processes: Processes) -> None:
    """Tell the page what comes before the first step, if it made a folder to be told in."""
    if processes.is_main and files.folder.is_dir():
        write_status(files, "starting", message)


def run_to_end(
    run: Run, data: Data, state: TrainState, files: RunFiles, spent: Spent,
    stop: StopRequest, processes: Processes,
) -> Spent:  # fmt: skip
    """Train until the end or until any process is asked to stop; returns the time spent in all."""
    progress = None
    if processes.is_main:
        progress = Progress(run.name, files, state, data, run.training.steps, spent)
    for record in train(state, data.train, run.training, processes):
        if progress:
            progress.add(record)
        if processes.any(stop.asked):
            break
    return progress.close() if progress else spent


def finish(run: Run, data: Data, state: TrainState, files: RunFiles, spent: Spent) -> None:
    """Measure the averaged weights and save them as a checkpoint."""
    progress: dict[str, Any] = {"step": state.step, "steps": run.training.steps}
    write_status(files, "finishing", "measuring the model", **progress)
    ema = state.ema
    model = as_stored(in_units(ema, spreads(ema, data)) if isinstance(ema, MHVAE) else ema)
    model.to(state.model.like.device)
    write_file(files.preview, preview(model, data.test))
    quick = data.test[:QUICK_IMAGES]
    active = active_units(model, seen_test_set(model, quick))
    statistics = measure(model, data, active)
    result = evaluate(model, statistics.levels, quick, draws=1, reach_images=QUICK_REACH)
    training = {
        "preset": run.preset, "config": asdict(run.training), "steps_done": state.step,
        "data": data.card["source"],
        "wall_s": round(spent.wall_s, 1), "cpu_s": round(spent.cpu_s, 1),
    }  # fmt: skip
    card = model_card(run.name, model, result, data.card, training)
    save_checkpoint(
        files.out, run.name, model, statistics, result, data.card, training,
        data.test[:EXAMPLES], card,
    )  # fmt: skip
    ended = "done" if state.step == run.training.steps else "stopped"
    write_status(files, ended, **progress)


def spreads(model: MHVAE, data: Data, seed: int = 0) -> list[torch.Tensor]:
    """σ of the aggregate posterior of z_1 … z_T over training images, each `(C,)`."""
    nothing = tuple(torch.zeros(level.channels, dtype=torch.bool) for level in model.levels)
    chosen = np.sort(epoch_order(len(data.train), seed, epoch=0)[:QUICK_STATISTICS])
    return [level.std for level in level_statistics(model, data.train[chosen], nothing, seed)]


def measure(
    model: HierarchicalModel, data: Data, active: tuple[torch.Tensor, ...], seed: int = 0
) -> Statistics:
    """The statistics that the explorer needs, from the training set and the test set."""
    chosen = epoch_order(len(data.train), seed, epoch=0)[:QUICK_STATISTICS]
    levels = level_statistics(model, data.train[np.sort(chosen)], active, seed)
    found = with_reference(model, levels, data.test[:REFERENCE_IMAGES], REFERENCE_DRAWS, seed)
    return with_sample(found, model, data.train[chosen[:SAMPLE]])


def train_and_measure(options: argparse.Namespace, processes: Processes) -> None:
    """A whole training; at its end the main process measures and saves on its own."""
    files, stop = RunFiles(options.out), StopRequest()
    run, data, state, spent = start(options, processes)
    try:
        spent = run_to_end(run, data, state, files, spent, stop, processes)
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
    processes, files = ALONE, None
    try:
        options = parse(arguments)
        processes = join_processes(pick_device(options.device))
        if options.threads:
            torch.set_num_threads(options.threads)
        files = RunFiles(options.out)
        train_and_measure(options, processes)
    except (BadInput, OSError) as error:
        if isinstance(error, Diverged) and not processes.is_main:
            return 0  # all stop at the same step, and the main process says why
        message = plain(error)
        if processes.is_main and files is not None and files.folder.is_dir():
            with contextlib.suppress(BadInput):  # the disk that is full cannot take this either
                write_status(files, "failed", message)
        print(f"error: {message}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
