"""The end of a training: the model is saved first, then measured, then saved with its measures.

So whatever happens to the measures, the model is there; `complete` takes them later.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import (
    EXAMPLES,
    as_stored,
    load_model,
    save_checkpoint,
    save_unmeasured,
)
from models.checkpoint.statistics import SAMPLE, Statistics, level_statistics, with_sample
from models.data.load import Data, load_data
from models.errors import BadInput
from models.evaluation.measures import active_units, seen_test_set
from models.evaluation.quick import evaluate
from models.evaluation.reference import with_reference
from models.report.card import model_card
from models.storage.atomic import write_file
from models.storage.model_folder import is_measured, open_stored
from models.training.asked import Run
from models.training.loop import TrainState, epoch_order
from models.training.pictures import check_by_card
from models.training.run import RunFiles, Spent, preview, write_status

REFERENCE_IMAGES, REFERENCE_DRAWS = 1000, 8
# The measurement that ends a training is a quick one; `models.evaluate --write` does it in full.
QUICK_IMAGES, QUICK_STATISTICS, QUICK_REACH = 500, 5000, 16


def finish(run: Run, data: Data, state: TrainState, files: RunFiles, spent: Spent) -> None:
    """Save the averaged weights as a checkpoint, then measure them.

    Raises:
        BadInput: They are saved, and a measure failed.
    """
    progress: dict[str, Any] = {"step": state.step, "steps": run.training.steps}
    write_status(files, "finishing", "measuring the model", **progress)
    training = {
        "preset": run.preset, "config": asdict(run.training), "steps_done": state.step,
        "data": data.card["source"],
        "wall_s": round(spent.wall_s, 1), "cpu_s": round(spent.cpu_s, 1),
    }  # fmt: skip
    save_unmeasured(
        files.out, run.name, as_stored(state.ema), data.card, training, data.test[:EXAMPLES],
        f"# {run.name}\n\nTrained, and not measured yet.\n",
    )  # fmt: skip
    try:
        own = state.ema.in_units(lambda: spreads(state.ema, data))
        model = as_stored(own).to(state.model.like.device)
        write_file(files.preview, preview(model, data.test))
        save_measured(files.out, run.name, model, data, training)
    except Exception as error:  # whatever fails here must not look like a failed training
        raise BadInput(_not_measured(files.out, error)) from error
    ended = "done" if state.step == run.training.steps else "stopped"
    write_status(files, ended, **progress)


def complete(folder: Path, spec: str) -> None:
    """Take the measures that a training saved its model without.

    Args:
        spec: The data that it was trained on, as for `load_data`.

    Raises:
        BadInput: It is other data, or there is no such model.
    """
    config, model = open_stored(folder).config(), load_model(folder)
    channels, side, _ = model.image_shape
    data = load_data(spec, image_size=side, channels=channels)
    if not check_by_card(config["data"], data, spec):
        raise BadInput(f"'{folder}' does not say what it was trained on: train it again.")
    save_measured(folder, config["name"], model, data, config["training"])


def is_finished(run: Run, state: TrainState, files: RunFiles) -> bool:
    """Whether the checkpoint of a run is that of its state, with its name and its measures."""
    if not is_measured(files.out):
        return False
    config = open_stored(files.out).config()
    return (config["name"], config["training"].get("steps_done")) == (run.name, state.step)


def save_measured(
    folder: Path, name: str, model: HierarchicalModel, data: Data, training: dict[str, Any]
) -> None:
    """Measure a model as it is stored, and save it with its measures."""
    quick = data.test[:QUICK_IMAGES]
    active = active_units(model, seen_test_set(model, quick))
    statistics = measure(model, data, active)
    result = evaluate(model, statistics.levels, quick, draws=1, reach_images=QUICK_REACH)
    card = model_card(name, model, result, data.card, training)
    save_checkpoint(
        folder, name, model, statistics, result, data.card, training, data.test[:EXAMPLES], card
    )


def spreads(model: HierarchicalModel, data: Data, seed: int = 0) -> list[torch.Tensor]:
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


def _not_measured(folder: Path, error: Exception) -> str:
    why = str(error) if isinstance(error, BadInput) else f"{type(error).__name__}: {error}"
    return (
        f"the training is over and its model is saved in '{folder}', but it could not be measured "
        f"({why}). `python -m models.train --out {folder} --resume` tries that again."
    )
