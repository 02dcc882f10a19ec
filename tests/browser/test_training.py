"""Train from the page for some seconds; the explorer stays live; the new model explores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from explorer.panels.train.job import TrainingJob
from tests.browser.accessibility import CALM, violations
from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.running import App

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

TRAIN_MS = 300_000  # about 25 s on an idle machine
ENDED = "() => ['done', 'failed', 'stopped'].includes(document.querySelector('.job').dataset.state)"
NEW_IS_OPEN = "document.querySelector('[data-model]').value.startsWith('runs/')"


def go_to(desk: Desk, tab: str) -> None:
    desk.page.get_by_role("tab", name=tab).click()


def start_training(desk: Desk) -> None:
    """The quickest starting point, on few faces, for a quarter of a minute."""
    page = desk.page
    go_to(desk, "Train")
    page.get_by_label("Name").first.fill("A look")
    page.get_by_label("Number of faces").fill("10")
    page.get_by_role("button", name="Start training").click()
    refused = page.locator(".message.error[role=alert]")
    refused.wait_for(state="visible")
    assert "Number of faces" in refused.inner_text()
    page.get_by_label("Number of faces").fill("300")
    page.get_by_role("spinbutton", name="Minutes").fill("0.25")
    page.get_by_role("button", name="Start training").click()


def test_train_from_the_page_and_explore_the_new_model(open_desk: OpenDesk, app: App) -> None:
    desk = open_desk()
    before = desk.screens()
    start_training(desk)
    desk.page.locator(".job[data-state=running] .now").wait_for(timeout=TRAIN_MS)
    desk.page.locator(".vega-embed .marks").nth(1).wait_for(timeout=TRAIN_MS)
    assert desk.page.get_by_role("progressbar").is_visible()
    assert "step" in desk.page.locator(".job .facts").inner_text()

    go_to(desk, "Explore")  # which stays live meanwhile
    desk.drag(desk.slider(4), 2.0)
    assert desk.screens()["edit"] != before["edit"]
    assert desk.screens()["image"] == before["image"]
    job = TrainingJob(app.runs).snapshot()
    assert job is not None and job.alive

    desk.page.close()  # which does not end it, and another page shows it
    desk = open_desk()
    page = desk.page
    go_to(desk, "Train")
    page.locator(".job").wait_for(state="visible")
    page.wait_for_function(ENDED, timeout=TRAIN_MS)
    assert page.locator(".job").get_attribute("data-state") == "done"
    assert page.locator(".job b").first.inner_text() == "A look"
    assert page.locator(".sheet img").is_visible()
    no_rule_is_broken(page)
    page.get_by_role("button", name="Explore it").click()
    page.wait_for_function(NEW_IS_OPEN, timeout=TRAIN_MS)
    desk.settle()
    explore_the_new_model(desk)


def no_rule_is_broken(page: Page) -> None:
    """Of axe-core, with all that a training leaves on the page; light and dark."""
    for theme in ("remove", "add", "remove"):
        page.evaluate(f"document.body.classList.{theme}('dark')")
        page.wait_for_function(CALM)
        assert violations(page) == [], theme


def explore_the_new_model(desk: Desk) -> None:
    assert desk.pixels("image").shape == (32, 32, 3)
    assert desk.levels() == [3, 2, 1]
    new = desk.screens()
    desk.page.locator("[data-level-card='1'] [data-axes=component]").click()
    desk.drag(desk.slider(1), 2.5)
    assert desk.screens()["edit"] != new["edit"]
    assert desk.screens()["reconstruction"] == new["reconstruction"]
    desk.press("undo")
    assert desk.screens() == new
