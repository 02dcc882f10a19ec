"""The feel of the hand: sliders under keys and the wheel, and the picture dragged itself."""

from __future__ import annotations

import json

import pytest

from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.browser.hand import PLACES, TWO_FRAMES, axes, canvas, grab, sigma
from tests.running import ROOT

pytestmark = pytest.mark.browser
AVATARS = ROOT / "checkpoints" / "avatars"

# What one input event writes into the page, while a drag of that slider is under way.
WRITES = """(input) => {
    const seen = new MutationObserver(() => {});
    const drag = (sigma) => {
        input.value = String(sigma);
        input.dispatchEvent(new Event("input", { bubbles: true }));
    };
    drag(1);
    seen.observe(document.querySelector("#strata-desk"),
        { subtree: true, attributes: true, childList: true, characterData: true });
    drag(1.5);
    const places = seen.takeRecords().map(({ target }) => {
        const node = target.nodeType === Node.TEXT_NODE ? target.parentElement : target;
        return node === input || node.parentElement === input.parentElement ? "own"
            : node.closest("[data-level-card]") ? "bank" : "elsewhere";
    });
    seen.disconnect();
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return places;
}"""
MEDIAN_MS = """(input) => {
    const times = [];
    for (let at = 0; at < 200; at += 1) {
        input.value = String((at % 100) / 20 - 2.5);
        const before = performance.now();
        input.dispatchEvent(new Event("input", { bubbles: true }));
        times.push(performance.now() - before);
    }
    input.dispatchEvent(new Event("change", { bubbles: true }));
    return times.sort((a, b) => a - b)[100];
}"""
# From now on nothing that the page sends arrives, and nothing comes back.
CUT_OFF = """() => {
    WebSocket.prototype.send = () => {};
    window.fetch = () => new Promise(() => {});
}"""


def wheel(desk: Desk, delta: float, until: str) -> None:
    desk.page.mouse.wheel(0, delta)
    desk.page.wait_for_function(until)
    desk.settle()


def scrolled(desk: Desk) -> float:
    desk.page.evaluate(TWO_FRAMES)
    return desk.page.locator("[data-levels]").evaluate("(node) => node.scrollTop")


# ---- sliders ----


def show_all(desk: Desk) -> int:
    for more in desk.page.locator("[data-action=show-all]").all():
        if more.is_visible():
            more.click()
    return desk.page.locator("input[data-kind]").count()


def test_a_moved_slider_writes_little_into_the_page_however_many_there_are(desk: Desk) -> None:
    active = json.loads((AVATARS / "evaluation.json").read_text())["active_units"]
    assert show_all(desk) == sum(active) > 100
    for level in desk.levels():  # other edits cost nothing either
        desk.slider(level, 3).press("End")
    places = desk.slider(4).evaluate(WRITES)
    assert places.count("own") == 3  # the value in words, for the eye and for the ear
    assert "bank" not in places and len(places) <= 8
    assert desk.slider(4).evaluate(MEDIAN_MS) < 2
    desk.settle()


def test_the_thumb_does_not_wait_for_the_network(desk: Desk) -> None:
    desk.page.evaluate(CUT_OFF)
    slider = desk.slider(4)
    box = slider.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    desk.page.mouse.move(box["x"] + box["width"] / 2, middle)
    desk.page.mouse.down()
    for share in (0.6, 0.7, 0.8, 0.9):
        desk.page.mouse.move(box["x"] + share * box["width"], middle)
        value = float(slider.input_value())
        assert value == pytest.approx(6 * share - 3, abs=0.4)
        output = slider.locator("xpath=../output").inner_text()
        assert output == f"+{value:.2f} σ"
        assert sigma(desk, [4, "coordinate", int(slider.get_attribute("data-index") or 0)]) == value
    desk.page.mouse.up()


