"""Regions in a recipe: canonical, bounded, exact through JSON, and older recipes still read."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from dataclasses import replace

import pytest

from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.recipe.regions import MAX_REGIONS, MAX_SHAPES, Region, canonical, region_from
from models.errors import BadInput

MODEL, IMAGE = "0123456789abcdef", "fedcba9876543210"
ZERO = zero_recipe(MODEL, IMAGE, 3)
LEFT: Region = ((0, 0, 128, 256),)
DAB: Region = ((40, 60, 20),)


def random_region(random_: random.Random) -> Region:
    dabs = [
        (random_.randint(0, 256), random_.randint(0, 256), random_.choice([9, 24, -12]))
        for _ in range(random_.randint(0, 30))
    ]
    return canonical((*LEFT, *dabs))


def test_json_gives_an_equal_recipe_back() -> None:
    random_ = random.Random(1)
    for _ in range(100):
        edits = tuple(
            Edit(level, "component", random_.randint(0, 1), random_.uniform(-3, 3), region)
            for level in (1, 2)
            for region in {random_region(random_) for _ in range(3)}
        )
        recipe = replace(ZERO, edits=edits)
        again = Recipe.from_json(recipe.to_json())
        assert again == recipe and hash(again) == hash(recipe)
        assert again.to_json() == recipe.to_json()
        assert Recipe.from_json(json.loads(recipe.to_json())) == recipe


def test_the_json_lists_each_region_once_and_edits_point_at_it() -> None:
    recipe = ZERO
    for edit in (
        Edit(1, "component", 0, 1.0, DAB),
        Edit(2, "component", 0, 2.0, LEFT),
        Edit(1, "coordinate", 3, -1.0, DAB),
        Edit(1, "component", 0, 0.5),
    ):
        recipe = recipe.with_edit(edit)
    written = recipe.to_dict()
    assert written["version"] == 2
    assert written["regions"] == [[[0, 0, 128, 256]], [[40, 60, 20]]]
    assert written["edits"] == [
        [1, "component", 0, 0.5],
        [1, "component", 0, 1.0, 1],
        [1, "coordinate", 3, -1.0, 1],
        [2, "component", 0, 2.0, 0],
    ]
    assert recipe.regions == (LEFT, DAB)


def test_the_same_axis_under_other_regions_is_another_edit() -> None:
    whole, left = Edit(1, "component", 0, 1.0), Edit(1, "component", 0, 2.0, LEFT)
    recipe = ZERO.with_edit(whole).with_edit(left)
    assert recipe.edits == (whole, left)
    assert recipe.with_edit(replace(left, sigma=0.0)).edits == (whole,)
    assert recipe.with_edit(replace(whole, sigma=0.0)).edits == (left,)
    with pytest.raises(BadInput, match="component 0 twice in one region"):
        replace(ZERO, edits=(left, replace(left, sigma=-1.0)))


def test_a_recipe_of_version_1_is_read_as_one_without_regions() -> None:
    recipe = ZERO.with_edit(Edit(1, "component", 0, 1.0))
    old = {key: value for key, value in recipe.to_dict().items() if key != "regions"}
    assert Recipe.from_json(old | {"version": 1}) == recipe
    assert Recipe.from_json(old | {"version": 1}).to_dict()["version"] == 2
    with pytest.raises(BadInput, match="missing keys: 'regions'"):
        Recipe.from_json(old)
    with pytest.raises(BadInput, match="unknown keys: 'regions'"):
        Recipe.from_json(old | {"version": 1, "regions": []})


def test_what_commutes_is_sorted_and_what_does_not_stays_in_order() -> None:
    a, b, off = (10, 10, 5), (3, 200, 5), (10, 10, -5)
    assert canonical((a, b)) == canonical((b, a, b)) == (b, a)
    assert canonical((a, off, b)) == (a, off, b) != canonical((b, off, a))
    assert canonical((off, a)) == (a,)
    assert canonical(canonical((a, off, b, a))) == canonical((a, off, b, a))


def written(region: object, edit: tuple[object, ...] = (1, "component", 0, 1, 0)) -> dict:
    return {**ZERO.to_dict(), "regions": [region], "edits": [list(edit)]}


REFUSED: list[tuple[dict, str]] = [
    (written([]), "regions[0] region has 0 entries, allowed are 1 to"),
    (written("left"), "regions[0] region is 'left', allowed is a list"),
    (written([[1, 2]]), "regions[0] region[0] is [1, 2], allowed is [x, y, radius]"),
    (written([[1, 2, 3.0]]), "regions[0] region[0] is [1, 2, 3.0]"),
    (written([[1, True, 3]]), "regions[0] region[0] is [1, True, 3]"),
    (written([[257, 2, 3]]), "region[0] x is 257"),
    (written([[1, 2, 0]]), "region[0] radius is 0"),
    (written([[1, 2, -300]]), "region[0] radius is 300"),
    (written([[9, 0, 9, 9]]), "region[0] is (9, 0, 9, 9), allowed are left < right"),
    (written([[1, 2, -3]]), "covers nothing"),
    (written([[1, 2, 3]] * (MAX_SHAPES + 1)), f"region has {MAX_SHAPES + 1} entries"),
    (written([[1, 2, 3]], (1, "component", 0, 1, 1)), "edits[0] region is 1, allowed are whole"),
    (written([[1, 2, 3]], (1, "component", 0, 1, "0")), "edits[0] region is '0'"),
    (written([[1, 2, 3]], (1, "component", 0, 1, 0, 0)), "edits[0] entry is"),
    ({**ZERO.to_dict(), "edits": [[1, "component", 0, 1, 0]]}, "the recipe lists no regions"),
    ({**ZERO.to_dict(), "regions": [[[1, 2, 3]]] * (MAX_REGIONS + 1)}, "regions has 17 entries"),
    ({**ZERO.to_dict(), "regions": {}}, "regions is {}"),
]


@pytest.mark.parametrize(("source", "message"), REFUSED, ids=[m[:40] for _, m in REFUSED])
def test_what_is_no_region_is_refused_by_name(source: dict, message: str) -> None:
    for form in (source, json.dumps(source)):
        with pytest.raises(BadInput) as caught:
            Recipe.from_json(form)
        assert message in str(caught.value)
        assert " - " in str(caught.value) and len(str(caught.value)) < 400


def test_a_number_of_another_type_is_refused_however_often_the_right_one_was_read() -> None:
    assert region_from([[1, 2, 3]]) == ((1, 2, 3),)
    for wrong in ([[1, 2, 3.0]], [[True, 2, 3]]):
        with pytest.raises(BadInput, match="whole numbers"):
            region_from(wrong)


def test_regions_know_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, explorer.recipe.regions\n"
        "assert not {'torch', 'gradio', 'numpy'} & set(sys.modules), 'imported too much'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_a_region_is_brought_into_its_form_and_hashed_once() -> None:
    """Thousands of edits share a region of hundreds of dabs, in every message of a drag."""
    dabs = tuple((n % 257, n * 7 % 257, 1 + n % 40) for n in range(MAX_SHAPES))
    region = canonical(dabs)
    assert region_from([list(dab) for dab in dabs]) is region
    assert Edit(1, "component", 0, 1.0, region).region is region
    assert hash(region) == hash(tuple(region)) == region.__dict__["hash"]
    region.__dict__["hash"] = 5
    assert hash(region) == 5  # not worked out again
    del region.__dict__["hash"]


@pytest.mark.parametrize("shape", [(1.5, 2, 3), (7, 2, True), (0, 0, 9.5, 9)])
def test_a_region_made_in_code_is_checked_as_well(shape: tuple) -> None:
    with pytest.raises(BadInput, match="whole numbers"):
        canonical((shape,))
