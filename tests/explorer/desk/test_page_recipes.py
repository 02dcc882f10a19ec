"""The page's recipes and regions are those of the server: the same form, and the same masks."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from explorer import desk
from explorer.live import packets, start_here
from explorer.page.scripts import scripts
from explorer.panels.compare import values as compare
from explorer.recipe import regions as regions_
from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.recipe.regions import WHOLE, Region, canonical
from explorer.render.masks import coverage
from models.report import levels

RECIPES = Path(desk.__file__).parent / "js/recipe"
ZERO = zero_recipe("0123456789abcdef", "fedcba9876543210", 3)
CODE = """
import { readFileSync } from "node:fs";
const [{ withEdit, withRegion }, { canonicalRegion }, { maskOf }, { fromWire, toWire }] =
  await Promise.all(process.argv.slice(1).map((url) => import(url)));
const { zero, moves, repaints, shapes } = JSON.parse(readFileSync(0, "utf8"));
const asRegion = (shapes) => (shapes.length ? canonicalRegion(shapes) : null);
let recipe = fromWire(zero);
const written = () => {
  const wire = toWire(recipe);
  recipe = fromWire(wire);
  return wire;
};
const recipes = moves.map(([level, kind, index, sigma, region]) => {
  recipe = withEdit(recipe, { level, kind, index, sigma, region: asRegion(region) });
  return written();
});
const moved = repaints.map(([from, to]) => {
  recipe = withRegion(recipe, asRegion(from), asRegion(to));
  return written();
});
const masks = shapes.map((one) => Array.from(maskOf(one)));
process.stdout.write(JSON.stringify({ recipes, moved, masks }));
"""
MODULES = ("edits", "regions", "masks", "wire")


def random_shapes(random_: random.Random) -> Region:
    shapes: list[tuple[int, ...]] = [(0, 0, 100, 256)] if random_.random() < 0.3 else []
    shapes += [
        (random_.randint(0, 256), random_.randint(0, 256), random_.choice([8, 24, -24]))
        for _ in range(random_.randint(1, 6))
    ]
    random_.shuffle(shapes)
    return ((128, 128, 40), *shapes)


@pytest.fixture(scope="module")
def regions() -> list[Region]:
    random_ = random.Random(3)
    return [random_shapes(random_) for _ in range(4)]


def in_the_page(request: dict) -> dict:
    """What the page's own functions make of a request, in Node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node - install it to test the page's functions: apt-get install nodejs")
    modules = [(RECIPES / f"{name}.js").as_uri() for name in MODULES]
    command = [node, "--input-type=module", "-e", CODE, *modules]
    done = subprocess.run(
        command, input=json.dumps(request), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_edits_under_regions_come_out_as_the_server_writes_them(regions: list[Region]) -> None:
    random_ = random.Random(4)
    moves = [
        (
            random_.randint(1, 3),
            random_.choice(["component", "coordinate"]),
            random_.randint(0, 1),
            random_.choice([0, 1.5, -2.25]),
            random_.choice([WHOLE, *regions[:3]]),
        )
        for _ in range(120)
    ]
    repaints = [(regions[0], regions[3]), (regions[1], regions[1]), (regions[2], WHOLE)]
    found = in_the_page(
        {"zero": ZERO.to_dict(), "moves": moves, "repaints": repaints, "shapes": []}
    )
    recipe = ZERO
    for (level, kind, index, sigma, shapes), page in zip(moves, found["recipes"], strict=True):
        region = canonical(shapes) if shapes else WHOLE
        recipe = recipe.with_edit(Edit(level, kind, index, sigma, region))
        assert page == recipe.to_dict()
    for (old, new), page in zip(repaints, found["moved"], strict=True):
        recipe = repainted(recipe, canonical(old), canonical(new) if new else None)
        assert page == recipe.to_dict()
    assert recipe.regions == tuple(sorted(map(canonical, (regions[1], regions[3]))))


def repainted(recipe: Recipe, old: Region, new: Region | None) -> Recipe:
    """The edits under one region under another one, or gone."""
    for edit in [edit for edit in recipe.edits if edit.region == old and old != new]:
        recipe = recipe.with_edit(Edit(edit.level, edit.kind, edit.index, 0.0, old))
        if new is not None:
            recipe = recipe.with_edit(Edit(edit.level, edit.kind, edit.index, edit.sigma, new))
    return recipe


def test_the_veil_shows_what_the_region_covers(regions: list[Region]) -> None:
    found = in_the_page({"zero": ZERO.to_dict(), "moves": [], "repaints": [], "shapes": regions})
    for region, mask in zip(regions, found["masks"], strict=True):
        np.testing.assert_allclose(np.reshape(mask, (256, 256)), coverage(region, 256), atol=1e-6)


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("desk/js/recipe/regions.js", "REGION_UNIT", regions_.UNIT),
        ("desk/js/recipe/regions.js", "MOST_SHAPES", regions_.MAX_SHAPES),
        ("desk/js/recipe/regions.js", "MOST_REGIONS", regions_.MAX_REGIONS),
        ("desk/js/bank/start.js", "MOST_TRIED", start_here.MOST_TRIED),
        ("desk/js/words.js", "HUES", list(levels.HUES)),
        ("desk/js/live/packets.js", "HEADER_BYTES", packets.HEADER.size),
        ("panels/compare/js/main.js", "SAMPLES", compare.SAMPLES),
    ],
)
def test_the_page_and_the_server_have_the_same_constants(
    path: str, name: str, value: object
) -> None:
    text = scripts()[path].decode()
    assert re.search(rf"^(?:export )?const {name} = {re.escape(str(value))};", text, re.MULTILINE)