def test_keys_move_a_slider_by_small_and_large_steps(desk: Desk) -> None:
    slider = desk.slider(4)
    slider.focus()
    for key, value in (
        ("ArrowRight", 0.05),
        ("Shift+ArrowRight", 0.55),
        ("Shift+ArrowUp", 1.05),
        ("ArrowDown", 1.0),
        ("Shift+ArrowLeft", 0.5),
        ("PageUp", 1.0),
        ("PageDown", 0.5),
        ("End", 3.0),
        ("ArrowRight", 3.0),
        ("Home", -3.0),
        ("0", 0.0),
    ):
        desk.page.keyboard.press(key)
        assert float(slider.input_value()) == pytest.approx(value), key
    assert desk.recipe()["edits"] == []
    for _ in range(3):
        desk.page.keyboard.press("Shift+ArrowRight")
    desk.settle()
    assert desk.recipe()["edits"][0][3] == pytest.approx(1.5)
    desk.press("undo")  # keys pressed one after the other are one step
    assert desk.recipe()["edits"] == []


def test_the_wheel_scrolls_the_bank_over_a_slider_without_the_focus(desk: Desk) -> None:
    desk.slider(4).hover()
    desk.page.mouse.wheel(0, 120)
    desk.page.wait_for_function("document.querySelector('[data-levels]').scrollTop > 50")
    desk.settle()
    assert desk.recipe()["edits"] == []
    # Another slider having the focus changes nothing about it.
    desk.slider(3, 1).focus()
    before = scrolled(desk)
    desk.slider(3).hover()
    desk.page.mouse.wheel(0, 120)
    desk.page.wait_for_function(
        "(before) => document.querySelector('[data-levels]').scrollTop > before + 50", arg=before
    )
    assert desk.recipe()["edits"] == []


def test_the_wheel_moves_the_slider_that_has_the_focus_and_nothing_else(desk: Desk) -> None:
    slider = desk.slider(4)
    slider.focus()
    slider.hover()
    before = scrolled(desk)
    value = "Number(document.activeElement.value)"
    wheel(desk, -100, f"{value} === 0.05")
    wheel(desk, -100, f"{value} === 0.1")
    wheel(desk, 100, f"{value} === 0.05")
    desk.page.keyboard.down("Shift")
    wheel(desk, -100, f"{value} === 0.55")
    desk.page.mouse.wheel(-100, 0)  # what Chromium makes of a real wheel with Shift down
    desk.page.wait_for_function(f"{value} === 1.05")
    desk.page.keyboard.up("Shift")
    desk.settle()
    assert desk.recipe()["edits"][0][3] == pytest.approx(1.05)
    assert scrolled(desk) == before == 0
    assert desk.page.evaluate("[window.scrollX, window.scrollY]") == [0, 0]
    slider.press("End")
    wheel(desk, -100, f"{value} === 3")
    assert scrolled(desk) == 0  # at its end it does not let the page scroll either


def test_one_turn_of_the_wheel_is_one_step_of_undo(desk: Desk) -> None:
    first = desk.screens()
    slider = desk.slider(3)
    slider.focus()
    slider.hover()
    for value in (0.05, 0.1, 0.15):
        wheel(desk, -100, f"Number(document.activeElement.value) === {value}")
    assert desk.screens()["edit"] != first["edit"]
    desk.press("undo")
    assert desk.button("undo").is_disabled() and desk.screens() == first


# ---- the picture as a pad ----


def test_a_drag_on_the_picture_moves_two_axes_in_one_step(desk: Desk) -> None:
    first, (across, along) = desk.screens(), axes(desk)
    assert [across[0], along[0]] == [4, 3]  # the first of the top level, and of the next
    hint = desk.page.locator("[data-hint]").inner_text()
    assert "picture" in hint and desk.in_sight("[data-pad]")
    grab(desk, 0.0, 0.0)
    desk.page.mouse.up()
    assert desk.recipe()["edits"] == []  # a press alone moves nothing
    grab(desk, 0.25, 0.125)
    desk.settle()
    dragged = desk.screens()
    assert [edit[:3] for edit in desk.recipe()["edits"]] == [along, across]
    assert sigma(desk, across) == pytest.approx(1.5, abs=0.03)
    assert sigma(desk, along) == pytest.approx(0.75, abs=0.03)
    for level, value in ((4, "1.5"), (3, "0.75")):
        assert float(desk.slider(level).input_value()) == pytest.approx(float(value), abs=0.03)
    assert dragged["edit"] != first["edit"]
    desk.page.mouse.up()
    grab(desk, -0.75, -0.25)  # goes on from there, and stops at the ends
    desk.page.mouse.up()
    desk.settle()
    assert sigma(desk, across) == -3.0
    assert sigma(desk, along) == pytest.approx(-0.75, abs=0.05)
    desk.press("undo")
    assert desk.screens() == dragged
    desk.press("undo")
    assert desk.button("undo").is_disabled() and desk.screens() == first


