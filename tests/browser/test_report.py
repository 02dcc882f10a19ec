"""The evaluation report in a real browser: it fits both a telephone and a desk."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from models import evaluate
from tests.models.tiny import tiny_checkpoint

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

pytestmark = pytest.mark.browser

WIDTHS = "[document.documentElement.scrollWidth, window.innerWidth]"
UNSEEN = """[...document.images].filter((image) => !image.complete || !image.naturalWidth).length"""
INK = "getComputedStyle(document.body).backgroundColor"
# Figures whose contents stand out at the right.
SPILLING = """[...document.querySelectorAll("figure, .tile")]
  .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.textContent)"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, data = tiny_checkpoint(tmp_path_factory.mktemp("report"), "discretised_logistic")
    told = [str(folder), "--data", str(data), "--partial", str(folder.parent / "partial")]
    told += ["--k", "1,20", "--deep", "60", "--deep-images", "9", "--samples", "30", "--write"]
    assert evaluate.main(told) == 0
    return folder / "report.html"


@pytest.mark.parametrize("width", [390, 1440])
def test_it_fits_and_asks_for_nothing(context: BrowserContext, report: Path, width: int) -> None:
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(report.as_uri())
    needed, room = page.evaluate(WIDTHS)
    assert needed <= room == width
    assert page.evaluate(SPILLING) == []
    assert page.evaluate(UNSEEN) == 0
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    page.close()


def test_it_is_dark_where_the_reader_is(context: BrowserContext, report: Path) -> None:
    page = context.new_page()
    page.goto(report.as_uri())
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found.append(sum(int(n) for n in page.evaluate(INK)[4:-1].split(",")))
    assert found[0] > 700 and found[1] < 120
    page.close()


def test_a_word_leads_to_its_definition(context: BrowserContext, report: Path) -> None:
    page = context.new_page()
    page.goto(report.as_uri())
    word = page.locator("header a.def").first
    assert "nats per image" in (word.get_attribute("title") or "")
    word.click()
    assert page.locator("dt:target").inner_text() == "−ELBO"
    page.close()
