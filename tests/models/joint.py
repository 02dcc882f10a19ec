"""The joint Gaussians of a linear-Gaussian chain, whose every expectation is in closed form.

Nothing here is drawn: q(z_1 … z_T | x) and p(x, z_1 … z_T) are written out from the conditionals
of the oracle, entropies are log-determinants, and E_q log p is that of a quadratic.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log, pi

import torch
from torch import Tensor

from tests.models.oracle import LinearGaussianChain

LOG_2PI = log(2 * pi)
Slots = tuple[int, ...]


@dataclass(frozen=True)
class Joint:
    """A Gaussian over z_0 … z_T laid end to end; z_0 may be left out of its variables.

    Args:
        mean: With shape `(D,)`.
        covariance: With shape `(D, D)`.
        at: Where z_t lies, by its subscript.
    """

    mean: Tensor
    covariance: Tensor
    at: dict[int, slice]

    def rows(self, slots: Slots) -> Tensor:
        return torch.cat([torch.arange(len(self.mean))[self.at[t]] for t in slots])

    def of(self, slots: Slots) -> tuple[Tensor, Tensor]:
        """Mean and covariance of some of the variables."""
        rows = self.rows(slots)
        return self.mean[rows], self.covariance[rows][:, rows]

    def entropy(self, slots: Slots, given: Slots = ()) -> Tensor:
        """H(z_slots | z_given), in nats."""
        if not slots:
            return torch.zeros((), dtype=torch.float64)
        together = entropy(self.of(slots + given)[1])
        return together - (entropy(self.of(given)[1]) if given else 0)

    def information(self, a: Slots, b: Slots, given: Slots = ()) -> Tensor:
        """I(z_a ; z_b | z_given), in nats."""
        return self.entropy(a, given) - self.entropy(a, b + given)

    def conditional(self, slots: Slots, given: Slots) -> tuple[Tensor, Tensor, Tensor]:
        """z_slots = weight · z_given + bias + noise of some covariance."""
        a, b = self.rows(slots), self.rows(given)
        cross = self.covariance[a][:, b]
        weight = torch.linalg.solve(self.covariance[b][:, b], cross.T).T
        bias = self.mean[a] - weight @ self.mean[b]
        return weight, bias, self.covariance[a][:, a] - weight @ cross.T


def entropy(covariance: Tensor) -> Tensor:
    size = len(covariance)
    return 0.5 * (covariance.logdet() + size * (1 + LOG_2PI))


def mean_log(q: Joint, p: tuple[Tensor, Tensor, Tensor], slots: Slots, given: Slots) -> Tensor:
    """E_q log p(z_slots | z_given), p(· | z) = N(weight z + bias, noise)."""
    weight, bias, noise = p
    mean, covariance = q.of(slots + given)
    size = len(bias)
    apply = torch.cat([torch.eye(size, dtype=torch.float64), -weight], dim=1)
    off = apply @ mean - bias
    spread = apply @ covariance @ apply.T + torch.outer(off, off)
    norm = noise.logdet() + size * LOG_2PI
    return -0.5 * (norm + torch.linalg.solve(noise, spread).trace())


def slots_of(sizes: tuple[int, ...], first: int) -> dict[int, slice]:
    found, start = {}, 0
    for t in range(first, len(sizes)):
        found[t] = slice(start, start + sizes[t])
        start += sizes[t]
    return found


def inferred(model: LinearGaussianChain, x: Tensor) -> Joint:
    """q(z_1 … z_T | x), from its own conditionals: q is affine in the level below."""
    at = slots_of(model.sizes, 1)
    total = at[model.depth].stop
    mean, covariance = torch.zeros(total).double(), torch.zeros(total, total).double()
    for t in range(1, model.depth + 1):
        weight, bias, noise = up(model, t)
        here, below = at[t], at.get(t - 1)
        if below is None:
            mean[here], covariance[here, here] = weight @ x.flatten() + bias, noise
            continue
        mean[here] = weight @ mean[below] + bias
        known = slice(0, below.stop)
        covariance[here, known] = weight @ covariance[below, known]
        covariance[known, here] = covariance[here, known].T
        covariance[here, here] = weight @ covariance[below, below] @ weight.T + noise
    return Joint(mean, covariance, at)


def up(model: LinearGaussianChain, t: int) -> tuple[Tensor, Tensor, Tensor]:
    """q(z_t | z_{t−1}) as weight, bias and noise, read off the model itself."""
    size = model.sizes[t - 1]
    probes = torch.cat([torch.zeros(1, size), torch.eye(size)]).double()
    chain = (probes,) * t + (None,) * (model.depth + 1 - t)
    q = model.posterior(t, chain)
    bias = q.mean[0]
    return (q.mean[1:] - bias).T, bias, q.covariance_matrix[0]  # pyright: ignore


def generative(model: LinearGaussianChain) -> Joint:
    """p(z_0 … z_T)."""
    at = slots_of(model.sizes, 0)
    total = at[model.depth].stop
    mean, covariance = torch.zeros(total).double(), torch.zeros(total, total).double()
    top = at[model.depth]
    covariance[top, top] = torch.eye(model.sizes[-1]).double()
    for t in range(model.depth, 0, -1):
        weight, bias, noise = down(model, t)
        here, above, known = at[t - 1], at[t], slice(at[t].start, total)
        mean[here] = weight @ mean[above] + bias
        covariance[here, known] = weight @ covariance[above, known]
        covariance[known, here] = covariance[here, known].T
        covariance[here, here] = weight @ covariance[above, above] @ weight.T + noise
    return Joint(mean, covariance, at)


def down(model: LinearGaussianChain, t: int) -> tuple[Tensor, Tensor, Tensor]:
    """p(z_{t−1} | z_t)."""
    return model.weight[t - 1], model.bias[t - 1], model.noise[t - 1]


def top_prior(model: LinearGaussianChain) -> tuple[Tensor, Tensor, Tensor]:
    size = model.sizes[-1]
    none = torch.zeros(size, 0).double()
    return none, torch.zeros(size).double(), torch.eye(size).double()
