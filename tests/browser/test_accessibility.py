"""No rule of axe-core is broken on any tab, light or dark, nor after a picture and an edit."""

from __future__ import annotations

import pytest

from tests.browser.accessibility import CALM, violations
from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk, encoded, photo

pytestmark = pytest.mark.browser

# A tab, and what shows that it is all there.
TABS = {
    "Compare": "article .number, article canvas, article img",
    "Train": ".strata-job",
    "Learn": ".learn-text h2",
}
DARK = "document.body.classList.add('dark')"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_rule_is_broken_on_any_tab(open_desk: OpenDesk, dark: bool) -> None:
    page = open_desk().page
    if dark:
        page.evaluate(DARK)
    assert violations(page) == []
    for tab, there in TABS.items():
        page.get_by_role("tab", name=tab).click()
        page.locator(there).first.wait_for()
        page.wait_for_function(CALM)
        assert violations(page) == [], tab


def test_no_rule_is_broken_after_a_picture_and_an_edit(desk: Desk) -> None:
    with desk.another_picture():
        desk.drop("mine.png", encoded(photo(3)))
    desk.drag(desk.slider(4), 2.0)
    assert desk.button("suggest").is_visible()
    assert violations(desk.page) == []
    desk.press("keys")
    assert violations(desk.page) == []


def test_the_first_stop_of_the_tab_key_leads_to_the_sliders(desk: Desk) -> None:
    page = desk.page
    page.keyboard.press("Tab")
    skip = page.locator(".strata-skip")
    assert skip.evaluate("(node) => node === document.activeElement") and desk.in_sight(skip)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("Boolean(document.activeElement.closest('[data-levels]'))")
