"""How faithful a model is to photographs: `python -m models.photos CHECKPOINT --data …`.

PSNR of the mean-path reconstruction of the held-out crops, of the held-out photographs as a
person would upload them, and of photographs of another kind, at the model's own side and,
where it takes them, at 128 and 256 pixels. Also how long the picture's decode takes.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.base import HierarchicalModel, Walk, bottom_up, top_down
from models.checkpoint.checkpoint import load_checkpoint
from models.command_line import add_outputs, exit_status
from models.data.drawn.packages import roots_of
from models.data.photographs import (
    HELD_OUT,
    OTHER,
    Photo,
    cached_crops,
    find_photos,
    photo_bytes,
    photo_list,
)
from models.errors import BadInput
from models.evaluation.bounds import standard_error
from models.evaluation.measures import psnr_of_each
from models.pixels import to_float
from models.reading.pictures import fit_square, open_picture
from models.report.card import keep_measures
from models.report.photographs_section import FILE, rows
from models.storage.atomic import write_file
from models.storage.model_folder import to_json

LARGER = (128, 256)
REPEATS = 15


def uploads(photos: Iterable[Photo], roots: list[Path], sides: tuple[int, ...]) -> dict[int, Any]:
    """The photographs as uploads, by side, uint8 `(N, side, side, 3)`; none is enlarged.

    Raises:
        BadInput: See `models.data.photographs.find_photos` and `photo_bytes`.
    """
    photos = list(photos)
    fitted: dict[int, list[np.ndarray]] = {side: [] for side in sides}
    for photo, path in zip(photos, find_photos(photos, roots), strict=True):
        picture = open_picture(photo_bytes(photo, path), photo.title)
        for side in sides:
            if min(picture.size) >= side:
                fitted[side].append(fit_square(picture, (3, side, side)))
    return {side: np.stack(pictures) for side, pictures in fitted.items() if pictures}


def ratios(model: HierarchicalModel, kind: str, pictures: np.ndarray) -> dict[str, Any]:
    """PSNR of pictures, uint8 `(N, side, side, 3)`, in dB."""
    side = pictures.shape[1]
    found = psnr_of_each(model.at_side(side), to_float(pictures)).double().numpy()
    return {
        "pictures": kind, "side": side, "number": len(found), "mean": float(found.mean()),
        "standard_error": standard_error(found) if len(found) > 1 else None,
        "lowest": float(found.min()),
    }  # fmt: skip


@torch.no_grad()
def decode_ms(model: HierarchicalModel, side: int, source: int) -> tuple[float, float]:
    """Time from z_`source` down to the picture at a side, for one picture, median of some.

    Returns:
        Milliseconds on the clock, and of processor time, which a busy machine does not stretch.
    """
    sized = model.at_side(side)
    z = Walk(sized.embed(torch.full((1, *sized.image_shape), 0.5)).z)
    clock, processor = [], []
    for _ in range(REPEATS):
        started, busy = time.perf_counter(), time.process_time()
        for t in top_down(source - 1):
            z = z.put(t, sized.prior(t, z).mean)
        _ = sized.likelihood(z).mean
        clock.append(1000 * (time.perf_counter() - started))
        processor.append(1000 * (time.process_time() - busy))
    return statistics.median(clock), statistics.median(processor)


def sides_of(model: HierarchicalModel) -> tuple[int, ...]:
    """The model's own side, and those of `LARGER` that it takes."""
    own, step = model.image_shape[1], model.side_step
    return (own, *(side for side in LARGER if step and side % step == 0 and side > own))


def other_roots(roots: list[Path]) -> list[Path]:
    """Where photographs of another kind may be: `roots`, then the installed Python packages."""
    return [*roots, *(Path(entry) for entry in sys.path if Path(entry).name == "site-packages")]


def measure(model: HierarchicalModel, spec: str) -> dict[str, Any]:
    """All measures of a model on the photographs of a spec.

    Raises:
        BadInput: See `uploads`, or the model is not for RGB pictures of 64 × 64.
    """
    if model.image_shape != (3, 64, 64):
        raise BadInput(
            f"the model takes images of shape {list(model.image_shape)}: give one of [3, 64, 64], "
            "such as checkpoints/photos."
        )
    roots, sides = roots_of(spec), sides_of(model)
    _, crops = cached_crops(roots, progress=sys.stderr.isatty())
    found = [ratios(model, "crops of held-out photographs", crops)]
    kinds = {"held out, whole": (HELD_OUT, roots), "another kind": (OTHER, other_roots(roots))}
    for kind, (part, places) in kinds.items():
        fitted = uploads(photo_list(part), places, sides)
        found += [ratios(model, kind, pictures) for pictures in fitted.values()]
    return {"psnr": found}


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m models.photos", description=__doc__)
    parser.add_argument("checkpoint", help="a checkpoint folder or Hub id")
    parser.add_argument("--data", default="photos", help="photos or photos:FOLDER")
    add_outputs(parser)
    return exit_status(run, parser.parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Measure as the command line asks."""
    if options.threads:
        torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint(options.checkpoint)
    model = checkpoint.model
    facts = measure(model, options.data) | {"model": checkpoint.hash}
    print("\n".join(rows(facts)))
    threads = torch.get_num_threads()
    for side in sides_of(model):
        for t in bottom_up(model.depth):
            clock, processor = decode_ms(model, side, t)
            print(f"decode at {side} from z_{t}: {clock:.1f} ms, {processor:.1f} ms of processor "
                  f"time, {threads} thread(s)")  # fmt: skip
    if options.json:
        write_file(options.json, to_json(facts))
    if options.write:
        keep_measures(checkpoint, FILE, facts)
