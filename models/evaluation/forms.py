"""Both exact forms of the bound of a model whose q can be read from the top (docs/theory.md).

    −ELBO = −reconstruction + consistency        + prior matching    `objective.terms_of`
    −ELBO = −reconstruction + denoising matching + prior matching    `objective.matched_terms_of`

Of every image the same draws of q(z | x) go into both: the first that the importance-weighted bound
takes too. So the totals differ by the noise of the draws alone, and the reconstruction not at all.
How much one draw for one image varies is what tells the forms apart: the root of the mean over
images of the variance between an image's draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models.base import HierarchicalModel, Noise
from models.errors import BadInput
from models.evaluation.bounds import NOISE_BLOCK, block_noise, rows_of, standard_error
from models.evaluation.partial import FORMS, PartialBounds
from models.likelihoods import bits_per_dim
from models.objective import Terms, both_forms, stacked
from models.precision import double, exact

Facts = dict[str, Any]
# The keys of the two in evaluation.json, and of what the levels below the top cost.
CONSISTENCY = ("log_ratios", "consistency_nats")
MATCHING = ("matched", "denoising_matching_nats")


@dataclass(frozen=True)
class Form:
    """One form over some images, each `(N,)`: means over an image's draws, in nats.

    Args:
        reconstruction: log p(x | z_1).
        between: What the levels below the top cost: consistency, or denoising matching.
        top: Prior matching.
        variance: Of the bound, from one draw of the image to another; NaN where there is one.
    """

    reconstruction: np.ndarray
    between: np.ndarray
    top: np.ndarray
    variance: np.ndarray

    @property
    def elbo(self) -> np.ndarray:
        return self.reconstruction - self.between - self.top

    @property
    def std_over_draws(self) -> float | None:
        """Of one draw for one image; None where an image has a single draw."""
        found = float(self.variance.mean()) ** 0.5
        return None if np.isnan(found) else found

    def to_json(self, between: str) -> Facts:
        return {
            "elbo_nats": float(self.elbo.mean()),
            "elbo_standard_error": standard_error(self.elbo),
            "std_over_draws_nats": self.std_over_draws,
            "reconstruction_nats": float(self.reconstruction.mean()),
            between: float(self.between.mean()),
            "prior_matching_nats": float(self.top.mean()),
        }


@dataclass(frozen=True)
class BothForms:
    """The two over the same draws of the same images."""

    ratios: Form
    matched: Form

    @property
    def variance_ratio(self) -> float | None:
        """The variance over draws of the second form, by that of the first."""
        first = float(self.ratios.variance.mean())
        return float(self.matched.variance.mean()) / first if first > 0 else None

    def to_json(self) -> Facts:
        apart = self.ratios.elbo - self.matched.elbo  # of their −ELBO, second less first
        return {
            CONSISTENCY[0]: self.ratios.to_json(CONSISTENCY[1]),
            MATCHING[0]: self.matched.to_json(MATCHING[1]),
            "difference_nats": float(apart.mean()),
            "difference_standard_error": standard_error(apart),
            "variance_ratio": self.variance_ratio,
        }


def forms_measures(model: HierarchicalModel, forms: BothForms) -> Facts:
    """Both forms as evaluation.json holds them."""
    found = forms.to_json()
    for name in (CONSISTENCY[0], MATCHING[0]):
        found[name] |= _in_bits(model, found[name])
    return found


def limit_of(model: HierarchicalModel, measured: Facts) -> Facts:
    """The bound that both forms tend to with infinitely many stops, likewise.

    Of a family that is trained on a part of its levels it is what the model is shown with
    (`objective.estimate`): the measured terms.
    """
    *below, top = measured["rate_nats"]
    kept = ("elbo_nats", "elbo_standard_error", "reconstruction_nats")
    found = {key: measured[key] for key in kept} | {
        MATCHING[1]: sum(below), "prior_matching_nats": top,
    }  # fmt: skip
    return found | _in_bits(model, found)


def _in_bits(model: HierarchicalModel, bound: Facts) -> Facts:
    if model.pixel_kind != "8-bit":
        return {}
    return {"bits_per_dim": bits_per_dim(-bound["elbo_nats"], model.image_shape)}


def measure_forms(
    model: HierarchicalModel,
    x: Tensor,
    draws: int,
    seed: int = 0,
    store: PartialBounds | None = None,
    progress: bool = False,
) -> BothForms:
    """Both forms over images as the model sees them, `(N, C, H, W)`.

    Images go through the networks in groups that depend on the model and on `draws` alone, and
    what is known of a group already is not measured again.

    Args:
        model: One that `is_reversible`.
        draws: Draws per image.
        store: As for `measure_bounds`.

    Raises:
        BadInput: The model gives a bound that is no number, or the store cannot be written.
    """
    store = store if store is not None else PartialBounds.empty(len(x))
    column, size = (FORMS, draws), max(1, rows_of(model) // draws)
    missing = store.missing({column: np.arange(len(x))})
    bar = tqdm(total=len(x), desc="both forms", unit=" images", disable=not progress)
    try:
        for start in range(0, len(x), size):
            group = x[start : start + size]
            if missing[start : start + size].any():
                for image, found in enumerate(_measured(model, group, start, draws, seed), start):
                    store.add(image, {column: found})
                store.save_now_and_then()
            bar.update(len(group))
    finally:
        store.save()
        bar.close()
    values = store.columns[column].T
    return BothForms(Form(*values[[0, 1, 2, 3]]), Form(*values[[0, 4, 5, 6]]))


@exact()
@torch.inference_mode()
def _measured(model: HierarchicalModel, x: Tensor, first: int, draws: int, seed: int) -> np.ndarray:
    """Of each image the reconstruction, then of either form the other fields, `(N, 7)`.

    Args:
        first: The index in the test set of the first image, which the noise depends on.
    """
    noise = [first_noise(model, seed, image, draws) for image in range(first, first + len(x))]
    eps, many = stacked(noise), x.repeat_interleave(draws, 0)
    found, rows = [], rows_of(model)
    for start in range(0, len(many), rows):
        at = slice(start, start + rows)
        moved = tuple(level[at].to(model.like) for level in eps)
        forms = both_forms(model, many[at].to(model.like), moved)
        found.append(torch.stack([_parts(terms) for terms in forms]))
    parts = torch.cat(found, 1).unflatten(1, (len(x), draws)).numpy()  # (2, N, draws, 3)
    totals = parts @ (1.0, -1.0, -1.0)
    if not np.isfinite(totals).all():
        wrong = first + int(np.flatnonzero(~np.isfinite(totals).all((0, 2)))[0])
        raise BadInput(f"test image {wrong} has a bound that is no number: is it trained?")
    spread = totals.var(2, ddof=1) if draws > 1 else np.full(totals.shape[:2], np.nan)
    (recon, *ratios), (_, *matched) = parts.mean(2).transpose(0, 2, 1)
    return np.stack([recon, *ratios, spread[0], *matched, spread[1]], axis=1)


def first_noise(model: HierarchicalModel, seed: int, image: int, draws: int) -> Noise:
    """The noise of the first draws of one image, as the importance-weighted bound takes them."""
    whole, rest = divmod(draws, NOISE_BLOCK)
    counts = [NOISE_BLOCK] * whole + ([rest] if rest else [])
    return stacked([block_noise(model, seed, image, b, count) for b, count in enumerate(counts)])


def _parts(terms: Terms) -> Tensor:
    """Reconstruction, what is between, and prior matching of every row, float64 `(B, 3)`."""
    reconstruction, rate = double(terms.reconstruction), double(terms.rate)
    return torch.stack([reconstruction, rate[:, :-1].sum(1), rate[:, -1]], dim=1)
