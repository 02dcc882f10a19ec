"""Keys that work anywhere on the page, and before and after."""

from __future__ import annotations

import pytest

from tests.browser.desk import Desk
from tests.browser.hand import PLACES, assert_before

pytestmark = pytest.mark.browser


# ---- keys ----


def test_letters_undo_redo_reset_and_surprise(desk: Desk) -> None:
    page, first = desk.page, desk.screens()
    desk.drag(desk.slider(4), 2.0)  # which keeps the focus
    edited = desk.screens()
    presses = (("u", first), ("Shift+U", edited), ("Control+z", first))
    more = (("Control+Shift+Z", edited), ("Control+z", first), ("Control+y", edited))
    for key, screens in (*presses, *more, ("r", first), ("u", edited)):
        page.keyboard.press(key)
        desk.settle()
        assert desk.screens() == screens, key
    with desk.another_picture():
        page.keyboard.press("s")
    assert desk.screens()["image"] != first["image"]
    page.keyboard.press("u")
    page.wait_for_function("window.strata.recipe().edits.length === 1")
    desk.settle()
    assert desk.screens() == edited


def test_keys_mean_nothing_while_somebody_types(desk: Desk) -> None:
    page = desk.page
    desk.choose_policy(4, "resample")
    desk.drag(desk.slider(3), 2.0)
    screens, recipe = desk.screens(), desk.recipe()
    seed = page.locator("[data-seed='4']")
    seed.click()
    page.keyboard.press("Control+a")
    for key in ("u", "r", "s", "b", "?", "Control+z"):
        page.keyboard.press(key)
    page.keyboard.press("Escape")
    seed.fill(str(recipe["policies"][3][1]))
    page.evaluate("() => navigator.clipboard.writeText('no recipe')")
    desk.button("paste").click()
    text = page.locator("dialog[open] textarea")
    text.press_sequentially("ursb?")
    assert text.input_value() == "ursb?"
    page.locator("dialog[open] [data-dialog-close]").focus()  # a dialog alone is reason enough
    for key in ("u", "r", "s", "?", "Control+z"):
        page.keyboard.press(key)
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    page.locator("[data-pad-axis=x]").focus()
    page.keyboard.press("r")
    page.locator("[data-pad-axis=x]").blur()
    page.get_by_role("tab", name="Train").click()
    for key in ("u", "r", "?"):
        page.keyboard.press(key)
    page.get_by_role("tab", name="Explore").click()
    desk.settle()
    assert page.locator("dialog[open]").count() == 0
    assert desk.recipe() == recipe and desk.screens() == screens


def test_the_map_of_keys_opens_by_key_and_by_button(desk: Desk) -> None:
    page = desk.page
    dialog = page.locator("dialog[data-dialog=keys]")
    assert dialog.is_hidden()
    page.keyboard.press("?")
    dialog.wait_for(state="visible")
    words = dialog.inner_text()
    told = ("Shift", "Wheel", "undo", "redo", "reset", "surprise", "before", "speed overlay")
    assert all(word in words for word in told)
    page.keyboard.press("?")
    dialog.wait_for(state="hidden")
    help_button = desk.button("keys")
    assert help_button.get_attribute("title") == "Keys" and desk.in_sight(help_button)
    help_button.click()
    dialog.wait_for(state="visible")
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    desk.settle()
    assert desk.button("undo").is_disabled()


def test_the_overlay_comes_and_goes_with_its_key(desk: Desk) -> None:
    overlay = desk.page.locator("[data-hud]")
    assert overlay.is_hidden()
    desk.page.keyboard.press("i")
    overlay.wait_for(state="visible")
    desk.page.keyboard.press("i")
    overlay.wait_for(state="hidden")


# ---- before and after ----


def test_before_is_the_reconstruction_for_as_long_as_the_key_is_held(desk: Desk) -> None:
    page = desk.page
    desk.drag(desk.slider(4), 2.0)
    edited, places = desk.screens(), page.evaluate(PLACES)
    assert edited["edit"] != edited["reconstruction"]
    for _ in range(3):  # a key held down repeats
        page.keyboard.down("b")
        assert_before(desk)
    assert page.evaluate(PLACES) == places
    page.keyboard.up("b")
    assert desk.screens() == edited
    assert desk.recipe()["edits"][0][3] == 2.0

    page.keyboard.down("b")
    assert_before(desk)
    page.evaluate("window.dispatchEvent(new Event('blur'))")  # the release goes elsewhere
    assert desk.screens() == edited
    page.keyboard.up("b")
    assert desk.screens() == edited


def test_frames_that_come_while_before_is_held_wait_for_its_end(desk: Desk) -> None:
    page = desk.page
    desk.slider(4).focus()
    page.keyboard.down("b")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
        desk.settle()
        assert_before(desk)
    page.keyboard.up("b")
    held = desk.screens()
    assert held["edit"] != held["reconstruction"]
    desk.press("undo")
    desk.press("redo")
    assert desk.recipe()["edits"][0][3] == 2.0
    assert desk.screens() == held


def test_before_by_its_button_with_mouse_and_keyboard(desk: Desk) -> None:
    page = desk.page
    desk.drag(desk.slider(4), 2.0)
    edited = desk.screens()
    button = desk.button("before")
    assert desk.in_sight(button)
    button.hover()
    page.mouse.down()
    assert_before(desk)
    assert button.get_attribute("aria-pressed") == "true"
    page.mouse.move(5, 5)  # the hand may slip off, and lets go anywhere
    assert_before(desk)
    page.mouse.up()
    assert desk.screens() == edited
    assert button.get_attribute("aria-pressed") == "false"
    button.focus()
    page.keyboard.down("Space")
    assert_before(desk)
    page.keyboard.up("Space")
    assert desk.screens() == edited
