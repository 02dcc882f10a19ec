"""The measures of a model and of its levels on test images (DESIGN section 3, docs/evaluation.md).

active unit   a coordinate whose covariance over test images between two independent
              means of 50 posterior draws exceeds 0.01; z_1 uses its exact mean; a spatial
              level counts channels, averaged over positions
… as Burda    the variance over test images of the mean of q(z_t | z_{t-1}) at one draw of
et al. count  z_{t-1}, as the code released with Burda et al. 2015 counts (`iwae.py`,
              `get_units_variances`), is above 0.01: what the draw below wiggles counts too
reach         over the first 256 test images, on the mean path, the mean RMS change of the
              picture between z_t − 2σ and z_t + 2σ, under `keep`, on the coordinate axis
              where it is largest
drift         how far a picture moves when it goes round: z_t on the mean path of a test
              image, its picture as the model sees an upload, and z_t of that; RMS of the
              difference over images and active coordinates, in σ
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.base import HierarchicalModel, Trace, Walk, bottom_up, encode
from models.chain import decode, draw_noise
from models.checkpoint.statistics import ACTIVE_THRESHOLD, LevelStatistics
from models.objective import estimate
from models.pixels import see, to_float
from models.policy import KEEP
from models.precision import double, exact
from models.seeds import stream

ACTIVE_DRAWS = 50
REACH_IMAGES = 256
REACH_SIGMA = 2.0


@dataclass(frozen=True)
class Units:
    """Which coordinates of z_1 … z_T are active, bool `(C,)` each.

    Args:
        active: As DESIGN section 3 defines it.
        burda: As the released code of Burda et al. 2015 counts, at one draw below.
    """

    active: tuple[Tensor, ...]
    burda: tuple[Tensor, ...]


def seen_test_set(model: HierarchicalModel, images: np.ndarray, seed: int = 0) -> Tensor:
    """Test images as the model is scored on them, `(N, C, H, W)` on the CPU.

    A binary model's are binarised once, by `seed`: image i is the same however many are read.
    """
    x = to_float(images)
    if model.pixel_kind != "binary":
        return as_uploads(model, x)
    return see(model, x, stream("test pixels", seed)).cpu()


def as_uploads(model: HierarchicalModel, x: Tensor) -> Tensor:
    """Images as the model sees uploads, a binary model's thresholded: same shape, on the CPU."""
    return torch.cat([model.as_seen(batch).cpu() for batch in batches(x, model)])


def batches(x: Tensor, model: HierarchicalModel, size: int = 250) -> Iterator[Tensor]:
    """Slices of `x` on the model's device."""
    device = model.like.device
    for start in range(0, len(x), size):
        yield x[start : start + size].to(device)


@exact()
@torch.no_grad()
def mean_terms(
    model: HierarchicalModel, x: Tensor, draws: int, seed: int = 0, size: int = 250
) -> tuple[Tensor, Tensor]:
    """Reconstruction `(N,)` and rate `(N, T)` of each image in nats, over `draws` draws.

    Args:
        size: Images at once; the noise of an image depends on it.
    """
    generator = stream("terms", seed)
    reconstructions, rates = [], []
    for batch in batches(x, model, size):
        parts = [estimate(model, batch, generator) for _ in range(draws)]
        reconstructions.append(torch.stack([p.reconstruction for p in parts]).mean(0))
        rates.append(torch.stack([p.rate for p in parts]).mean(0))
    return torch.cat(reconstructions).cpu(), torch.cat(rates).cpu()


@exact()
@torch.no_grad()
def posterior_means(
    model: HierarchicalModel, x: Tensor, draws: int, generator: torch.Generator
) -> list[Tensor]:
    """The mean of `draws` posterior draws of every level, `(N, *event)` each, z_1 first.

    Of the level that is inferred first, z_1 or with inference from the top z_T, it is the exact
    mean of q(z_t | x).
    """
    found: list[list[Tensor]] = [[] for _ in model.levels]
    (exact, *_) = model.inference_order()
    for batch in batches(x, model):
        evidence = model.evidence(batch)
        totals = [torch.zeros(())] * model.depth
        for _ in range(draws):
            eps = draw_noise(model, len(batch), generator)
            trace = encode(model, batch, eps, evidence)
            totals = [total + z.cpu() for total, z in zip(totals, trace.z[1:], strict=True)]
        means = [total / draws for total in totals]
        means[exact - 1] = model.posterior(
            exact, Walk((batch, *[None] * model.depth), evidence)
        ).mean.cpu()
        for level, mean in zip(found, means, strict=True):
            level.append(mean)
    return [torch.cat(parts) for parts in found]


