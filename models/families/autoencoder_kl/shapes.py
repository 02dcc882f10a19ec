"""The configuration of an AutoencoderKL from the shapes of its weights, named as diffusers does.

Shapes tell the channels, the blocks, the attention and the size of the latent. They tell neither
the groups of the normalisation nor the factor and the shift that latents are scaled by: for these
diffusers' defaults are taken, which `BY_DEFAULT` names, for a person to know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from models.errors import BadInput
from models.families.autoencoder_kl.config import DEFAULTS, DOWN_BLOCKS, LARGEST_SIDE, UP_BLOCKS

ANCHOR = "decoder.up_blocks.0.resnets.0.conv1.weight"  # what each of them has, and nothing else
BY_DEFAULT = ("norm_num_groups", "scaling_factor", "shift_factor")


def network_of(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """The configuration, as config.json of diffusers has it.

    Args:
        tensors: The weights by name; their shapes are read.

    Raises:
        BadInput: They are not whole.
    """
    try:
        channels = [
            tensors[f"{block}.resnets.0.conv1.weight"].shape[0] for block in _blocks(tensors)
        ]
        return {
            "in_channels": tensors["encoder.conv_in.weight"].shape[1],
            "out_channels": tensors["decoder.conv_out.weight"].shape[0],
            "block_out_channels": channels,
            "layers_per_block": _count(tensors, r"encoder\.down_blocks\.0\.resnets\.(\d+)\."),
            "latent_channels": tensors["decoder.conv_in.weight"].shape[1],
            "down_block_types": _types(tensors, "encoder.down_blocks", DOWN_BLOCKS, len(channels)),
            "up_block_types": _types(tensors, "decoder.up_blocks", UP_BLOCKS, len(channels)),
            "use_quant_conv": "quant_conv.weight" in tensors,
            "use_post_quant_conv": "post_quant_conv.weight" in tensors,
            "mid_block_add_attention": _has(tensors, "encoder.mid_block.attentions."),
            "sample_size": LARGEST_SIDE,
        }
    except KeyError as error:
        raise BadInput(f"the weights of an AutoencoderKL lack {error}: copy them again.") from error


def defaults_note() -> str:
    """What had to be taken by default, in a sentence."""
    told = ", ".join(f"{name} {DEFAULTS[name]}" for name in BY_DEFAULT)
    return f"Built from the shapes of its weights; what they do not tell is diffusers' own: {told}."


def _blocks(tensors: Mapping[str, Tensor]) -> list[str]:
    count = _count(tensors, r"encoder\.down_blocks\.(\d+)\.")
    return [f"encoder.down_blocks.{i}" for i in range(count)]


def _count(tensors: Mapping[str, Tensor], pattern: str) -> int:
    """One more than the largest number that stands in a name."""
    return 1 + max((int(m[1]) for name in tensors if (m := re.match(pattern, name))), default=-1)


def _types(
    tensors: Mapping[str, Tensor], where: str, kinds: tuple[str, str], count: int
) -> list[str]:
    """The class of each block: plain, or with attention."""
    return [kinds[_has(tensors, f"{where}.{i}.attentions.")] for i in range(count)]


def _has(tensors: Mapping[str, Tensor], start: str) -> bool:
    return any(name.startswith(start) for name in tensors)
