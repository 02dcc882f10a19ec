"""The statistics of a model over given images: its axes, and terms to compare an upload with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.base import HierarchicalModel
from models.checkpoint.statistics import LevelStatistics, Statistics, level_statistics, with_sample
from models.evaluation.measures import active_units, as_uploads, mean_terms, seen_test_set
from models.pixels import to_float


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
