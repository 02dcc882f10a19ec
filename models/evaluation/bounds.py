"""The importance-weighted bound over a test set: any K, in any order, with any interruption.

    L_K(x) = log 1/K Σ_{k=1..K} w_k,   w_k = p(x, z^k) / q(z^k | x)     (Burda et al. 2015, eq. 8)

K takes the first K draws of an image, for every K: the numbers of K = 1, 50 and 1,000 share
draws. The noise of a draw is a function of (seed, image index, draw index) alone, and an image
goes through the networks by itself in calls whose sizes depend on the model only. So L_K of an
image is the same, bit for bit, whatever other images and other K are measured, in whatever
order, and however often the process was killed in between.

Two errors are stated. `standard_error` is the spread over test images, std / √N: how far the
mean would move with another test set. `half_draws_error` is what the draws leave open on this
test set, as two independent estimates show it: the two halves of an image's draws give L_{K/2}
twice, and half the square of their difference is the variance of either, without any assumption
on the weights. The error of the K draws together is not larger. (By the delta method, or by a
bootstrap of an image's draws, it comes out too small where the weights have heavy tails, since
what is missing from the draws is missing from both: docs/evaluation.md has the measured table.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from models import seeds
from models.base import HierarchicalModel, Noise
from models.errors import BadInput
from models.evaluation.onednn import packed
from models.evaluation.partial import BOUND, PartialBounds
from models.gaussians import repeated
from models.objective import log_weight, stacked
from models.precision import double, exact

NOISE_BLOCK = 50  # draws that come from one state of the counter-based generator
# Rows of one call: what fits the cache (docs/evaluation.md has the measured times).
ROWS_SMALL, ROWS_LARGE, SMALL_PIXELS = 250, 50, 2048

Plan = Mapping[int, np.ndarray]  # K → the indices of the images it is taken over, ascending


@dataclass(frozen=True)
class Bound:
    """The bound of one K over some test images, in nats.

    Args:
        k: The number of draws K.
        images: Indices of the test images, `(N,)`.
        nll: −L_K of each, `(N,)`.
        effective_draws: (Σw)² / Σw² of each, from 1 to K, `(N,)`.
        apart: −L_{K/2} of the first half of the draws less that of the second, `(N,)`; NaN for
            K = 1, where there are no halves.
    """

    k: int
    images: np.ndarray
    nll: np.ndarray
    effective_draws: np.ndarray
    apart: np.ndarray

    @property
    def mean(self) -> float:
        return float(self.nll.mean())

    @property
    def standard_error(self) -> float:
        """Of the mean over test images; 0 for a single image."""
        return standard_error(self.nll)

    @property
    def half_draws_error(self) -> float | None:
        """The standard error over draws, given these images, of the mean of −L_{K/2}: no less
        than that of −L_K. None for K = 1, where it is unknown."""
        if self.k == 1:
            return None
        return float(math.sqrt(np.square(self.apart).sum() / 2) / len(self.apart))

    def over(self, images: np.ndarray) -> Bound:
        """The same bound over some of its images, ascending."""
        kept = np.isin(self.images, images)
        parts = (self.images, self.nll, self.effective_draws, self.apart)
        return Bound(self.k, *(part[kept] for part in parts))

    def to_json(self) -> dict[str, object]:
        """What evaluation.json holds of it; the effective draws are the median over images."""
        return {
            "k": self.k,
            "images": len(self.images),
            "nll_nats": self.mean,
            "standard_error": self.standard_error,
            "half_draws_error": self.half_draws_error,
            "effective_draws": float(np.median(self.effective_draws)),
        }


def standard_error(values: np.ndarray) -> float:
    """std / √N of independent values; 0 for a single one."""
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0


def make_plan(
    count: int,
    ks: tuple[int, ...],
    limit: int | None = None,
    deep: int = 0,
    deep_images: int = 0,
    seed: int = 0,
) -> dict[int, np.ndarray]:
    """Which K is taken over which of `count` test images.

    Args:
        ks: Every K that is taken over the first `limit` images (None: all).
        deep: A larger K that is taken over fewer images; 0 leaves it out.
        deep_images: How many: a random choice by `seed` among the first `limit`.

    Raises:
        BadInput: A K below 1, or a `deep` that is not the largest.
    """
    if any(k < 1 for k in ks):
        raise BadInput(f"a bound of K = {min(ks)} draws: K must be at least 1.")
    first = count if limit is None else min(limit, count)
    plan = {k: np.arange(first) for k in sorted(set(ks))}
    if not deep:
        return plan
    if deep <= max(ks, default=0):
        raise BadInput(f"--deep {deep} must be larger than every --k, or 0 to leave it out.")
    if deep_images < 1:
        raise BadInput(f"--deep-images {deep_images}: choose at least 1, or --deep 0.")
    shuffled = seeds.choices("deep images", seed).permutation(count)
    chosen = shuffled[shuffled < first][:deep_images]
    return plan | {deep: np.sort(chosen)}


def draws_in(plan: Plan, count: int) -> np.ndarray:
    """The largest K asked of each image, int64 `(count,)`; 0 for an image in no part of it."""
    draws = np.zeros(count, np.int64)
    for k, images in plan.items():
        draws[images] = np.maximum(draws[images], k)
    return draws


def block_noise(
    model: HierarchicalModel, seed: int, image: int, block: int, draws: int = NOISE_BLOCK
) -> Noise:
    """The noise of the draws 50·block … 50·block + 49 of one image, float32 on the CPU; or of
    the first `draws` of these.
    """
    sizes = [level.size for level in model.levels]
    flat = seeds.block(seed, image, block).standard_normal((draws, sum(sizes)), np.float32)
    parts = torch.from_numpy(flat).split(sizes, dim=1)
    shaped = (p.unflatten(1, level.shape) for p, level in zip(parts, model.levels, strict=True))
    return (torch.empty(0), *shaped)


def rows_of(model: HierarchicalModel) -> int:
    """How many draws go through the networks of a model together."""
    return ROWS_SMALL if int(np.prod(model.image_shape)) <= SMALL_PIXELS else ROWS_LARGE


def calls(model: HierarchicalModel, draws: int) -> list[tuple[int, int]]:
    """The ranges of draws that go through the networks together, covering at least `draws`.

    The first call is one block of noise, so that a bound of K ≤ 50 costs no more.
    """
    rows = rows_of(model)
    edges = [0, NOISE_BLOCK] + ([rows] if rows > NOISE_BLOCK else [])
    while edges[-1] < draws:
        edges.append(edges[-1] + rows)
    return [(a, b) for a, b in pairwise(edges) if a < draws]


@exact()
@torch.inference_mode()
def image_log_weights(
    model: HierarchicalModel, x: Tensor, image: int, draws: int, seed: int
) -> np.ndarray:
    """log w_1 … log w_K of one image, float64 `(draws,)`, in nats.

    Args:
        x: The image as the model sees it, `(C, H, W)`.
        image: Its index in the test set, which its noise depends on.
    """
    like = model.like
    x = x.to(like)
    evidence = model.evidence(x[None])
    found = []
    for start, stop in calls(model, draws):
        blocks = range(start // NOISE_BLOCK, stop // NOISE_BLOCK)
        noise = [block_noise(model, seed, image, block) for block in blocks]
        eps = tuple(level.to(like) for level in stacked(noise))
        rows = stop - start
        weights = log_weight(model, x.expand(rows, *x.shape), eps, repeated(evidence, rows))
        found.append(double(weights).numpy())
    return np.concatenate(found)[:draws]


def log_mean_weight(log_weights: np.ndarray) -> float:
    """log 1/K Σ w in nats."""
    highest = log_weights.max()
    return float(highest + math.log(np.exp(log_weights - highest).mean()))


def summarise(log_weights: np.ndarray) -> tuple[float, float, float]:
    """−log 1/K Σ w in nats, the effective number of draws (Σw)² / Σw², and how far the two
    halves of the draws are apart (the fields of `Bound`)."""
    w, half = np.exp(log_weights - log_weights.max()), len(log_weights) // 2
    first, second = log_weights[:half], log_weights[half : 2 * half]
    apart = log_mean_weight(second) - log_mean_weight(first) if half else math.nan
    return -log_mean_weight(log_weights), float(w.sum() ** 2 / np.square(w).sum()), apart


def measure_bounds(
    model: HierarchicalModel,
    x: Tensor,
    plan: Plan,
    seed: int = 0,
    store: PartialBounds | None = None,
    progress: bool = False,
) -> tuple[Bound, ...]:
    """The bound of every K of a plan, ascending in K.

    Args:
        x: The test set as the model sees it, `(N, C, H, W)`.
        store: What an earlier process has measured already; kept up to date: written after the
            first image, then now and then, and when this ends in any way but being killed. None
            keeps nothing.

    Raises:
        BadInput: The model gives a weight that is no number, or the store cannot be written.
    """
    store = store if store is not None else PartialBounds.empty(len(x))
    wanted = draws_in(plan, len(x))
    missing = store.missing({(BOUND, k): images for k, images in plan.items()})
    asked = {k: np.isin(np.arange(len(x)), images) for k, images in plan.items()}
    bar = tqdm(
        total=int(wanted.sum()), initial=int(wanted[~missing].sum()), desc="bound",
        unit=" draws", unit_scale=True, disable=not progress, smoothing=0.02,
    )  # fmt: skip
    fast = packed(model)
    try:
        for i in np.flatnonzero(missing):
            weights = image_log_weights(fast, x[i], int(i), int(wanted[i]), seed)
            if not np.isfinite(weights).all():
                raise BadInput(f"test image {i} has a weight that is no number: is it trained?")
            store.add(int(i), {(BOUND, k): summarise(weights[:k]) for k in plan if asked[k][i]})
            bar.update(int(wanted[i]))
            store.save_now_and_then()
    finally:
        store.save()
        bar.close()
    return tuple(
        Bound(k, images, *store.columns[BOUND, k][images].T) for k, images in sorted(plan.items())
    )
