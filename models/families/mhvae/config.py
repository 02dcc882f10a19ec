"""All that fixes an MHVAE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from math import prod
from typing import Any

import torch

from models.base import Level
from models.errors import BadInput
from models.families.mhvae.networks import NORMS, RESIZES, NetworkConfig
from models.likelihoods import LIKELIHOODS
from models.storage.json_values import check_keys, integer, integers

MAX_LEVEL_SIZE = 1_000_000
# Keys of config.json that came later, with what a checkpoint from before them means.
LATER = {"fixed_top": 0.0, "unit_scale": False}
LATER_NETWORK = {"norm": "layer", "resize": "mean"}


@dataclass(frozen=True)
class MHVAEConfig:
    """All that fixes the architecture of an MHVAE.

    Args:
        image_shape: `(C, H, W)` of x, square, C = 1 or 3.
        likelihood: A name in `models.likelihoods.LIKELIHOODS`.
        levels: Event shapes of z_1 … z_T, bottom first: `(D,)` or `(C, H, W)`.
        network: Sizes of the networks.
        fixed_top: Share of the variance of q(z_T | z_{T-1}) that is signal, if the top of the
            encoder is fixed and linear Gaussian as in diffusion; 0 learns it.
        unit_scale: Whether z_1 … z_{T-1} have a scale of their own (`units.py`), as at the end
            of a training.

    Raises:
        BadInput: A field is out of range; the message names it.
    """

    image_shape: tuple[int, int, int]
    likelihood: str
    levels: tuple[tuple[int, ...], ...]
    network: NetworkConfig = field(default_factory=NetworkConfig)
    fixed_top: float = 0.0
    unit_scale: bool = False

    def __post_init__(self) -> None:
        check_image_shape(self.image_shape)
        if self.likelihood not in LIKELIHOODS:
            known = ", ".join(LIKELIHOODS)
            raise BadInput(f"likelihood '{self.likelihood}' is unknown: use one of {known}.")
        if not self.levels:
            raise BadInput(
                "levels is empty (T = 0): give at least one level, for instance 64,32,16."
            )
        for t, shape in enumerate(self.levels, start=1):
            check_level(t, shape, self.image_shape[1], bool(self.network.channels))
        check_network(self.network, self.image_shape[1])
        check_fixed_top(self.fixed_top, self.levels)

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return len(self.levels)

    @property
    def latents(self) -> tuple[Level, ...]:
        """The latents z_1 … z_T, bottom first."""
        return tuple(Level(t, shape) for t, shape in enumerate(self.levels, start=1))

    @property
    def side_step(self) -> int | None:
        """The pixels behind one position of the coarsest map; None where a level is a vector."""
        if not all(latent.is_spatial for latent in self.latents):
            return None
        return max(self.image_shape[1] // latent.shape[1] for latent in self.latents)

    def to_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> MHVAEConfig:
        """The config that `to_json` wrote, after a round through JSON.

        Raises:
            BadInput: A key is missing, unknown or of the wrong type.
        """
        values = LATER | dict(values)
        check_keys("config.json", values, tuple(field.name for field in fields(cls)))
        if not isinstance(values["network"], dict):
            raise BadInput("config.json: network must be a JSON object.")
        network = LATER_NETWORK | values["network"]
        names = tuple(field.name for field in fields(NetworkConfig))
        check_keys("config.json, network", network, names)
        try:
            return cls(
                image_shape=integers(values["image_shape"]),  # pyright: ignore[reportArgumentType]
                likelihood=values["likelihood"],
                levels=tuple(integers(shape) for shape in values["levels"]),
                network=NetworkConfig(
                    width=integer(network["width"]),
                    blocks=integer(network["blocks"]),
                    channels=integers(network["channels"]),
                    patch=integer(network["patch"]),
                    norm=str(network["norm"]),
                    resize=str(network["resize"]),
                ),
                fixed_top=float(values["fixed_top"]),
                unit_scale=values["unit_scale"] is True,
            )
        except (TypeError, ValueError) as error:
            raise BadInput(f"config.json cannot be read: {error}") from error


def check_image_shape(shape: tuple[int, ...]) -> None:
    """Refuse an image shape that the networks cannot take."""
    if (
        len(shape) != 3
        or shape[0] not in (1, 3)
        or shape[1] != shape[2]
        or not 8 <= shape[1] <= 256
    ):
        raise BadInput(
            f"image_shape {list(shape)} cannot be used: give [channels, height, width] with "
            "1 or 3 channels and equal sides from 8 to 256."
        )


def check_level(t: int, shape: tuple[int, ...], image_side: int, convolutional: bool) -> None:
    """Refuse a level that is empty, too large, or spatial in a way no network can make."""
    if len(shape) not in (1, 3) or any(n < 1 for n in shape):
        raise BadInput(
            f"level z_{t} has shape {list(shape)}: every level needs a size of at least 1, "
            "written as 32 for a vector or 8x16x16 (channels x height x width) for a map."
        )
    if torch.Size(shape).numel() > MAX_LEVEL_SIZE:
        raise BadInput(f"level z_{t} has more than {MAX_LEVEL_SIZE:,} numbers: make it smaller.")
    if len(shape) == 3 and (shape[1] != shape[2] or shape[1] > image_side or not convolutional):
        raise BadInput(
            f"level z_{t} is a map {list(shape)}: it must be square, no larger than the image, "
            "and the model needs convolutions (give network channels, for instance 64,96,128)."
        )


def check_network(network: NetworkConfig, image_side: int) -> None:
    """Refuse network sizes that cannot be built."""
    sizes = {"width": network.width, "blocks": network.blocks, "patch": network.patch}
    for name, value in sizes.items():
        if not 1 <= value <= 4096:
            raise BadInput(f"network {name} is {value}: give a number from 1 to 4096.")
    if network.resize not in RESIZES:
        known = ", ".join(RESIZES)
        raise BadInput(f"network resize '{network.resize}' is unknown: use one of {known}.")
    if network.norm not in NORMS:
        raise BadInput(f"network norm '{network.norm}' is unknown: use one of {', '.join(NORMS)}.")
    if any(not 1 <= c <= 4096 for c in network.channels):
        raise BadInput(f"network channels {list(network.channels)}: each must be from 1 to 4096.")
    if network.channels and image_side % network.patch:
        raise BadInput(
            f"network patch {network.patch} does not divide the image side {image_side}: "
            "choose one that does, for instance 4 or 2."
        )


def check_fixed_top(signal: float, levels: tuple[tuple[int, ...], ...]) -> None:
    """Refuse a fixed top that is no share, or that has no level below of at least its size."""
    if not 0 <= signal < 1:
        raise BadInput(f"fixed_top is {signal}: give a share from 0 (learned) to below 1.")
    if signal and (len(levels) < 2 or len(levels[-1]) != 1 or levels[-1][0] > prod(levels[-2])):
        raise BadInput(
            f"fixed_top needs two levels, the top a vector no larger than the one below, not "
            f"{[list(level) for level in levels]}: change the levels, or set it to 0."
        )
