"""Layouts are read as published, and what does not fit is named."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from models.errors import BadInput
from models.families.hvae.blocks import BlockSpec, DecoderBlock, parse_blocks, parse_widths
from models.families.hvae.model import HVAEConfig
from tests.models.small_hvae import COLOUR, GREY


def test_layouts_read_as_published() -> None:
    assert parse_blocks("32x2,32d2,16", "d") == (
        BlockSpec(32), BlockSpec(32), BlockSpec(32, 2), BlockSpec(16),
    )  # fmt: skip
    assert parse_blocks("1x1,28m4", "m") == (BlockSpec(1), BlockSpec(28, 4))
    assert parse_widths("512:32,1:64") == {512: 32, 1: 64}
    assert parse_widths("") == {}


@pytest.mark.parametrize(
    "text", ["", "8x1,", "8y2", "8x", "x2", "8x0", "0x1", "-8x1", "8x1.5", "8m4", "8x1x1", "8 x1"]
)
def test_a_block_that_does_not_read_is_named(text: str) -> None:
    with pytest.raises(BadInput, match="cannot be read: write 32x11") as error:
        parse_blocks(text, "d")
    assert f"of '{text}'" in str(error.value)


def test_a_layout_is_bounded() -> None:
    with pytest.raises(BadInput, match="more than 1,000 blocks"):
        parse_blocks("8x99999", "d")


@pytest.mark.parametrize("text", ["8", "8:", "8:0", "0:8", "8:16,8:12", "8:16;4:8"])
def test_a_width_that_does_not_read_is_named(text: str) -> None:
    with pytest.raises(BadInput, match="cannot be read: write side:channels"):
        parse_widths(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image_shape": (3, 8)}, "image_shape"),
        ({"image_shape": (2, 8, 8)}, "1 or 3 channels"),
        ({"image_shape": (1, 8, 4)}, "equal sides"),
        ({"image_shape": (1, 2048, 2048)}, "up to 1024"),
        ({"likelihood": "gaussian"}, "likelihood 'gaussian' is unknown"),
        ({"likelihood": "logistic_mixture"}, "for colour images"),
        ({"pixel_bits": 5}, "pixel_bits 5"),
        ({"pixel_bits": 6}, "pixel_bits 6"),
        ({"width": 0}, "width is 0"),
        ({"zdim": 5000}, "zdim is 5000"),
        ({"num_mixtures": 0}, "num_mixtures is 0"),
        ({"no_bias_above": -1}, "no_bias_above is -1"),
        ({"custom_width_str": "4:9999"}, "at most 4096"),
        ({"custom_width_str": "8:16"}, "custom_width_str gives the image's side 8"),
        ({"bottleneck_multiple": 0.1}, "leaves 1 or more of 8 channels"),
        ({"bottleneck_multiple": float("nan")}, "bottleneck_multiple is nan"),
        ({"scale": 0.0}, "scale ≠ 0"),
        ({"shift": float("inf")}, "finite"),
        ({"enc_blocks": "4x1"}, r"enc_blocks, block 1 \(side 4\): the map .* has side 8"),
        ({"enc_blocks": "8d3"}, "3 is no factor to shrink 8 by"),
        ({"enc_blocks": "8d1"}, "1 is no factor"),
        ({"enc_blocks": "8d16"}, "16 is no factor"),
        ({"custom_width_str": "4:4"}, "widths may only grow on the way down"),
        ({"custom_width_str": "4:16,1:12"}, r"block 3 \(side 4\): the maps of side 1 have 12"),
        ({"dec_blocks": "2x1,8m2"}, "the encoder has no map of this side"),
        ({"dec_blocks": "1x1,8m4"}, r"block 2 \(side 8\): it cannot mix in side 4"),
        ({"dec_blocks": "4x1,4m4,8m4"}, "it cannot mix in side 4"),
        ({"dec_blocks": "8x1,4x1,4m8,8x1"}, "it cannot mix in side 8"),
        ({"dec_blocks": "1x1,4m1"}, "its last block must be at the image's side 8"),
    ],
)
def test_what_does_not_fit_is_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        replace(GREY, **change)


@pytest.mark.parametrize("config", [GREY, replace(COLOUR, pixel_bits=5, bound_log_std=True)])
def test_through_json_and_back(config: HVAEConfig) -> None:
    assert HVAEConfig.from_json(json.loads(json.dumps(config.to_json()))) == config


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"width": None}, ["missing width"]),
        ({"depth": 3, "hue": 1}, ["unknown depth, hue"]),
        ({"width": 8.0, "zdim": True}, ["width: 8.0 should be a whole number", "zdim: True"]),
        ({"image_shape": 8}, ["image_shape: 8 should be a list"]),
        ({"enc_blocks": ["8x1"]}, ["enc_blocks: ['8x1'] should be a text"]),
        ({"scale": "2"}, ["scale: '2' should be a number"]),
        ({"scale": 10**400}, ["scale: "]),
        ({"bound_log_std": 1}, ["bound_log_std: 1 should be true or false"]),
        ({"zdim": 0}, ["zdim is 0"]),
    ],
)
def test_json_that_does_not_fit_is_named(change: dict[str, Any], named: list[str]) -> None:
    values = {k: v for k, v in (GREY.to_json() | change).items() if v is not None}
    with pytest.raises(BadInput) as error:
        HVAEConfig.from_json(values)
    assert all(name in str(error.value) for name in named)


@pytest.mark.parametrize("times", [2, 3, 7, 28, 41, 49])
def test_mixing_repeats_every_position(times: int) -> None:
    """Exactly, for any whole ratio; a wider map is cut to the first channels."""
    block = DecoderBlock(BlockSpec(2 * times, 2), width=2, inner=1, zdim=1, gain=1.0)
    above = torch.randn(3, 5, 2, 2)
    expected = above[:, :2].repeat_interleave(times, -1).repeat_interleave(times, -2)
    assert torch.equal(block.entry({2: above}, like=above), expected)
    own = torch.randn(1, 2, 2 * times, 2 * times)
    assert torch.equal(block.entry({2: above, 2 * times: own}, like=above), own + expected)
