"""The Learn tab in a real browser: its formulas are drawn, and its numbers are the evaluation's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from tests.browser.desk import Desk
from tests.running import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# The LaTeX of every formula in a node, as KaTeX keeps it for who cannot see.
TEX = """(node) => Array.from(
    node.querySelectorAll('annotation[encoding="application/x-tex"]'), (a) => a.textContent)"""
# What KaTeX left undrawn, outside of sources.
UNDRAWN = """(root) => Array.from(root.querySelectorAll("p, li, td, summary"), (node) => {
    const copy = node.cloneNode(true);
    copy.querySelectorAll(".katex, code").forEach((one) => one.remove());
    return copy.textContent;
}).filter((text) => /[$]|LATEX/.test(text))"""
FONT = "(node) => getComputedStyle(node).fontFamily"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def measured(name: str) -> dict:
    return json.loads((ROOT / "checkpoints" / name / "evaluation.json").read_text())


def shown_parts(page: Page, name: str) -> list[str]:
    """−ELBO and its parts as the tab shows them for a model, once it does."""
    line = page.locator(".learn-text.prose blockquote", has_text="In evaluation.json")
    line.locator("strong", has_text=name).wait_for()
    pieces = [re.search(r"underbrace\{(.+?)\}_", tex) for tex in line.evaluate(TEX)]
    return [piece[1].replace("{,}", "") for piece in pieces if piece]


def expected_parts(name: str, shown: list[str]) -> list[str]:
    """The same of evaluation.json, with as many digits."""
    stored = measured(name)
    digits = len(shown[0].partition(".")[2])
    parts = [-stored["elbo_nats"], -stored["reconstruction_nats"], *stored["rate_nats"]]
    return [f"{part:.{digits}f}" for part in parts]


def test_formulas_are_drawn_and_numbers_are_the_evaluations(desk: Desk) -> None:
    page = desk.page
    desk.choose_model("digits")
    page.get_by_role("tab", name="Learn").click()
    shown = shown_parts(page, "digits")  # of the model that is open in the Explore tab
    assert shown == expected_parts("digits", shown) and len(shown) == 5
    text = page.locator(".learn-text.prose")
    assert text.locator(".katex").count() > 150
    assert text.locator(".katex-error").count() == 0
    assert text.locator(".katex").first.evaluate(FONT).startswith("KaTeX")
    assert text.evaluate(UNDRAWN) == []
    assert page.locator("h3", has_text="A Markov chain").is_visible()

    source = text.locator("details.source", has_text="objective.log_weight").first
    assert source.locator("pre").is_hidden()
    source.locator("summary").click()
    assert "def log_weight(" in source.locator("pre").inner_text()

    place = page.evaluate("scrollY")
    page.get_by_label("Numbers of").click()
    page.get_by_role("option", name="avatars").click()
    shown = shown_parts(page, "avatars")
    assert shown == expected_parts("avatars", shown) and len(shown) == 6
    assert abs(page.evaluate("scrollY") - place) < 120  # numbers change, the reader stays


def test_it_fits_a_phone_and_its_contents_lead_somewhere(desk: Desk) -> None:
    page = desk.page
    page.get_by_role("tab", name="Learn").click()
    shown_parts(page, "avatars")
    page.get_by_role("link", name="Where derivations slip").click()
    page.wait_for_function(
        "Math.abs(document.querySelector('#h-where-derivations-slip').getBoundingClientRect().top)"
        " < 60"
    )
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate(WIDE) <= 0
    page.get_by_role("tab", name="Explore").click()
    desk.settle()
    assert page.evaluate(WIDE) <= 0