@exact()
@torch.no_grad()
def one_draw_means(model: HierarchicalModel, x: Tensor, seed: int = 0) -> list[Tensor]:
    """The mean of q(z_t | …) at one draw of what is inferred before z_t, `(N, *event)` of every
    level, z_1 first."""
    generator = stream("active units of Burda et al.", seed)
    found = []
    for batch in batches(x, model):
        trace = encode(model, batch, draw_noise(model, len(batch), generator))
        found.append([q.mean.cpu() for q in trace.posteriors])
    return [torch.cat(level) for level in zip(*found, strict=True)]


def units(model: HierarchicalModel, x: Tensor, seed: int = 0) -> Units:
    """The active units of every level, counted both ways."""
    generator = stream("active units", seed)
    one = posterior_means(model, x, ACTIVE_DRAWS, generator)
    two = posterior_means(model, x, ACTIVE_DRAWS, generator)
    return Units(
        tuple(_covaries(a, b) for a, b in zip(one, two, strict=True)),
        tuple(_covaries(mean, mean) for mean in one_draw_means(model, x, seed)),
    )


def active_units(model: HierarchicalModel, x: Tensor, seed: int = 0) -> tuple[Tensor, ...]:
    """Whether each coordinate of z_1 … z_T is active, bool `(C,)` each."""
    return units(model, x, seed).active


def _covaries(a: Tensor, b: Tensor) -> Tensor:
    """Whether the covariance of two means over images exceeds the threshold, bool `(C,)`."""
    covariance = ((a - a.mean(0)) * (b - b.mean(0))).mean(0)
    return covariance.flatten(1).mean(1) > ACTIVE_THRESHOLD if a.ndim > 2 else (
        covariance > ACTIVE_THRESHOLD
    )  # fmt: skip


@exact()
@torch.no_grad()
def reach(
    model: HierarchicalModel,
    x: Tensor,
    statistics: tuple[LevelStatistics, ...],
    count: int = REACH_IMAGES,
) -> tuple[float, ...]:
    """The reach of each level, z_1 first, in pixels of [0, 1], over the first `count` images."""
    trace = _joined([model.embed(b) for b in batches(x[:count], model)])
    keep = (KEEP,) * model.depth
    found = []
    for t in bottom_up(model.depth):
        level, spread = model.level(t), statistics[t - 1].std
        changes = []
        for channel in range(level.channels):
            delta = torch.zeros(level.shape, device=trace.z[0].device)
            delta[channel] = REACH_SIGMA * spread[channel]
            low, high = (
                model.likelihood(decode(model, trace, keep, {t: sign * delta})).mean
                for sign in (-1, 1)
            )
            changes.append(float((high - low).flatten(1).square().mean(1).sqrt().mean()))
        found.append(max(changes))
    return tuple(found)


def _joined(traces: list[Trace]) -> Trace:
    """One trace of several batches; decoding needs no posteriors."""
    entries = zip(*(trace.z for trace in traces), strict=True)
    z = tuple(torch.cat(parts) for parts in entries)
    return Trace(z)


@exact()
@torch.no_grad()
def psnr_of_each(model: HierarchicalModel, x: Tensor, size: int = 250) -> Tensor:
    """The PSNR of every image's mean-path reconstruction, `(N,)`, dB; `size` images at once."""
    found = []
    for batch in batches(x, model, size):
        picture = model.likelihood(model.embed(batch).z).mean
        error = (picture - batch).flatten(1).square().mean(1).clamp_min(1e-10)
        found.append(-10 * torch.log10(error))
    return torch.cat(found).cpu()


@exact()
@torch.no_grad()
def drift(
    model: HierarchicalModel, x: Tensor, statistics: tuple[LevelStatistics, ...]
) -> tuple[float | None, ...]:
    """The round-trip drift of each level, z_1 first, in σ; None for a level with no active unit.

    Args:
        statistics: σ of the aggregate posterior, and the active units, of every level.
    """
    totals = [0.0] * model.depth
    for batch in batches(x, model):
        there = model.embed(batch)
        picture = model.as_seen(model.likelihood(there.z).mean)
        back = model.embed(picture)
        for t in bottom_up(model.depth):
            difference = back.z[t] - there.z[t]
            squares = difference.square().flatten(2).mean(2) if difference.ndim > 2 else (
                difference.square()
            )  # fmt: skip
            level = statistics[t - 1]
            active = level.active.to(squares.device)
            sigma = level.std.to(squares)[active].clamp_min(1e-12)
            totals[t - 1] += float(double(squares[:, active] / sigma.square()).sum())
    counts = [len(x) * int(level.active.sum()) for level in statistics]
    return tuple(
        (total / count) ** 0.5 if count else None
        for total, count in zip(totals, counts, strict=True)
    )
