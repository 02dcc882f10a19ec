"""The bound with the inactive units deleted: what they carry must be nothing.

In a strictly Markov chain a coordinate of z_t is read twice: by q(z_{t+1} | z_t) on the way up
and by p(z_{t-1} | z_t) on the way down. An inactive one is deleted from both:

    up      it is u ~ N(mean, σ²) of the aggregate posterior, whatever the image
    down    it is drawn from p(z_t | z'_{t+1}), whatever q said

so that nothing of the image goes through it either way. Its rate is zero. With a for the active
coordinates, a lower bound on log p(x) is left, since u is an auxiliary variable whose density
stands above and below the fraction:

    E [ log p(x | z'_1) + Σ_t Σ_{i active} log p(a_ti | z'_{t+1}) − log q(a_ti | z_{t-1}) ]

Where the units are dead it does not move. It can: the threshold of an active unit is absolute,
and below the top z_t may have any scale, so that a unit which varies little may carry much.

It is taken with the same noise of the active coordinates as the whole model's bound, with
log-ratios at every level on both sides, so that the difference has a small error.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from models.base import HierarchicalModel, Noise, Walk, known, top_down
from models.chain import draw_noise
from models.checkpoint.statistics import LevelStatistics
from models.evaluation.bounds import standard_error
from models.evaluation.measures import batches
from models.gaussians import by_coordinate, draw
from models.objective import log_weight
from models.precision import double, exact
from models.seeds import stream


@dataclass(frozen=True)
class Deletion:
    """−ELBO with and without the inactive units, in nats per image.

    Args:
        deleted: Coordinates deleted from z_1 … z_T.
        before: −ELBO of the whole model, over the same draws.
        after: −ELBO without them.
        difference_error: Standard error of `after − before`, from the images' own differences.
        nats: What the deleted units of z_1 … z_T carry of the rates over the training set.
    """

    deleted: tuple[int, ...]
    before: float
    after: float
    difference_error: float
    nats: tuple[float, ...]

    @property
    def moved(self) -> bool:
        """Whether the difference is more than three standard errors and a hundredth of a nat."""
        return abs(self.after - self.before) > max(3 * self.difference_error, 0.01)

    def to_json(self) -> dict[str, object]:
        return {
            "deleted": list(self.deleted),
            "elbo_nats_before": -self.before,
            "elbo_nats_after": -self.after,
            "difference_nats": self.after - self.before,
            "difference_standard_error": self.difference_error,
            "moved": self.moved,
            "nats_of_deleted": list(self.nats),
        }


@exact()
@torch.no_grad()
def delete_inactive(
    model: HierarchicalModel,
    x: Tensor,
    statistics: tuple[LevelStatistics, ...],
    draws: int = 4,
    seed: int = 0,
) -> Deletion:
    """Compare the bound with and without the units that `statistics` calls inactive.

    Args:
        x: The images as the model sees them, `(N, C, H, W)`.
        statistics: Active units, and the aggregate posterior's mean and σ, of every level.
        draws: Draws per image.
    """
    generator = stream("deletion", seed)
    before, after = [], []
    for batch in batches(x, model):
        for _ in range(draws):
            eps = draw_noise(model, len(batch), generator)
            fresh = draw_noise(model, len(batch), generator)
            before.append(double(log_weight(model, batch, eps)))
            after.append(double(log_weight_without(model, batch, eps, fresh, statistics)))
    deleted = tuple(int((~level.active).sum()) for level in statistics)
    whole, rest = (_by_image(values, draws) for values in (before, after))
    error = standard_error((whole - rest).numpy())
    nats = tuple(float(level.nats[~level.active].sum())
                 for level in statistics)  # fmt: skip
    return Deletion(deleted, -float(whole.mean()), -float(rest.mean()), error, nats)


def _by_image(values: list[Tensor], draws: int) -> Tensor:
    """The mean over draws of each image, `(N,)`, from one entry a batch and draw."""
    means = [torch.stack(values[i : i + draws]).mean(0) for i in range(0, len(values), draws)]
    return torch.cat(means)


def log_weight_without(
    model: HierarchicalModel,
    x: Tensor,
    eps: Noise,
    fresh: Noise,
    statistics: tuple[LevelStatistics, ...],
) -> Tensor:
    """One draw of the bound without the inactive units, `(B,)`, in nats.

    Args:
        eps: Noise of the way up, by subscript, each `(B, *event)`.
        fresh: Noise of the way down, for the inactive coordinates alone.
    """
    masks = [
        level.over(found.active).to(x.device)
        for level, found in zip(model.levels, statistics, strict=True)
    ]
    up = Walk([x] + [None] * model.depth)
    log_q = torch.zeros(len(x), device=x.device, dtype=x.dtype)
    for t in model.inference_order():
        q, found, active = model.posterior(t, up), statistics[t - 1], masks[t - 1]
        z = draw(q, eps[t])
        mean, std = (model.level(t).over(v).to(z) for v in (found.mean, found.std))
        log_q = log_q + _active_sum(by_coordinate(q, z), active)
        up = up.put(t, torch.where(active, z, mean + std * eps[t]))
    down, log_p = Walk(up), torch.zeros_like(log_q)
    for t in top_down(model.depth):
        p, active, z = model.prior(t, down), masks[t - 1], known(up, t)
        log_p = log_p + _active_sum(by_coordinate(p, z), active)
        down = down.put(t, torch.where(active, z, draw(p, fresh[t])))
    return model.likelihood(down).log_prob(x) + log_p - log_q


def _active_sum(values: Tensor, active: Tensor) -> Tensor:
    """The sum over active coordinates, `(B,)`."""
    return torch.where(active, values, 0.0).flatten(1).sum(1)
