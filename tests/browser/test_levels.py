"""Policies of the levels, and models and pictures to choose from."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from tests.browser.desk import Desk, encoded, photo

pytestmark = pytest.mark.browser

LINES = "(node) => node.clientHeight / parseFloat(getComputedStyle(node).lineHeight)"


def test_mean_and_resample_change_the_picture(desk: Desk) -> None:
    page = desk.page
    before = desk.screens()
    desk.choose_policy(1, "mean")
    assert desk.screens()["edit"] != before["edit"]
    desk.press("undo")
    assert desk.screens() == before

    assert page.locator("[data-temperature-row]").is_hidden()
    desk.choose_policy(4, "resample")
    once = desk.screens()
    seed = page.locator("[data-seed='4']").input_value()
    assert once["edit"] != before["edit"]
    assert page.locator("[data-temperature-row]").is_visible()
    desk.press("dice", 4)
    assert page.locator("[data-seed='4']").input_value() != seed
    assert desk.screens()["edit"] != once["edit"]
    desk.press("undo")
    assert desk.screens() == once
    assert page.locator("[data-seed='4']").input_value() == seed


def test_pin_greys_the_sliders_above_and_says_why(desk: Desk) -> None:
    before = desk.screens()
    desk.choose_policy(2, "pin")
    for level in (3, 4):
        assert desk.slider(level).is_disabled()
        reason = desk.page.locator(f"[data-level-card='{level}'] .reason")
        assert reason.is_visible() and "z" in reason.inner_text()
    for level in (1, 2):
        assert desk.slider(level).is_enabled()
        assert desk.page.locator(f"[data-level-card='{level}'] .reason").is_hidden()
    desk.press("undo")
    assert desk.slider(4).is_enabled()
    assert desk.page.locator("[data-level-card='4'] .reason").is_hidden()
    assert desk.screens() == before


def test_another_model_keeps_the_upload(desk: Desk) -> None:
    page = desk.page
    with desk.another_picture():
        desk.give("holiday.png", encoded(photo(4)))
    assert page.locator("[data-crop]").is_visible()
    assert page.locator("[data-invert-row]").is_hidden()
    colour = desk.screens()
    desk.drag(desk.slider(4), 2.0)
    edited = desk.screens()

    with desk.another_picture():
        desk.choose_model("digits")
    assert desk.pixels("image").shape == (28, 28, 3)
    assert desk.levels() == [3, 2, 1]
    assert page.locator("[data-source-name]").inner_text() == "your upload"
    assert "edits" in page.locator("[data-notice]").inner_text()
    grey, plain = desk.screens(), desk.pixels("image")
    with desk.another_picture():
        page.locator("[data-invert]").click()
    np.testing.assert_array_equal(desk.pixels("image"), 255 - plain)
    desk.drag(desk.slider(3), 2.0)
    assert desk.screens()["edit"] != desk.screens()["reconstruction"]

    with desk.another_picture():
        desk.choose_model("avatars")
    assert desk.screens() == colour
    for _ in range(3):  # back over the model, the slider and the inversion …
        desk.press("undo")
    assert desk.screens() == grey
    desk.press("undo")  # … to the first model, with its edit
    assert desk.model() == "avatars" and desk.screens() == edited


def test_a_digit_dark_on_light_is_inverted_whatever_model_was_open_first(desk: Desk) -> None:
    page = desk.page
    digit = Image.new("L", (90, 90), 245)
    ImageDraw.Draw(digit).ellipse((25, 15, 65, 75), outline=20, width=9)
    with desk.another_picture():
        desk.give("zero.png", encoded(digit))
    assert desk.pixels("image").mean() > 128  # a colour model takes it as it is
    with desk.another_picture():
        desk.choose_model("digits")
    assert page.locator("[data-invert]").is_checked()
    assert "suggested" in page.locator("[data-invert-hint]").inner_text()
    assert 5 < desk.pixels("image").mean() < 128
    desk.reload()
    assert desk.model() == "digits" and page.locator("[data-invert]").is_checked()


def test_a_level_with_many_axes_unfolds_on_request(desk: Desk) -> None:
    sliders = desk.page.locator("input[data-level='1'][data-kind]")
    assert sliders.count() == 12
    more = desk.page.locator("[data-level-card='1'] [data-action=show-all]")
    more.click()
    count = sliders.count()
    assert count > 12
    before = desk.screens()
    desk.drag(desk.slider(1, count - 1), 3.0)
    assert len(desk.recipe()["edits"]) == 1
    assert desk.screens()["reconstruction"] == before["reconstruction"]
    more.click()
    assert sliders.count() == 12
    assert "1 not shown" in desk.page.locator("[data-level-card='1'] .badge").inner_text()


def test_six_levels_leave_undo_redo_and_reset_on_one_line(desk: Desk) -> None:
    desk.choose_model("digits-hvae")
    assert desk.levels() == [6, 5, 4, 3, 2, 1]
    boxes = [desk.button(action).bounding_box() for action in ("undo", "redo", "reset")]
    assert len({box["y"] for box in boxes if box is not None}) == 1
    assert max(box["height"] for box in boxes if box is not None) < 40  # no word wraps
    chips = [chip.bounding_box() for chip in desk.page.locator("[data-chip]").all()]
    assert len(chips) == 6 and len({box["y"] for box in chips if box is not None}) == 1


def test_a_long_verdict_leaves_the_terms_on_the_screen(desk: Desk) -> None:
    """Noise of 256 pixels a side: unusual, and told of in two lines."""
    noise = np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    desk.choose_model("photos")
    with desk.another_picture():
        desk.give("noise.png", encoded(Image.fromarray(noise)))
    verdict = desk.page.locator("[data-verdict]")
    assert verdict.inner_text().startswith("Unusual") and "Compared at" in verdict.inner_text()
    assert verdict.evaluate(LINES) == pytest.approx(2, abs=0.1)
    over = "(node) => node.scrollHeight - node.clientHeight"
    assert desk.page.locator(".centre").evaluate(over) == 0
    assert desk.in_sight("[data-terms-line]")


def test_the_crop_and_the_gallery_and_the_prior_bring_other_pictures(desk: Desk) -> None:
    page = desk.page
    with desk.another_picture():
        desk.give("wide.png", encoded(photo(5, (300, 100))))
    upload = desk.screens()
    box = page.locator("[data-crop-box]")
    box.hover(position={"x": 10, "y": 10})
    area = box.bounding_box()
    assert area is not None
    with desk.another_picture():
        page.mouse.down()
        page.mouse.move(area["x"] + 40, area["y"] + 10, steps=5)
        page.mouse.up()
    assert desk.screens()["image"] != upload["image"]
    with desk.another_picture():
        page.locator("[data-example='7']").click()
    example = desk.screens()
    assert page.locator("[data-source-name]").inner_text() == "test picture 8"
    with desk.another_picture():
        page.locator("[data-action=surprise]").click()
    assert desk.screens()["image"] != example["image"]
    desk.press("undo")
    assert desk.screens() == example
