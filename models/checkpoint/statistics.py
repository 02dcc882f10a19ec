"""What the explorer knows of a model's latents over data: the aggregate posterior and a reference.

For each coordinate i of z_t (a channel of a spatial level, over all its positions):

    mean_i, std_i    of the aggregate posterior q(z_t) = E_x q(z_t | x), from the means and the
                     variances of q: std² = Var(means) + E[variance], no noise of its draws in it
    nats_i           E[log q(z_ti | z_{t-1}) − log p(z_ti | z_{t+1})], its share of rate_t (with
                     a full covariance given the coordinates before it, so that the shares add up)
    active_i         whether it is an active unit (DESIGN section 3)

and the principal components of the posterior means E_q[z_t | x], with the aggregate
posterior's standard deviation along each: the σ of the explorer's sliders. Of a level with
fields of its own (`HierarchicalModel.fields`) these stand in place of principal components.

Axes that are found at an image (`HierarchicalModel.local_axes`) are not known beforehand. For their
σ a model that has them keeps a sample of training images (`std_along`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import Fields, HierarchicalModel, Level, bottom_up, encode
from models.chain import draw_noise, prior_of
from models.errors import BadInput
from models.gaussians import as_rows, by_coordinate, covariances, variance_along
from models.pixels import see, to_float
from models.precision import double, exact
from models.seeds import stream
from models.storage.model_folder import Stored

ACTIVE_THRESHOLD = 0.01  # of the covariance of an active unit (DESIGN section 3)
COMPONENTS = 32  # at most so many principal components of a level are kept
SAMPLE, SAMPLE_BYTES = 256, 2_000_000  # at most so many training images, of so many bytes in all
PARTS = ("mean", "std", "nats", "active", "components", "component_std", "component_share")


@dataclass(frozen=True)
class LevelStatistics:
    """One level over the training set; C coordinates, K components.

    The components of a level with fields are directions of all its D = C·H·W numbers.

    Args:
        mean: Mean of the aggregate posterior, `(C,)`.
        std: Its standard deviation: σ along a coordinate, `(C,)`.
        nats: The share of the level's rate that each coordinate carries, `(C,)`.
        active: Whether it is an active unit, bool `(C,)`.
        components: Principal directions of the posterior means, unit rows, `(K, C)`; or `(K, D)`.
        component_std: σ of the aggregate posterior along each, `(K,)`.
        component_share: Share of the posterior means' variance, `(K,)`.
    """

    mean: Tensor
    std: Tensor
    nats: Tensor
    active: Tensor
    components: Tensor
    component_std: Tensor
    component_share: Tensor


@dataclass(frozen=True)
class Statistics:
    """All levels, and the test set as an upload is seen, for comparison.

    Args:
        levels: One entry a level, z_1 first.
        reference_elbo: ELBOs of test images in nats, ascending, `(N,)`; each the mean of
            `reference_draws` draws, a binary model seeing its images thresholded. Empty for a
            model without a likelihood of its own.
        reference_draws: Draws behind each; 0 where there are none.
        reference_reconstruction: Their mean reconstruction, nats.
        reference_rate: Their mean rates, nats, z_1 first.
        sample: Training images, uint8 `(N, H, W, C)`, of a model that finds local axes; else None.
    """

    levels: tuple[LevelStatistics, ...]
    reference_elbo: Tensor
    reference_draws: int
    reference_reconstruction: float
    reference_rate: tuple[float, ...]
    sample: Tensor | None = None

    def to_tensors(self) -> dict[str, Tensor]:
        """A flat mapping for a safetensors file."""
        tensors = {
            f"z{t}.{part}": getattr(level, part).contiguous()
            for t, level in enumerate(self.levels, start=1)
            for part in PARTS
        }
        tensors["reference.elbo"] = self.reference_elbo
        tensors["reference.draws"] = torch.tensor(self.reference_draws)
        tensors["reference.reconstruction"] = torch.tensor(self.reference_reconstruction)
        tensors["reference.rate"] = torch.tensor(self.reference_rate)
        if self.sample is not None:
            tensors["sample"] = self.sample.contiguous()
        return tensors

    @staticmethod
    def from_tensors(tensors: dict[str, Tensor], shapes: Sequence[tuple[int, ...]]) -> Statistics:
        """The reverse of `to_tensors`; BadInput names what is missing or has a wrong shape.

        Args:
            shapes: The event shapes of z_1 … z_T.
        """
        levels = tuple(_level_from(tensors, t, shape) for t, shape in enumerate(shapes, start=1))
        names = ("elbo", "draws", "reconstruction", "rate")
        elbo, draws, reconstruction, rate = (_take(tensors, f"reference.{n}") for n in names)
        if len(rate) != len(levels) or elbo.ndim != 1 or (len(elbo) == 0) != (int(draws) == 0):
            raise BadInput("statistics: the reference terms do not fit the model's levels.")
        means = tuple(rate.tolist())
        sample = tensors.get("sample")
        return Statistics(levels, elbo, int(draws), float(reconstruction), means, sample)


def _level_from(tensors: dict[str, Tensor], t: int, shape: tuple[int, ...]) -> LevelStatistics:
    parts = {part: _take(tensors, f"z{t}.{part}") for part in PARTS}
    count = len(parts["components"])
    wide = parts["components"].shape[1:] == (prod(shape),)
    shapes = dict.fromkeys(PARTS, (shape[0],))
    shapes |= {"components": (count, prod(shape) if wide else shape[0]), "component_std": (count,),
               "component_share": (count,)}  # fmt: skip
    for part, tensor in parts.items():
        if tuple(tensor.shape) != shapes[part]:
            raise BadInput(
                f"statistics: z{t}.{part} has shape {list(tensor.shape)}, "
                f"the model needs {list(shapes[part])}."
            )
    return LevelStatistics(**{**parts, "active": parts["active"].bool()})


def _take(tensors: dict[str, Tensor], name: str) -> Tensor:
    if name not in tensors:
        raise BadInput(f"statistics: '{name}' is missing; measure the model again.")
    return tensors[name]


def with_sample(statistics: Statistics, model: HierarchicalModel, images: np.ndarray) -> Statistics:
    """The same, with a sample of the training images for a model that finds local axes.

    Args:
        images: uint8 `(N, H, W, C)`; the first of them are kept.
    """
    if not model.local_count:
        return statistics
    count = min(SAMPLE, max(2, SAMPLE_BYTES // images[0].nbytes))
    return replace(statistics, sample=torch.from_numpy(images[:count].copy()))


@exact()
@torch.no_grad()
def std_along(
    model: HierarchicalModel, statistics: Statistics, t: int, directions: Tensor, seed: int = 0
) -> Tensor:
    """σ of the aggregate posterior of z_t along any unit directions, `(K,)`, over the sample.

    By the variance of the posterior means, and the mean of the posterior variances: with N images
    its relative standard error is about 1/√(2N), 4 % with 256.

    Args:
        directions: With shape `(K, *event)`.
        seed: Of a binary model's pixels.

    Raises:
        BadInput: The statistics are of before there were local axes.
    """
    if statistics.sample is None:
        raise BadInput("statistics: 'sample' is missing; measure the model again.")
    images = to_float(statistics.sample.numpy()).to(model.like)
    x = see(model, images, stream("statistics", seed))
    q = model.embed(x).q(t)
    rows, means = double(directions.flatten(1)), double(q.mean.flatten(1))
    return ((means @ rows.T).var(0) + variance_along(q, rows).mean(0)).sqrt().float()


class _FieldMoments:
    """Running moments of one level along its fields, over images."""

    def __init__(self, fields: Fields) -> None:
        self.rows = double(fields.directions.flatten(1))
        self.images, size = 0, self.rows.shape[1]
        self.squares, self.crossed_along = torch.zeros(2, len(self.rows), dtype=torch.float64)
        self.mean, self.crossed = torch.zeros(2, size, dtype=torch.float64)

    def add(self, q: Distribution, other: Distribution) -> None:
        mean, other_mean = (double(v.mean.flatten(1)) for v in (q, other))
        self.images += len(mean)
        for one, rows in ((q, mean), (other, other_mean)):
            along = rows @ self.rows.T
            self.squares += (along.square() + variance_along(one, self.rows)).sum(0) / 2
        self.mean += (mean + other_mean).sum(0) / 2
        self.crossed += (mean * other_mean).sum(0)
        self.crossed_along += ((mean @ self.rows.T) * (other_mean @ self.rows.T)).sum(0)

    def finish(self, level: LevelStatistics) -> LevelStatistics:
        """The same level, its components these fields."""
        n, mean = self.images, self.mean / self.images
        variance = self.squares / n - (self.rows @ mean).square()
        total = (self.crossed / n - mean.square()).sum()
        signal = self.crossed_along / n - (self.rows @ mean).square()
        return replace(
            level,
            components=self.rows.float(),
            component_std=variance.clamp_min(0).sqrt().float(),
            component_share=(signal / total.clamp_min(1e-12)).clamp(0, 1).float(),
        )


class _Moments:
    """Running moments of one level, over images and positions.

    The second moment of the aggregate posterior is that of the means of q, and the mean covariance
    of q besides, over two independent passes up the chain. The covariance of E_q[z_t | x] over
    images is that between the means of the two, in which the noise of the draws below t has no
    share.
    """

    def __init__(self, channels: int) -> None:
        self.rows = self.images = 0
        self.means, self.nats = torch.zeros(2, channels, dtype=torch.float64)
        self.outer, self.means_outer = torch.zeros(2, channels, channels).double()

    def add(self, q: Distribution, other: Distribution, nats: Tensor) -> None:
        self.images += len(nats)
        self.nats += as_rows(nats).sum(0)
        mean, other_mean = as_rows(q.mean), as_rows(other.mean)
        self.rows += len(mean)
        for one, rows in ((q, mean), (other, other_mean)):
            self.outer += (rows.T @ rows + covariances(one)) / 2
        self.means += (mean + other_mean).sum(0) / 2
        crossed = mean.T @ other_mean
        self.means_outer += (crossed + crossed.T) / 2

    def covariance(self, total: Tensor, outer: Tensor) -> Tensor:
        mean = total / self.rows
        return outer / self.rows - torch.outer(mean, mean)

    def finish(self, active: Tensor | None) -> LevelStatistics:
        aggregate = self.covariance(self.means, self.outer)
        of_means = self.covariance(self.means, self.means_outer)
        if active is None:
            active = of_means.diagonal() > ACTIVE_THRESHOLD
        values, vectors = torch.linalg.eigh(of_means)
        kept = min(COMPONENTS, len(values))
        components = vectors.T.flip(0)[:kept]
        # A sign that does not depend on the solver: the largest entry is positive.
        largest = components.abs().argmax(dim=1, keepdim=True)
        components = components * components.gather(1, largest).sign()
        spread = torch.einsum("kc,cd,kd->k", components, aggregate, components)
        variances = values.flip(0)[:kept].clamp_min(0)
        return LevelStatistics(
            mean=(self.means / self.rows).float(),
            std=aggregate.diagonal().clamp_min(0).sqrt().float(),
            nats=(self.nats / self.images).float(),
            active=active.cpu(),
            components=components.float(),
            component_std=spread.clamp_min(0).sqrt().float(),
            component_share=(variances / values.clamp_min(0).sum().clamp_min(1e-12)).float(),
        )


@exact()
@torch.no_grad()
def level_statistics(
    model: HierarchicalModel,
    images: np.ndarray,
    active: tuple[Tensor, ...] | None,
    seed: int = 0,
    batch: int = 512,
) -> tuple[LevelStatistics, ...]:
    """The aggregate posterior of every level over `images`, uint8 `(N, H, W, C)`.

    Args:
        active: The active units of z_1 … z_T, bool `(C,)` each. None counts a coordinate whose
            posterior means of two draws of the levels before it covary over these images: the
            same covariance as that of two means of 50 draws, less exactly.
        seed: Seed of the posterior draws and of a binary model's pixels.
        batch: Images at once.
    """
    moments = [_Moments(level.channels) for level in model.levels]
    fields = {t: _FieldMoments(own) for t in bottom_up(model.depth) if (own := model.fields(t))}
    generator = stream("statistics", seed)
    for start in range(0, len(images), batch):
        x = see(model, to_float(images[start : start + batch]), generator)
        evidence = model.evidence(x)
        trace = encode(model, x, draw_noise(model, len(x), generator), evidence)
        other = encode(model, x, draw_noise(model, len(x), generator), evidence)
        for t in bottom_up(model.depth):
            q, p, z = trace.q(t), prior_of(model, trace, t), trace.z[t]
            moments[t - 1].add(q, other.q(t), by_coordinate(q, z) - by_coordinate(p, z))
            if t in fields:
                fields[t].add(q, other.q(t))
    chosen = active or (None,) * model.depth
    levels = [m.finish(a) for m, a in zip(moments, chosen, strict=True)]
    return tuple(
        fields[t].finish(level) if t in fields else level for t, level in enumerate(levels, start=1)
    )


def read_statistics(stored: Stored, levels: Sequence[Level]) -> Statistics:
    """The statistics in a folder, of a model that has these levels."""
    tensors = stored.tensors("statistics.safetensors")
    return Statistics.from_tensors(tensors, tuple(level.shape for level in levels))
