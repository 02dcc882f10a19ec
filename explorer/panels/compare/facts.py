"""What is known of a model before any image is opened: what was measured, and what it cost.

All of it stands in the checkpoint: evaluation.json, how it was trained, its weights. What was not
measured, or not written down, is None.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from models.checkpoint.measures import read_measures

if TYPE_CHECKING:
    from models.checkpoint.checkpoint import Checkpoint


@dataclass(frozen=True)
class Measured:
    """A mean over test images, in nats.

    Args:
        nats: The mean.
        error: Its standard error.
        images: The number of images.
        k: Draws of the importance-weighted bound; 1 for the ELBO.
    """

    nats: float
    error: float | None
    images: int | None
    k: int = 1


@dataclass(frozen=True)
class Facts:
    """What is known of a model.

    Args:
        parameters: The number of trained numbers.
        test: −ELBO of its test set.
        nll: Its bound on −log p(x) at the largest K that was measured.
        test_psnr_db: PSNR of the reconstructions of its test set.
        training_min: Processor minutes that its training took.
        clock_min: Minutes that its training took on the clock.
    """

    parameters: int
    test: Measured | None = None
    nll: Measured | None = None
    test_psnr_db: float | None = None
    training_min: float | None = None
    clock_min: float | None = None


def facts_of(checkpoint: Checkpoint) -> Facts:
    """What a checkpoint tells of its model."""
    measured = read_measures(checkpoint.evaluation)
    test, nll = None, None
    if checkpoint.model.has_likelihood:
        if measured.elbo_nats is not None:
            test = Measured(-measured.elbo_nats, measured.elbo_standard_error, measured.n_images)
        bounds = (
            Measured(bound.nll_nats, bound.standard_error, bound.images, bound.k)
            for bound in measured.bounds
        )
        nll = max(bounds, key=lambda bound: bound.k, default=None)
    return Facts(
        parameters=sum(weights.numel() for weights in checkpoint.model.parameters()),
        test=test,
        nll=nll,
        test_psnr_db=measured.psnr_db,
        training_min=_minutes(checkpoint.training.get("cpu_s")),
        clock_min=_minutes(checkpoint.training.get("wall_s")),
    )


def _minutes(seconds: object) -> float | None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    return seconds / 60 if isfinite(seconds) else None
