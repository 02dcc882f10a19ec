"""A hand on the mouse: it holds a page's slider, and the page's probe records what follows.

Mouse events go through Chromium's own input queue (`Input.dispatchMouseEvent`), which hands
them to the page before an animation frame as it does those of a real mouse, several in one
frame as one.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import stamp
from benchmarks.browser import WINDOW
from benchmarks.records import Recording

if TYPE_CHECKING:
    from playwright.async_api import Browser, CDPSession, Page
    from playwright.async_api import FloatRect as Box

PROBE = Path(__file__).with_name("probe.js")
STAMP = {
    "block": stamp.BLOCK, "digits": stamp.DIGITS, "base": stamp.BASE, "grey": stamp.GREY,
    "spacing": stamp.SPACING, "tolerance": stamp.TOLERANCE, "steps": stamp.STEPS,
    "lowest": stamp.LOWEST, "step_sigma": stamp.STEP_SIGMA,
}  # fmt: skip
OPEN_MS = 90_000
STEP_MS = 5_000  # after which the picture of a single step counts as missed
PAUSE_S = (0.06, 0.2)  # between single steps: longer than any design's own pauses
STRIDES = (0.1, 0.5)  # of a single step, in σ
REACH = 2.7  # within which the hand stays, in σ
THUMB = 14  # pixels that a slider's thumb takes of its width


@dataclass(frozen=True)
class View:
    """Where a design has its picture and its dragged slider, as CSS selectors.

    Args:
        picture: The canvas or image.
        container: What belongs to it: anything else above its middle covers it.
        slider: The slider that is dragged.
        overlay: Inside the container, what covers the picture while it is visible.
        ready: A JavaScript expression that is true once the page can be used.
    """

    picture: str
    container: str
    slider: str
    overlay: str | None = None
    ready: str = "true"

    def spec(self) -> dict[str, Any]:
        """What the probe needs to know."""
        return {**asdict(self), "stamp": STAMP}


@dataclass(frozen=True)
class Stepped:
    """A block of single steps.

    Args:
        latency_ms: From each input event to the frame that paints its picture.
        missed: Steps whose picture never came.
        recording: The whole block.
    """

    latency_ms: tuple[float, ...]
    missed: int
    recording: Recording


class Hand:
    """A mouse on the slider of one page.

    Args:
        page: The page.
        events: Its input queue.
        view: Where things are.
        box: Where the slider is, in CSS pixels.
    """

    def __init__(self, page: Page, events: CDPSession, view: View, box: Box) -> None:
        self.page = page
        self.view = view
        self.sigma = 0.0
        self._events = events
        self._box = box

    async def steps(self, count: int, chance: random.Random) -> Stepped:
        """Move the slider a little, wait until its picture is painted, rest; again and again."""
        latency_ms: list[float] = []
        missed = 0
        await self._begin()
        while len(latency_ms) + missed < count:
            asked = asyncio.create_task(self.page.evaluate(f"probe.next({STEP_MS})"))
            await asyncio.sleep(chance.uniform(*PAUSE_S))
            await self._mouse("mouseMoved", self._nearby(chance))
            answer = await asked
            if answer["latency_ms"] is not None:
                latency_ms.append(answer["latency_ms"])
            else:
                missed += answer["moved"]
        return Stepped(tuple(latency_ms), missed, await self._end())

    async def drag(
        self, sigmas: Sequence[float], rate_hz: float, settle_s: float, patience_s: float = 0.0
    ) -> Recording:
        """Move the slider through all these places at a steady rate, then hold it still.

        Args:
            settle_s: So long; a picture that comes later is a wrong one,
            patience_s: unless it comes within so long after that.
        """
        await self._begin()
        loop = asyncio.get_running_loop()
        started = loop.time()
        moves: list[asyncio.Task[None]] = []
        for at, sigma in enumerate(sigmas):
            await asyncio.sleep(started + at / rate_hz - loop.time())
            moves.append(asyncio.create_task(self._mouse("mouseMoved", sigma)))
        await asyncio.gather(*moves)
        await asyncio.sleep(settle_s)
        if patience_s:
            await self.page.evaluate(f"probe.rest({1000 * patience_s})")
        return await self._end()

    async def _begin(self) -> None:
        await self._mouse("mousePressed", self.sigma)
        await self.page.evaluate("(spec) => probe.start(spec)", self.view.spec())
        await self.page.evaluate("() => new Promise((done) => requestAnimationFrame(done))")

    async def _end(self) -> Recording:
        recording = Recording.parse(await self.page.evaluate("probe.stop()"))
        await self._mouse("mouseReleased", self.sigma)
        return recording

    def _nearby(self, chance: random.Random) -> float:
        stride = chance.uniform(*STRIDES) * chance.choice((-1, 1))
        return self.sigma + (stride if abs(self.sigma + stride) <= REACH else -stride)

    async def _mouse(self, kind: str, sigma: float) -> None:
        self.sigma = sigma
        box = self._box
        x = box["x"] + THUMB / 2 + (box["width"] - THUMB) * (sigma + 3) / 6
        await self._events.send(
            "Input.dispatchMouseEvent",
            {
                "type": kind,
                "x": x,
                "y": box["y"] + box["height"] / 2,
                "button": "left",
                "buttons": 0 if kind == "mouseReleased" else 1,
                "clickCount": 1,
            },
        )


async def open_hand(browser: Browser, url: str, view: View, press: str | None = None) -> Hand:
    """A fresh page with its own session, ready to be dragged.

    Args:
        press: Buttons to press first, as a CSS selector.

    Raises:
        RuntimeError: If the slider is not on the screen.
    """
    context = await browser.new_context(viewport={**WINDOW})  # type: ignore[arg-type]
    context.set_default_timeout(OPEN_MS)
    page = await context.new_page()
    await page.add_init_script(path=PROBE)
    await page.goto(url)
    await page.locator(view.picture).first.wait_for()
    await page.wait_for_function(view.ready)
    await page.wait_for_function(
        "(spec) => probe.shows(spec) === Math.round(-spec.stamp.lowest / spec.stamp.step_sigma)",
        arg=view.spec(),
    )
    if press is not None:
        for button in await page.locator(press).all():
            await button.click()
    slider = page.locator(view.slider).first
    await slider.scroll_into_view_if_needed()
    box = await slider.bounding_box()
    if box is None:
        raise RuntimeError(f"{url}: the slider {view.slider} is not on the screen")
    return Hand(page, await context.new_cdp_session(page), view, box)
