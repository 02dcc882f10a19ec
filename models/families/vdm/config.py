"""All that fixes a variational diffusion model: `VDMConfig`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from models.base import Level, bottom_up
from models.errors import BadInput
from models.families.vdm.likelihood import SEEN
from models.families.vdm.network import check_unet, frozen
from models.families.vdm.noise import Betas, Curve, check_stops, read_schedule
from models.families.vdm.schedules import check_count
from models.storage.json_values import check_keys, integers, number, text

PREDICTIONS = ("epsilon", "v_prediction", "sample")
VARIANCES = ("small", "large")


@dataclass(frozen=True)
class VDMConfig:
    """All that fixes the architecture of a VDM.

    Args:
        image_shape: `(C, H, W)` of x, square, C = 1 or 3.
        likelihood: "bernoulli" for binary pixels, "discretised" for 256 values.
        schedule: How the noise grows.
        stops: T, spread over the schedule by `Schedule.spread`; or u of every stop, rising.
        prediction: What the network predicts: the noise ε, v = α ε − σ x̃, or the image x̃.
        clip: x̂ is clipped to ±this, as published models are sampled; None leaves it.
        variance: Of p(z_{t-1} | z_t): "small" is that of q(z_{t-1} | z_t, x), "large" that of
            q(z_t | z_{t-1}); the two ends of Ho et al. 2020, section 3.2.
        unet: The configuration of a UNet2DModel; empty where a network is given by hand.

    Raises:
        BadInput: A field is out of range; the message names it.
    """

    image_shape: tuple[int, int, int]
    likelihood: str
    schedule: Curve | Betas = field(default_factory=Curve)
    stops: int | tuple[float, ...] = 10
    prediction: str = "epsilon"
    clip: float | None = None
    variance: str = "small"
    unet: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        shape = self.image_shape
        if len(shape) != 3 or shape[0] not in (1, 3) or shape[1] != shape[2] or shape[1] < 2:
            raise BadInput(
                f"image_shape {list(shape)} cannot be used: give [channels, height, width] with "
                "1 or 3 channels and equal sides from 2."
            )
        _check_name("likelihood", self.likelihood, tuple(SEEN))
        _check_name("prediction", self.prediction, PREDICTIONS)
        _check_name("variance", self.variance, VARIANCES)
        if self.clip is not None and not self.clip > 0:
            raise BadInput(f"clip is {self.clip}: give a positive range such as 1, or null.")
        check_count(self.stops) if isinstance(self.stops, int) else check_stops(self.stops)
        object.__setattr__(self, "unet", {k: frozen(v) for k, v in self.unet.items()})
        if self.unet:
            check_unet(self.unet, self.image_shape)

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return self.stops if isinstance(self.stops, int) else len(self.stops)

    @property
    def latents(self) -> tuple[Level, ...]:
        """The latents z_1 … z_T, bottom first: each has the shape of x."""
        return tuple(Level(t, self.image_shape) for t in bottom_up(self.depth))

    @property
    def side_step(self) -> None:
        """It takes images of its own side only."""
        return None

    def to_json(self) -> dict[str, object]:
        """What config.json holds of it."""
        own = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**own, "schedule": self.schedule.to_json(), "unet": dict(self.unet)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> VDMConfig:
        """The config that `to_json` wrote, after a round through JSON.

        Raises:
            BadInput: A key is missing, unknown or of the wrong type; or there is no network.
        """
        check_keys("config.json", values, tuple(f.name for f in fields(cls)))
        if not isinstance(values["unet"], Mapping) or not values["unet"]:
            raise BadInput("config.json: unet must be the configuration of a UNet2DModel.")
        try:
            return cls(
                image_shape=integers(values["image_shape"]),  # pyright: ignore[reportArgumentType]
                likelihood=text(values["likelihood"]),
                schedule=read_schedule(values["schedule"]),
                stops=_stops(values["stops"]),
                prediction=text(values["prediction"]),
                clip=None if values["clip"] is None else number(values["clip"]),
                variance=text(values["variance"]),
                unet=values["unet"],
            )
        except TypeError as error:
            raise BadInput(f"config.json cannot be read: {error}.") from error


def _check_name(key: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise BadInput(f"{key} '{value}' is unknown: use one of {', '.join(known)}.")


def _stops(value: object) -> int | tuple[float, ...]:
    if type(value) is int:
        return value
    if not isinstance(value, list | tuple):
        raise TypeError(f"{value!r} should be a number of stops or a list of them")
    return tuple(number(stop) for stop in value)
