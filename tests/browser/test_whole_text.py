"""No text is cut off, on any tab, in any window; and a form does not jump under the hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk, encoded, photo

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WINDOWS = ((1440, 900), (1024, 768), (390, 844))
# Whatever hides what does not fit, and the chosen word of a list; a pixel is for rounding.
CUT = """() => {
    const shown = (node) => node.getClientRects().length > 0 && node.clientWidth > 1
        && getComputedStyle(node).visibility === "visible" && node.textContent.trim();
    const hides = ({ overflowX, display }) => ["hidden", "clip"].includes(overflowX)
        && display !== "inline";
    const lines = (node) => getComputedStyle(node).webkitLineClamp !== "none"
        && node.scrollHeight > node.clientHeight + 1;
    const cut = [...document.querySelectorAll("body *")].filter((node) => shown(node)
        && hides(getComputedStyle(node))
        && (node.scrollWidth > node.clientWidth + 1 || lines(node)));
    const pen = document.createElement("canvas").getContext("2d");
    const narrow = [...document.querySelectorAll("select")].filter((node) => {
        if (!shown(node) || !node.selectedOptions.length) return false;
        const { font, paddingLeft, paddingRight } = getComputedStyle(node);
        pen.font = font;
        const room = node.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
        return pen.measureText(node.selectedOptions[0].text).width > room + 1;
    });
    return [...cut, ...narrow].map((node) => `${node.className}: ${node.textContent.trim()}`
        .slice(0, 90));
}"""
# Names in the waterfall that lie over the next one.
OVER = """() => [...document.querySelectorAll(".overall")].flatMap((part) => {
    const names = [...part.querySelectorAll(".bar:not(.thin) em")];
    const boxes = names.map((node) => node.getBoundingClientRect());
    return names.slice(1).filter((_, at) => boxes[at].right > boxes[at + 1].left)
        .map((node) => node.textContent);
})"""
# Where each field of the form and its button stand on the page.
FIELDS = """() => Object.fromEntries(
    [...document.querySelectorAll(".strata-train :is(label, fieldset, button.primary)")]
        .filter((node) => node.getClientRects().length)
        .map((node) => [node.textContent.trim(),
            Math.round(node.getBoundingClientRect().top + scrollY)]))"""
CALM_MS = 700  # Gradio draws what an event of the form changes within this time


def cut_off(page: Page) -> list[str]:
    """What is cut off in each window of a tab."""
    found = []
    for width, height in WINDOWS:
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(200)  # the desk sizes its pictures to the window
        found += [f"{width}: {what}" for what in page.evaluate(CUT) + page.evaluate(OVER)]
    page.set_viewport_size({"width": 1440, "height": 900})
    return found


@pytest.mark.parametrize("model", ["avatars", "photos", "digits-vdm", "digits-hvae"])
def test_no_text_of_the_desk_is_cut_off(open_desk: OpenDesk, model: str) -> None:
    desk = open_desk()
    desk.choose_model(model)
    assert cut_off(desk.page) == []
    desk.drag(desk.slider(1), 2.0)  # its card says now how many edits it has
    assert cut_off(desk.page) == []


def test_no_text_is_cut_off_beside_a_picture_and_a_region(desk: Desk) -> None:
    desk.choose_model("photos")
    with desk.another_picture():
        desk.drop("mine.png", encoded(photo(3)))
    desk.press("hand-paint")
    desk.page.locator("[data-brush-shape]").select_option(index=1)
    desk.settle()
    desk.drag(desk.slider(3), 2.0)
    assert desk.page.locator(".where").first.is_visible()
    assert cut_off(desk.page) == []


@pytest.mark.parametrize("tab", ["Compare", "Train", "Learn"])
def test_no_text_of_another_tab_is_cut_off(desk: Desk, tab: str) -> None:
    page = desk.page
    page.get_by_role("tab", name=tab).click()
    there = {"Compare": "article .six img", "Train": ".strata-job", "Learn": ".learn-text h2"}
    page.locator(there[tab]).first.wait_for()
    page.wait_for_function("() => !document.querySelector('.waiting, [aria-busy=true]')")
    assert cut_off(page) == []


@pytest.mark.parametrize("size", WINDOWS)
def test_the_training_form_does_not_jump(open_desk: OpenDesk, size: tuple[int, int]) -> None:
    page = open_desk().page
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.get_by_role("tab", name="Train").click()
    page.locator(".strata-job .empty, .strata-job .job").first.wait_for()
    before = page.evaluate(FIELDS)
    assert len(before) > 8

    def moved() -> dict[str, int]:
        page.wait_for_timeout(CALM_MS)
        now = page.evaluate(FIELDS)
        return {name: now[name] - at for name, at in before.items() if now.get(name, at) != at}

    for at in (1, 2, 0):
        page.get_by_label("Starting point").click()
        page.get_by_role("option").nth(at).click()
        assert moved() == {}
    page.get_by_label("Steps", exact=True).click()
    assert moved() == {}
    page.get_by_label("My pictures").click()
    assert moved() == {}
    files = [
        {"name": f"{n}.png", "mimeType": "image/png", "buffer": encoded(photo(n))} for n in range(4)
    ]
    page.locator(".strata-pictures input[type=file]").set_input_files(files)  # type: ignore[arg-type]
    page.locator(".strata-pictures .file-preview").wait_for()
    assert moved() == {}
    page.get_by_label("Drawn faces").click()
    page.get_by_label("Number of faces").fill("10")
    page.get_by_role("button", name="Start training").click()
    page.locator(".message.error[role=alert]").wait_for()
    assert moved() == {}
