"""Painting a region on a model with maps: where the picture changes, undo, keys, touch, reload."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk, encoded, photo
from tests.browser.hand import Finger, assert_before, canvas
from tests.running import App

pytestmark = pytest.mark.browser

SIDE = 192  # of a photograph of 200 × 300 pixels
REACH = 64  # pixels that a change at z_1 or z_2 can travel


@pytest.fixture
def app(maps_app: App) -> App:
    return maps_app


@pytest.fixture
def painter(desk: Desk) -> Desk:
    """A desk with a photograph of 200 × 300 pixels and the brush in hand."""
    with desk.another_picture():
        desk.give("holiday.png", encoded(photo(1, (200, 300))))
    desk.press("hand-paint")
    return desk


def stroke(desk: Desk, *places: tuple[float, float]) -> None:
    """Paint with the mouse through places, given as shares of the picture's sides."""
    box = canvas(desk).bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    desk.page.mouse.move(*points[0])
    desk.page.mouse.down()
    for point in points[1:]:
        desk.page.mouse.move(*point, steps=6)
    desk.page.mouse.up()
    desk.settle()


def regions(desk: Desk) -> list[str]:
    """What can be chosen, the chosen one marked with a star."""
    chips = desk.page.locator("[data-region]").all()
    pressed = {"true": "*", "false": ""}
    return [c.inner_text() + pressed[c.get_attribute("aria-pressed") or "false"] for c in chips]


def shown(desk: Desk) -> Any:
    """How many pixels of the veil are painted; 0 while it is not shown."""
    return desk.page.locator("[data-veil]").evaluate("""(veil) => veil.hidden ? 0 : veil
        .getContext("2d").getImageData(0, 0, 256, 256).data.filter((v, at) => at % 4 === 3 && v)
        .length""")


def changed(desk: Desk, before: np.ndarray) -> np.ndarray:
    return (desk.pixels() != before).any(axis=2)


