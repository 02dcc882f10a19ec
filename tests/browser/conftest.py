"""A real Chromium on the real app: one browser for all, a fresh page for each test.

The browser is closed after this folder's last test: while Playwright runs, its event loop is
the thread's own, and the tests elsewhere start loops of theirs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn

import pytest

from benchmarks.browser import ARGUMENTS, NoBrowser, need_chromium
from tests.browser.desk import Desk
from tests.explorer.maps import save_maps
from tests.running import App, start_app

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, ConsoleMessage, Page

OpenDesk = Callable[[], Desk]

# A camera that needs no hardware and no click: it shows a moving test picture.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
WAIT_MS = 90_000  # for what takes a second on an idle machine


def missing(reason: str) -> NoReturn:
    """Skip, or fail where a skip would hide that nothing was tested."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="package")
def context() -> Iterator[BrowserContext]:
    """A browser profile that may use the clipboard and the camera, with a desktop window."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("no Playwright - install it: pip install -r requirements-dev.txt")
    with sync_playwright() as playwright:
        try:
            path = need_chromium(playwright.chromium.executable_path)
        except NoBrowser as error:
            missing(str(error))
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *CAMERA])
        made = browser.new_context(
            viewport={"width": 1440, "height": 900},
            permissions=["clipboard-read", "clipboard-write", "camera"],
            accept_downloads=True,
        )
        made.set_default_timeout(WAIT_MS)
        yield made
        browser.close()


@pytest.fixture(scope="package")
def maps_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app on a small model with maps at every level, beside the bundled ones."""
    folder = tmp_path_factory.mktemp("maps")
    running = start_app(folder, "--model", str(save_maps(folder / "maps")))
    yield running
    running.stop()
    assert "Traceback" not in running.said(), running.said()


@pytest.fixture
def open_desk(context: BrowserContext, app: App) -> Iterator[OpenDesk]:
    """Opens the app in a new page, which shares no session with those before.

    At the end of the test, no page may have logged an error or asked another host.
    """
    pages: list[Page] = []
    wrong: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type == "error":
            wrong.append(f"console: {message.text} {message.location}")

    def asked(url: str) -> None:
        if not url.startswith((app.url, "data:", f"blob:{app.url}")):
            wrong.append(f"asked another host: {url}")

    def opened() -> Desk:
        page = context.new_page()
        pages.append(page)
        page.on("console", heard)
        page.on("pageerror", lambda error: wrong.append(f"page: {error}"))
        page.on("request", lambda request: asked(request.url))
        desk = Desk(page)
        page.goto(app.url)
        desk.settle()
        return desk

    yield opened
    for page in pages:
        page.close()
    assert wrong == []


@pytest.fixture
def desk(open_desk: OpenDesk) -> Desk:
    """The Explore tab of a page just opened: the default model on its first test picture."""
    return open_desk()
