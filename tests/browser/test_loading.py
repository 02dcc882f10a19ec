"""What a person does while the page is still loading is done once it has loaded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.desk import Desk, encoded, photo
from tests.running import App

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, Route

pytestmark = pytest.mark.browser

LATE_MS = 2_500
CALLS = "**/component_server/"
SCRIPTS = "**/strata/js/**"
PICTURE = encoded(photo(21))
WAYS: dict[str, Callable[[Desk], None]] = {
    "upload": lambda desk: desk.give("mine.png", PICTURE),
    "drop": lambda desk: desk.drop("mine.png", PICTURE),
    "paste": lambda desk: desk.paste("mine.png", PICTURE),
}


@pytest.fixture
def late(context: BrowserContext, app: App) -> Iterator[Desk]:
    """A page whose first answers of the server are held back for a while."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    hold_back(page)
    page.goto(app.url)
    page.locator("[data-drop]").wait_for()
    yield Desk(page)
    page.close()
    assert wrong == []


def hold_back(page: Page) -> None:
    """Hold back the first answers that the first visit waits for."""
    held: set[str] = set()

    def hold(route: Route) -> None:
        asks = str((route.request.post_data_json or {}).get("fn_name"))
        if asks in ("desk_models", "desk_open") and asks not in held:
            held.add(asks)
            page.wait_for_timeout(LATE_MS)
        route.continue_()

    page.route(CALLS, hold)


@pytest.mark.parametrize("way", WAYS)
def test_a_picture_given_while_the_page_loads_is_opened_then(late: Desk, way: str) -> None:
    assert late.recipe() is None
    WAYS[way](late)
    assert late.recipe() is None  # it was given before there was anything
    late.page.wait_for_function("window.strata.recipe()")
    late.page.get_by_text("your upload", exact=True).wait_for()
    late.settle()
    assert not late.complains()
    assert late.page.locator("[data-level-card]").count() == 4
    given = late.screens()
    late.drag(late.slider(4), 2.0)
    assert late.screens()["image"] == given["image"]
    late.press("undo")
    late.press("undo")  # back to where the page would have opened
    late.page.get_by_text("test picture 1", exact=True).wait_for()
    late.press("redo")
    late.reload()
    assert late.screens() == given


def test_nothing_else_breaks_before_there_is_a_picture(late: Desk) -> None:
    page = late.page
    assert late.recipe() is None
    for key in "prub0":
        page.keyboard.press(key)
    page.locator("canvas[data-screen=edit]").dblclick(force=True)
    for action in ("copy", "paste", "download", "undo", "reset"):
        assert late.button(action).is_disabled()
    page.keyboard.press("s")
    page.get_by_text("prior · seed").wait_for()
    late.settle()
    assert late.button("copy").is_enabled() and not late.complains()


def test_a_picture_given_after_a_failed_start_starts_again(
    context: BrowserContext, app: App
) -> None:
    page = context.new_page()
    page.route(CALLS, lambda route: route.abort())
    page.goto(app.url)
    desk = Desk(page)
    assert "did not answer" in desk.complaint()
    page.unroute_all(behavior="wait")
    desk.drop("mine.png", PICTURE)
    page.get_by_text("your upload", exact=True).wait_for()
    desk.settle()
    assert not desk.complains()
    page.close()


def test_scripts_that_cannot_be_had_are_told_where_they_are_missed(
    context: BrowserContext, app: App
) -> None:
    page = context.new_page()
    page.route(SCRIPTS, lambda route: route.abort())
    page.goto(app.url)
    page.get_by_role("alert").get_by_text("could not be loaded").wait_for()
    assert page.locator("#strata-desk").is_hidden()  # nobody listens to what is in it
    page.unroute_all(behavior="wait")
    page.reload()
    Desk(page).settle()
    assert page.locator("#strata-desk").is_visible()
    assert not page.get_by_text("could not be loaded").is_visible()
    page.close()


def test_a_desk_whose_scripts_come_late_is_shown_with_them(
    context: BrowserContext, app: App
) -> None:
    page = context.new_page()
    held: list[Route] = []
    late = True

    def hold(route: Route) -> None:
        if late:
            held.append(route)
        else:
            route.continue_()

    page.route(SCRIPTS, hold)
    page.goto(app.url, wait_until="commit")
    page.locator("#strata-desk").wait_for(state="attached")
    assert held and page.locator("#strata-desk").is_hidden()
    late = False
    for route in held:
        route.continue_()
    Desk(page).settle()
    assert page.locator("#strata-desk").is_visible()
    page.close()
