"""How far the terms of an image, and the test set's mean terms, would move if taken again.

For an image: with other draws of the posterior, std / √K over its K draws. For the test set:
with other images, std / √N over its N images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from torch import Tensor

from explorer.render.groups import Group, groups
from models.checkpoint.measures import read_measures
from models.objective import Terms

if TYPE_CHECKING:
    from models.checkpoint.checkpoint import Checkpoint


@dataclass(frozen=True)
class TermErrors:
    """The standard error of each term, in nats; None where it is not known.

    Args:
        elbo_nats: Of the ELBO, which is not the sum of those of its parts.
        reconstruction_nats: Of the reconstruction.
        rate_nats: Of rate_1 … rate_T.
        group_rate_nats: Of the sums over the levels shown together, top first (`groups.py`).
        total_rate_nats: Of the sum over all.
    """

    elbo_nats: float | None
    reconstruction_nats: float | None
    rate_nats: tuple[float | None, ...]
    group_rate_nats: tuple[float | None, ...]
    total_rate_nats: float | None = None


def errors_of(drawn: Terms, together: Sequence[Group]) -> TermErrors | None:
    """The standard error std / √K of every term over K draws; None for a single one.

    Draws share no noise, but the parts of one draw do: so the errors of the ELBO and of sums of
    rates are those of the sums.

    Args:
        together: The levels whose rates are shown as one sum.
    """
    count = len(drawn.reconstruction)
    if count < 2:
        return None

    def error(values: Tensor) -> float:
        return float(values.std(correction=1)) / sqrt(count)

    return TermErrors(
        elbo_nats=error(drawn.elbo),
        reconstruction_nats=error(drawn.reconstruction),
        rate_nats=tuple(error(column) for column in drawn.rate.T),
        group_rate_nats=tuple(
            error(drawn.rate[:, [t - 1 for t in group]].sum(dim=1)) for group in together
        ),
        total_rate_nats=error(drawn.rate.sum(dim=1)),
    )


def reference_errors(checkpoint: Checkpoint) -> TermErrors:
    """The standard error of the test set's mean terms, std / √N over its N images.

    The ELBOs of the reference images are stored; the spread of the parts over images is that
    of the evaluation, where it has one, over as many images as the reference has. (A binary
    model's evaluation draws its pixels, the reference thresholds them: there it is close only.)
    The parts of one image go together, so of a sum over several levels it is not known.
    """
    reference, measured = checkpoint.statistics.reference_elbo, read_measures(checkpoint.evaluation)
    count, depth = len(reference), checkpoint.model.depth
    share = sqrt(measured.n_images / count) if measured.n_images else None

    def scaled(error: float | None) -> float | None:
        return None if share is None or error is None else error * share

    rates = measured.rate_standard_error
    listed = rates if rates is not None and len(rates) == depth else [None] * depth
    alone = tuple(scaled(error) for error in listed)
    return TermErrors(
        elbo_nats=float(reference.double().std()) / sqrt(count) if count > 1 else None,
        reconstruction_nats=scaled(measured.reconstruction_standard_error),
        rate_nats=alone,
        group_rate_nats=tuple(
            alone[group[0] - 1] if len(group) == 1 else None for group in groups(checkpoint.model)
        ),
    )
