"""Measure a checkpoint on test images: `python -m models.evaluate CHECKPOINT --data …`.

A model class of one's own is measured as FILE.py:CLASS, by default on its own images; it has no
folder to keep measures in, so they go to --json and --report.

Prints the measures; with --write also keeps them in the checkpoint (evaluation.json, its model
card, report.html). Every number is a function of (checkpoint, data, seed) and is defined in
docs/evaluation.md. The importance-weighted bound takes by far the longest: it can be stopped or
killed at any time, and the same command goes on where it was.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from models.checkpoint.checkpoint import (
    Checkpoint,
    load_checkpoint,
    locate_checkpoint,
    pick_device,
    update_measures,
)
from models.command_line import exit_status
from models.data.load import Data, load_data
from models.errors import BadInput
from models.evaluation.again import PARTS, kept_asked, read_parts
from models.evaluation.partial import default_folder
from models.evaluation.suite import Asked, Evaluation, measure
from models.report.card import checkpoint_card, measures_table
from models.report.page import write_report
from models.sources.adapter import is_adapter, load_adapter, own_images
from models.storage.atomic import current, write_file
from models.storage.model_folder import is_measured, to_json
from models.training.finish import complete

QUICK_IMAGES, QUICK_SAMPLES = 500, 200
# Kinds of data that are not resized by habit.
OWN_SIZE = ("idx", "cifar", "npz", "avatars", "universe", "glyphs")


def load_test(checkpoint: Checkpoint, spec: str) -> tuple[Data, str]:
    """The pictures that `spec` names at the model's size, and a remark on them, or "".

    Raises:
        BadInput: They have a size of their own, and it is not the model's.
    """
    channels, side, _ = checkpoint.model.image_shape
    data = load_data(spec, image_size=side, channels=channels)
    trained_on = checkpoint.card.get("sha256")
    if not isinstance(trained_on, dict) or data.card["sha256"] == trained_on:
        return data, ""
    if data.card["kind"] in OWN_SIZE:
        height, width = load_data(spec).test.shape[1:3]
        if (height, width) != (side, side):
            raise BadInput(
                f"'{spec}' holds pictures of {height}×{width}, the model '{checkpoint.name}' "
                f"takes {side}×{side}: give the data that it was trained on "
                f"({checkpoint.card.get('source')})."
            )
    return data, (
        f"these are not the pictures that '{checkpoint.name}' was trained and measured on "
        f"({checkpoint.card.get('source')}): the numbers are of another test set."
    )


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m models.evaluate", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = parser.add_argument
    add("checkpoint", help="a checkpoint folder or Hub id, or FILE.py:CLASS, which runs the file")
    add("--data", help="as for models.train; its test part is used (FILE.py:CLASS: its images())")
    add("--quick", action="store_true", help=f"about a minute: the first {QUICK_IMAGES} images, "
        f"K = 1 and 50, {QUICK_SAMPLES} samples, the stored statistics")  # fmt: skip
    add("--images", type=int, help="take every measure over the first so many test images")
    add("--k", help="draws of the bound, such as 1,50,1000; 0 leaves it out (default: 1,50,1000, "
        "or 1,50 for 8-bit images)")  # fmt: skip
    add("--limit", type=int, help="take the bound over the first so many images (default: all)")
    add("--deep", type=int, help="a larger K over fewer images; 0: none (default: 5000 over "
        "1000, or 1000 over 100 for 8-bit images; none if --k is given)")  # fmt: skip
    add("--deep-images", type=int, help="how many, chosen by the seed")
    add("--draws", type=int, help="draws per image behind the terms (default: 4)")
    add("--samples", type=int, help="samples whose nearest training images are looked up "
        "(default: 1000); 0: none")  # fmt: skip
    add("--seed", type=int, help="of all draws (default: 0)")
    add(
        "--only",
        metavar="PARTS",
        help="measure only these parts anew, such as bounds,levels (or "
        "forms, neighbours), as they were asked before; the others stay as the checkpoint has them",
    )
    add("--device", default="cpu", help="cpu (the printed digits), cuda, mps, auto")
    add("--threads", type=int, help="CPU threads (default: all)")
    add("--partial", type=Path, default=default_folder(),
        help="folder that keeps what is known of the bound (default: %(default)s)")  # fmt: skip
    add("--json", type=Path, help="also write the measures to this file")
    add("--report", type=Path, help="also write the report to this file")
    add("--write", action="store_true", help="also keep the measures in the checkpoint, with its "
        "model card and report.html, and take its statistics anew")  # fmt: skip
    return parser


def asked_of(options: argparse.Namespace, eight_bit: bool) -> Asked:
    """What the command line asks, the defaults filled in.

    Raises:
        BadInput: A number is out of range.
    """
    wide: tuple[int, ...] = (1, 50) if eight_bit or options.quick else (1, 50, 1000)
    deep, deep_images = (1000, 100) if eight_bit else (5000, 1000)
    if options.k is not None:
        wide = parse_ks(options.k)
    if options.k is not None or options.quick:
        deep = 0
    numbers = {
        "--images": options.images, "--limit": options.limit, "--draws": options.draws,
        "--threads": options.threads, "--deep-images": options.deep_images,
    }  # fmt: skip
    for name, value in numbers.items():
        if value is not None and value < 1:
            raise BadInput(f"{name} is {value}: give at least 1.")
    for name, value in {"--deep": options.deep, "--samples": options.samples}.items():
        if value is not None and value < 0:
            raise BadInput(f"{name} is {value}: give 0 to leave it out, or more.")
    if (options.seed or 0) < 0:
        raise BadInput(f"--seed is {options.seed}: give 0 or more.")
    return Asked(
        images=options.images or (QUICK_IMAGES if options.quick else None),
        k=wide,
        limit=options.limit,
        deep=deep if options.deep is None else options.deep,
        deep_images=options.deep_images or deep_images,
        draws=options.draws or 4,
        samples=_first(options.samples, QUICK_SAMPLES if options.quick else 1000),
        seed=options.seed or 0,
    )


def asked_before(options: argparse.Namespace, checkpoint: Checkpoint) -> Asked:
    """What the checkpoint's evaluation was asked, of which parts are measured anew.

    Raises:
        BadInput: There is none of these weights, or the command line asks something else.
    """
    own = ("images", "k", "limit", "deep", "deep_images", "draws", "samples", "seed")
    if given := [name for name in own if getattr(options, name) is not None]:
        flag = given[0].replace("_", "-")
        raise BadInput(f"--only measures as it was asked before: leave --{flag} out, or --only.")
    if options.quick:
        raise BadInput("--only measures as it was asked before: leave --quick out, or --only.")
    stored = kept_asked(checkpoint)
    return Asked(**{**stored, "k": tuple(stored["k"])})


def parse_ks(text: str) -> tuple[int, ...]:
    """Numbers of draws from "1,50,1000"; "0" is none."""
    try:
        ks = tuple(sorted({int(part) for part in text.split(",")}))
    except ValueError as error:
        raise BadInput(f"--k '{text}' cannot be read: write numbers such as 1,50,1000.") from error
    if ks == (0,):
        return ()
    if ks[0] < 1:
        raise BadInput(f"--k '{text}': give numbers of at least 1, or 0 alone for no bound.")
    return ks


def _first(value: int | None, default: int) -> int:
    return default if value is None else value


def say(message: str) -> None:
    """Tell the person at the terminal what is going on, apart from the measures."""
    print(message, file=sys.stderr, flush=True)


def run(options: argparse.Namespace) -> None:
    """Measure as the command line asks."""
    own = is_adapter(options.checkpoint)
    check_asked(options, own)
    if options.threads:
        torch.set_num_threads(options.threads)
    if options.write and not is_measured(folder := locate_checkpoint(options.checkpoint)):
        complete(folder, options.data)
    load = load_adapter if own else load_checkpoint
    checkpoint = load(options.checkpoint, pick_device(options.device))
    parts = PARTS if options.only is None else read_parts(options.only)
    asked = asked_of(options, checkpoint.model.eight_bit) if options.only is None else (
        asked_before(options, checkpoint)
    )  # fmt: skip
    if options.data is None:
        data, remark = own_data(checkpoint, own_images(checkpoint))
        asked = replace(asked, samples=0)
    else:
        data, remark = load_test(checkpoint, options.data)
    if remark:
        say(f"note: {remark}")
    renew = options.write and not options.quick and options.only is None
    progress = sys.stderr.isatty()
    found = measure(checkpoint, data, asked, options.partial, renew, progress, say, parts)
    print(measures_table(found.result))
    if options.json:
        write_file(options.json, to_json(found.result))
    if options.report:
        write_file(options.report, report_of(checkpoint, data, found))
    if options.write:
        keep(checkpoint, data, found)


def check_asked(options: argparse.Namespace, own: bool) -> None:
    """Refuse what the kind of source cannot do.

    Args:
        own: Whether it is a class of the user's own.
    """
    if own and options.only is not None:
        raise BadInput(
            f"--only renews parts of an evaluation that is kept, and '{options.checkpoint}' keeps "
            "none: leave --only out."
        )
    if own and options.write:
        raise BadInput(
            f"--write keeps measures in a checkpoint folder, and '{options.checkpoint}' has none: "
            "give --json FILE for the numbers, or --report FILE.html, in its place."
        )
    if not own and options.data is None:
        raise BadInput(
            "--data is missing: name the pictures that the checkpoint is measured on, such as the "
            "test part of what it was trained on."
        )


def own_data(checkpoint: Checkpoint, images: np.ndarray) -> tuple[Data, str]:
    """A class's own images as data without a training part, and a remark on them.

    Its statistics are of these images too, so that what `train` is read for is at hand.
    """
    digest = hashlib.sha256(images.tobytes()).hexdigest()
    card = {**checkpoint.card, "source": str(checkpoint.path), "sha256": {"test": digest}}
    remark = (
        f"measured on {checkpoint.card['title']}; what it was trained on is not known here, so the "
        "nearest training images of samples are left out."
    )
    return Data(images, images, dict(card), {}), remark


def report_of(checkpoint: Checkpoint, data: Data, found: Evaluation) -> bytes:
    """The report, in which what was not measured again stays as the checkpoint's own has it."""
    path = current(checkpoint.path, "report.html")
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    return write_report(checkpoint, data, found, before)


def keep(checkpoint: Checkpoint, data: Data, found: Evaluation) -> None:
    """Write the measures, the card and the report into the checkpoint's folder, all or none."""
    card = checkpoint_card(checkpoint, found.result)
    statistics = replace(checkpoint.statistics, levels=found.statistics)
    report = report_of(checkpoint, data, found)
    update_measures(checkpoint, statistics, found.result, card, report)
    say(f"kept in '{checkpoint.path}': evaluation.json, README.md, report.html")


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        return exit_status(run, options)
    except KeyboardInterrupt:
        print(
            f"\nstopped; what is known of the bound is kept in '{options.partial}': give the "
            "same command again and it goes on from there.",
            file=sys.stderr,
        )
        return 130


if __name__ == "__main__":
    sys.exit(main())
