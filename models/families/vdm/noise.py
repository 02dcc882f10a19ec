"""Which noise schedule a diffusion has, as a frozen value: `Curve` or the `Betas` of a DDPM.

    ᾱ_n = Π_{m≤n} (1 − β_m),  γ_n = log((1 − ᾱ_n)/ᾱ_n),  n = 0 … N − 1        Ho et al. 2020, eq. 4

What the schedules are as functions is in `schedules.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
from torch import Tensor

from models.errors import BadInput
from models.families.vdm.schedules import CURVES, MAX_STOPS, Schedule, TableSchedule, check_count
from models.storage.json_values import check_keys, integer, number

BETA_SCHEDULES = ("linear", "scaled_linear", "squaredcos_cap_v2")
GAMMA_BOUND = 30.0
COSINE_OFFSET, LARGEST_BETA = 0.008, 0.999  # of squaredcos_cap_v2


@dataclass(frozen=True)
class Curve:
    """A schedule between two noise levels.

    Args:
        kind: A name in `CURVES`.
        gamma_min: γ of z_1; about −13 for 8-bit pixels, −5 for binary ones.
        gamma_max: γ of z_T; the higher, the nearer q(z_T | x) is to N(0, I).

    Raises:
        BadInput: The kind is unknown, or the ends are no increasing pair within ±30.
    """

    kind: str = "linear"
    gamma_min: float = -13.3
    gamma_max: float = 5.0

    def __post_init__(self) -> None:
        if self.kind not in CURVES:
            raise BadInput(f"schedule '{self.kind}' is unknown: use one of {', '.join(CURVES)}.")
        if not -GAMMA_BOUND <= self.gamma_min < self.gamma_max <= GAMMA_BOUND:
            raise BadInput(
                f"the schedule goes from gamma_min {self.gamma_min} to gamma_max "
                f"{self.gamma_max}: give two rising numbers from −30 to 30, such as −13.3 and 5."
            )

    def build(self) -> Schedule:
        return CURVES[self.kind](self.gamma_min, self.gamma_max)

    def to_json(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Betas:
    """The schedule of a published DDPM: ᾱ_n = Π_{m≤n} (1 − β_m), n = 0 … timesteps − 1.

    Args:
        beta_schedule: A name in `BETA_SCHEDULES`, as diffusers calls it.
        beta_start: The first β; not read by squaredcos_cap_v2.
        beta_end: The last β; not read by squaredcos_cap_v2.
        timesteps: How many noise levels.

    Raises:
        BadInput: The name is unknown, or a number is out of range.
    """

    beta_schedule: str = "linear"
    beta_start: float = 1e-4
    beta_end: float = 0.02
    timesteps: int = 1000

    def __post_init__(self) -> None:
        if self.beta_schedule not in BETA_SCHEDULES:
            known = ", ".join(BETA_SCHEDULES)
            raise BadInput(
                f"beta_schedule '{self.beta_schedule}' is unknown: Strata reads {known}."
            )
        if not 0 < self.beta_start <= self.beta_end < 1:
            raise BadInput(
                f"betas from {self.beta_start} to {self.beta_end}: give two numbers between 0 "
                "and 1, the first no larger than the last."
            )
        if not 2 <= self.timesteps <= MAX_STOPS:
            raise BadInput(f"{self.timesteps} timesteps of noise: give from 2 to {MAX_STOPS:,}.")

    def values(self) -> Tensor:
        """β_0, β_1, …, float64 `(timesteps,)`."""
        start, end, count = self.beta_start, self.beta_end, self.timesteps
        if self.beta_schedule == "linear":
            return torch.linspace(start, end, count, dtype=torch.float64)
        if self.beta_schedule == "scaled_linear":
            return torch.linspace(start**0.5, end**0.5, count, dtype=torch.float64) ** 2
        angle = (torch.linspace(0, 1, count + 1, dtype=torch.float64) + COSINE_OFFSET) / (
            1 + COSINE_OFFSET
        )
        alpha_bar = torch.cos(angle * math.pi / 2) ** 2
        return (1 - alpha_bar[1:] / alpha_bar[:-1]).clamp_max(LARGEST_BETA)

    def gammas(self) -> Tensor:
        """γ_0, γ_1, …, float64 `(timesteps,)`."""
        log_alpha_bar = torch.log1p(-self.values()).cumsum(0)
        return torch.log(-torch.expm1(log_alpha_bar)) - log_alpha_bar

    def build(self) -> TableSchedule:
        return TableSchedule(self.gammas())

    def stops(self, count: int) -> int | tuple[float, ...]:
        """Where `count` levels stand: where something is left of an image (`visible`).

        Told by their number alone where that is what the number alone means, as it was always told.
        """
        table = self.build()
        chosen = table.visible(count)
        return count if chosen == table.spread(count) else chosen

    def to_json(self) -> dict[str, object]:
        return {"kind": "betas", **asdict(self)}


def read_schedule(values: object) -> Curve | Betas:
    """The schedule that `to_json` wrote, after a round through JSON.

    Raises:
        BadInput: It is no object, or a key is missing, unknown or of the wrong type.
    """
    if not isinstance(values, Mapping):
        raise BadInput("config.json: schedule must be a JSON object.")
    kind, own = values.get("kind"), {k: v for k, v in values.items() if k != "kind"}
    try:
        if kind == "betas":
            keys = ("beta_schedule", "beta_start", "beta_end", "timesteps")
            check_keys("config.json, schedule", own, keys)
            start, end = number(own["beta_start"]), number(own["beta_end"])
            return Betas(str(own["beta_schedule"]), start, end, integer(own["timesteps"]))
        check_keys("config.json, schedule", values, ("kind", "gamma_min", "gamma_max"))
        return Curve(str(kind), number(own["gamma_min"]), number(own["gamma_max"]))
    except TypeError as error:
        raise BadInput(f"config.json, schedule: {error}.") from error


def check_stops(stops: tuple[float, ...]) -> None:
    """Refuse explicit stops that are no rising list within [0, 1]."""
    check_count(len(stops))
    if not all(0 <= a < b <= 1 for a, b in pairwise(stops)):
        raise BadInput("stops on the noise schedule must rise, all of them from 0 to 1.")
