"""What a newcomer sees before touching anything, on a desktop and on a phone."""

from __future__ import annotations

import numpy as np
import pytest

from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk

pytestmark = pytest.mark.browser

WIDTHS = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"


def test_a_picture_and_what_to_try_are_there_without_any_action(desk: Desk) -> None:
    assert desk.model() == "avatars"
    for screen in ("image", "reconstruction", "edit"):
        pixels = desk.pixels(screen)
        assert pixels.shape == (64, 64, 3)
        assert len(np.unique(pixels)) > 50 and pixels.std() > 10
    assert (desk.pixels("edit") == desk.pixels("reconstruction")).all()
    hint = desk.page.locator("[data-hint]")
    assert "slider" in hint.inner_text() and desk.in_sight(hint)
    assert not desk.complains()
    for action in ("undo", "redo", "reset"):
        assert desk.button(action).is_disabled()


def test_the_main_job_fits_a_laptop_without_scrolling(desk: Desk) -> None:
    page = desk.page
    for screen in ("image", "reconstruction", "edit"):
        assert desk.in_sight(f"canvas[data-screen={screen}]"), screen
    rungs = page.locator("[data-ladder] canvas").all()
    assert len(rungs) == len(desk.levels()) == 4
    assert all(desk.in_sight(rung) for rung in rungs)
    top = desk.levels()[0]
    sliders = page.locator(f"input[data-level='{top}'][data-kind]").all()
    assert len(sliders) >= 4
    assert all(desk.in_sight(slider) for slider in sliders[:4])
    for name in ("[data-model]", "[data-terms]", "[data-gauge]", "[data-action=upload]"):
        assert desk.in_sight(name), name
    assert page.evaluate("window.scrollY") == 0
    width, room = page.evaluate(WIDTHS)
    assert width <= room


@pytest.mark.parametrize("size", [(1024, 768), (390, 844), (720, 450)])
def test_model_picture_and_upload_are_at_hand_in_any_window(
    open_desk: OpenDesk, size: tuple[int, int]
) -> None:
    """On a small screen, on a phone, and at 200 % zoom on a large one."""
    desk = open_desk()
    width, height = size
    desk.page.set_viewport_size({"width": width, "height": height})
    desk.settle()
    for name in ("#strata-model", "[data-action=upload]", "canvas[data-screen=edit]"):
        assert desk.in_sight(name), name
    assert desk.page.evaluate(WIDTHS)[0] <= width
    before = desk.pixels()
    desk.drag(desk.slider(4), 2.0)
    assert (desk.pixels() != before).any()
    # The picture is seen while its sliders are, where it was scrolled away beside them.
    assert desk.in_sight("canvas[data-screen=edit]") or desk.in_sight("[data-peek]")


def test_a_phone_needs_no_scrolling_sideways(open_desk: OpenDesk) -> None:
    desk = open_desk()
    page = desk.page
    page.set_viewport_size({"width": 390, "height": 844})
    desk.settle()
    for tab in ("Train", "Explore"):
        page.get_by_role("tab", name=tab).click()
        width, room = page.evaluate(WIDTHS)
        assert width <= room == 390, tab
    slider = desk.slider(1)
    before = desk.pixels()
    desk.drag(slider, 2.0)
    assert (desk.pixels() != before).any()
    assert page.evaluate(WIDTHS)[0] <= 390


def test_the_hint_is_at_a_slider_that_moves_this_picture_and_says_so(desk: Desk) -> None:
    page = desk.page
    hint, words = page.locator(".axis.try"), page.locator("[data-start-words]")
    for model in ("avatars", "photos"):
        desk.choose_model(model)
        level, kind, index = started(desk).split(":")
        assert words.inner_text() == "Start here: it moves this picture most."
        desk.button("start").click()
        at = f"input[data-level='{level}'][data-kind='{kind}'][data-index='{index}']"
        slider = page.locator(at)
        assert hint.locator(at).count() == 1
        assert desk.in_sight(slider)
        assert slider.evaluate("(node) => node === document.activeElement")
        before = desk.pixels().astype(int)
        desk.drag(slider, 2.0)
        assert np.abs(desk.pixels() - before).mean() > 10
        assert hint.count() == 0 and not words.is_visible()
        desk.press("undo")


def test_the_hint_changes_with_the_picture_and_nothing_jumps(desk: Desk) -> None:
    desk.choose_model("digits")
    places, starts = [], []
    for which in (0, 1):
        with_it = desk.page.locator(f"[data-example='{which}']")
        with_it.click()
        desk.settle()
        at = "(node) => node.getBoundingClientRect().top"
        places.append(desk.page.locator("[data-stage]").evaluate(at))
        starts.append(started(desk))
        places.append(desk.page.locator("[data-stage]").evaluate(at))
    assert starts[0] != starts[1]
    assert len(set(places)) == 1


def started(desk: Desk) -> str:
    """The slider to start with, once it is known: LEVEL:KIND:INDEX."""
    start = "document.querySelector('#strata-desk').dataset.start"
    desk.page.wait_for_function(f"() => {start}")
    return desk.page.evaluate(start)
