"""The denoiser: `diffusers`' UNet2DModel, told a noise level, from a checked configuration.

diffusers is slow to import and only this family needs it, so it is imported where a network is
built and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from models.errors import BadInput
from models.storage.diffusers_files import diffusers

NEEDED = (
    "sample_size", "in_channels", "out_channels", "block_out_channels", "down_block_types",
    "up_block_types",
)  # fmt: skip
OPTIONAL = (
    "center_input_sample", "time_embedding_type", "time_embedding_dim", "freq_shift",
    "flip_sin_to_cos", "mid_block_type", "layers_per_block", "mid_block_scale_factor",
    "downsample_padding", "downsample_type", "upsample_type", "dropout", "act_fn",
    "attention_head_dim", "norm_num_groups", "attn_norm_num_groups", "norm_eps",
    "resnet_time_scale_shift", "add_attention", "class_embed_type", "num_class_embeds",
    "num_train_timesteps",
)  # fmt: skip
DOWN_BLOCKS = ("DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D")
UP_BLOCKS = ("UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D")
# What diffusers takes where a configuration says nothing.
DEFAULT_GROUPS, DEFAULT_HEAD = 32, 8


class UNetDenoiser(nn.Module):
    """UNet2DModel as a function of a noisy image and the time that stands for its noise level.

    Args:
        unet: The network.
    """

    def __init__(self, unet: nn.Module) -> None:
        super().__init__()
        self.unet = unet

    def forward(self, z_t: Tensor, time: Tensor) -> Tensor:
        """The raw prediction, `(B, C, H, W)`.

        Args:
            z_t: With shape `(B, C, H, W)`.
            time: One an image, `(B,)`, from 0 to 1,000.
        """
        return self.unet(z_t, time, return_dict=False)[0]


def build_denoiser(unet: Mapping[str, Any]) -> UNetDenoiser:
    """A denoiser with fresh weights.

    Args:
        unet: A configuration that `check_unet` has passed.

    Raises:
        BadInput: diffusers is missing, or cannot build it.
    """
    try:
        return UNetDenoiser(diffusers().UNet2DModel(**unet))
    except (ValueError, TypeError, KeyError, ZeroDivisionError) as error:
        raise BadInput(f"unet: diffusers cannot build this network ({error}).") from error


def make_unet(
    image_shape: tuple[int, int, int],
    channels: tuple[int, ...],
    layers: int = 2,
    attention: int = 1,
) -> dict[str, Any]:
    """The configuration of a network of our own.

    Args:
        image_shape: `(C, H, W)`, square.
        channels: Of every resolution, the finest first; each is half the side of the one before.
        layers: Residual blocks a resolution.
        attention: How many of the coarsest resolutions attend over all positions.
    """
    plain = len(channels) - attention
    down = ("DownBlock2D",) * plain + ("AttnDownBlock2D",) * attention
    up = ("AttnUpBlock2D",) * attention + ("UpBlock2D",) * plain
    groups = max(g for g in (32, 16, 8, 4, 2, 1) if all(c % g == 0 for c in channels))
    return {
        "sample_size": image_shape[1], "in_channels": image_shape[0],
        "out_channels": image_shape[0], "block_out_channels": tuple(channels),
        "down_block_types": down, "up_block_types": up, "layers_per_block": layers,
        "norm_num_groups": groups, "attention_head_dim": groups, "freq_shift": 1,
        "flip_sin_to_cos": False, "add_attention": attention > 0,
    }  # fmt: skip


def check_unet(unet: Mapping[str, Any], image_shape: tuple[int, int, int]) -> None:
    """Refuse a configuration that is no unconditional denoiser of these images, naming why."""
    missing = [key for key in NEEDED if key not in unet]
    unknown = [key for key in unet if key not in NEEDED + OPTIONAL]
    if missing:
        raise BadInput(f"unet: missing {', '.join(missing)}.")
    if unknown:
        raise BadInput(
            f"unet: {', '.join(map(str, unknown))} is no part of a UNet2DModel that Strata knows; "
            "remove it, or update Strata."
        )
    if unet.get("class_embed_type") is not None or unet.get("num_class_embeds") is not None:
        raise BadInput(
            "unet: it is class-conditional (class_embed_type, num_class_embeds): Strata's models "
            "know no classes, so take an unconditional one."
        )
    if unet.get("time_embedding_type", "positional") != "positional":
        raise BadInput(
            f"unet: time_embedding_type '{unet['time_embedding_type']}' is not known here: only "
            "positional, as in DDPM."
        )
    _check_blocks(unet)
    _check_sizes(unet, image_shape)


def _check_blocks(unet: Mapping[str, Any]) -> None:
    channels = unet["block_out_channels"]
    if not (
        isinstance(channels, tuple | list)
        and channels
        and all(type(c) is int and 1 <= c <= 4096 for c in channels)
    ):
        raise BadInput(f"unet: block_out_channels {channels!r}: give whole numbers from 1 to 4096.")
    for key, known in (("down_block_types", DOWN_BLOCKS), ("up_block_types", UP_BLOCKS)):
        blocks = unet[key]
        if not isinstance(blocks, tuple | list) or len(blocks) != len(channels):
            raise BadInput(f"unet: {key} needs one entry for each of the {len(channels)} channels.")
        strange = [block for block in blocks if block not in known]
        if strange:
            raise BadInput(f"unet: {key} has {strange[0]!r}: known are {', '.join(known)}.")
    if unet.get("mid_block_type", "UNetMidBlock2D") not in ("UNetMidBlock2D", None):
        raise BadInput(f"unet: mid_block_type {unet['mid_block_type']!r} is unknown.")
    groups = unet.get("norm_num_groups", DEFAULT_GROUPS)
    if type(groups) is not int or groups < 1 or any(c % groups for c in channels):
        raise BadInput(
            f"unet: norm_num_groups {groups!r} does not divide block_out_channels "
            f"{list(channels)}: choose one that does."
        )
    _check_heads(unet)


def _check_heads(unet: Mapping[str, Any]) -> None:
    """Every width that attends must be a whole number of heads, or one head."""
    channels, head = unet["block_out_channels"], unet.get("attention_head_dim", DEFAULT_HEAD)
    attends = {c for c, block in zip(channels, unet["down_block_types"], strict=True)
               if block == "AttnDownBlock2D"}  # fmt: skip
    attends |= {c for c, block in zip(reversed(channels), unet["up_block_types"], strict=True)
                if block == "AttnUpBlock2D"}  # fmt: skip
    if unet.get("add_attention", True) and unet.get("mid_block_type", "") is not None:
        attends.add(channels[-1])
    if head is not None and (type(head) is not int or head < 1 or any(c % head for c in attends)):
        raise BadInput(
            f"unet: attention_head_dim {head!r} does not divide the channels that attend "
            f"({', '.join(map(str, sorted(attends)))}): choose one that does, or null."
        )


def _check_sizes(unet: Mapping[str, Any], image_shape: tuple[int, int, int]) -> None:
    channels, side = image_shape[0], image_shape[1]
    if unet["out_channels"] == 2 * unet["in_channels"]:
        raise BadInput(
            "unet: it has twice as many channels out as in, so it predicts a variance too; Strata "
            "takes a fixed variance only."
        )
    if unet["in_channels"] != channels or unet["out_channels"] != channels:
        raise BadInput(
            f"unet: {unet['in_channels']} channels in and {unet['out_channels']} out do not fit "
            f"images of {channels}."
        )
    if unet["sample_size"] not in (side, [side, side], (side, side)):
        raise BadInput(f"unet: sample_size {unet['sample_size']} is not the image side {side}.")
    factor = 2 ** (len(unet["block_out_channels"]) - 1)
    if side % factor:
        raise BadInput(
            f"unet: {len(unet['block_out_channels'])} resolutions halve the side "
            f"{len(unet['block_out_channels']) - 1} times, and {side} is no multiple of {factor}: "
            "give fewer block_out_channels, or images of another side."
        )


def frozen(value: Any) -> Any:
    """A value of a configuration as it is after a round through JSON, with tuples for lists."""
    if isinstance(value, list | tuple):
        return tuple(frozen(entry) for entry in value)
    return value
