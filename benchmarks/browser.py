"""The Chromium that the benchmarks drive."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser

VARIABLE = "STRATA_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
WINDOW = {"width": 1440, "height": 900}


class NoBrowser(Exception):
    """There is no browser to measure with; the message says how to get one."""


def find_chromium(own: str) -> str | None:
    """The browser: $STRATA_CHROMIUM, one on the path, or Playwright's `own`; None if none."""
    named = os.environ.get(VARIABLE)
    if named:
        return shutil.which(named)
    on_path = (shutil.which(name) for name in NAMES)
    return next((path for path in on_path if path), own if Path(own).is_file() else None)


def need_chromium(own: str) -> str:
    """The browser as `find_chromium` finds it.

    Raises:
        NoBrowser: If there is none.
    """
    found = find_chromium(own)
    if found is None:
        named = os.environ.get(VARIABLE)
        where = f"${VARIABLE} is '{named}', which is no program" if named else "no Chromium found"
        raise NoBrowser(
            f"{where}: install one (apt-get install chromium, or playwright install chromium), "
            f"or name it in ${VARIABLE}."
        )
    return found


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium, closed at the end.

    Raises:
        NoBrowser: If there is none, or no Playwright to drive it.
    """
    try:
        from playwright.async_api import async_playwright
    except ImportError as error:
        raise NoBrowser(
            "no Playwright: install it with pip install -r requirements-dev.txt."
        ) from error
    async with async_playwright() as playwright:
        path = need_chromium(playwright.chromium.executable_path)
        browser = await playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()
