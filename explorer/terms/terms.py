"""What an image costs the model, and how usual that is.

    ELBO(x) = E_q[log p(x | z_1)] − Σ_t rate_t        in nats, averaged over seeded draws

Each term comes with its standard error over the K draws, std / √K. A model without a likelihood
of its own has no term in nats: the PSNR of its reconstruction stands in for them.

The percentile places this ELBO within those of the test images. Both tails mean something:
far below, the model finds the image strange; far above, it is simpler than anything it was
trained on (a blank page has a very high ELBO, although it is no usual picture at all).

The test images have the model's own side. A picture of another side has other terms, which are
shown by dimension; it is compared as a test image is seen, brought to the model's own side.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from explorer.images.uploads import shrunk
from explorer.render.encode import as_model_sees
from explorer.render.groups import groups
from explorer.terms.standard_errors import TermErrors, errors_of
from models.base import HierarchicalModel, Stepwise
from models.evaluation.measures import psnr_of_each
from models.likelihoods import bits_per_dim
from models.objective import Terms, estimate
from models.precision import double
from models.seeds import stream

if TYPE_CHECKING:
    from models.checkpoint.checkpoint import Checkpoint

TAIL_PERCENT = 2.5
LEAST_DRAWS = 4
_NO_LIKELIHOOD = "This model has no likelihood of its own: no image is likelier than another."
_COMPARED = " Compared at {0} × {0}, as the test images are."


@dataclass(frozen=True)
class ImageTerms:
    """The terms of one image; those in nats are None for a model without a likelihood.

    Args:
        reconstruction_nats: E_q[log p(x | z_1)].
        rate_nats: rate_1 … rate_T; below the top one may be negative.
        errors: Their standard errors over the draws; None for a single draw.
        bits_per_dim: −ELBO per dimension in bits; None for likelihoods that are not 8-bit.
        psnr_db: PSNR of the mean-path reconstruction; of a model without a likelihood alone.
        dimensions: Number of dimensions of the image.
        draws: Number of draws averaged over.
        percentile: Share of test images with a lower ELBO, from 0 to 100.
        verdict: "low", "usual" or "high"; "unknown" without a likelihood.
        explanation: The verdict in a sentence.
    """

    reconstruction_nats: float | None
    rate_nats: tuple[float, ...] | None
    bits_per_dim: float | None
    dimensions: int
    draws: int
    percentile: float | None
    verdict: str
    explanation: str
    errors: TermErrors | None = None
    psnr_db: float | None = None

    @property
    def elbo_nats(self) -> float | None:
        """The evidence lower bound; larger is better."""
        if self.reconstruction_nats is None or self.rate_nats is None:
            return None
        return self.reconstruction_nats - sum(self.rate_nats)


def image_terms(
    checkpoint: Checkpoint,
    pixels: np.ndarray,
    draws: int | None = None,
    seed: int = 0,
    own: Checkpoint | None = None,
) -> ImageTerms:
    """The terms of an image, averaged over seeded draws from the posterior.

    Args:
        checkpoint: The model for images of this side (`explorer/images/sides.py`).
        pixels: Model-sized 8-bit pixels, with shape `(H, W, C)`.
        draws: K, the number of draws; by default as many as lie behind each reference ELBO,
            since the spread of an average, and with it the percentile, depends on K.
        own: The same model at its own side, where that is another one.
    """
    steps = weighing(checkpoint, pixels, draws, seed, own)
    (found,) = (terms for terms in steps if terms is not None)
    return found


def weighing(
    checkpoint: Checkpoint,
    pixels: np.ndarray,
    draws: int | None = None,
    seed: int = 0,
    own: Checkpoint | None = None,
) -> Iterator[ImageTerms | None]:
    """The work of `image_terms` in small steps: None after each draw, the terms at the end."""
    model, own = checkpoint.model, own or checkpoint
    if not model.has_likelihood:
        yield without_likelihood(model, pixels)
        return
    draws = draws or own.statistics.reference_draws
    own_shape = own.model.image_shape
    is_own = model.image_shape == own_shape
    # A larger picture is an average over more of the same, so fewer draws tell as much of it.
    fewer = max(LEAST_DRAWS, round(draws * prod(own_shape) / prod(model.image_shape)))
    count = draws if is_own else min(draws, fewer)
    drawn = yield from _drawn(model, pixels, count, seed)
    reconstruction, rate = averaged(drawn)
    elbo = compared = reconstruction - sum(rate)
    if not is_own:
        small = averaged((yield from _drawn(own.model, shrunk(pixels, own_shape), draws, seed)))
        compared = small[0] - sum(small[1])
    percent = percentile(compared, own.statistics.reference_elbo)
    verdict = verdict_of(percent)
    side = own_shape[-1]
    bits = bits_per_dim(-elbo, model.image_shape) if model.pixel_kind == "8-bit" else None
    yield ImageTerms(
        reconstruction_nats=reconstruction,
        rate_nats=rate,
        errors=errors_of(drawn, groups(model)),
        bits_per_dim=bits,
        dimensions=prod(model.image_shape),
        draws=count,
        percentile=percent,
        verdict=verdict,
        explanation=explanation(percent, verdict) + ("" if is_own else _COMPARED.format(side)),
    )


def without_likelihood(model: HierarchicalModel, pixels: np.ndarray) -> ImageTerms:
    """What can be said of an image by a model that has no p(x | …) of its own."""
    (ratio,) = psnr_of_each(model, as_model_sees(model, pixels)).tolist()
    return ImageTerms(
        reconstruction_nats=None,
        rate_nats=None,
        bits_per_dim=None,
        dimensions=prod(model.image_shape),
        draws=0,
        percentile=None,
        verdict="unknown",
        explanation=_NO_LIKELIHOOD,
        psnr_db=ratio,
    )


def all_divergences(model: HierarchicalModel) -> bool:
    """Whether every rate shown is a KL divergence, and not only that of the top.

    So it is with inference from the top, and with a family that is trained level by level: it is
    shown with the second form of its bound (`models.objective.estimate`).
    """
    return model.infers_top_down or isinstance(model, Stepwise)


def _drawn(
    model: HierarchicalModel, pixels: np.ndarray, draws: int, seed: int
) -> Generator[None, None, Terms]:
    """The terms of an image draw by draw, `(K,)` and `(K, T)`; None after each draw."""
    x = as_model_sees(model, pixels)
    generator = stream("terms", seed)
    values = []
    for _ in range(draws):
        values.append(estimate(model, x, generator))
        yield None
    reconstruction = double(torch.cat([v.reconstruction for v in values]))
    return Terms(reconstruction, double(torch.cat([v.rate for v in values])))


def averaged(drawn: Terms) -> tuple[float, tuple[float, ...]]:
    """The reconstruction and the rates over all draws, in nats."""
    return float(drawn.reconstruction.mean()), tuple(drawn.rate.mean(dim=0).tolist())


def percentile(elbo: float, reference: Tensor) -> float:
    """Share in percent of the reference below a value, ties counted by half."""
    below = (reference < elbo).double().mean() + 0.5 * (reference == elbo).double().mean()
    return 100 * float(below)


def verdict_of(percent: float) -> str:
    """Which tail a percentile lies in, if any."""
    if percent < TAIL_PERCENT:
        return "low"
    return "high" if percent > 100 - TAIL_PERCENT else "usual"


def explanation(percent: float, verdict: str) -> str:
    """One sentence for a person on where the image lies among the test images."""
    if verdict == "low":
        return (
            f"Unusual: {_all_but(100 - percent)} of the test images are likelier to this model; "
            "how well it draws yours is for the eye to judge."
        )
    if verdict == "high":
        return (
            f"Unusually easy: likelier to this model than {_all_but(percent)} of the test images, "
            "as plain pictures are; that does not make it typical."
        )
    return f"Usual: likelier to this model than {percent:.0f} % of the test images."


def _all_but(percent: float) -> str:
    return "all" if percent >= 100 else f"{min(percent, 99.9):.1f} %"
