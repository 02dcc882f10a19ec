"""The recipe: canonical, exact through JSON, and every refusal names its field."""

from __future__ import annotations

import json
import math
import random
import subprocess
import sys

import pytest

from explorer.recipe.recipe import MAX_SEED, Edit, Recipe, zero_recipe
from models.errors import BadInput
from models.policy import KINDS, Policy

MODEL, IMAGE = "0123456789abcdef", "fedcba9876543210"
ZERO = zero_recipe(MODEL, IMAGE, 3)


def random_recipe(random_: random.Random) -> Recipe:
    axes = {
        (random_.randint(1, 4), random_.choice(["coordinate", "component"]), random_.randint(0, 99))
        for _ in range(random_.randint(0, 12))
    }
    return Recipe(
        model=MODEL,
        image=IMAGE,
        policies=tuple(
            Policy(random_.choice(KINDS), random_.randint(0, MAX_SEED), random_.random())
            for _ in range(4)
        ),
        edits=tuple(Edit(*axis, random_.uniform(-3, 3)) for axis in axes),
        temperature=random_.uniform(0, 2),
        encode_seed=random_.choice([None, 0, MAX_SEED]),
    )


def test_json_gives_an_equal_recipe_back() -> None:
    random_ = random.Random(0)
    for _ in range(200):
        recipe = random_recipe(random_)
        again = Recipe.from_json(recipe.to_json(), depth=4)
        assert again == recipe
        assert again.to_json() == recipe.to_json()
        assert Recipe.from_json(recipe.to_dict()) == recipe
        assert hash(again) == hash(recipe)


def test_the_json_is_the_agreed_one() -> None:
    recipe = ZERO.with_edit(Edit(2, "component", 0, -1.5))
    recipe = recipe.with_policy(1, Policy("memory", 7, 0.25))
    assert json.loads(recipe.to_json()) == {
        "version": 2,
        "model": MODEL,
        "image": IMAGE,
        "edits": [[2, "component", 0, -1.5]],
        "regions": [],
        "policies": [["memory", 7, 0.25], ["keep", 0, 1.0], ["keep", 0, 1.0]],
        "temperature": 1.0,
        "encode_seed": None,
    }


def test_numbers_as_a_browser_writes_them_are_the_same_recipe() -> None:
    written = {
        **ZERO.to_dict(),
        "edits": [[1, "coordinate", 0, 2]],
        "policies": [["keep", 0, 1]] * 3,
        "temperature": 1,
    }
    recipe = Recipe.from_json(written)
    assert recipe == ZERO.with_edit(Edit(1, "coordinate", 0, 2.0))
    assert recipe.to_json() == ZERO.with_edit(Edit(1, "coordinate", 0, 2.0)).to_json()


def test_edits_are_sorted_and_zeros_dropped() -> None:
    a, b = Edit(2, "coordinate", 1, 1.0), Edit(1, "component", 5, -1.0)
    zeros = (Edit(3, "coordinate", 0, 0.0), Edit(3, "coordinate", 1, -0.0))
    recipe = Recipe(MODEL, IMAGE, (Policy(),) * 3, (a, *zeros, b))
    assert recipe.edits == (b, a)
    assert "-0.0" not in Recipe(MODEL, IMAGE, (Policy(),), temperature=-0.0).to_json()


def test_with_edit_replaces_and_takes_away() -> None:
    once = ZERO.with_edit(Edit(1, "coordinate", 3, 1.0))
    twice = once.with_edit(Edit(1, "coordinate", 3, 2.0))
    assert twice.edits == (Edit(1, "coordinate", 3, 2.0),)
    assert twice.with_edit(Edit(1, "coordinate", 3, 0.0)) == ZERO
    assert ZERO.edits == ()


def test_reset_and_differs_go_together() -> None:
    recipe = ZERO.with_edit(Edit(1, "coordinate", 0, 1.0)).with_policy(3, Policy("pin"))
    assert [recipe.differs(t) for t in (1, 2, 3)] == [True, False, True]
    assert recipe.reset(2) == recipe
    assert recipe.reset(1) == ZERO.with_policy(3, Policy("pin"))
    assert recipe.reset(3) == ZERO.with_edit(Edit(1, "coordinate", 0, 1.0))
    assert recipe.reset(1).reset(3) == recipe.reset() == ZERO
    assert recipe.differs() and not ZERO.differs()
    assert Recipe(MODEL, IMAGE, (Policy(),), temperature=0.5).differs()


def changed(**fields: object) -> dict[str, object]:
    return {**ZERO.to_dict(), **fields}


