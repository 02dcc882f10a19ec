"""The waterfall of the terms: what its parts say, and the pictures that they light up."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from explorer.terms.terms import image_terms
from models.checkpoint.checkpoint import load_checkpoint
from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk
from tests.browser.hand import PLACES
from tests.running import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Route

pytestmark = pytest.mark.browser

LIT = """() => Array.from(document.querySelectorAll("#strata-desk figure.lit"),
    (node) => node.dataset.ladder || node.className.replace(/screen|lit/g, "").trim())"""
SAME = """([a, b]) => {
    const pixels = (query) => {
        const canvas = document.querySelector(query);
        const { width, height } = canvas;
        return canvas.getContext("2d").getImageData(0, 0, width, height).data.join();
    };
    return pixels(a) === pixels(b);
}"""
THUMB = "[data-terms-picture]"
# The place of the bars in shares of the plot from the bottom, and the heights they are to have.
BARS = """(node) => Array.from(node.querySelectorAll(".step"), (bar) => {
    const plot = bar.parentNode.getBoundingClientRect();
    const { top, bottom } = bar.getBoundingClientRect();
    return [(plot.bottom - bottom) / plot.height, (plot.bottom - top) / plot.height];
})"""
HEIGHTS = """(node) => Array.from(node.querySelectorAll(".step, .whisker"),
    (bar) => parseFloat(bar.style.height))"""


def part(desk: Desk, key: str) -> Locator:
    return desk.page.locator(f"[data-part={key}]")


def test_a_part_lights_up_the_picture_it_belongs_to(desk: Desk) -> None:
    page = desk.page
    places = page.evaluate(PLACES)
    pictures = {
        "elbo": (["image"], "canvas[data-screen=image]"),
        "rest": (["reconstruction"], "canvas[data-screen=reconstruction]"),
        "z3": (["3"], "[data-ladder='3'] canvas"),
        "rates": (["4", "3", "2", "1"], "[data-ladder='1'] canvas"),
        "z1": (["1"], "[data-ladder='1'] canvas"),
    }
    for key, (lit, canvas) in pictures.items():
        part(desk, key).hover()
        assert page.evaluate(LIT) == lit, key
        assert page.evaluate(SAME, [THUMB, canvas]), key
        assert page.evaluate(PLACES) == places  # nothing jumps
    assert page.locator("[data-terms-line]").inner_text().startswith("Rate of z₁ ")
    page.mouse.move(5, 5)
    assert page.evaluate(LIT) == []

    part(desk, "z2").click()  # and stays when the mouse leaves, as a tap does
    page.mouse.move(5, 5)
    assert page.evaluate(LIT) == ["2"]
    assert part(desk, "z2").get_attribute("aria-pressed") == "true"
    desk.drag(desk.slider(4), 2.5)  # its picture is that of the edit, also when it changes
    page.wait_for_function(SAME, arg=[THUMB, "[data-ladder='2'] canvas"])
    part(desk, "z2").click()
    page.mouse.move(5, 5)
    assert page.evaluate(LIT) == []


def test_keys_go_from_part_to_part(desk: Desk) -> None:
    page = desk.page
    assert page.locator("[data-bars] [tabindex='0']").count() == 1
    part(desk, "elbo").focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate(LIT) == ["reconstruction"]
    page.keyboard.press("End")
    assert page.evaluate(LIT) == ["1"]
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(LIT) == ["2"]
    page.keyboard.press("Home")
    assert page.evaluate(LIT) == ["image"]
    page.locator("[data-terms-line]").evaluate("() => document.activeElement.blur()")
    assert page.evaluate(LIT) == []


def test_its_numbers_and_bars_are_the_terms(desk: Desk) -> None:
    checkpoint = load_checkpoint(ROOT / "checkpoints" / "avatars")
    found = image_terms(checkpoint, checkpoint.examples[0])
    assert found.rate_nats is not None and found.errors is not None
    total, errors = sum(found.rate_nats), [error or 0.0 for error in found.errors.rate_nats]
    for t, rate in enumerate(found.rate_nats, start=1):
        column = part(desk, f"z{t}")
        shown = float(column.locator("b").inner_text().replace(",", ""))
        assert shown == pytest.approx(rate, rel=0.002)
        title = column.get_attribute("title") or ""
        assert "over its 8 draws" in title and "over 1,000 images" in title
        assert f" ± {errors[t - 1]:.1f}"[:4] in title
        (low, high), *_ = column.evaluate(BARS)
        wanted = (sum(found.rate_nats[: t - 1]), sum(found.rate_nats[:t]))
        scale = (high - low) / rate
        assert low / scale == pytest.approx(wanted[0], abs=0.03 * total)
        assert high / scale == pytest.approx(wanted[1], abs=0.03 * total)
        bar, whisker, *_ = column.evaluate(HEIGHTS)
        assert whisker / bar == pytest.approx(2 * errors[t - 1] / rate, rel=0.02)


def answering(open_desk: OpenDesk, rates: list[float], terms: dict[str, Any]) -> Desk:
    """The page as it would be told other terms: those of families that are not bundled."""
    desk = open_desk()

    def told(route: Route) -> None:
        answer = route.fetch()
        body = json.dumps(answer.json())
        values = json.loads(body)
        if "terms" in values:
            values["terms"] |= terms
        if "model" in values and "test" in values["model"]:
            values["model"]["test"] |= {"rate": rates, "errors": {"rate": [1.0] * len(rates)}}
        route.fulfill(response=answer, json=values)

    desk.page.route("**/component_server/**", told)
    with desk.another_picture():
        desk.page.locator("[data-gallery] button").nth(3).click()
    return desk


def test_dozens_of_levels_and_a_rate_below_zero(open_desk: OpenDesk) -> None:
    rates = [5.0 + t for t in range(45)]
    rates[1] = -7.5
    errors = {"elbo": 2.0, "reconstruction": 1.0, "rate": [1.0] * 45, "total_rate": 2.0}
    terms = {"elbo": -900 - sum(rates), "reconstruction": -900.0, "rate": rates, "errors": errors}
    desk = answering(open_desk, rates, terms)
    page = desk.page
    assert page.locator("[data-bars] .bar").count() == 48
    width = page.locator("[data-terms]").evaluate("(n) => n.scrollWidth - n.clientWidth")
    assert width <= 0
    part(desk, "elbo").focus()
    page.keyboard.press("End")
    assert desk.in_sight(part(desk, "z1"))
    page.keyboard.press("ArrowLeft")
    assert "Rate of z₂ −7.50 ± 1.0" in page.locator("[data-terms-line]").inner_text()
    below, above = part(desk, "z2").evaluate(BARS)[0]
    (left, _) = part(desk, "z3").evaluate(BARS)[0]
    assert above > below and below == pytest.approx(left, abs=0.02)  # its step goes back up
    assert part(desk, "z2").locator(".step.here.back").count() == 1


def test_without_a_likelihood_there_is_a_ratio_in_its_place(open_desk: OpenDesk) -> None:
    none = dict.fromkeys(("elbo", "reconstruction", "rate", "errors", "percentile"))
    said = "This model has no likelihood of its own."
    terms = none | {"psnr_db": 31.26, "verdict": "unknown", "explanation": said}
    desk = answering(open_desk, [], terms)
    assert (
        "PSNR of the reconstruction 31.3 dB" in desk.page.locator("[data-terms-none]").inner_text()
    )
    assert desk.page.locator("[data-bars]").is_hidden()
    assert desk.page.locator("[data-verdict]").inner_text() == said
    assert desk.page.locator(".needle").is_hidden()
    assert desk.page.locator("[data-suggest]").is_hidden()
