"""A model of dozens of levels on the desk: by resolution, in the bank, the ladder and the terms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pytest

from explorer.recipe.recipe import Recipe
from explorer.render.encode import encode_image
from explorer.render.render import ladder, render
from explorer.terms.terms import image_terms
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from tests.browser.conftest import WAIT_MS, OpenDesk
from tests.browser.desk import PIXELS, Desk
from tests.explorer.deep import GROUPS, save_deep
from tests.running import App, start_app

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator

pytestmark = pytest.mark.browser

SLIDERS = "Array.from(document.querySelectorAll('.axis input'), (node) => +node.dataset.level)"
VALUES = "(nodes) => nodes.map((node) => node.value)"
EXPANDED = """() => Array.from(document.querySelectorAll("[data-action=open-group]"),
    (node) => node.getAttribute("aria-expanded"))"""
TARGETS = """() => Array.from(document.querySelectorAll(
    ".group > header :is(button, select, input[type=number]), .chip"), (node) => {
    const { width, height } = node.getBoundingClientRect();
    return [node.textContent, width, height];
}).filter(([, width]) => width > 0)"""


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return load_checkpoint(save_deep(tmp_path_factory.mktemp("models") / "deep"))


@pytest.fixture(scope="module")
def app(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on a model of 15 levels, in groups of 1, 4, 4 and 6."""
    folder = tmp_path_factory.mktemp("deep")
    running = start_app(folder, "--model", str(save_deep(folder / "deep")))
    yield running
    running.stop()
    assert "Traceback" not in running.said(), running.said()


@pytest.fixture
def deep(open_desk: OpenDesk) -> Desk:
    """The desk on that model, on its first test picture."""
    desk = open_desk()
    desk.choose_model(deep_id(desk))
    return desk


def deep_id(desk: Desk) -> str:
    option = desk.page.locator("[data-model] option", has_text="deep").first
    return option.get_attribute("value") or ""


def head(desk: Desk, group: int) -> Locator:
    """The header of a group, by its lowest level."""
    return desk.page.locator(f"[data-group-card='{group}'] > header")


def turn(desk: Desk, group: int) -> None:
    """Open or close a group."""
    head(desk, group).locator("[data-action=open-group]").click()


def choose_for_group(desk: Desk, group: int, kind: str) -> None:
    desk.page.locator(f"select[data-policy='group-{group}']").select_option(kind)
    desk.settle()


def kinds(desk: Desk) -> list[str]:
    return [policy[0] for policy in desk.recipe()["policies"]]


def drawn(checkpoint: Checkpoint, desk: Desk) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """The picture and the ladder's rungs of the page's recipe, as the explorer draws them."""
    recipe = Recipe.from_json(desk.recipe())
    inputs = (checkpoint.model, encode_image(checkpoint, checkpoint.examples[0]), recipe)
    rungs = ladder(*inputs, checkpoint.statistics)
    picture = render(*inputs, checkpoint.statistics).pixels
    return picture, {rung.level: rung.frame.pixels for rung in rungs}


def shown_rungs(desk: Desk) -> dict[int, np.ndarray]:
    found = {}
    for figure in desk.page.locator("[data-ladder]").all():
        width, height, text = figure.locator("canvas").evaluate(PIXELS)
        pixels = np.frombuffer(text.encode("latin-1"), np.uint8).reshape(height, width, 4)
        found[int(figure.get_attribute("data-ladder") or 0)] = pixels[..., :3]
    return found


def test_it_opens_by_groups_with_the_top_one_open(deep: Desk) -> None:
    page = deep.page
    heads = [
        text.split("\n") for text in page.locator("[data-action=open-group]").all_inner_texts()
    ]
    assert heads == [
        ["1×1", "z₁₅ · 1 level"],
        ["4×4", "z₁₁ … z₁₄ · 4 levels"],
        ["8×8", "z₇ … z₁₀ · 4 levels"],
        ["16×16", "z₁ … z₆ · 6 levels"],
    ]
    summary = page.locator("[data-summary]").inner_text()
    assert summary.endswith("15 levels of 4×16×16 (6), 4×8×8 (4), 4×4×4 (4), 4×1×1")
    assert page.evaluate(EXPANDED) == ["true", "false", "false", "false"]
    assert page.locator("[data-chip]").all_inner_texts() == ["1×1", "4×4", "8×8", "16×16"]
    assert deep.levels() == [15] and set(page.evaluate(SLIDERS)) == {15}

    turn(deep, 1)
    assert page.evaluate(EXPANDED) == ["true", "false", "false", "true"]
    assert deep.levels() == [15, 6, 5, 4, 3, 2, 1]
    assert set(page.evaluate(SLIDERS)) == {15, 6, 5, 4}  # the first three unfold
    page.locator("[data-action=fold][data-level='2']").click()
    assert set(page.evaluate(SLIDERS)) == {15, 6, 5, 4, 2}
    turn(deep, 15)
    turn(deep, 1)
    assert page.evaluate(SLIDERS) == [] and deep.levels() == []
    turn(deep, 1)  # it opens as it was left
    assert set(page.evaluate(SLIDERS)) == {6, 5, 4, 2}


