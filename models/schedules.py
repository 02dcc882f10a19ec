"""Noise schedules γ(u): how the noise of a diffusion grows, u from 0 (z_1) to 1 (z_T).

    z = α x̃ + σ ε,  α² = sigmoid(−γ),  σ² = sigmoid(γ),  γ = log(σ²/α²) = −log SNR

    linear   γ = γ_min + u·(γ_max − γ_min)                       Kingma et al. 2021 (VDM)
    cosine   γ = 2 log tan θ, θ linear in u                      Nichol & Dhariwal 2021, eq. 17
    learned  γ piecewise linear, every piece and both ends free  after Kingma et al., section 3.2
    table    γ_n of a published DDPM, linear between timesteps   Ho et al. 2020, eq. 4

The cosine keeps the shape of the paper and takes its two repairs from the ends: the offset
s = 0.008 and the clipped last β only keep θ from 0 and π/2, as γ_min and γ_max do.

A denoiser is told a time from 0 to 1,000. It is the noise level itself, measured between γ_min
and γ_max, so that what was trained under one schedule is right under any other; a published
network is told the timestep that it knows.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.errors import BadInput

TIMES = 1000.0  # the largest time that a denoiser is told
PIECES = 64  # of a learned schedule
LEAST_PIECE = 0.01  # of its average; with none at all two stops would fall together
MAX_STOPS = 100_000


class Schedule(nn.Module, abc.ABC):
    """γ(u), rising from u = 0 to u = 1.

    Args:
        least: γ(0) at first; a learned schedule may leave it.
        most: γ(1) at first.
    """

    learned: bool = False

    def __init__(self, least: float, most: float) -> None:
        super().__init__()
        self.least, self.most = least, most

    @abc.abstractmethod
    def gamma(self, u: Tensor) -> Tensor:
        """γ at every u in [0, 1], same shape."""

    @abc.abstractmethod
    def slope(self, u: Tensor) -> Tensor:
        """dγ/du, same shape; positive."""

    def time(self, u: Tensor) -> Tensor:
        """What the denoiser is told at u, same shape."""
        return TIMES * (self.gamma(u) - self.least) / (self.most - self.least)

    def spread(self, count: int) -> tuple[float, ...]:
        """u of `count` stops, from 0 to 1: evenly in u.

        Raises:
            BadInput: The schedule has no such number of stops.
        """
        check_count(count)
        return tuple(k / (count - 1) for k in range(count))


def check_count(count: int) -> None:
    if not 2 <= count <= MAX_STOPS:
        raise BadInput(
            f"{count} stops on the noise schedule: give from 2 (z_1 and z_T) to {MAX_STOPS:,}."
        )


class LinearSchedule(Schedule):
    """γ linear in u."""

    def gamma(self, u: Tensor) -> Tensor:
        return self.least + u * (self.most - self.least)

    def slope(self, u: Tensor) -> Tensor:
        return torch.full_like(u, self.most - self.least)


class CosineSchedule(Schedule):
    """√ᾱ = cos θ with θ linear in u, from tan θ = exp(γ_min/2) to exp(γ_max/2)."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)
        self.first, self.last = (math.atan(math.exp(gamma / 2)) for gamma in (least, most))
        self.left = math.atan(math.exp(-most / 2))  # π/2 − last, with all its digits

    def gamma(self, u: Tensor) -> Tensor:
        # Near π/2 the tangent loses digits; from the other end the angle is exact there.
        rising = self.first + u * (self.last - self.first)
        falling = self.left + (1 - u) * (self.last - self.first)
        return 2 * (torch.log(torch.sin(rising)) - torch.log(torch.sin(falling)))

    def slope(self, u: Tensor) -> Tensor:
        rising = self.first + u * (self.last - self.first)
        return 4 * (self.last - self.first) / torch.sin(2 * rising)


class LearnedSchedule(Schedule):
    """Pieces of equal width in u whose heights are learned, and a learned γ(0).

    At first it is linear. The ends move the bound; where it is taken at few stops the shape
    does too, and with infinitely many it moves the variance of an estimate only.
    """

    learned = True

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)
        self.shift = nn.Parameter(torch.zeros(()))
        self.heights = nn.Parameter(torch.zeros(PIECES))

    def knots(self) -> Tensor:
        """γ at the ends of the pieces, `(PIECES + 1,)`."""
        average = (self.most - self.least) / PIECES
        grown = F.softplus(self.heights + math.log(math.e - 1))  # 1 where a height is 0
        pieces = average * (LEAST_PIECE + (1 - LEAST_PIECE) * grown)
        start = (self.least + self.shift).view(1)
        return torch.cat([start, start + pieces.cumsum(0)])

    def gamma(self, u: Tensor) -> Tensor:
        return interpolate(self.knots(), as_like(u, self.heights))[0]

    def slope(self, u: Tensor) -> Tensor:
        return interpolate(self.knots(), as_like(u, self.heights))[1]


class TableSchedule(Schedule):
    """Noise levels of a published model, at its timesteps.

    Stops that are only counted are spread evenly in γ and rounded to timesteps: spread evenly in
    timesteps, ten stops of the linear βs leap from γ = −9.2 to −1.9 and then crowd where nothing
    is left of the image. As many stops as timesteps are all of them.

    Args:
        gammas: γ_0, γ_1, …, rising, float64 `(N,)`.
    """

    def __init__(self, gammas: Tensor) -> None:
        super().__init__(float(gammas[0]), float(gammas[-1]))
        self.table = gammas  # no buffer: it follows from the configuration

    @property
    def timesteps(self) -> int:
        return len(self.table)

    def gamma(self, u: Tensor) -> Tensor:
        return interpolate(as_like(self.table, u), u)[0]

    def slope(self, u: Tensor) -> Tensor:
        return interpolate(as_like(self.table, u), u)[1]

    def time(self, u: Tensor) -> Tensor:
        """The timestep, fractional between two."""
        return u * (self.timesteps - 1)

    def at(self, timestep: int) -> float:
        """u of a timestep."""
        return timestep / (self.timesteps - 1)

    def spread(self, count: int) -> tuple[float, ...]:
        check_count(count)
        if count > self.timesteps:
            raise BadInput(
                f"{count} stops: this model has {self.timesteps} levels of noise, take fewer."
            )
        wanted = torch.linspace(self.least, self.most, count, dtype=torch.float64)
        chosen = (self.table[None] - wanted[:, None]).abs().argmin(1).tolist()
        for k in range(1, count):  # no two stops on one timestep, and room for those that follow
            chosen[k] = max(chosen[k], chosen[k - 1] + 1)
        last = self.timesteps - count
        return tuple(self.at(min(n, last + k)) for k, n in enumerate(chosen))


CURVES: Mapping[str, Callable[[float, float], Schedule]] = {
    "linear": LinearSchedule, "cosine": CosineSchedule, "learned": LearnedSchedule,
}  # fmt: skip


def as_like(value: Tensor, like: Tensor) -> Tensor:
    """The tensor with another's dtype and device; the dtype first, since not all have float64."""
    return value.to(like.dtype).to(like.device)


def interpolate(knots: Tensor, u: Tensor) -> tuple[Tensor, Tensor]:
    """The value and the slope at u of the line through knots at 0, 1/K, …, 1.

    Args:
        knots: With shape `(K + 1,)`.
        u: In [0, 1], any shape.
    """
    pieces = len(knots) - 1
    place = u * pieces
    left = place.detach().floor().long().clamp(0, pieces - 1)
    rise = knots[left + 1] - knots[left]
    return knots[left] + (place - left) * rise, pieces * rise
