"""The probe in a real page: it reads what Python wrote, and sees what it should complain of."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest
import torch

from benchmarks import stamp
from benchmarks.browser import NoBrowser, chromium
from benchmarks.driving import PROBE, View
from explorer.render.frame import frame_of
from tests.browser.conftest import missing

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = pytest.mark.browser

ADDRESS = "http://probe.test/"
PAGE = """<!doctype html>
<div id="box" style="position:relative;width:200px">
  <canvas id="picture" width="64" height="64" style="width:200px;height:200px"></canvas>
</div>
<div id="veil" hidden style="position:fixed;inset:0;pointer-events:none">loading</div>
<input id="slider" type="range" min="-3" max="3" step="0.05" value="0">
<script>
  const canvas = document.getElementById("picture");
  const slider = document.getElementById("slider");
  function show(text) {
    const rgb = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const pixels = new ImageData(canvas.width, canvas.height);
    for (let i = 0, j = 0; i < rgb.length; i += 3, j += 4) {
      pixels.data.set([rgb[i], rgb[i + 1], rgb[i + 2], 255], j);
    }
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }
  function slide(sigma) {
    slider.value = sigma;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
  }
  const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
</script>"""
VIEW = View("#picture", "#box", "#slider", overlay="#late")


def pixels_of(step: int, side: int = 64) -> str:
    """A stamped picture as the page takes it."""
    noise = torch.rand((1, 3, side, side), generator=torch.Generator().manual_seed(step))
    frame = frame_of(stamp.stamped(noise, torch.tensor([step])))
    return base64.b64encode(frame.pixels.tobytes()).decode()


async def record(page: Page, script: str, *arguments: object) -> dict[str, Any]:
    """What the probe recorded while a script ran."""
    await page.evaluate("async (spec) => { probe.start(spec); await frame(); }", VIEW.spec())
    await page.evaluate(f"async (given) => {{ {script} }}", list(arguments))
    return await page.evaluate("async () => { await frame(); return probe.stop(); }")


async def read_all(page: Page) -> list[int | None]:
    """What the probe reads from every stamp that Python writes."""
    shows = "([text, spec]) => { show(text); return probe.shows(spec); }"
    return [
        await page.evaluate(shows, [pixels_of(step), VIEW.spec()]) for step in range(stamp.STEPS)
    ]


async def hide(page: Page) -> dict[str, Any]:
    """Recordings while the picture is gone, or something is wrong with it."""
    script = "canvas.getContext('2d').clearRect(0, 0, 64, 64); await frame();"
    blank = await record(page, script)
    await page.evaluate("show", pixels_of(60))
    script = "box.style.opacity = 0.5; await frame(); box.style.opacity = 1;"
    faint = await record(page, script)
    script = """veil.hidden = false; veil.style.pointerEvents = "auto"; await frame();
        veil.hidden = true;"""
    under = await record(page, script)
    script = """const late = document.createElement("p"); late.id = "late";
        late.textContent = "loading"; box.append(late); await frame(); late.remove();"""
    overlay = await record(page, script)
    return {"blank": blank, "faint": faint, "under": under, "overlay": overlay}


async def answer(page: Page) -> dict[str, Any]:
    """Recordings of inputs that are answered in the same frame, later, and never."""
    script = """requestAnimationFrame(() => {
        slide(1);
        show(given[0]);
        setTimeout(() => { window.after = performance.now(); });
        });
        await frame();"""
    at_once = await record(page, script, pixels_of(80))
    after = await page.evaluate("after")
    script = """const asked = probe.next(2000);
        slide(-1);
        setTimeout(() => show(given[0]), 100);
        window.answer = await asked;"""
    later = await record(page, script, pixels_of(40))
    await record(page, "const asked = probe.next(200); slide(2); window.never = await asked;")
    answers = await page.evaluate("[answer, never]")
    return {"at once": at_once, "after": after, "later": later, "answers": answers}


async def observe() -> dict[str, Any]:
    """Everything that the tests look at, in one browser."""
    async with chromium() as browser:
        page = await browser.new_page()
        await page.add_init_script(path=PROBE)
        await page.route("**/*", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
        await page.goto(ADDRESS)
        read = await read_all(page)
        still = await record(page, "await frame();")
        return {"read": read, "still": still, **await hide(page), **await answer(page)}


@pytest.fixture(scope="module")
def seen() -> dict[str, Any]:
    try:
        return asyncio.run(observe())
    except NoBrowser as error:
        missing(str(error))


def test_it_reads_every_step_that_python_writes(seen: dict[str, Any]) -> None:
    assert seen["read"] == list(range(stamp.STEPS))


def test_a_page_at_rest_is_neither_blank_nor_covered(seen: dict[str, Any]) -> None:
    still = seen["still"]
    assert still["frames"] >= 2
    assert still["blank"] == still["covered"] == 0
    assert [step for _, step in still["painted"]] == [120]
    assert still["inputs"] == []


def test_it_sees_a_picture_that_is_gone_faint_or_covered(seen: dict[str, Any]) -> None:
    assert seen["blank"]["blank"] >= 1
    assert seen["blank"]["painted"][-1][1] is None
    for how in ("faint", "under", "overlay"):
        assert seen[how]["covered"] >= 1, how
        assert seen[how]["blank"] == 0, how


def test_a_picture_drawn_within_a_frame_is_seen_in_that_frame(seen: dict[str, Any]) -> None:
    """A page that paints in an animation callback is not taken to be a frame late."""
    recorded = seen["at once"]
    (at, step), (painted, shown) = recorded["inputs"][0], recorded["painted"][-1]
    assert step == shown == 80
    assert at <= painted <= seen["after"]  # the end of that frame


def test_a_late_picture_is_waited_for_and_one_that_never_comes_is_missed(
    seen: dict[str, Any],
) -> None:
    answered, missed = seen["answers"]
    assert seen["later"]["inputs"][0][1] == answered["step"] == 40
    assert answered["latency_ms"] >= 95
    assert missed == {"latency_ms": None, "moved": True}