def test_while_dragging_both_values_are_told_and_nothing_shifts(desk: Desk) -> None:
    says = desk.page.locator("[data-pad-says]")
    before = desk.page.evaluate(PLACES)
    assert not says.first.is_visible()
    grab(desk, -0.25, 0.25)
    desk.settle()
    assert says.nth(0).is_visible() and says.nth(1).is_visible()
    told = [text.split()[-2:] for text in says.all_inner_texts()]
    assert told == [["−1.50", "σ"], ["+1.50", "σ"]]
    assert desk.in_sight(says.nth(0)) and desk.in_sight(says.nth(1))
    assert desk.page.evaluate(PLACES) == before
    desk.page.mouse.up()
    assert not says.first.is_visible()
    assert "2 changes" in desk.page.locator("[data-changes]").inner_text()
    assert desk.page.evaluate(PLACES) == before


def test_other_axes_may_be_chosen_even_ones_without_a_slider(desk: Desk) -> None:
    page = desk.page
    selects = [page.locator(f"[data-pad-axis={way}]") for way in ("x", "y")]
    groups = selects[0].locator("optgroup").evaluate_all("(all) => all.map((one) => one.label)")
    assert groups[0].startswith("z₄") and groups[-1].startswith("z₁")
    far = page.locator("[data-pad-axis=x] optgroup").nth(-1).locator("option").last
    selects[0].select_option(far.get_attribute("value"))
    across, along = axes(desk)
    assert across[:2] == [1, "component"] and desk.levels()[-1] == 1
    before = desk.pixels()
    grab(desk, 0.3, -0.2)
    page.mouse.up()
    desk.settle()
    assert [edit[:3] for edit in desk.recipe()["edits"]] == [across, along]
    assert sigma(desk, across) == pytest.approx(1.8, abs=0.03)
    assert (desk.pixels() != before).any()
    # An axis goes one way only: choosing it again swaps the two.
    selects[1].select_option(selects[0].input_value())
    assert axes(desk) == [along, across]
    with desk.another_picture():
        desk.choose_model("digits")
    assert [axis[0] for axis in axes(desk)] == [3, 2]
    grab(desk, 0.2, 0.2)
    page.mouse.up()
    desk.settle()
    assert [edit[0] for edit in desk.recipe()["edits"]] == [2, 3]


def test_a_double_click_and_the_keys_work_on_the_picture(desk: Desk) -> None:
    first, (across, along) = desk.screens(), axes(desk)
    desk.drag(desk.slider(2), 2.0)
    kept = desk.screens()
    grab(desk, 0.2, 0.1)
    desk.page.mouse.up()
    desk.settle()
    moved = desk.screens()
    canvas(desk).dblclick()
    desk.settle()
    assert desk.screens() == kept and len(desk.recipe()["edits"]) == 1
    desk.press("undo")
    assert desk.screens() == moved
    desk.press("reset")
    assert desk.screens() == first

    label = canvas(desk).get_attribute("aria-label") or ""
    assert "z₄" in label and "z₃" in label and "arrow keys" in label
    canvas(desk).focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowUp", "Shift+ArrowDown"):
        desk.page.keyboard.press(key)
    assert sigma(desk, across) == pytest.approx(0.55)
    assert sigma(desk, along) == pytest.approx(-0.45)
    desk.page.keyboard.press("0")
    desk.settle()
    assert desk.screens() == first


def test_with_the_pad_a_narrow_page_still_needs_no_scrolling_sideways(open_desk: OpenDesk) -> None:
    desk = open_desk()
    widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
    for width in (390, 640, 820, 1180, 1440):
        desk.page.set_viewport_size({"width": width, "height": 844})
        desk.settle()
        desk.page.evaluate(TWO_FRAMES)
        needed, room = desk.page.evaluate(widths)
        assert needed <= room == width
        assert desk.page.locator("[data-pad]").is_visible()
