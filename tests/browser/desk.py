"""The Explore tab as a person meets it: look at its screens, drag its sliders, press its keys.

Nothing here sleeps. What a person would wait for is polled: the desk says of itself whether
it has settled, and what begins only after a file was read is waited for by its effect.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import JSHandle, Locator, Page, Request

SETTLED = """() => window.strata && window.strata.settled()
    && document.querySelector("#strata-desk").dataset.settled === "true" """
PIXELS = """(canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    return [width, height, Array.from(data, (v) => String.fromCharCode(v)).join("")];
}"""
# On the screen: inside the window, and nothing lies over its middle.
IN_SIGHT = """(node) => {
    const box = node.getBoundingClientRect();
    const inside = box.width > 0 && box.height > 0 && box.left >= 0 && box.top >= 0
        && box.right <= innerWidth && box.bottom <= innerHeight;
    if (!inside) return false;
    const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
    return node === top || node.contains(top);
}"""
TRANSFER = """([text, name, type]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type }));
    return transfer;
}"""
PASTE = """(transfer) => document.body.dispatchEvent(new ClipboardEvent("paste",
    { clipboardData: transfer, bubbles: true, cancelable: true }))"""
THUMB = 14  # pixels that a slider's thumb takes of its width
SCREENS = ("image", "reconstruction", "edit")


class Desk:
    """The Explore tab of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        # Gradio's own event streams, such as that of the Train tab's first look: leaving a page
        # while one is open makes Gradio log an error.
        self._streams: set[Request] = set()
        page.on("request", self._began)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def _began(self, request: Request) -> None:
        if "/queue/data" in request.url:
            self._streams.add(request)

    def _ended(self, request: Request) -> None:
        self._streams.discard(request)

    def reload(self) -> None:
        """Load the page again once Gradio's streams have ended, and wait until it has settled."""
        while self._streams:
            self.page.wait_for_event("requestfinished")
        self.page.reload()
        self.settle()

    # ---- look ----

    def settle(self) -> None:
        """Wait until everything asked of the server is on the screen."""
        self.page.wait_for_function(SETTLED)

    def pixels(self, screen: str = "edit") -> np.ndarray:
        """What a screen shows, uint8 `(H, W, 3)`."""
        width, height, text = self.page.locator(f"canvas[data-screen={screen}]").evaluate(PIXELS)
        pixels = np.frombuffer(text.encode("latin-1"), np.uint8).reshape(height, width, 4)
        assert (pixels[..., 3] == 255).all()
        return pixels[..., :3]

    def screens(self) -> dict[str, bytes]:
        """What all three screens show, to be compared bit for bit."""
        return {screen: self.pixels(screen).tobytes() for screen in SCREENS}

    def recipe(self) -> dict[str, Any]:
        return self.page.evaluate("window.strata.recipe()")

    def levels(self) -> list[int]:
        """The subscripts of the levels, top level first."""
        cards = self.page.locator("[data-level-card]")
        return [int(card.get_attribute("data-level-card") or 0) for card in cards.all()]

    def model(self) -> str:
        return self.page.locator("[data-model]").first.input_value()

    def in_sight(self, where: str | Locator) -> bool:
        locator = self.page.locator(where).first if isinstance(where, str) else where
        return locator.evaluate(IN_SIGHT)

    def complaint(self) -> str:
        """The error that the page shows, once it does."""
        alert = self.page.locator("[data-message]")
        alert.wait_for(state="visible")
        assert alert.get_attribute("role") == "alert"
        return alert.locator("[data-message-text]").inner_text()

    def complains(self) -> bool:
        return self.page.locator("[data-message]").is_visible()

    # ---- act ----

    def button(self, action: str, level: int | None = None) -> Locator:
        at = "" if level is None else f"[data-level='{level}']"
        return self.page.locator(f"#strata-desk [data-action={action}]{at}").first

    def press(self, action: str, level: int | None = None) -> None:
        """Press a button of the desk and see what comes of it."""
        self.button(action, level).click()
        self.settle()

    def slider(self, level: int, at: int = 0) -> Locator:
        """A slider of a level; its first axis is the one that carries most."""
        return self.page.locator(f"input[data-level='{level}'][data-kind]").nth(at)

    def drag(self, slider: Locator, *sigmas: float, steps: int = 10) -> None:
        """Drag a slider's thumb with the mouse to each value in turn, then let go."""
        slider.scroll_into_view_if_needed()
        box = slider.bounding_box()
        assert box is not None
        here = float(slider.input_value())

        def x_of(sigma: float) -> float:
            return THUMB / 2 + (box["width"] - THUMB) * (sigma + 3) / 6

        # Hovering also waits until nothing lies over the place.
        slider.hover(position={"x": x_of(here), "y": box["height"] / 2})
        self.page.mouse.down()
        for sigma in sigmas:
            x, y = box["x"] + x_of(sigma), box["y"] + box["height"] / 2
            self.page.mouse.move(x, y, steps=steps)
        self.page.mouse.up()
        self.settle()
        assert abs(float(slider.input_value()) - sigmas[-1]) < 0.2

    def choose_policy(self, level: int, kind: str) -> None:
        self.page.locator(f"select[data-policy='{level}']").select_option(kind)
        self.settle()

    def choose_model(self, id: str) -> None:
        self.page.locator("[data-model]").first.select_option(id)
        self.settle()

    def hold_file(self, name: str, data: bytes) -> JSHandle:
        """A DataTransfer that holds one file, as a drop or a paste brings it."""
        kind = "image/jpeg" if name.endswith(".jpg") else "image/png"
        text = base64.b64encode(data).decode()
        return self.page.evaluate_handle(TRANSFER, [text, name, kind])

    def give(self, name: str, data: bytes) -> None:
        """Choose a file in the file dialog of the Upload button."""
        with self.page.expect_file_chooser() as chooser:
            self.button("upload").click()
        chooser.value.set_files({"name": name, "mimeType": "", "buffer": data})

    def drop(self, name: str, data: bytes) -> None:
        """Drop a file on the page."""
        for event in ("dragenter", "dragover", "drop"):
            transfer = self.hold_file(name, data)
            self.page.locator("[data-drop]").dispatch_event(event, {"dataTransfer": transfer})

    def paste(self, name: str, data: bytes) -> None:
        """Paste a file into the page."""
        self.page.evaluate(PASTE, self.hold_file(name, data))

    @contextmanager
    def another_picture(self) -> Iterator[None]:
        """Wait until what was done inside has brought another picture."""
        before = self.recipe()["image"]
        yield
        self.page.wait_for_function(
            "(before) => window.strata.recipe().image !== before", arg=before
        )
        self.settle()


def encoded(picture: Image.Image, kind: str = "PNG") -> bytes:
    """A picture as the bytes of a file."""
    content = io.BytesIO()
    picture.save(content, kind)
    return content.getvalue()


def photo(seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A smooth colour picture of its own for each seed, wider than high."""
    coarse = np.random.default_rng(seed).integers(0, 256, (3, 4, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)


def saved(path: Path, picture: Image.Image) -> Path:
    """A picture as a file."""
    path.write_bytes(encoded(picture))
    return path
