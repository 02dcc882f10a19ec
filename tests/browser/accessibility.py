"""What axe-core finds wrong with a page, for those who do not see it or use no mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.browser.conftest import missing

if TYPE_CHECKING:
    from playwright.sync_api import Page

# Nothing is loading or fading any more.
CALM = """() => !document.querySelector(".waiting, .busy, [aria-busy=true]")
    && document.getAnimations().every((one) => one.playState !== "running")"""


def violations(page: Page) -> list[str]:
    """Each rule that is broken, with the first place where it is; none on a page that is right."""
    try:
        from axe_playwright_python.sync_playwright import Axe
    except ImportError:
        missing("no axe-core - install it: pip install -r requirements-dev.txt")
    found = Axe().run(page).response["violations"]
    return [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in found]
