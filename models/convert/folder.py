"""The checkpoint folder of a published model of others: what it is measured on, and its origin.

A conversion is asked for on a CPU, of a model with a hundred million parameters: it measures few
images, and `models.evaluate` measures more. Where no data is given the axes come from pictures
that the model draws itself, or from synthetic ones, and nothing is claimed of a test set.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import as_stored, save_checkpoint
from models.checkpoint.statistics import level_statistics, with_sample
from models.data.load import Data, load_data
from models.errors import BadInput
from models.evaluation.measures import seen_test_set
from models.evaluation.quick import psnr_measures, terms_measures
from models.evaluation.reference import QUICK, statistics_of, with_reference
from models.report.card import model_card
from models.sources.pictures import affordable, pictures_for

HALF = (
    "The weights are stored in half precision and computed with in single: rounding moves every "
    "weight by up to 0.05 % of its size, so numbers and pictures differ slightly from those of "
    "the file that it came from."
)


@dataclass(frozen=True)
class Origin:
    """Where a converted model came from, as its card tells it.

    Args:
        title: What was published: "an AutoencoderKL".
        source: The file or the Hub id.
        sha256: Of the weights file, in hex.
        command: What converts it again.
        notes: What else has to be known of its numbers, a sentence or more each.
    """

    title: str
    source: str
    sha256: str
    command: str
    notes: tuple[str, ...] = ()


def write_checkpoint(
    folder: Path,
    name: str,
    model: HierarchicalModel,
    origin: Origin,
    draws: bool = True,
    data: str | None = None,
    images: int | None = None,
) -> None:
    """Measure a converted model as it is stored and write its checkpoint folder.

    Args:
        draws: Whether its prior knows what pictures look like (`open_any.Foreign.draws`).
        data: What to measure it on, as for `models.train`; None: pictures as in `open_any`.
        images: How many; None: as many as are affordable at its side.

    Raises:
        BadInput: A number is out of range, or the data does not fit.
    """
    if images is not None and images < 2:
        raise BadInput(f"--images is {images}: give at least 2.")
    found = None if data is None else data_for(model, data)
    model = as_stored(model)
    count = images or affordable(model.image_shape[-1])
    result: dict[str, Any] = {}
    if found is None:
        examples, card = pictures_for(model, draws, count)
        statistics = statistics_of(model, examples)
        told = f"the {len(examples)} {card['title']}"
    else:
        card, examples = found.card, found.test[:count]
        levels = level_statistics(model, found.train[:count], None, batch=QUICK.batch)
        statistics = with_reference(model, levels, examples, QUICK.draws, batch=QUICK.batch)
        statistics = with_sample(statistics, model, found.train)
        result = few_measures(model, examples)
        told = f"the first {len(found.train[:count])} training and {len(examples)} test images"
    training: dict[str, Any] = {"converted": {**asdict(origin), "measured_on": told}}
    training["converted"]["notes"] = [HALF, *origin.notes]
    readme = model_card(name, model, result, card, training)
    save_checkpoint(folder, name, model, statistics, result, card, training, examples, readme)


def data_for(model: HierarchicalModel, spec: str) -> Data:
    """Data brought to the images of a model."""
    channels, side, _ = model.image_shape
    data = load_data(spec, image_size=side, channels=channels)
    found = data.train.shape[1:]
    if found != (side, side, channels):
        raise BadInput(
            f"--data '{spec}' has images of {found[0]}×{found[1]} with {found[2]} channels, the "
            f"model takes {side}×{side} with {channels}: give pictures that can be resized."
        )
    return data


def few_measures(model: HierarchicalModel, images: np.ndarray, seed: int = 0) -> dict[str, Any]:
    """What few test images tell, as evaluation.json holds it: the terms, and the PSNR."""
    x = seen_test_set(model, images, seed)
    result: dict[str, Any] = {"n_images": len(x), "draws": QUICK.draws, "seed": seed}
    if model.pixel_kind != "binary":
        result |= psnr_measures(model, x, QUICK.batch)
    if model.has_likelihood:
        result |= terms_measures(model, x, QUICK.draws, seed, QUICK.batch)
    return result


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that all conversions share."""
    add = parser.add_argument
    add("--out", required=True, type=Path, help="the checkpoint folder to write")
    add("--name", help="what to call the model (default: the folder's name)")
    add("--data", help="measure it on these images, as for models.train (default: pictures drawn "
        "from the model itself, or synthetic ones)")  # fmt: skip
    add("--images", type=int, help="how many images it is measured on (default: 4 to 16)")


def name_of(options: argparse.Namespace) -> str:
    return options.name or options.out.resolve().name


def command_of(options: argparse.Namespace, arguments: Sequence[str]) -> str:
    """The command that converts it again, on one line.

    Args:
        arguments: The source's name and what is its own.
    """
    shared = ["--out", str(options.out)]
    shared += ["--data", options.data] if options.data else []
    shared += ["--images", str(options.images)] if options.images else []
    return f"python -m models.convert {shlex.join([*arguments, *shared])}"
