"""The axes: ranked, labelled, the dead left out, and their directions in the right units."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from explorer.recipe.recipe import Edit, Recipe
from explorer.render.axes import (
    Axis,
    all_axes,
    axis_count,
    check_axis,
    check_recipe,
    level_axes,
    spread,
    step,
)
from models.base import Fields, Level
from models.checkpoint.statistics import LevelStatistics
from models.errors import BadInput
from models.policy import Policy
from tests.explorer.toy import Toy, offsets, toy_statistics

STATISTICS = LevelStatistics(
    mean=torch.zeros(4),
    std=torch.tensor([0.5, 1.0, 2.0, 4.0]),
    nats=torch.tensor([0.04, 1.25, 9.0, 3.0]),
    active=torch.tensor([True, True, False, True]),
    components=torch.tensor([[0.6, 0.8, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]),
    component_std=torch.tensor([3.0, 0.5, 0.1]),
    component_share=torch.tensor([0.905, 0.0945, 0.0005]),
)
VECTOR, FIELD = Level(2, (4,)), Level(1, (4, 2, 3))


def recipe(*edits: Edit, depth: int = 3) -> Recipe:
    return Recipe("0" * 16, "0" * 16, (Policy(),) * depth, edits)


def test_coordinates_are_ranked_and_the_dead_counted() -> None:
    axes = level_axes(VECTOR, STATISTICS)
    assert axes.coordinate == (
        Axis(3, "unit 3", "3.0 nats"),
        Axis(1, "unit 1", "1.2 nats"),
        Axis(0, "unit 0", "0.04 nats"),
    )
    assert (axes.level, axes.size, axes.dead) == (2, 4, 1)


def test_components_are_ranked_and_the_negligible_left_out() -> None:
    assert level_axes(VECTOR, STATISTICS).component == (
        Axis(0, "component 1", "90 % of variance"),
        Axis(1, "component 2", "9 % of variance"),
    )


def test_a_collapsed_level_has_no_sliders_but_says_how_many_are_dead() -> None:
    collapsed = dataclasses.replace(
        STATISTICS, active=torch.zeros(4, dtype=torch.bool), component_share=torch.zeros(3)
    )
    axes = level_axes(VECTOR, collapsed)
    assert axes.coordinate == axes.component == ()
    assert axes.dead == axes.size == 4


def test_all_axes_stand_top_level_first() -> None:
    model = Toy()
    axes = all_axes(model, toy_statistics(model))
    assert [level.level for level in axes] == [3, 2, 1]
    assert [level.size for level in axes] == [3, 4, 2]
    assert [level.dead for level in axes] == [1, 1, 1]


def one(kind: str, index: int, sigma: float = 1.0) -> tuple[Edit, ...]:
    return (Edit(2, kind, index, sigma),)


def test_a_coordinate_moves_by_its_sigma_alone() -> None:
    along = step(VECTOR, STATISTICS, one("coordinate", 3))
    torch.testing.assert_close(along, torch.tensor([0.0, 0.0, 0.0, 4.0]), rtol=0, atol=0)


def test_a_component_moves_by_its_own_sigma() -> None:
    along = step(VECTOR, STATISTICS, one("component", 0))
    torch.testing.assert_close(along, torch.tensor([1.8, 2.4, 0.0, 0.0]))
    assert float(along.norm()) == pytest.approx(3.0)


@pytest.mark.parametrize("kind", ["coordinate", "component"])
def test_a_channel_moves_over_its_whole_field(kind: str) -> None:
    along = step(FIELD, STATISTICS, one(kind, 1))
    field = spread(FIELD, along)
    assert field.shape == (4, 2, 3)
    for channel in range(4):
        assert (field[channel] == along[channel]).all()


def test_a_step_is_the_sum_of_its_edits_one_by_one() -> None:
    """However many there are, and to the last bit: pictures were measured with such sums."""
    generator = torch.Generator().manual_seed(0)
    edits = [
        Edit(2, kind, index, float(6 * torch.rand((), generator=generator) - 3))
        for kind, count in (("component", 3), ("coordinate", 4))
        for index in range(count)
    ]
    expected = torch.zeros(4)
    for edit in edits:
        along = step(VECTOR, STATISTICS, one(edit.kind, edit.index))
        expected = expected + edit.sigma * along
    assert torch.equal(step(VECTOR, STATISTICS, edits), expected)


def test_offsets_add_up_and_zero_levels_have_none() -> None:
    model = Toy()
    statistics = toy_statistics(model)
    edits = (Edit(2, "coordinate", 1, 2.0), Edit(2, "component", 0, -0.5))
    deltas = offsets(model, statistics, recipe(*edits))
    assert set(deltas) == {2}
    level = statistics.levels[1]
    expected = -0.5 * level.component_std[0] * level.components[0]
    expected[1] += 2.0 * level.std[1]
    torch.testing.assert_close(deltas[2], expected)


@pytest.mark.parametrize(("kind", "count"), [("coordinate", 4), ("component", 3)])
def test_an_axis_out_of_range_is_refused_with_the_range(kind: str, count: int) -> None:
    assert axis_count(VECTOR, STATISTICS, kind) == count
    check_axis(VECTOR, STATISTICS, one(kind, count - 1)[0])
    with pytest.raises(
        BadInput, match=f"index {count} of a {kind} edit of level 2.*0 to {count - 1}"
    ):
        check_axis(VECTOR, STATISTICS, one(kind, count)[0])


def test_a_recipe_of_another_depth_is_refused() -> None:
    model = Toy()
    with pytest.raises(BadInput, match="2 levels, but the model has 3"):
        check_recipe(model, toy_statistics(model), recipe(depth=2))


def test_a_field_moves_every_number_of_a_level_and_is_named() -> None:
    """With fields in place of components a step has the shape of the level itself."""
    level = Level(1, (1, 2, 2))
    fields = Fields(torch.eye(4).view(4, 1, 2, 2), ("a", "b", "c", "d"))
    found = LevelStatistics(
        mean=torch.zeros(1), std=torch.tensor([3.0]), nats=torch.ones(1),
        active=torch.ones(1, dtype=torch.bool), components=torch.eye(4),
        component_std=torch.tensor([1.0, 2.0, 4.0, 8.0]),
        component_share=torch.tensor([0.1, 0.5, 0.0, 0.4]),
    )  # fmt: skip
    axes = level_axes(level, found, fields)
    assert axes.has_fields
    assert [axis.label for axis in axes.component] == ["b", "d", "a"]
    edits = (Edit(1, "component", 1, 0.5), Edit(1, "coordinate", 0, 1.0))
    moved = spread(level, step(level, found, edits))
    assert torch.equal(moved, torch.tensor([[[3.0, 4.0], [3.0, 3.0]]]))
