"""The quick measures of a model on test images, as evaluation.json holds them."""

from __future__ import annotations

from typing import Any

import numpy as np
from torch import Tensor

from models.base import HierarchicalModel
from models.checkpoint.statistics import LevelStatistics
from models.evaluation.bounds import standard_error
from models.evaluation.measures import (
    REACH_IMAGES,
    drift,
    mean_terms,
    psnr_of_each,
    reach,
    seen_test_set,
)
from models.likelihoods import bits_per_dim


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
    return measures_of(model, x, statistics, draws, seed, reach_images)


def measures_of(
    model: HierarchicalModel,
    x: Tensor,
    statistics: tuple[LevelStatistics, ...],
    draws: int,
    seed: int,
    reach_images: int = REACH_IMAGES,
) -> dict[str, Any]:
    """`evaluate` of images as the model sees them, `(N, C, H, W)`."""
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
