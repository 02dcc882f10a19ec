"""Edits under a region: exact over the whole picture, local, pure, and refused on vectors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.recipe.regions import WHOLE, Region
from explorer.render.axes import Step, check_recipe, offset, spread, step
from explorer.render.decode_memory import Chains
from explorer.render.masks import coverage
from explorer.render.render import ladder, render
from models.base import Level, Trace, encode
from models.checkpoint.statistics import Statistics
from models.errors import BadInput
from models.families.mhvae.model import MHVAE
from tests.explorer.maps import maps_model, maps_statistics, smooth_pictures
from tests.explorer.toy import Toy, offsets, toy_statistics

EVERYTHING: Region = ((0, 0, 256, 256),)
LEFT: Region = ((24, 128, 16),)
ZERO = zero_recipe("0123456789abcdef", "fedcba9876543210", 3)


@pytest.fixture(scope="module")
def model() -> MHVAE:
    return maps_model()


@pytest.fixture(scope="module")
def statistics(model: MHVAE) -> Statistics:
    return maps_statistics(model)


def traced(model: MHVAE, side: int) -> Trace:
    pixels = torch.from_numpy(smooth_pictures(1, side, seed=7)).permute(0, 3, 1, 2)
    return encode(model, model.as_seen(pixels.float() / 255))


def with_edits(*edits: Edit) -> Recipe:
    return replace(ZERO, edits=edits)


@pytest.mark.parametrize("side", [64, 128])
@pytest.mark.parametrize("kind", ["component", "coordinate"])
@pytest.mark.parametrize("t", [1, 2, 3])
def test_a_region_of_the_whole_picture_is_no_region(
    model: MHVAE, statistics: Statistics, t: int, kind: str, side: int
) -> None:
    sized = model.at_side(side)
    trace = traced(sized, side)
    edit = Edit(t, kind, 1, 2.0)
    whole = render(sized, trace, with_edits(edit), statistics).pixels
    under = render(sized, trace, with_edits(replace(edit, region=EVERYTHING)), statistics).pixels
    np.testing.assert_array_equal(whole, under)
    assert (whole != render(sized, trace, ZERO, statistics).pixels).any()


@pytest.mark.parametrize("side", [128, 192])
@pytest.mark.parametrize("t", [1, 2])
def test_a_region_on_the_left_leaves_the_far_right_as_it_was(
    model: MHVAE, statistics: Statistics, t: int, side: int
) -> None:
    """Exactly: beyond the reach of the convolutions nothing can have changed."""
    sized = model.at_side(side)
    trace = traced(sized, side)
    before = render(sized, trace, ZERO, statistics).pixels
    after = render(sized, trace, with_edits(Edit(t, "component", 0, 3.0, LEFT)), statistics).pixels
    changed = (before != after).any(axis=2)
    assert changed[side // 2 - 8 : side // 2 + 8, side // 12 : side // 8].mean() > 0.5
    # A step at z_2 reaches 20 of its pixels further at z_1 and 32 more in the picture.
    assert not changed[:, side // 5 + 64 :].any()


def test_the_offset_is_the_step_by_the_share_covered() -> None:
    level, along = Level(1, (3, 8, 8)), torch.tensor([1.0, -2.0, 0.5])
    moved = offset(level, (Step(along, LEFT),))
    mask = torch.tensor(coverage(LEFT, 8))
    torch.testing.assert_close(moved, along[:, None, None] * mask, rtol=0, atol=0)
    both = offset(level, (Step(2 * along, WHOLE), Step(along, LEFT)))
    torch.testing.assert_close(both, spread(level, 2 * along) + moved, rtol=0, atol=0)


def test_edits_of_one_region_add_up_before_it_is_laid_over_them(
    model: MHVAE, statistics: Statistics
) -> None:
    a, b = Edit(1, "component", 0, 1.0, LEFT), Edit(1, "coordinate", 2, -2.0, LEFT)
    whole = Edit(1, "component", 0, -0.5)
    found = offsets(model, statistics, with_edits(a, b, whole))[1]
    level, measured = model.level(1), statistics.levels[0]
    under = step(level, measured, (replace(a, region=WHOLE), replace(b, region=WHOLE)))
    expected = spread(level, step(level, measured, (whole,))) + spread(level, under) * torch.tensor(
        coverage(LEFT, 16)
    )
    torch.testing.assert_close(found, expected)


def test_what_is_remembered_changes_no_bit(model: MHVAE, statistics: Statistics) -> None:
    trace, chains = traced(model, 64), Chains()
    other: Region = ((200, 60, 30), (200, 60, -10))
    recipes = [
        with_edits(Edit(t, "component", k, sigma, region))
        for t in (1, 2, 3)
        for k, sigma in ((0, 2.0), (1, -1.0))
        for region in (WHOLE, LEFT, other)
    ]
    for recipe in recipes + recipes[::-1]:
        shown = render(model, trace, recipe, statistics, chains).pixels
        np.testing.assert_array_equal(shown, render(model, trace, recipe, statistics).pixels)
        last = [rung.frame for rung in ladder(model, trace, recipe, statistics, chains)][-1]
        np.testing.assert_array_equal(shown, last.pixels)
    pictures = {render(model, trace, one, statistics, chains).pixels.tobytes() for one in recipes}
    assert len(pictures) == len(recipes)


def test_a_vector_has_no_places() -> None:
    toy = Toy()  # z_1 a map, z_2 and z_3 vectors
    statistics = toy_statistics(toy)
    assert set(offsets(toy, statistics, with_edits(Edit(1, "component", 0, 1.0, LEFT)))) == {1}
    with pytest.raises(BadInput, match="level 2 has a region, but this level is a vector"):
        check_recipe(toy, statistics, with_edits(Edit(2, "component", 0, 1.0, LEFT)))
