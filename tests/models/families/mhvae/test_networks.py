"""How feature maps change their side: what a shuffle can draw and area means cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from models.checkpoint.checkpoint import parse_config
from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig, Resize, Shuffle, growing, resized
from models.storage.model_folder import check_config, config_json

SIZES = NetworkConfig(width=16, blocks=1, channels=(8, 12), patch=2, resize="shuffle")
CONFIG = MHVAEConfig((3, 16, 16), "discretised_logistic", ((4, 4, 4), (3,)), SIZES)


@pytest.mark.parametrize(
    ("before", "after", "kind"), [(8, 4, Shuffle), (4, 8, Shuffle), (7, 4, Resize), (4, 7, Resize)]
)
def test_a_shuffle_needs_a_side_that_halves_or_doubles(
    before: int, after: int, kind: type[torch.nn.Module]
) -> None:
    layer = resized(6, 5, before, after, "shuffle")
    assert type(layer) is kind
    assert layer(torch.zeros(2, 6, before, before)).shape == (2, 5, after, after)
    assert type(resized(6, 5, before, after, "mean")) is Resize


def test_a_shuffle_up_gives_each_position_features_of_its_own() -> None:
    """From one constant map: repetition draws a constant one, a shuffle a 2×2 pattern."""
    torch.manual_seed(0)
    h = torch.ones(1, 3, 4, 4)
    flat = resized(3, 2, 4, 8, "mean")(h)
    assert torch.equal(flat, flat[..., :1, :1].expand_as(flat))
    patterned = resized(3, 2, 4, 8, "shuffle")(h)
    assert torch.allclose(patterned, patterned[..., :2, :2].repeat(1, 1, 4, 4), atol=1e-6)
    assert (patterned[..., :2, :2] - patterned[..., :1, :1]).abs().max() > 0.01


def test_a_shuffle_down_sees_where_in_a_square_a_feature_lies() -> None:
    torch.manual_seed(0)
    h = torch.zeros(2, 1, 4, 4)
    h[0, 0, 0, 0] = h[1, 0, 1, 1] = 1
    one, other = resized(1, 3, 4, 2, "mean")(h)
    assert torch.equal(one, other)
    one, other = resized(1, 3, 4, 2, "shuffle")(h)
    assert (one - other).abs().max() > 0.01


def test_a_network_shuffles_at_every_side_it_passes() -> None:
    network = growing((5,), (3, 32, 32), 2, replace(SIZES, channels=(4, 6, 8)))
    assert sum(isinstance(layer, Shuffle) for layer in network) == 2
    assert not any(isinstance(layer, Resize) for layer in network)
    assert network(torch.zeros(2, 5)).shape == (2, 3, 32, 32)


def test_the_choice_is_kept_in_a_checkpoint_and_an_old_one_has_means() -> None:
    config = config_json("toy", MHVAE(CONFIG), {}, {})
    check_config(config)
    assert parse_config(config) == CONFIG
    network = config["network"]
    assert isinstance(network, dict)
    old = {**config, "network": {k: v for k, v in network.items() if k != "resize"}}
    check_config(old)
    read = parse_config(old)
    assert isinstance(read, MHVAEConfig)
    assert read.network == replace(SIZES, resize="mean")


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(BadInput, match="resize 'stretch' is unknown: use one of mean, shuffle"):
        replace(CONFIG, network=replace(SIZES, resize="stretch"))
