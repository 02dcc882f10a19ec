"""The live path in a real browser: over the socket, without one, and when the server dies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from explorer.live.packets import FRAME
from tests.browser.desk import Desk
from tests.running import App, start_app

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page, WebSocketRoute

# Every picture painted on the main canvas, as the number of paints and the last one's bytes.
COUNT_PAINTS = """() => {
    window.paints = 0;
    const canvas = document.querySelector("canvas[data-screen=edit]");
    const context = canvas.getContext("2d");
    const paint = context.putImageData.bind(context);
    context.putImageData = (...given) => { window.paints += 1; paint(...given); };
}"""
PATH_IS = "(words) => window.strata.stats().path === words"


def test_frames_come_over_the_socket_and_requests_by_name_do_not_draw(desk: Desk) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.post_data or ""))
    desk.page.evaluate(COUNT_PAINTS)
    desk.drag(desk.slider(4), 2.0, -2.0, steps=20)
    assert desk.page.evaluate("window.strata.stats().path") == "WebSocket"
    assert desk.page.evaluate("window.paints") > 5
    assert not [body for body in asked if "desk_render" in body or "desk_details" in body]
    assert not desk.page.locator("[data-slow]").is_visible()


def test_the_overlay_tells_the_speed_and_goes_away(desk: Desk) -> None:
    overlay = desk.page.locator("[data-hud]")
    assert not overlay.is_visible()
    desk.page.keyboard.press("i")
    overlay.wait_for()
    desk.drag(desk.slider(3), 1.0)
    desk.page.wait_for_function("() => window.strata.stats().inputMs !== null")
    desk.page.wait_for_function(
        r"""() => /input to pixel\s*[0-9.]+ ms\s*decode\s*[0-9.]+ ms\s*updates\s*\d+ \/ s/
            .test(document.querySelector("[data-hud]").innerText)"""
    )
    said = overlay.inner_text()
    for words in ("cpu", "queue", "round trip", "WebSocket"):
        assert words in said
    desk.page.keyboard.press("i")
    overlay.wait_for(state="hidden")


def blocked(route: WebSocketRoute) -> None:
    """What a proxy that knows no WebSockets does to one."""
    route.close(code=1011, reason="blocked")


@pytest.fixture
def unsocketed(context: BrowserContext, app: App) -> Iterator[Desk]:
    """A desk whose sockets never open."""
    page = context.new_page()
    page.route_web_socket("**/strata/live*", blocked)
    page.goto(app.url)
    desk = Desk(page)
    desk.settle()
    yield desk
    page.close()


def test_where_sockets_are_blocked_the_page_says_so_and_works(unsocketed: Desk, desk: Desk) -> None:
    unsocketed.page.bring_to_front()
    badge = unsocketed.page.locator("[data-slow]")
    badge.wait_for()
    assert "no WebSocket" in badge.inner_text()
    assert unsocketed.page.evaluate("window.strata.stats().path") == "server functions"
    unsocketed.drag(unsocketed.slider(4), 2.0, -1.5, steps=20)
    assert not unsocketed.complains()
    recipe = unsocketed.recipe()
    desk.page.bring_to_front()
    desk.drag(desk.slider(4), recipe["edits"][0][3])
    assert desk.recipe() == recipe
    assert unsocketed.screens() == desk.screens()


def test_a_frame_that_comes_late_is_not_painted_over_a_newer_one(
    context: BrowserContext, app: App
) -> None:
    routes: list[WebSocketRoute] = []
    frames: list[bytes] = []

    def watched(route: WebSocketRoute) -> None:
        routes.append(route)
        server = route.connect_to_server()

        def passed_on(message: str | bytes) -> None:
            if isinstance(message, bytes):
                frames.append(message)
            route.send(message)

        server.on_message(passed_on)

    page = context.new_page()
    page.route_web_socket("**/strata/live*", watched)
    page.goto(app.url)
    desk = Desk(page)
    desk.settle()
    wait_for_socket(page)
    desk.drag(desk.slider(4), 2.5, -2.5, steps=20)
    shown = desk.screens()
    first = next(frame for frame in frames if frame[0] == FRAME)
    page.evaluate(COUNT_PAINTS)
    routes[-1].send(first)
    desk.press("undo")  # answered after it
    assert desk.screens() != shown
    desk.press("redo")
    assert desk.screens() == shown
    assert page.evaluate("window.paints") == 2  # of undo and of redo
    page.close()


def wait_for_socket(page: Page, words: str = "WebSocket") -> None:
    page.wait_for_function(PATH_IS, arg=words)


def test_a_server_killed_and_started_again_goes_on_where_the_hand_is(
    context: BrowserContext, desk: Desk, tmp_path: Path
) -> None:
    """Nothing is lost: what was moved while the server was dead is drawn once it is back."""
    mortal = start_app(tmp_path)
    page = context.new_page()
    try:
        page.goto(mortal.url)
        there = Desk(page)
        there.settle()
        wait_for_socket(page)
        there.drag(there.slider(4), 1.0)
        mortal.process.kill()
        mortal.process.wait()
        wait_for_socket(page, "server functions")
        slider = there.slider(4)
        slider.focus()
        for _ in range(10):
            page.keyboard.press("ArrowRight")
        assert "nothing of yours is lost" in there.complaint().lower().replace("\n", " ")
        wanted = there.recipe()
        assert wanted["edits"][0][3] == pytest.approx(1.5)
        mortal = start_app(tmp_path, port=mortal.port)
        wait_for_socket(page)
        there.settle()
        assert there.recipe() == wanted
        assert not there.complains()
        assert not page.locator("[data-slow]").is_visible()
        shown = there.screens()
    finally:
        page.close()
        mortal.stop()
    desk.page.bring_to_front()
    desk.drag(desk.slider(4), 1.5)
    assert desk.recipe() == wanted
    assert desk.screens() == shown
