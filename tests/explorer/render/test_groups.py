"""Dozens of levels by resolution: the groups, the ladder's rungs, and the terms of a group."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.desk.server_functions import Functions
from explorer.guard.gate import Gate
from explorer.images.uploads import image_hash
from explorer.library.library import Library
from explorer.live import to_json
from explorer.live.server import Live
from explorer.recipe.recipe import MAX_DEPTH, Edit, Recipe, zero_recipe
from explorer.render.encode import encode_image
from explorer.render.frame import picture
from explorer.render.groups import groups, is_grouped, rungs
from explorer.render.render import decoded, ladder, render
from explorer.terms.standard_errors import errors_of, reference_errors
from models.base import HierarchicalModel, Walk
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from models.families.hvae.config import HVAEConfig
from models.families.hvae.hyper_parameters import PUBLISHED
from models.families.hvae.model import HVAE
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.objective import Terms
from tests.explorer.deep import DEEP, GROUPS, save_deep


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(save_deep(tmp_path_factory.mktemp("models") / "deep"))


def hvae(dec_blocks: str) -> HVAE:
    up = "16x1,16d2,8d2,4d4,1x1"
    config = HVAEConfig((3, 16, 16), "discretised_logistic", up, dec_blocks, width=4, zdim=2)
    with torch.device("meta"):
        return HVAE(config)


def vectors_above_maps() -> MHVAE:
    levels = ((2, 8, 8), (2, 4, 4), (2, 4, 4), (3,), (2,), (3,), (4,))
    network = NetworkConfig(width=8, blocks=1, channels=(4, 4), patch=2)
    with torch.device("meta"):
        return MHVAE(MHVAEConfig((1, 16, 16), "bernoulli", levels, network))


def test_levels_of_one_size_in_a_row_are_a_group() -> None:
    model = HVAE(DEEP)
    assert groups(model) == GROUPS and is_grouped(model)
    assert rungs(model) == (15, 11, 7, 1)
    assert groups(vectors_above_maps()) == ((7, 6, 5, 4), (3, 2), (1,))


@pytest.mark.parametrize(
    "dec_blocks",
    ["1x2,4m1,8m4,16m8,16x1", "16x9", "16x7"],
    ids=["few levels", "one size", "one size of few more"],
)
def test_others_are_shown_level_by_level(dec_blocks: str) -> None:
    model = hvae(dec_blocks)
    assert groups(model) == tuple((t,) for t in range(model.depth, 0, -1))
    assert rungs(model) == tuple(range(model.depth, 0, -1))
    assert to_json.groups_json(model) is None


def test_the_deepest_published_model_has_a_recipe() -> None:
    depths = {name: config.depth for name, config in PUBLISHED.items()}
    assert max(depths.values()) == depths["imagenet32"] == 78
    assert max(depths.values()) * 1.5 < MAX_DEPTH < 256  # a packet has a byte for a level
    recipe = zero_recipe("0" * 16, "1" * 16, MAX_DEPTH).with_edit(Edit(78, "component", 0, 1.0))
    assert Recipe.from_json(recipe.to_json(), MAX_DEPTH) == recipe


def recipe_of(checkpoint: Checkpoint) -> Recipe:
    zero = zero_recipe(checkpoint.hash, image_hash(checkpoint.examples[0]), 15)
    return zero.with_edit(Edit(9, "coordinate", 2, 3.0)).with_edit(Edit(12, "coordinate", 1, -3.0))


def test_a_rung_a_group_keeps_everything_down_to_its_resolution(deep: Checkpoint) -> None:
    model, recipe = deep.model, recipe_of(deep)
    trace = encode_image(deep, deep.examples[0])
    found = {
        rung.level: rung.frame.pixels for rung in ladder(model, trace, recipe, deep.statistics)
    }
    assert list(found) == [15, 11, 7, 1]
    z = decoded(model, trace, recipe, deep.statistics)
    for lowest, pixels in found.items():
        np.testing.assert_array_equal(pixels, kept_down_to(model, z, lowest))
    last = render(model, trace, recipe, deep.statistics).pixels
    np.testing.assert_array_equal(found[1], last)
    assert len({pixels.tobytes() for pixels in found.values()}) == 4


def kept_down_to(model: HierarchicalModel, z: tuple[torch.Tensor, ...], lowest: int) -> np.ndarray:
    chain = Walk(z)
    for t in range(lowest - 1, 0, -1):
        chain = chain.put(t, model.prior(t, chain).mean)
    return picture(model, chain).pixels


def test_the_server_tells_the_groups_and_draws_a_rung_for_each(
    deep: Checkpoint, tmp_path: Path
) -> None:
    (tmp_path / "deep").mkdir()
    live = Live(Library(tmp_path, load=lambda _source, _device: deep))
    functions = {function.__name__: function for function in Functions(live, Gate()).all()}
    request = {"model": "deep", "image": {"kind": "example", "index": 0}, "recipe": None}

    async def asked() -> tuple[dict, dict, dict]:
        opened = await functions["open"](request)
        details = await functions["details"]({"seq": 1, "recipe": opened["recipe"]})
        terms = await functions["terms"]({"recipe": opened["recipe"]})
        return opened, details, terms  # type: ignore[return-value]

    try:
        opened, details, terms = asyncio.run(asked())
    finally:
        live.close()
    assert opened["groups"] == [list(group) for group in GROUPS]
    assert [rung["t"] for rung in details["ladder"]] == [15, 11, 7, 1]
    assert details["ladder"][-1]["frame"] == opened["reconstruction"]
    errors = terms["terms"]["errors"]
    assert len(errors["group_rate"]) == 4
    assert errors["group_rate"][0] == errors["rate"][14]
    assert 0 < errors["group_rate"][3] < sum(errors["rate"][:6])


def test_the_error_of_a_group_is_that_of_its_sum() -> None:
    """Rates of one draw that go against each other: their sum hardly varies."""
    first = torch.tensor([1.0, 5.0, 9.0, 13.0], dtype=torch.float64)
    rate = torch.stack([first, 20 - first, 2 * first], dim=1)
    found = errors_of(Terms(torch.zeros(4, dtype=torch.float64), rate), ((3,), (2, 1)))
    assert found is not None
    assert found.group_rate_nats == pytest.approx((found.rate_nats[2], 0.0), abs=1e-12)
    assert found.rate_nats[0] == pytest.approx(np.std([1, 5, 9, 13], ddof=1) / 2)


def test_of_the_test_images_no_error_of_a_sum_is_made_up(deep: Checkpoint) -> None:
    measured = {"n_images": 404, "rate_standard_error": [float(t) for t in range(1, 16)]}
    deep.evaluation.update(measured)
    found = reference_errors(deep)  # over 101 reference images, so twice those of 404
    assert found.rate_nats == pytest.approx([2.0 * t for t in range(1, 16)])
    assert found.group_rate_nats == (pytest.approx(30.0), None, None, None)
