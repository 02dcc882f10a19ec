"""Train from the page for some seconds; the explorer stays live; the new model explores."""

from __future__ import annotations

import pytest

from tests.browser.desk import Desk

pytestmark = pytest.mark.browser

TRAIN_MS = 300_000  # about 25 s on an idle machine
ENDED = "() => ['done', 'failed', 'stopped'].includes(document.querySelector('.job').dataset.state)"


def go_to(desk: Desk, tab: str) -> None:
    desk.page.get_by_role("tab", name=tab).click()


def test_train_from_the_page_and_explore_the_new_model(desk: Desk) -> None:
    page = desk.page
    before = desk.screens()
    go_to(desk, "Train")
    start = page.get_by_role("button", name="Start training")
    page.get_by_label("Name", exact=False).first.fill("Thirty seconds")
    page.get_by_label("Number of faces").fill("10")
    start.click()
    refused = page.locator(".message.error[role=alert]")
    refused.wait_for(state="visible")
    assert "Number of faces" in refused.inner_text()

    page.get_by_label("Number of faces").fill("300")
    page.get_by_label("Minutes", exact=True).fill("0.2")
    start.click()
    page.locator(".job[data-state=running] .plots svg").first.wait_for(timeout=TRAIN_MS)
    progress = page.get_by_role("progressbar")
    assert progress.is_visible()
    assert "step" in page.locator(".job .facts").inner_text()

    go_to(desk, "Explore")
    desk.drag(desk.slider(4), 2.0)
    assert desk.screens()["edit"] != before["edit"]
    assert desk.screens()["image"] == before["image"]

    go_to(desk, "Train")
    page.wait_for_function(ENDED, timeout=TRAIN_MS)
    assert page.locator(".job").get_attribute("data-state") == "done"
    assert page.locator(".sheet img").is_visible()
    page.get_by_role("button", name="Explore it").click()
    page.wait_for_function(
        "document.querySelector('[data-model]').value.startsWith('runs/')", timeout=TRAIN_MS
    )
    desk.settle()
    assert desk.pixels("image").shape == (32, 32, 3)
    assert desk.levels() == [3, 2, 1]
    new = desk.screens()
    page.locator("[data-level-card='1'] [data-axes=component]").click()
    desk.drag(desk.slider(1), 2.5)
    assert desk.screens()["edit"] != new["edit"]
    assert desk.screens()["reconstruction"] == new["reconstruction"]
    desk.press("undo")
    assert desk.screens() == new