def test_a_slider_moves_the_painted_part_only(painter: Desk) -> None:
    before = painter.pixels()
    assert before.shape == (SIDE, SIDE, 3)
    assert shown(painter) == 0
    stroke(painter, (0.2, 0.4), (0.2, 0.6))
    assert shown(painter) > 1000
    assert not changed(painter, before).any()
    assert painter.recipe()["edits"] == painter.recipe()["regions"] == []
    for level in (2, 1):
        painter.drag(painter.slider(level), 2.5)
        after = changed(painter, before)
        assert after[SIDE // 2 - 6 : SIDE // 2 + 6, 28:48].mean() > 0.9, level
        assert not after[:, int(0.35 * SIDE) + REACH :].any(), level
    edits = painter.recipe()["edits"]
    assert [edit[:2] + edit[4:] for edit in edits] == [[1, "component", 0], [2, "component", 0]]
    painter.button("before").dispatch_event("keydown", {"key": " "})
    assert_before(painter)
    painter.button("before").dispatch_event("keyup", {"key": " "})
    np.testing.assert_array_equal(changed(painter, before), after)


def test_a_stroke_is_one_step_of_undo_and_what_was_moved_follows_it(painter: Desk) -> None:
    first = painter.screens()
    stroke(painter, (0.2, 0.2), (0.3, 0.3), (0.2, 0.4))
    assert regions(painter) == ["Whole picture", "Region 1*"]
    painter.press("undo")
    assert regions(painter) == ["Whole picture*"]
    assert shown(painter) == 0
    painter.press("redo")
    assert regions(painter) == ["Whole picture", "Region 1*"]
    painter.drag(painter.slider(1), 2.5)
    small, once = painter.screens(), painter.recipe()
    stroke(painter, (0.7, 0.7), (0.8, 0.8))
    large, twice = painter.screens(), painter.recipe()
    assert large["edit"] != small["edit"]
    assert len(twice["edits"]) == len(twice["regions"]) == 1
    assert len(twice["regions"][0]) > len(once["regions"][0])
    painter.press("undo")
    assert painter.recipe() == once and painter.screens() == small
    painter.press("redo")
    assert painter.recipe() == twice and painter.screens() == large
    for _ in range(3):
        painter.press("undo")
    assert painter.screens() == first


def test_regions_stay_apart_and_come_back_after_a_reload(painter: Desk) -> None:
    stroke(painter, (0.2, 0.2), (0.3, 0.2))
    painter.drag(painter.slider(1), 2.5)
    painter.page.locator("[data-region='-1']").click()
    painter.settle()
    assert regions(painter) == ["Whole picture*", "Region 1"]
    assert shown(painter) == 0
    assert float(painter.slider(1).input_value()) == 0
    painter.drag(painter.slider(1), -1.0)
    stroke(painter, (0.7, 0.7), (0.7, 0.8))
    assert regions(painter) == ["Whole picture", "Region 1", "Region 2*"]
    painter.drag(painter.slider(2), 2.0)
    recipe, screens = painter.recipe(), painter.screens()
    assert len(recipe["edits"]) == 3 and len(recipe["regions"]) == 2
    assert "3 changes" in painter.page.locator("[data-changes]").inner_text()
    painter.page.locator("[data-region='0']").click()
    painter.settle()
    assert float(painter.slider(1).input_value()) == pytest.approx(2.5, abs=0.2)
    assert painter.recipe() == recipe and painter.screens() == screens
    painter.reload()
    assert painter.recipe() == recipe and painter.screens() == screens
    assert regions(painter) == ["Whole picture", "Region 1*", "Region 2"]
    assert painter.page.locator("[data-where='1']").inner_text() == "✎ Region 1"


def test_a_recipe_with_regions_goes_out_and_comes_back(painter: Desk) -> None:
    stroke(painter, (0.2, 0.2), (0.3, 0.2))
    painter.drag(painter.slider(1), 2.5)
    recipe, screens = painter.recipe(), painter.screens()
    painter.press("reset")
    assert painter.recipe()["regions"] == []
    painter.page.evaluate(
        "(text) => navigator.clipboard.writeText(text)", arg=painter.page.evaluate(
            "(recipe) => JSON.stringify(recipe)", recipe
        )
    )  # fmt: skip
    painter.button("paste").click()
    painter.page.wait_for_function("window.strata.recipe().edits.length === 1")
    painter.settle()
    assert painter.recipe() == recipe and painter.screens() == screens
    old = {key: value for key, value in recipe.items() if key != "regions"}
    old |= {"version": 1, "edits": [[1, "component", 0, 2.0]]}
    painter.page.evaluate("(old) => navigator.clipboard.writeText(JSON.stringify(old))", old)
    painter.button("paste").click()
    painter.page.wait_for_function("window.strata.recipe().edits[0].length === 4")
    painter.settle()
    assert painter.recipe() == old | {"version": 2, "regions": []}


def test_the_eraser_takes_away_and_all_of_it_erased_is_no_region(painter: Desk) -> None:
    painter.press("eraser")
    stroke(painter, (0.5, 0.5))
    assert regions(painter) == ["Whole picture*"]
    assert "nothing to erase" in painter.page.locator("[data-notice]").inner_text()
    painter.press("brush")
    stroke(painter, (0.3, 0.5), (0.7, 0.5))
    full = shown(painter)
    painter.press("eraser")
    stroke(painter, (0.7, 0.5), (0.6, 0.5))
    assert 0 < shown(painter) < full
    painter.page.locator("[data-brush-size]").fill("96")
    stroke(painter, (0.2, 0.5), (0.8, 0.5))
    assert regions(painter) == ["Whole picture*"]


def test_keys_paint_as_well(painter: Desk) -> None:
    before = painter.pixels()
    canvas(painter).focus()
    for key in ("ArrowLeft", "Shift+ArrowLeft", "Space", "]", "ArrowUp", "Enter"):
        painter.page.keyboard.press(key)
    painter.settle()
    assert regions(painter) == ["Whole picture", "Region 1*"]
    painter.page.keyboard.press("Escape")
    assert regions(painter) == ["Whole picture*"]
    painter.page.locator("[data-brush-shape]").select_option("left half")
    painter.settle()
    assert regions(painter) == ["Whole picture", "Region 1*"]
    painter.drag(painter.slider(1), 2.5)
    assert painter.recipe()["regions"] == [[[0, 0, 128, 256]]]
    after = changed(painter, before)
    assert after[:, : SIDE // 2].mean() > 0.9
    assert not after[:, SIDE // 2 + REACH :].any()
    painter.page.locator("h2", has_text="Ladder").click()
    painter.page.keyboard.press("p")
    assert painter.button("hand-paint").get_attribute("aria-pressed") == "false"


def test_a_finger_paints_and_the_page_does_not_scroll(open_desk: OpenDesk) -> None:
    desk = open_desk()
    desk.page.set_viewport_size({"width": 390, "height": 844})
    desk.settle()
    desk.press("hand-paint")
    finger = Finger(desk)
    box = finger.press(canvas(desk), 0.3, 0.3)
    top = desk.page.evaluate("scrollY")
    finger.move(0.1 * box["width"], -0.4 * box["height"])
    finger.lift()
    desk.settle()
    assert regions(desk) == ["Whole picture", "Region 1*"]
    assert desk.page.evaluate("scrollY") == top
    for where in ("[data-region='0']", "[data-action=brush]", "[data-brush-size]"):
        desk.page.locator(where).scroll_into_view_if_needed()
        assert desk.in_sight(where), where
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_models_of_vectors_have_no_brush(desk: Desk) -> None:
    assert desk.button("hand-paint").is_visible()
    desk.press("hand-paint")
    desk.choose_model("avatars")
    assert not desk.button("hand-paint").is_visible()
    assert desk.page.locator("[data-pad-axis=x]").is_visible()
    desk.page.keyboard.press("p")
    assert desk.page.locator("[data-pad-axis=x]").is_visible()
