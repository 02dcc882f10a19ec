"""What an evaluation is: all measures of a model on test images (docs/evaluation.md).

The quick ones (`quick.py`), as at the end of a training, and besides of a checkpoint: the
importance-weighted bound at every K, the active units as Burda et al. count them, the bound
without the inactive units, both forms of the bound where there are two, and the nearest training
images of samples. Some parts of them may be measured anew while the others stay (`again.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from models.base import HierarchicalModel, Stepwise, bottom_up, encode
from models.checkpoint.checkpoint import Checkpoint
from models.checkpoint.statistics import LevelStatistics, level_statistics
from models.data.load import Data
from models.errors import BadInput
from models.evaluation.again import BOUNDS, FORMS, LEVELS, NEIGHBOURS, PARTS, kept_measures
from models.evaluation.bounds import Bound, make_plan, measure_bounds
from models.evaluation.deletion import delete_inactive
from models.evaluation.forms import forms_measures, limit_of, measure_forms
from models.evaluation.measures import Units, seen_test_set, units
from models.evaluation.neighbours import Neighbours, find_neighbours
from models.evaluation.partial import open_partial, short_digest
from models.evaluation.quick import measures_of
from models.gaussians import factor_of
from models.likelihoods import bits_per_dim
from models.objective import is_reversible


@dataclass(frozen=True)
class Asked:
    """What is measured, and how closely.

    Args:
        images: All measures are taken over the first so many test images; None: all.
        k: Every K of the bound that is taken over the first `limit` images; empty: none.
        limit: See `k`; None: all.
        deep: A larger K, taken over `deep_images` of them chosen by the seed; 0: none.
        deep_images: See `deep`.
        draws: Draws per image behind the terms.
        samples: Samples from the prior whose nearest training images are looked up; 0: none.
        seed: Of all draws, and of a binary model's test pixels.
    """

    images: int | None = None
    k: tuple[int, ...] = (1, 50, 1000)
    limit: int | None = None
    deep: int = 5000
    deep_images: int = 1000
    draws: int = 4
    samples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class Evaluation:
    """All that was measured: the numbers, and what the report draws.

    Args:
        result: What evaluation.json holds.
        statistics: The levels over the training set, with the active units of the test set.
        bounds: The bound of every K, image by image.
        neighbours: The nearest training images of samples; None where they were left out.
        seen: The test images as the model sees them, `(N, C, H, W)`.
    """

    result: dict[str, Any]
    statistics: tuple[LevelStatistics, ...]
    bounds: tuple[Bound, ...]
    neighbours: Neighbours | None
    seen: Tensor


def headline(model: HierarchicalModel, bounds: tuple[Bound, ...], asked: Asked) -> dict[str, Any]:
    """The bounds as evaluation.json holds them; the headline is the largest K of `asked.k`.

    The deep bound is taken over a part of the images, whose mean is another: so the smaller K
    are also given over just these, where they are all known.
    """

    def facts(bound: Bound) -> dict[str, Any]:
        if model.pixel_kind != "8-bit":
            return bound.to_json()
        return bound.to_json() | {"bits_per_dim": bits_per_dim(bound.mean, model.image_shape)}

    found: dict[str, Any] = {"bounds": [facts(bound) for bound in bounds]}
    wide = [bound for bound in bounds if bound.k in asked.k]
    if wide:
        best = wide[-1]
        found |= {
            "nll_nats": best.mean, "nll_standard_error": best.standard_error,
            "k": best.k, "nll_images": len(best.images),
        }  # fmt: skip
    for deep in (bound for bound in bounds if bound.k not in asked.k):
        found["bounds_on_deep_images"] = [
            facts(bound.over(deep.images))
            for bound in bounds
            if np.isin(deep.images, bound.images).all()
        ]
    return found


def measure(
    checkpoint: Checkpoint,
    data: Data,
    asked: Asked,
    partial: Path | None = None,
    renew: bool = False,
    progress: bool = False,
    say: Callable[[str], None] = lambda _: None,
    parts: Sequence[str] = PARTS,
) -> Evaluation:
    """All measures of a checkpoint, or some parts of them anew.

    Args:
        partial: The folder of what an earlier process measured of the bound; None keeps nothing.
        renew: Take the statistics of the training set anew instead of the stored ones.
        say: Is told what is going on.
        parts: What is measured (`models.evaluation.again`); the rest stays as it is stored, and
            `asked` must be what it was asked.

    Raises:
        BadInput: The model has no likelihood of its own, so it has no bound to measure; or what
            would stay is of other weights or pictures.
    """
    model, images = checkpoint.model, data.test[: asked.images]
    _check_likelihood(checkpoint)
    x = seen_test_set(model, images, asked.seed)
    result = {} if set(parts) == set(PARTS) else kept_measures(checkpoint, data, x)
    plan = make_plan(len(x), asked.k, asked.limit, asked.deep, asked.deep_images, asked.seed)
    store = None
    if partial is not None and (plan or is_reversible(model)):
        device = model.like.device.type
        store, known = open_partial(partial, checkpoint.hash, x, asked.seed, device)
        say(known)
    bounds, neighbours, levels = (), None, checkpoint.statistics.levels
    if BOUNDS in parts:
        bounds = measure_bounds(model, x, plan, asked.seed, store, progress)
        result |= headline(model, bounds, asked)
    if LEVELS in parts:
        levels, found = _measure_levels(checkpoint, data, x, asked, renew, say)
        result |= found
    if FORMS in parts and is_reversible(model):
        say("both forms of the bound")
        forms = measure_forms(model, x, asked.draws, asked.seed, store, progress)
        result["two_forms"] = forms_measures(model, forms)
    if isinstance(model, Stepwise) and "two_forms" in result:
        result["two_forms"] = result["two_forms"] | {"limit": limit_of(model, result)}
    if NEIGHBOURS in parts and asked.samples:
        say("the nearest training images of samples")
        neighbours = find_neighbours(model, data.train, images, asked.samples, asked.seed)
        result["neighbours"] = neighbours.to_json()
    measured = {"asked": asdict(asked), "model": checkpoint.hash, "test_set": short_digest(x)}
    return Evaluation(result | measured, levels, bounds, neighbours, x)


def _check_likelihood(checkpoint: Checkpoint) -> None:
    if not checkpoint.model.has_likelihood:
        raise BadInput(
            f"{checkpoint.name} has no likelihood of its own, so there is no bound to evaluate: "
            "its PSNR on images is measured by models.convert with --data."
        )


def _measure_levels(
    checkpoint: Checkpoint,
    data: Data,
    x: Tensor,
    asked: Asked,
    renew: bool,
    say: Callable[[str], None],
) -> tuple[tuple[LevelStatistics, ...], dict[str, Any]]:
    """The levels, their active units as they are now, and all that is measured of them."""
    model, seed = checkpoint.model, asked.seed
    say("active units")
    counted = units(model, x, seed)
    levels = _levels(checkpoint, data, counted, renew, say)
    say("terms, reach and drift")
    result = measures_of(model, x, levels, asked.draws, seed)
    result["active_units_burda"] = [int(found.sum()) for found in counted.burda]
    if has_units(model, x):
        say("the bound without the inactive units")
        result["without_inactive"] = delete_inactive(model, x, levels, asked.draws, seed).to_json()
    return levels, result


def has_units(model: HierarchicalModel, x: Tensor) -> bool:
    """Whether a coordinate is a part by itself: not of fields, nor tied to others by q."""
    q = encode(model, x[:1].to(model.like)).posteriors
    return not any(
        model.fields(t) or factor_of(q[t - 1]) is not None for t in bottom_up(model.depth)
    )


def _levels(
    checkpoint: Checkpoint, data: Data, counted: Units, renew: bool, say: Callable[[str], None]
) -> tuple[LevelStatistics, ...]:
    """The statistics of the training set with the active units as they are now."""
    if renew:
        say("the aggregate posterior over the training set")
        return level_statistics(checkpoint.model, data.train, counted.active)
    stored = zip(checkpoint.statistics.levels, counted.active, strict=True)
    return tuple(replace(level, active=found.cpu()) for level, found in stored)
