"""What is known of a model before any image is opened: what was measured, and what it cost.

All of it stands in the checkpoint: evaluation.json, how it was trained, its weights. What was not
measured, or not written down, is None.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

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
    measured = checkpoint.evaluation
    bounds = list(_bounds(measured)) if checkpoint.model.has_likelihood else []
    elbo = _number(measured.get("elbo_nats")) if checkpoint.model.has_likelihood else None
    error, images = measured.get("elbo_standard_error"), measured.get("n_images")
    return Facts(
        parameters=sum(weights.numel() for weights in checkpoint.model.parameters()),
        test=None if elbo is None else Measured(-elbo, _number(error), _count(images)),
        nll=max(bounds, key=lambda bound: bound.k, default=None),
        test_psnr_db=_number(measured.get("psnr_db")),
        training_min=_minutes(checkpoint.training.get("cpu_s")),
        clock_min=_minutes(checkpoint.training.get("wall_s")),
    )


def _bounds(measured: dict[str, Any]) -> Iterator[Measured]:
    """The bound at every K that is stored; older evaluations have the headline alone."""
    stored = measured.get("bounds")
    headline = {
        "k": measured.get("k"),
        "nll_nats": measured.get("nll_nats"),
        "standard_error": measured.get("nll_standard_error"),
        "images": measured.get("nll_images"),
    }
    for bound in (*(stored if isinstance(stored, list) else ()), headline):
        nats, k = _number(bound.get("nll_nats")), _count(bound.get("k"))
        if nats is not None and k is not None:
            images = _count(bound.get("images"))
            yield Measured(nats, _number(bound.get("standard_error")), images, k)


def _minutes(seconds: object) -> float | None:
    number = _number(seconds)
    return None if number is None else number / 60


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if isfinite(value) else None


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
