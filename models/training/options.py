"""The command line of a training."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from models.errors import BadInput
from models.families.options import add_options
from models.training.presets import PRESETS

FREE_BITS = 4.0
STEPS = 5000
DESCRIPTION = """Train a model: `python -m models.train --data … --levels 64,32,16 --out runs/mine`.

Interrupt it (Ctrl-C) or stop it from the page and what was learned is kept as a checkpoint;
`--resume` goes on exactly where it stopped.
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m models.train", description=DESCRIPTION)
    add = parser.add_argument
    add("--preset", choices=sorted(PRESETS), help="start from the recipe of a bundled model")
    add("--data", help="avatars[:N], universe[:N], photos[:FOLDER], glyphs[:FOLDER], a folder of "
        "IDX files or CIFAR's batches, a folder, .zip or .tar of images, .npz, .parquet, "
        "hf:OWNER/NAME")  # fmt: skip
    add("--out", required=True, type=Path, help="folder of the checkpoint")
    add("--name", help="what the model is called (default: the folder's name)")
    add("--image-size", type=int, help="side that pictures are resized to")
    add_options(parser)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--steps", type=int, help=f"optimiser steps (default {STEPS})")
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
    add("--precision", choices=("auto", "bf16", "tf32", "fp32"), default="auto")
    add("--threads", type=int, help="CPU threads (default: all)")
    add("--save-every", type=float, default=60.0, metavar="SECONDS",
        help="what is learned is saved so often (default: 60)")  # fmt: skip
    add("--resume", action="store_true", help="go on with the run in --out: with the same pictures "
        "elsewhere if --data is given, to more --steps or for --minutes more")  # fmt: skip
    return parser


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options, a preset filling in what was not given.

    `given` among them names the options that the command line itself gave.
    """
    parser = build_parser()
    first, _ = parser.parse_known_args(arguments)
    if first.preset:
        preset = dict(PRESETS[first.preset])
        if first.minutes is not None:
            preset.pop("steps")
        parser.set_defaults(name=first.preset, **preset)
    options = parser.parse_args(arguments)
    options.given = _given(arguments)
    if options.minutes is not None and not 0 < options.minutes <= 100_000:
        raise BadInput(f"--minutes is {options.minutes}: give a number above 0.")
    if not 0 <= options.save_every <= 1e6:
        raise BadInput(f"--save-every is {options.save_every}: give seconds, from 0.")
    if not options.resume and not options.data:
        raise BadInput(
            "--data is missing: give avatars, an IDX folder, pictures, .npz or hf:OWNER/NAME."
        )
    return options


def _given(arguments: Sequence[str] | None) -> tuple[str, ...]:
    parser = build_parser()
    for action in parser._actions:
        action.default = argparse.SUPPRESS
    return tuple(vars(parser.parse_args(arguments)))
