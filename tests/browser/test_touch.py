"""The desk under one finger, on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import WAIT_MS
from tests.browser.desk import Desk
from tests.browser.hand import Finger, assert_before, axes, canvas, sigma
from tests.running import App

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser


@pytest.fixture
def phone(context: BrowserContext, app: App) -> Iterator[Desk]:
    """The app on a phone held upright."""
    assert context.browser is not None
    made = context.browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True
    )
    made.set_default_timeout(WAIT_MS)
    page = made.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    desk = Desk(page)
    page.goto(app.url)
    desk.settle()
    yield desk
    made.close()
    assert wrong == []


def test_a_finger_drags_a_slider_and_the_page_stays(phone: Desk) -> None:
    finger, slider = Finger(phone), phone.slider(4)
    before = phone.pixels()
    box = finger.press(slider)
    place = phone.page.evaluate("[window.scrollX, window.scrollY]")
    finger.move(0.3 * box["width"], 0)
    phone.settle()
    assert float(slider.input_value()) == pytest.approx(2.0, abs=0.3)
    finger.lift()
    phone.settle()
    assert phone.page.evaluate("[window.scrollX, window.scrollY]") == place
    assert place[0] == 0
    assert len(phone.recipe()["edits"]) == 1 and (phone.pixels() != before).any()


# Ways of a finger that wants to scroll: straight, with a start that is none, and one whose first
# steps go sideways, so that the browser does not scroll.
SWIPES = {
    "up": [(0, 20)] * 10,
    "slanting": [(8, 12)] * 15,
    "unsteady": [(3, 1), (4, 3), (3, 6), (2, 15), *[(1, 20)] * 8],
    "after a rest": [(0, 0)] * 20 + [(0, 10)] * 15,
    "sideways at first": [(16, 4), *[(1, 20)] * 8],
}


@pytest.mark.parametrize("name", SWIPES)
@pytest.mark.parametrize("at", [0.5, 1.0])
def test_a_swipe_that_begins_on_a_slider_leaves_it_as_it_was(
    phone: Desk, name: str, at: float
) -> None:
    """Wherever it begins: where its value would jump to, and on the very thumb."""
    finger, slider = Finger(phone), phone.slider(4)
    finger.press(slider, 0.98)
    finger.lift()  # a tap where the finger came down and went up moves it there
    phone.settle()
    assert slider.input_value() == "3"
    recipe, screens = phone.recipe(), phone.screens()
    finger.press(slider, at * 0.98)
    before = phone.page.evaluate("window.scrollY")
    finger.follow(SWIPES[name])
    finger.lift()
    if name != "sideways at first":
        phone.page.wait_for_function("(y) => Math.abs(window.scrollY - y) > 60", arg=before)
    phone.settle()
    assert phone.recipe() == recipe and slider.input_value() == "3"
    assert phone.screens() == screens
    phone.button("undo").tap()
    phone.settle()
    assert phone.recipe()["edits"] == [] and phone.button("undo").is_disabled()


def test_a_swipe_on_the_picture_scrolls_and_a_rested_finger_drags_it(phone: Desk) -> None:
    first, finger, (across, along) = phone.screens(), Finger(phone), axes(phone)
    box = finger.press(canvas(phone), 0.5, 0.9)
    before = phone.page.evaluate("window.scrollY")
    finger.follow([(1, 15)] * 10)
    finger.lift()
    phone.page.wait_for_function("(y) => Math.abs(window.scrollY - y) > 60", arg=before)
    phone.settle()
    assert phone.screens() == first and phone.button("undo").is_disabled()
    finger.press(canvas(phone), 0.5, 0.9)
    phone.page.locator("[data-stage].dragging").wait_for()  # it has rested
    before = phone.page.evaluate("window.scrollY")
    finger.move(0, 0.4 * box["height"])
    finger.lift()
    phone.settle()
    assert sigma(phone, across) == 0
    assert sigma(phone, along) == pytest.approx(2.4, abs=0.05)
    assert phone.page.evaluate("window.scrollY") == before
    assert phone.page.locator("[data-stage].dragging").count() == 0


def test_a_finger_drags_the_picture_and_a_double_tap_puts_it_back(phone: Desk) -> None:
    first, finger, (across, along) = phone.screens(), Finger(phone), axes(phone)
    box = finger.press(canvas(phone))
    finger.move(0.25 * box["width"], -0.2 * box["height"])
    phone.settle()
    assert sigma(phone, across) == pytest.approx(1.5, abs=0.03)
    assert sigma(phone, along) == pytest.approx(-1.2, abs=0.03)
    assert phone.page.locator("[data-pad-says=x]").is_visible()
    assert phone.page.evaluate("[window.scrollX, window.scrollY]") == [0, 0]
    finger.lift()
    phone.settle()
    dragged = phone.screens()
    assert dragged["edit"] != first["edit"]
    for _ in range(2):
        finger.press(canvas(phone))
        finger.lift()
    phone.settle()
    assert phone.screens() == first
    phone.button("undo").tap()
    phone.settle()
    assert phone.screens() == dragged
    phone.button("undo").tap()
    phone.settle()
    assert phone.screens() == first and phone.button("undo").is_disabled()


def test_a_finger_holds_before_and_finds_the_keys(phone: Desk) -> None:
    finger = Finger(phone)
    finger.press(phone.slider(4))
    finger.move(40, 0)
    finger.lift()
    phone.settle()
    edited = phone.screens()
    assert edited["edit"] != edited["reconstruction"]
    finger.press(phone.button("before"))
    phone.page.wait_for_function(
        "document.querySelector('[aria-pressed=true][data-action=before]')"
    )
    assert_before(phone)
    finger.lift()
    phone.page.wait_for_function("document.querySelector('[aria-pressed=false][data-action]')")
    assert phone.screens() == edited
    phone.button("keys").tap()
    phone.page.locator("dialog[data-dialog=keys]").wait_for(state="visible")
    phone.page.locator("dialog[open] [data-dialog-close]").tap()
    phone.page.locator("dialog[data-dialog=keys]").wait_for(state="hidden")
