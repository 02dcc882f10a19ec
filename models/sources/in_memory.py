"""A model as a `Checkpoint` in memory, measured on a few images: what the explorer opens.

The axes of a level need the aggregate posterior over images, and an upload is compared with the
terms of test images. Both are taken here for any model; how closely is an `Effort`, since a
foreign model may have a hundred million parameters and one CPU.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import EXAMPLES, Checkpoint
from models.checkpoint.statistics import LevelStatistics, Statistics, level_statistics, with_sample
from models.evaluation.measures import active_units, as_uploads, mean_terms, seen_test_set
from models.training.loop import to_float


@dataclass(frozen=True)
class Effort:
    """How closely a model is measured.

    Args:
        draws: Posterior draws an image behind its reference terms.
        batch: Images at once.
        counts_units: Whether active units are counted as DESIGN section 3 defines them, from
            means of 50 draws; otherwise from two draws an image (`level_statistics`).
    """

    draws: int
    batch: int
    counts_units: bool


CLOSE = Effort(draws=8, batch=250, counts_units=True)
QUICK = Effort(draws=1, batch=4, counts_units=False)


def measured(
    name: str,
    path: Path,
    model: HierarchicalModel,
    images: np.ndarray,
    card: dict[str, object],
    hash: str,
    effort: Effort = QUICK,
) -> Checkpoint:
    """A checkpoint of a model that has no folder of ours, measured on `images`.

    Args:
        name: What it is called.
        path: Where it came from.
        model: In evaluation mode, without gradients.
        images: uint8 `(N, H, W, C)`, of the model's side.
        card: The data card: what these images are.
        hash: What the model is known by (`hash_of`).
    """
    return Checkpoint(
        name=name, path=path, model=model, statistics=statistics_of(model, images, effort),
        evaluation={}, card=card, training={}, hash=hash, examples=images[:EXAMPLES],
    )  # fmt: skip


def statistics_of(
    model: HierarchicalModel, images: np.ndarray, effort: Effort = QUICK, seed: int = 0
) -> Statistics:
    """The statistics that the explorer needs, all of the same images, uint8 `(N, H, W, C)`."""
    active = None
    if effort.counts_units:
        active = active_units(model, seen_test_set(model, images, seed), seed)
    levels = level_statistics(model, images, active, seed, effort.batch)
    found = with_reference(model, levels, images, effort.draws, seed, effort.batch)
    return with_sample(found, model, images)


def with_reference(
    model: HierarchicalModel,
    levels: tuple[LevelStatistics, ...],
    images: np.ndarray,
    draws: int,
    seed: int = 0,
    batch: int = 250,
) -> Statistics:
    """The levels, and the terms of `images` seen as uploads are: a binary model's thresholded.

    A model without a likelihood of its own has none: its reference is empty, of 0 draws.
    """
    if not model.has_likelihood:
        return Statistics(levels, torch.zeros(0), 0, 0.0, (0.0,) * model.depth)
    x = as_uploads(model, to_float(images))
    reconstruction, rate = mean_terms(model, x, draws, seed, batch)
    elbo: Tensor = (reconstruction - rate.sum(1)).sort().values
    means = tuple(rate.mean(0).tolist())
    return Statistics(levels, elbo, draws, float(reconstruction.mean()), means)


def hash_of(model: nn.Module, besides: bytes) -> str:
    """What a model is known by: 16 hex digits over its weights and what else fixes it.

    Args:
        besides: Its source file, or its configuration.
    """
    found = hashlib.sha256(besides)
    for key, value in sorted(model.state_dict().items()):
        found.update(key.encode())
        plain = value.detach().cpu().clone(memory_format=torch.contiguous_format).flatten()
        found.update(plain.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]
