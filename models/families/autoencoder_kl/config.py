"""All that fixes an AutoencoderKL: `AutoencoderKLConfig`, diffusers' own configuration in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

from models.base import Level
from models.errors import BadInput
from models.storage.json_values import check_keys, integers

LARGEST_SIDE = 256  # that a model opens with, if it says a larger one
NEEDED = ("block_out_channels", "down_block_types", "up_block_types", "latent_channels")
# What diffusers takes where a configuration says nothing.
DEFAULTS: Mapping[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "layers_per_block": 1,
    "act_fn": "silu",
    "norm_num_groups": 32,
    "sample_size": 32,
    "scaling_factor": 0.18215,
    "shift_factor": None,
    "latents_mean": None,
    "latents_std": None,
    "force_upcast": True,
    "use_quant_conv": True,
    "use_post_quant_conv": True,
    "mid_block_add_attention": True,
}
DOWN_BLOCKS = ("DownEncoderBlock2D", "AttnDownEncoderBlock2D")
UP_BLOCKS = ("UpDecoderBlock2D", "AttnUpDecoderBlock2D")
COUNTS = ("in_channels", "out_channels", "layers_per_block", "norm_num_groups", "latent_channels")


@dataclass(frozen=True)
class AutoencoderKLConfig:
    """All that fixes the architecture of an AutoencoderKL.

    Args:
        image_shape: `(C, H, W)` of x, square, its side a multiple of `side_step`.
        network: The configuration of diffusers' AutoencoderKL, without keys that begin with _;
            what it leaves out is diffusers' default.

    Raises:
        BadInput: Something in it is missing, unknown or out of range; the message names it.
    """

    image_shape: tuple[int, int, int]
    network: Mapping[str, Any] = field(hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "network", checked(self.network))
        shape, channels = self.image_shape, self.network["in_channels"]
        if len(shape) != 3 or shape[0] != channels or shape[1] != shape[2] or shape[1] < 1:
            raise BadInput(
                f"image_shape {list(shape)} cannot be used: give [{channels}, side, side]."
            )
        if shape[1] % self.side_step:
            raise BadInput(f"images of side {shape[1]}: give a multiple of {self.side_step}.")

    @classmethod
    def of(cls, network: Mapping[str, Any]) -> AutoencoderKLConfig:
        """That of a diffusers configuration, at its sample_size or at most `LARGEST_SIDE`."""
        network = checked(network)
        size = network["sample_size"]
        sides = size if isinstance(size, list | tuple) else (size, size)
        if len(sides) != 2 or type(sides[0]) is not int or sides[0] != sides[1] or sides[0] < 1:
            raise BadInput(f"AutoencoderKL: sample_size {size!r} is no side of a square image.")
        factor = factor_of(network)
        side = max(1, min(sides[0], LARGEST_SIDE) // factor) * factor
        return cls((network["in_channels"], side, side), network)

    @property
    def depth(self) -> int:
        """The number of levels T."""
        return 1

    @property
    def latents(self) -> tuple[Level]:
        """The latent z_1."""
        side = self.image_shape[1] // self.side_step
        return (Level(1, (self.network["latent_channels"], side, side)),)

    @property
    def side_step(self) -> int:
        """The pixels behind one position of the latent, along a side."""
        return factor_of(self.network)

    def to_json(self) -> dict[str, object]:
        return {"image_shape": list(self.image_shape), "network": _plain(self.network)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> AutoencoderKLConfig:
        """The config that `to_json` wrote, after a round through JSON.

        Raises:
            BadInput: A key is missing, unknown or of the wrong type.
        """
        check_keys("config.json", values, ("image_shape", "network"))
        if not isinstance(values["network"], dict):
            raise BadInput("config.json: network must be a JSON object.")
        try:
            shape: Any = integers(values["image_shape"])
        except TypeError as error:
            raise BadInput(f"config.json cannot be read: {error}") from error
        return cls(shape, values["network"])


def factor_of(network: Mapping[str, Any]) -> int:
    """Every resolution but the last halves the side."""
    return 2 ** (len(network["block_out_channels"]) - 1)


def checked(network: Mapping[str, Any]) -> dict[str, Any]:
    """A diffusers configuration with all its keys; BadInput names what cannot be honoured."""
    missing = [key for key in NEEDED if key not in network]
    unknown = [key for key in network if key not in NEEDED and key not in DEFAULTS]
    if missing:
        raise BadInput(f"AutoencoderKL: missing {', '.join(missing)}.")
    if unknown:
        raise BadInput(
            f"AutoencoderKL: {', '.join(map(str, unknown))} is not known here, and may change what "
            "the model computes; remove it, or update Strata."
        )
    full = {**DEFAULTS, **network}
    for key in ("latents_mean", "latents_std"):
        if full[key] is not None:
            raise BadInput(
                f"AutoencoderKL: {key} is set, a scale for each channel, which Strata does not "
                "read; it knows one scaling_factor and one shift_factor."
            )
    for key in COUNTS:
        if type(full[key]) is not int or not 1 <= full[key] <= 4096:
            raise BadInput(f"AutoencoderKL: {key} is {full[key]!r}: a whole number from 1 to 4096.")
    if full["in_channels"] not in (1, 3) or full["out_channels"] != full["in_channels"]:
        raise BadInput(
            f"AutoencoderKL: {full['in_channels']} channels in and {full['out_channels']} out: "
            "images have 1 or 3, in and out."
        )
    _check_scale(full)
    _check_blocks(full)
    return full


def _check_scale(full: Mapping[str, Any]) -> None:
    scale, shift = full["scaling_factor"], full["shift_factor"]
    if not _is_number(scale) or scale <= 0:
        raise BadInput(f"AutoencoderKL: scaling_factor is {scale!r}: give a positive number.")
    if shift is not None and not _is_number(shift):
        raise BadInput(f"AutoencoderKL: shift_factor is {shift!r}: give a number or null.")


def _check_blocks(full: Mapping[str, Any]) -> None:
    channels, groups = full["block_out_channels"], full["norm_num_groups"]
    if not (
        isinstance(channels, tuple | list)
        and 1 <= len(channels) <= 8
        and all(type(c) is int and 1 <= c <= 4096 for c in channels)
    ):
        raise BadInput(
            f"AutoencoderKL: block_out_channels {channels!r}: give whole numbers from 1 to 4096."
        )
    if any(c % groups for c in channels):
        raise BadInput(
            f"AutoencoderKL: norm_num_groups {groups} does not divide block_out_channels "
            f"{list(channels)}: choose one that does."
        )
    for key, known in (("down_block_types", DOWN_BLOCKS), ("up_block_types", UP_BLOCKS)):
        blocks = full[key]
        if not isinstance(blocks, tuple | list) or len(blocks) != len(channels):
            raise BadInput(
                f"AutoencoderKL: {key} needs one entry for each of the {len(channels)} channels."
            )
        strange = [block for block in blocks if block not in known]
        if strange:
            raise BadInput(
                f"AutoencoderKL: {key} has {strange[0]!r}: known are {', '.join(known)}."
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _plain(network: Mapping[str, Any]) -> dict[str, Any]:
    """The same values as JSON has them."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in network.items()}
