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
# Of a level that still shows something of an image: just below that of the last timestep of the
# linear βs of Ho et al. 2020, which are sampled from N(0, I) there.
LEAST_SNR = 4e-5


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
    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """γ and dγ/du at every u in [0, 1], both of its shape."""

    def gamma(self, u: Tensor) -> Tensor:
        """γ at every u in [0, 1], same shape."""
        return self.curve(u)[0]

    def slope(self, u: Tensor) -> Tensor:
        """dγ/du, same shape; positive."""
        return self.curve(u)[1]

    def time(self, u: Tensor, gamma: Tensor) -> Tensor:
        """What the denoiser is told at u, where the noise level is γ; same shape."""
        return TIMES * (gamma - self.least) / (self.most - self.least)

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

    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        span = self.most - self.least
        return self.least + u * span, torch.full_like(u, span)


class CosineSchedule(Schedule):
    """√ᾱ = cos θ with θ linear in u, from tan θ = exp(γ_min/2) to exp(γ_max/2)."""

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)
        self.first, self.last = (math.atan(math.exp(gamma / 2)) for gamma in (least, most))
        self.left = math.atan(math.exp(-most / 2))  # π/2 − last, with all its digits

    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        # Near π/2 the tangent loses digits; from the other end the angle is exact there.
        span = self.last - self.first
        sine, cosine = torch.sin(self.first + u * span), torch.sin(self.left + (1 - u) * span)
        return 2 * (torch.log(sine) - torch.log(cosine)), 2 * span / (sine * cosine)


class LearnedSchedule(Schedule):
    """γ(u) = γ(0) + span·S(u), S from 0 to 1 in pieces of equal width; all of it is learned.

    At first it is linear. The ends γ(0) and span move the bound. The shape S does too where the
    bound is taken at few stops; with infinitely many it moves the variance of an estimate only.
    """

    learned = True

    def __init__(self, least: float, most: float) -> None:
        super().__init__(least, most)
        self.shift = nn.Parameter(torch.zeros(()))  # of γ(0)
        self.stretch = nn.Parameter(torch.zeros(()))  # of the span, its logarithm
        self.heights = nn.Parameter(torch.zeros(PIECES))  # of the pieces

    def shape(self, u: Tensor) -> tuple[Tensor, Tensor]:
        """S and dS/du at every u, both of its shape."""
        grown = F.softplus(self.heights + math.log(math.e - 1))  # 1 where a height is 0
        pieces = LEAST_PIECE + (1 - LEAST_PIECE) * grown
        risen = torch.cat([pieces.new_zeros(1), pieces.cumsum(0)]) / pieces.sum()
        return interpolate(risen, as_like(u, self.heights))

    def of_shape(self, shape: Tensor, slope: Tensor) -> tuple[Tensor, Tensor]:
        """γ and dγ/du from S and dS/du."""
        span = (self.most - self.least) * torch.exp(self.stretch)
        return self.least + self.shift + span * shape, span * slope

    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        return self.of_shape(*self.shape(u))


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

    def curve(self, u: Tensor) -> tuple[Tensor, Tensor]:
        return interpolate(as_like(self.table, u), u)

    def time(self, u: Tensor, gamma: Tensor) -> Tensor:
        """The timestep, fractional between two."""
        return u * (self.timesteps - 1)

    def at(self, timestep: int) -> float:
        """u of a timestep."""
        return timestep / (self.timesteps - 1)

    def spread(self, count: int) -> tuple[float, ...]:
        return self._even(count, self.timesteps - 1)

    def visible(self, count: int) -> tuple[float, ...]:
        """As `spread`, but only to the last timestep where anything is left of an image: where
        α²/σ² is `LEAST_SNR`. The cosine goes on to 10⁻⁹, and half of ten stops would be noise.

        Raises:
            BadInput: The schedule has no such number of stops.
        """
        last = int((self.table <= -math.log(LEAST_SNR)).sum()) - 1
        return self._even(count, max(last, min(count, self.timesteps) - 1))

    def _even(self, count: int, last: int) -> tuple[float, ...]:
        """u of `count` timesteps from the first to `last`, about evenly in γ."""
        check_count(count)
        if count > self.timesteps:
            raise BadInput(
                f"{count} stops: this model has {self.timesteps} levels of noise, take fewer."
            )
        table = self.table[: last + 1]
        wanted = torch.linspace(float(table[0]), float(table[-1]), count, dtype=torch.float64)
        chosen = (table[None] - wanted[:, None]).abs().argmin(1).tolist()
        for k in range(1, count):  # no two stops on one timestep, and room for those that follow
            chosen[k] = max(chosen[k], chosen[k - 1] + 1)
        room = last + 1 - count
        return tuple(self.at(min(n, room + k)) for k, n in enumerate(chosen))


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