REFUSED: list[tuple[object, str]] = [
    ("", "not valid JSON"),
    ("{", "not valid JSON"),
    ("[" * 100_000, "not valid JSON"),
    ("1" * 5_000, "not valid JSON"),
    ("[]", "not a JSON object"),
    ("7", "not a JSON object"),
    (" " * 600_000, "longer than"),
    ('{"version": 1, "version": 1}', "a key twice"),
    ({}, "missing keys: 'version', 'model', 'image'"),
    (changed(colour=1), "unknown keys: 'colour'"),
    ({"version": 3, "news": 1}, "version is 3"),
    (changed(version="1"), "version is '1'"),
    (changed(version=True), "version is True"),
    (changed(model="abc"), "model is 'abc'"),
    (changed(model=None), "model is None"),
    (changed(image="../../etc/passwd"), "image is"),
    (changed(image=MODEL.upper()), "image is"),
    (changed(edits={}), "edits is {}"),
    (changed(edits=[[1, "coordinate", 0]]), r"edits[0] entry is [1, 'coordinate', 0]"),
    (changed(edits=[7]), "edits[0] entry is 7"),
    (changed(edits=[[0, "coordinate", 0, 1]]), "edits[0] level is 0"),
    (changed(edits=[[4, "coordinate", 0, 1]]), "level is 4, allowed are whole numbers from 1 to 3"),
    (changed(edits=[[1.0, "coordinate", 0, 1]]), "edits[0] level is 1.0"),
    (changed(edits=[[True, "coordinate", 0, 1]]), "edits[0] level is True"),
    (changed(edits=[[1, "colour", 0, 1]]), "edits[0] kind is 'colour'"),
    (changed(edits=[[1, ["coordinate"], 0, 1]]), "edits[0] kind is ['coordinate']"),
    (changed(edits=[[1, "coordinate", -1, 1]]), "edits[0] index is -1"),
    (changed(edits=[[1, "coordinate", 10**9, 1]]), "edits[0] index is 1000000000"),
    (changed(edits=[[1, "coordinate", 0, 3.0001]]), "sigma is 3.0001, allowed are numbers from -3"),
    (changed(edits=[[1, "coordinate", 0, math.nan]]), "edits[0] sigma is nan"),
    (changed(edits=[[1, "coordinate", 0, -math.inf]]), "edits[0] sigma is -inf"),
    (changed(edits=[[1, "coordinate", 0, "2"]]), "edits[0] sigma is '2'"),
    (changed(edits=[[1, "coordinate", 0, 10**400]]), "edits[0] sigma is far too large"),
    (changed(edits=[[1, "coordinate", 0, 1]] * 2), "level 1, coordinate 0 twice"),
    (changed(edits=[[1, "coordinate", 0, 0]] * 2), "level 1, coordinate 0 twice"),
    (changed(edits=[[1, "coordinate", 0, 1]] * 5_000), "edits has 5000 entries"),
    (changed(policies=[]), "policies has 0 entries"),
    (changed(policies="keep"), "policies is 'keep'"),
    (changed(policies=[["keep", 0, 1]] * 2 + ["keep"]), "policies[2] entry is 'keep'"),
    (changed(policies=[["hold", 0, 1]] * 3), "policies[0] kind is 'hold', allowed are keep, mean"),
    (changed(policies=[["keep", -1, 1]] * 3), "policies[0] seed is -1"),
    (changed(policies=[["keep", 2**31, 1]] * 3), "policies[0] seed is 2147483648"),
    (changed(policies=[["memory", 0, 1.01]] * 3), "policies[0] rho is 1.01"),
    (changed(policies=[["memory", 0, math.nan]] * 3), "policies[0] rho is nan"),
    (changed(policies=[["keep", 0, 1]] * 2), "policies has 2 entries, but the model has 3 levels"),
    (changed(temperature=-0.1), "temperature is -0.1, allowed are numbers from 0 to 2"),
    (changed(temperature=2.1), "temperature is 2.1"),
    (changed(temperature=None), "temperature is None"),
    (changed(encode_seed=1.5), "encode_seed is 1.5"),
    (changed(encode_seed=False), "encode_seed is False"),
    (changed(encode_seed=2**31), "encode_seed is 2147483648"),
]


@pytest.mark.parametrize(("source", "message"), REFUSED, ids=[m[:40] for _, m in REFUSED])
def test_what_is_no_recipe_is_refused_by_name(source: str | dict, message: str) -> None:
    with pytest.raises(BadInput) as caught:
        Recipe.from_json(source, depth=3)
    assert message in str(caught.value)
    assert " - " in str(caught.value)
    assert len(str(caught.value)) < 400


def test_the_json_of_nan_is_refused_as_text_too() -> None:
    with pytest.raises(BadInput, match="temperature is nan"):
        Recipe.from_json(ZERO.to_json().replace('"temperature": 1.0', '"temperature": NaN'))


def test_the_bounds_themselves_are_allowed() -> None:
    for sigma in (-3.0, 3.0, 5e-324):
        recipe = Recipe.from_json(changed(edits=[[3, "component", 0, sigma]]))
        assert recipe.edits[0].sigma == sigma
    allowed = changed(temperature=2, encode_seed=0, policies=[["memory", MAX_SEED, 0]] * 3)
    assert Recipe.from_json(allowed).policy(3) == Policy("memory", MAX_SEED, 0.0)


def test_a_recipe_made_in_python_is_checked_as_well() -> None:
    with pytest.raises(BadInput, match="sigma is 4"):
        Edit(1, "coordinate", 0, 4)
    with pytest.raises(BadInput, match="level is 4"):
        ZERO.with_edit(Edit(4, "coordinate", 0, 1.0))
    with pytest.raises(BadInput, match=r"policies\[1\] rho is 7"):
        ZERO.with_policy(2, Policy("memory", rho=7))
    with pytest.raises(BadInput, match="level is 0"):
        ZERO.with_policy(0, Policy())


def test_the_recipe_knows_neither_torch_nor_gradio() -> None:
    code = (
        "import sys, explorer.recipe.recipe\n"
        "assert not {'torch', 'gradio', 'numpy'} & set(sys.modules), 'imported too much'"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