def test_a_drag_in_a_lower_group_draws_what_the_explorer_draws(
    deep: Desk, checkpoint: Checkpoint
) -> None:
    page, before = deep.page, deep.pixels()
    page.locator("[data-chip='7']").click()  # opens the group that it jumps to
    deep.drag(deep.slider(9), 2.5)
    assert [edit[0] for edit in deep.recipe()["edits"]] == [9]
    picture, rungs = drawn(checkpoint, deep)
    np.testing.assert_array_equal(deep.pixels(), picture)
    assert (deep.pixels() != before).any()

    captions = page.locator("[data-ladder] figcaption").all_inner_texts()
    assert captions == ["1×1 only", "+ 4×4", "+ 8×8", "+ 16×16: all of it"]
    assert list(rungs) == [group[-1] for group in GROUPS]
    for level, pixels in shown_rungs(deep).items():
        np.testing.assert_array_equal(pixels, rungs.pop(level))
    assert not rungs
    assert page.locator("[data-chip='7'].moved").count() == page.locator(".chip.moved").count() == 1


def test_the_picture_offers_the_axes_of_open_groups(deep: Desk) -> None:
    def offered() -> list[int]:
        values = deep.page.locator("[data-pad-axis=x] option").evaluate_all(VALUES)
        return sorted({int(value.split(":")[0]) for value in values}, reverse=True)

    assert offered() == [15]
    turn(deep, 11)
    assert offered() == [15, 14, 13, 12]
    across = deep.page.locator("[data-pad-axis=x]")
    across.select_option("13:coordinate:2")
    turn(deep, 11)
    assert offered() == [15, 13]  # what is in use stays
    assert across.input_value() == "13:coordinate:2"


def test_the_policy_of_a_group_is_one_step(deep: Desk, checkpoint: Checkpoint) -> None:
    page, first = deep.page, deep.screens()
    select = page.locator("select[data-policy='group-7']")
    assert select.input_value() == "keep"
    choose_for_group(deep, 7, "mean")
    assert kinds(deep) == ["keep"] * 6 + ["mean"] * 4 + ["keep"] * 5
    np.testing.assert_array_equal(deep.pixels(), drawn(checkpoint, deep)[0])
    turn(deep, 7)
    assert page.locator("select[data-policy='10']").input_value() == "mean"
    deep.choose_policy(9, "keep")
    assert select.input_value() == "mixed" and "Mixed" in select.inner_text()
    choose_for_group(deep, 7, "resample")
    assert kinds(deep)[6:10] == ["resample"] * 4
    seeds = [policy[1] for policy in deep.recipe()["policies"][6:10]]
    assert len(set(seeds)) == 1 and page.locator("[data-seed='group-7']").is_visible()

    assert page.locator("[data-seed='8']").count() == 1
    page.locator("[data-seed='8']").fill("77")
    page.locator("[data-seed='8']").press("Tab")
    deep.settle()
    assert page.locator("[data-seed='group-7']").input_value() == ""  # they differ
    for _ in range(3):
        deep.press("undo")
    assert kinds(deep) == ["keep"] * 6 + ["mean"] * 4 + ["keep"] * 5
    deep.press("undo")
    assert deep.screens() == first and kinds(deep) == ["keep"] * 15


def test_reset_of_a_group_leaves_the_others_alone(deep: Desk) -> None:
    reset = head(deep, 11).locator("[data-action=reset-group]")
    assert reset.is_disabled()
    deep.drag(deep.slider(15), 1.5)
    only = deep.recipe()
    turn(deep, 11)
    deep.drag(deep.slider(14), 2.0)
    deep.drag(deep.slider(12), -2.0)
    choose_for_group(deep, 11, "mean")
    assert "2 edits" in head(deep, 11).inner_text()
    changed = deep.recipe()
    reset.click()
    deep.settle()
    assert deep.recipe() == only and reset.is_disabled()
    assert head(deep, 11).locator(".badge").is_hidden()
    deep.press("undo")
    assert deep.recipe() == changed


