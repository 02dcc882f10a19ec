"""The pictures of docs/models.md, taken from the running app: `python -m docs.capture_models`.

Of every bundled model docs/img/models/NAME.png, 1440x900: a test picture, its ladder, and the
sliders, the top level's most telling one moved; of a diffusion a local axis of a middle level. Of
a model whose top level is a map the slider is moved under a region that was painted with the
brush. Of two tabs docs/img/compare.png and
learn.png. `python -m docs.capture_models NAME …` takes only these.
"""

from __future__ import annotations

import math
import sys

from playwright.sync_api import Page

from docs.capture import (
    DESK,
    IMAGES,
    best_slider,
    box_of,
    chromium,
    drag,
    levels_of,
    opened,
    running_app,
    save_png,
    settle,
)

FOLDER = IMAGES / "models"
EXAMPLES = {"photos": 3}  # test pictures worth showing; else the first
TABS = {"compare": "Compare", "learn": "Learn"}
TAB_MS = 12_000  # until a diffusion has drawn its samples on a busy machine
ACROSS = 0.28  # half the width of what is painted, as a share of the picture


def main() -> int:
    """Take the pictures that were asked for; returns the exit status."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with running_app() as url, chromium() as browser:
        page = opened(browser, url, DESK, 0)
        options = page.locator("[data-model] option")
        ids = [options.nth(i).get_attribute("value") or "" for i in range(options.count())]
        for name in [one for one in sys.argv[1:] or ids if one not in TABS]:
            take(page, name)
            save_png(page.screenshot(), FOLDER / f"{name}.png")
        page.context.close()
        page = opened(browser, url, DESK, 0)  # on the default model, whatever was taken before
        for name in [one for one in sys.argv[1:] or TABS if one in TABS]:
            page.get_by_role("tab", name=TABS[name]).click()
            page.wait_for_timeout(TAB_MS)
            save_png(page.screenshot(full_page=name == "compare"), IMAGES / f"{name}.png")
        page.context.close()
    return 0


def take(page: Page, name: str) -> None:
    """Bring the page to what is shown of a model."""
    page.select_option("[data-model]", name)
    settle(page)
    page.locator(f'[data-example="{EXAMPLES.get(name, 0)}"]').click()
    settle(page)
    page.evaluate("window.scrollTo(0, 0)")
    levels = levels_of(page)
    local = page.locator("[data-axes=local]")
    shown = levels[len(levels) // 2] if local.count() else levels[0]
    if local.count():
        page.locator(f"[data-level-card='{shown}'] [data-axes=local]").click()
        page.wait_for_selector("input[data-kind=local]")
        page.locator(f"[data-chip='{shown}']").click()
        page.wait_for_timeout(1000)  # the bank scrolls there
    choice = best_slider(page, shown)
    if page.locator("[data-hand-row]").is_visible() and not local.count():
        paint(page)
    for _ in drag(page, choice):
        pass
    page.mouse.move(2, 2)
    settle(page)
    page.wait_for_timeout(1500)  # the ladder and the terms come after the picture


def paint(page: Page) -> None:
    """Paint an arc over the middle of the picture."""
    page.locator('[data-action="hand-paint"]').click()
    box = box_of(page.locator('canvas[data-screen="edit"]'))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for step in range(13):
        turn = math.pi * step / 12
        at = x - ACROSS * box["width"] * math.cos(turn), y - 0.2 * box["height"] * math.sin(turn)
        page.mouse.move(*at)
        if step == 0:
            page.mouse.down()
    page.mouse.up()
    settle(page)


if __name__ == "__main__":
    sys.exit(main())
