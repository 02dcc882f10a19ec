"""The Compare tab: one image in several models, perturbed at one depth; also on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from PIL import Image

from tests.browser.desk import Desk, encoded

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

TAB = "#strata-compare"
COMPLETE = "document.querySelector('#strata-compare').getAttribute('aria-busy') === 'false'"
SOURCES = "(images) => images.map((image) => image.src)"


def open_tab(desk: Desk) -> Page:
    page = desk.page
    page.get_by_role("tab", name="Compare").click()
    page.wait_for_function(COMPLETE)
    return page


def sources(where: Locator) -> list[str]:
    """The pictures somewhere; those of the same pixels are the same text."""
    return where.locator("img").evaluate_all(SOURCES)


def card(page: Page, slot: int) -> Locator:
    return page.locator(f"{TAB} [data-card='{slot}']")


def redrawn(page: Page, slot: int) -> Locator:
    return page.locator(f"{TAB} [data-redrawn='{slot}']")


def move_depth(page: Page, key: str, words: str) -> None:
    """Press a key on the depth control and wait for what every model says of it."""
    page.get_by_label("Depth").press(key)
    for slot in (0, 1):
        redrawn(page, slot).get_by_text(words).wait_for()


def test_one_depth_redraws_the_levels_of_all_models(desk: Desk) -> None:
    page = open_tab(desk)
    models = [page.locator(f"{TAB} [data-slot='{slot}']").input_value() for slot in (0, 1)]
    assert len(set(models)) == 2
    for slot in (0, 1):
        assert len(set(sources(redrawn(page, slot)))) == 3
        assert len(sources(card(page, slot).locator("[data-part=samples]"))) == 6
    places = redrawn(page, 0).locator(".levels").bounding_box()

    move_depth(page, "Home", "redraws nothing")
    for slot in (0, 1):
        _, reconstruction = sources(card(page, slot).locator("[data-part=opened]"))
        assert sources(redrawn(page, slot)) == [reconstruction] * 3
    move_depth(page, "End", "keeps nothing")
    for slot in (0, 1):
        samples = sources(card(page, slot).locator("[data-part=samples]"))
        assert sources(redrawn(page, slot)) == samples[:3]
    assert redrawn(page, 0).locator(".levels").bounding_box() == places  # nothing jumps

    before = sources(redrawn(page, 0))
    page.get_by_role("button", name="Other draws").click()
    page.wait_for_function(COMPLETE)
    assert sources(redrawn(page, 0)) != before

    rows = page.locator(f"{TAB} tbody tr")
    assert rows.count() == len(page.locator(f"{TAB} .card:not(.empty)").all())
    part = page.locator(f"{TAB} .sums .part").first
    part.focus()
    part.press("ArrowRight")
    assert "nats" in (page.locator(f"{TAB} .part:focus").get_attribute("aria-label") or "")


def test_another_first_model_an_upload_and_a_file_that_is_none(desk: Desk) -> None:
    page = open_tab(desk)
    second = page.locator(f"{TAB} [data-slot='1']")
    assert second.locator("option[value=avatars]").is_disabled()
    assert "64×64 colour" in second.locator("option[value=avatars]").inner_text()
    first = sources(card(page, 0).locator("[data-part=opened]"))
    page.locator(f"{TAB} [data-picture='4']").click()
    page.get_by_text("test picture 5 of the first model").wait_for()
    page.wait_for_function(COMPLETE)
    assert sources(card(page, 0).locator("[data-part=opened]")) != first

    page.locator(f"{TAB} [data-slot='0']").select_option("avatars")
    page.locator(f"{TAB} [data-slot='1'] option[value=photos]:not(:disabled)").wait_for(
        state="attached"
    )
    assert page.locator(f"{TAB} [data-slot='1']").input_value() == "photos"
    page.wait_for_function(COMPLETE)

    file = page.locator(f"{TAB} [data-file]")
    red = encoded(Image.new("RGB", (90, 70), (200, 30, 30)))
    file.set_input_files({"name": "red.png", "mimeType": "image/png", "buffer": red})
    page.get_by_text("your upload, the same for all models").wait_for()
    page.wait_for_function(COMPLETE)
    seen = [sources(card(page, slot).locator("[data-part=opened]"))[0] for slot in (0, 1)]
    assert seen[0] == seen[1]
    file.set_input_files({"name": "notes.png", "mimeType": "image/png", "buffer": b"no picture"})
    alert = page.locator(f"{TAB} [data-message]")
    alert.wait_for(state="visible")
    assert "notes.png" in alert.inner_text()


def test_a_phone_shows_it_without_scrolling_the_page_sideways(desk: Desk) -> None:
    desk.page.set_viewport_size({"width": 390, "height": 844})
    page = open_tab(desk)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    first, second = (redrawn(page, slot).bounding_box() for slot in (0, 1))
    assert first and second and first["y"] == second["y"] and second["x"] + second["width"] <= 390
    redrawn(page, 1).locator(".what").scroll_into_view_if_needed()
    assert desk.in_sight(page.get_by_label("Depth"))  # the control stays with what it moves