def test_a_closed_group_tells_of_its_edits(deep: Desk) -> None:
    page = deep.page
    recipe = deep.recipe() | {"edits": [[2, "coordinate", 3, 2.0], [2, "component", 0, -1.0]]}
    page.evaluate("(text) => navigator.clipboard.writeText(text)", json.dumps(recipe))
    deep.press("paste")
    page.wait_for_function("window.strata.recipe().edits.length === 2")
    deep.settle()
    edited = deep.screens()
    assert edited["edit"] != edited["reconstruction"]
    assert "2 edits" in head(deep, 1).inner_text()
    assert deep.levels() == [15]

    deep.reload()  # a recipe that is there as the page opens
    assert deep.screens() == edited
    assert "2 edits" in head(deep, 1).inner_text()
    assert deep.levels() == [15]
    turn(deep, 1)
    badge = page.locator("[data-level-card='2'] .badge")
    assert badge.inner_text() == "2 edits, 1 not shown"  # the other kind of axes
    assert len(deep.recipe()["edits"]) == 2 and deep.screens() == edited


def test_the_rates_are_summed_by_group_and_unfold(deep: Desk, checkpoint: Checkpoint) -> None:
    page = deep.page
    found = image_terms(checkpoint, checkpoint.examples[0])
    assert found.rate_nats is not None and found.errors is not None
    rates = found.rate_nats
    shown = page.locator(".rates .bar:visible")
    assert [name.split("\n")[0] for name in shown.all_inner_texts()] == [
        "1×1", "4×4", "8×8", "16×16",
    ]  # fmt: skip
    for group, error in zip(GROUPS, found.errors.group_rate_nats, strict=True):
        column = page.locator(f"[data-part=group{group[-1]}]")
        value = float(column.locator("b").inner_text().replace(",", ""))
        assert value == pytest.approx(sum(rates[t - 1] for t in group), rel=0.005, abs=0.006)
        title = column.get_attribute("title") or ""
        assert "over its 4 draws" in title and "error was not measured" in title
        whiskers = column.locator(".whisker:not([hidden])")
        assert whiskers.count() == 1 and error is not None  # the test mean has none

    column = page.locator("[data-part=group7]")
    column.click()
    page.mouse.move(5, 5)
    assert column.get_attribute("aria-expanded") == "true"
    parts = [node.get_attribute("data-part") for node in shown.all()]
    assert parts == ["group7", "z10", "z9", "z8", "z7"]
    assert page.locator("figure.lit").get_attribute("data-ladder") == "7"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    line = page.locator("[data-terms-line]").inner_text()
    assert line.startswith("Rate of z₉ ") and f"{rates[8]:.2f}"[:3] in line
    page.keyboard.press("Enter")
    assert page.locator("[data-part=z9]").get_attribute("aria-pressed") == "true"
    page.keyboard.press("Enter")  # back to its group …
    assert page.locator("[data-part=z9]").is_visible()
    column.click()  # … and back to all
    assert shown.count() == 4 and column.get_attribute("aria-expanded") == "false"
    assert page.locator("[data-bars] [tabindex='0']").count() == 1


def test_a_phone_has_room_for_a_finger(context: BrowserContext, app: App) -> None:
    assert context.browser is not None
    made = context.browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    made.set_default_timeout(WAIT_MS)
    desk = Desk(made.new_page())
    desk.page.goto(app.url)
    desk.settle()
    desk.choose_model(deep_id(desk))
    choose_for_group(desk, 7, "resample")
    targets = desk.page.evaluate(TARGETS)
    assert len(targets) >= 4 * 3 + 4 + 2
    assert [t for t in targets if min(t[1:]) < 44] == []
    desk.page.emulate_media(reduced_motion="reduce")  # the jump is no slide then
    desk.page.locator("[data-chip='7']").tap()
    group, bar = head(desk, 7).bounding_box(), desk.page.locator(".bank-head").bounding_box()
    assert group is not None and bar is not None
    assert 0 <= group["y"] - (bar["y"] + bar["height"]) < 60
    assert set(desk.page.evaluate(SLIDERS)) >= {10, 9, 8}
    width = desk.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    made.close()
