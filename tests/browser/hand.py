"""What a hand does beyond moving sliders: drag the picture, hold a key, touch the glass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.browser.desk import Desk

if TYPE_CHECKING:
    from playwright.sync_api import CDPSession, FloatRect, Locator

PAD_AXES = "Array.from(document.querySelectorAll('[data-pad-axis]'), (node) => node.value)"
# Where everything is except the words that change.
PLACES = """() => JSON.stringify(Array.from(
    document.querySelectorAll(".stage *, .bank, .panel.ladder, .panel.terms"), (node) => {
    const { x, y, width, height } = node.getBoundingClientRect();
    return node.matches("figcaption *, .gauge *") ? null : [x, y, width, height];
}))"""
TWO_FRAMES = """() => new Promise((done) =>
    requestAnimationFrame(() => requestAnimationFrame(() => done(true))))"""


def canvas(desk: Desk) -> Locator:
    return desk.page.locator("canvas[data-screen=edit]")


def axes(desk: Desk) -> list[list[Any]]:
    """The two axes of the picture, sideways first, each as [level, kind, index]."""
    keys = [key.split(":") for key in desk.page.evaluate(PAD_AXES)]
    return [[int(level), kind, int(index)] for level, kind, index in keys]


def sigma(desk: Desk, axis: list[Any]) -> float:
    return next((edit[3] for edit in desk.recipe()["edits"] if edit[:3] == axis), 0.0)


def grab(desk: Desk, right: float, up: float, steps: int = 8) -> None:
    """Press in the middle of the picture and drag, by shares of its width and height."""
    box = canvas(desk).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    desk.page.mouse.move(x, y)
    desk.page.mouse.down()
    desk.page.mouse.move(x + right * box["width"], y - up * box["height"], steps=steps)


def assert_before(desk: Desk) -> None:
    np.testing.assert_array_equal(desk.pixels(), desk.pixels("reconstruction"))
    assert "Before" in desk.page.locator(".screen.edit figcaption").inner_text()


class Finger:
    """One finger on the glass of a phone."""

    def __init__(self, desk: Desk) -> None:
        self.page = desk.page
        self.cdp: CDPSession = desk.page.context.new_cdp_session(desk.page)
        self.at = (0.0, 0.0)

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y} for x, y in points]
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def press(self, where: Locator, x: float = 0.5, y: float = 0.5) -> FloatRect:
        """Touch a node at these shares of its width and height; gives its box."""
        where.evaluate("(node) => node.scrollIntoView({ block: 'center' })")
        box = where.bounding_box()
        assert box is not None
        self.at = (box["x"] + x * box["width"], box["y"] + y * box["height"])
        self._send("touchStart", self.at)
        return box

    def move(self, right: float, up: float, steps: int = 10) -> None:
        x, y = self.at
        for step in range(1, steps + 1):
            self.at = (x + right * step / steps, y - up * step / steps)
            self._send("touchMove", self.at)

    def follow(self, path: Sequence[tuple[float, float]]) -> None:
        """Go on by these steps, each to the right and up, no faster than a hand does."""
        for right, up in path:
            self.move(right, up, steps=1)
            self.page.evaluate(TWO_FRAMES)

    def lift(self) -> None:
        self._send("touchEnd")
