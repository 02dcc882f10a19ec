"""What an evaluation is: all measures of a model on test images (docs/evaluation.md).

`evaluate` takes the quick ones, as at the end of a training; `measure` takes all of them of a
checkpoint: also the importance-weighted bound at every K, the active units as Burda et al.
count them, the bound without the inactive units, both forms of the bound where there are two,
and the nearest training images of samples.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from models.base import HierarchicalModel, bottom_up, encode
from models.checkpoint import Checkpoint
from models.data import Data
from models.errors import BadInput
from models.evaluation.bounds import Bound, make_plan, measure_bounds, standard_error
from models.evaluation.deletion import delete_inactive
from models.evaluation.forms import forms_measures, measure_forms
from models.evaluation.measures import (
    REACH_IMAGES,
    Units,
    drift,
    mean_terms,
    psnr_of_each,
    reach,
    seen_test_set,
    units,
)
from models.evaluation.neighbours import Neighbours, find_neighbours
from models.evaluation.partial import open_partial
from models.gaussians import factor_of
from models.likelihoods import bits_per_dim
from models.objective import is_reversible
from models.statistics import LevelStatistics, level_statistics


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


def evaluate(
    model: HierarchicalModel,
    statistics: tuple[LevelStatistics, ...],
    images: np.ndarray,
    draws: int = 4,
    seed: int = 0,
    reach_images: int = REACH_IMAGES,
) -> dict[str, Any]:
    """The quick measures of a model on test images, uint8 `(N, H, W, C)`; lists run z_1 … z_T.

    Args:
        statistics: σ of the training set, and the active units of these images.
        draws: Draws per image behind the terms.
        reach_images: The reach is taken over the first so many.
    """
    x = seen_test_set(model, images, seed)
    result = terms_measures(model, x, draws, seed) | {
        "active_units": [int(level.active.sum()) for level in statistics],
        "reach": list(reach(model, x, statistics, reach_images)),
        "drift_sigma": list(drift(model, x, statistics)),
        "n_images": len(x),
        "draws": draws,
        "seed": seed,
    }
    if model.pixel_kind != "binary":
        result |= psnr_measures(model, x)
    return result


def terms_measures(
    model: HierarchicalModel, x: Tensor, draws: int, seed: int, size: int = 250
) -> dict[str, Any]:
    """The terms of images as the model sees them, as evaluation.json holds them.

    Args:
        size: Images at once.
    """
    terms = mean_terms(model, x, draws, seed, size)
    reconstruction, rate = (values.double().numpy() for values in terms)
    elbo = reconstruction - rate.sum(1)
    result: dict[str, Any] = {
        "elbo_nats": float(elbo.mean()),
        "elbo_standard_error": standard_error(elbo),
        "reconstruction_nats": float(reconstruction.mean()),
        "reconstruction_standard_error": standard_error(reconstruction),
        "rate_nats": rate.mean(0).tolist(),
        "rate_standard_error": [standard_error(column) for column in rate.T],
    }
    if model.pixel_kind == "8-bit":
        result["bits_per_dim"] = bits_per_dim(-float(elbo.mean()), model.image_shape)
    return result


def psnr_measures(model: HierarchicalModel, x: Tensor, size: int = 250) -> dict[str, Any]:
    """The PSNR of the mean-path reconstruction, likewise."""
    ratios = psnr_of_each(model, x, size).double().numpy()
    return {"psnr_db": float(ratios.mean()), "psnr_standard_error": standard_error(ratios)}


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
) -> Evaluation:
    """All measures of a checkpoint.

    Args:
        partial: The folder of what an earlier process measured of the bound; None keeps nothing.
        renew: Take the statistics of the training set anew instead of the stored ones.
        say: Is told what is going on.

    Raises:
        BadInput: The model has no likelihood of its own, so it has no bound to measure.
    """
    if not checkpoint.model.has_likelihood:
        raise BadInput(
            f"{checkpoint.name} has no likelihood of its own, so there is no bound to evaluate: "
            "its PSNR on images is measured by models.convert with --data."
        )
    model, images = checkpoint.model, data.test[: asked.images]
    x = seen_test_set(model, images, asked.seed)
    plan = make_plan(len(x), asked.k, asked.limit, asked.deep, asked.deep_images, asked.seed)
    store = None
    two = is_reversible(model)
    if partial is not None and (plan or two):
        device = model.like.device.type
        store, known = open_partial(partial, checkpoint.hash, x, asked.seed, device)
        say(known)
    bounds = measure_bounds(model, x, plan, asked.seed, store, progress)
    say("active units")
    counted = units(model, x, asked.seed)
    levels = _levels(checkpoint, data, counted, renew, say)
    say("terms, reach and drift")
    result = evaluate(model, levels, images, asked.draws, asked.seed)
    result["active_units_burda"] = [int(found.sum()) for found in counted.burda]
    if has_units(model, x):
        say("the bound without the inactive units")
        result["without_inactive"] = delete_inactive(
            model, x, levels, asked.draws, asked.seed
        ).to_json()
    if two:
        say("both forms of the bound")
        forms = measure_forms(model, x, asked.draws, asked.seed, store, progress)
        result["two_forms"] = forms_measures(model, forms, result)
    neighbours = None
    if asked.samples:
        say("the nearest training images of samples")
        neighbours = find_neighbours(model, data.train, images, asked.samples, asked.seed)
        result["neighbours"] = neighbours.to_json()
    result |= headline(model, bounds, asked) | {"asked": asdict(asked), "model": checkpoint.hash}
    return Evaluation(result, levels, bounds, neighbours, x)


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
