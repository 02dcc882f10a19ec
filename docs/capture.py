"""The pictures of the README, taken from the running app: `python -m docs.capture`.

Starts the app on the bundled checkpoints, drives it with a real mouse in Chromium and writes

    docs/img/screenshot.png   1440x900, light, one slider of the top level moved
    docs/img/dark.png         the same in dark
    docs/img/phone.png        390x844
    docs/img/drag.gif         one slider of every level dragged, from the top level down

Every frame waits until the page says that it has settled, so that a busy machine makes the
same pictures as an idle one; the time between the frames of the GIF is therefore not a
measurement.
"""

from __future__ import annotations

import argparse
import io
import math
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw
from playwright.sync_api import Browser, FloatRect, Locator, Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "img"
WAIT_MS = 120_000
START_S = 180
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
SIGMA = 2.4
STEPS = 9
FRAME_MS = 90
PNG_BYTES = 400_000
GIF_BYTES = 2_500_000
SPAN_SIGMA = 6
# Lets the last level scroll to the top of its list too, into the part that is filmed.
ROOM = '.levels::after { content: ""; flex: none; height: 420px; }'
# How different the picture becomes, tried by script before anything is filmed.
TRY = """async ([level, sigma]) => {
  const wait = () => new Promise((done) => setTimeout(done, 30));
  const settled = async () => { do { await wait(); } while (!window.strata.settled()); };
  const canvas = document.querySelector('canvas[data-screen="edit"]');
  const look = () => canvas.getContext("2d")
    .getImageData(0, 0, canvas.width, canvas.height).data;
  const before = look();
  const slider = [...document.querySelectorAll('input[data-kind]')]
    .filter((node) => Number(node.dataset.level) === level).slice(0, 4);
  const found = [];
  for (const input of slider) {
    for (const way of [sigma, -sigma]) {
      for (const value of [way, 0]) {
        input.value = String(value);
        input.dispatchEvent(new Event("input", { bubbles: true }));
        input.dispatchEvent(new Event("change", { bubbles: true }));
        await settled();
        if (value === 0) continue;
        const after = look();
        let change = 0;
        for (let at = 0; at < after.length; at += 1) change += Math.abs(after[at] - before[at]);
        const { kind, index } = input.dataset;
        found.push({ kind, index: Number(index), way: Math.sign(way), change });
      }
    }
  }
  return found;
}"""


@dataclass(frozen=True)
class Choice:
    """A slider worth showing: its level, the kind and index of its axis, and which way to drag."""

    level: int
    index: int
    way: int
    kind: str = "coordinate"


def main() -> int:
    """Take all pictures; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m docs.capture", description=__doc__)
    parser.add_argument("--example", type=int, default=0, help="which test picture (default: 0)")
    options = parser.parse_args()
    IMAGES.mkdir(parents=True, exist_ok=True)
    with running_app() as url, chromium() as browser:
        page = opened(browser, url, DESK, options.example)
        choices = [best_slider(page, level) for level in levels_of(page)]
        page.context.close()
        top = choices[0]
        for name, size, theme in (
            ("screenshot", DESK, "light"),
            ("dark", DESK, "dark"),
            ("phone", PHONE, "light"),
        ):
            page = opened(browser, f"{url}/?__theme={theme}", size, options.example)
            for _ in drag(page, top):
                pass
            page.mouse.move(2, 2)
            settle(page)
            save_png(page.screenshot(), IMAGES / f"{name}.png")
            page.context.close()
        page = opened(browser, url, DESK, options.example)
        save_gif(film(page, choices), IMAGES / "drag.gif")
        page.context.close()
    return 0


@contextmanager
def running_app() -> Iterator[str]:
    """The address of the app, started here on a free port and ended at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as runs:
        command = [sys.executable, "app.py", "--port", str(port), "--runs", runs]
        process = subprocess.Popen(command, cwd=ROOT)
        try:
            wait_for(url, process)
            yield url
        finally:
            process.terminate()
            process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until the app answers.

    Raises:
        RuntimeError: It ended, or does not answer in time.
    """
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the app ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=10):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise RuntimeError(f"the app did not answer in {START_S} s")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, or else the one that Playwright installed."""
    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=arguments
        )
        try:
            yield browser
        finally:
            browser.close()


def opened(browser: Browser, url: str, size: dict[str, int], example: int) -> Page:
    """A settled page on a test picture of the default model."""
    page = browser.new_context(
        viewport={"width": size["width"], "height": size["height"]}, reduced_motion="reduce"
    ).new_page()
    page.set_default_timeout(WAIT_MS)
    page.goto(url)
    settle(page)
    if example:
        page.locator(f'[data-example="{example}"]').click()
        settle(page)
        page.evaluate("window.scrollTo(0, 0)")
    return page


def settle(page: Page) -> None:
    """Wait until the page shows what was asked for, and has painted it."""
    page.wait_for_selector('#strata-desk[data-settled="true"]')
    page.wait_for_function("() => window.strata && window.strata.settled()")
    page.evaluate("() => new Promise((f) => requestAnimationFrame(() => requestAnimationFrame(f)))")


def levels_of(page: Page) -> list[int]:
    """The levels of the model, top level first."""
    cards = page.locator("[data-level-card]")
    return [int(cards.nth(i).get_attribute("data-level-card") or 0) for i in range(cards.count())]


def best_slider(page: Page, level: int) -> Choice:
    """Of the first sliders of a level, the one that changes the picture most."""
    found = page.evaluate(TRY, [level, SIGMA])
    best = max(found, key=lambda one: one["change"])
    return Choice(level, best["index"], best["way"], best["kind"])


def slider_of(page: Page, choice: Choice) -> Locator:
    return page.locator(
        f'input[data-level="{choice.level}"][data-kind="{choice.kind}"]'
        f'[data-index="{choice.index}"]'
    )


def box_of(locator: Locator) -> FloatRect:
    """Where something is on the page, in CSS pixels.

    Raises:
        RuntimeError: It is not shown.
    """
    box = locator.bounding_box()
    if box is None:
        raise RuntimeError("something to be filmed is not on the page")
    return box


def drag(page: Page, choice: Choice) -> Iterator[tuple[float, float]]:
    """Drag a slider by the mouse; gives the mouse's place once each step is painted."""
    slider = slider_of(page, choice)
    box = box_of(slider)
    knob = slider.evaluate("node => parseFloat(getComputedStyle(node).getPropertyValue('--knob'))")
    reach = choice.way * SIGMA / SPAN_SIGMA * (box["width"] - knob)
    y = box["y"] + box["height"] / 2
    start = box["x"] + box["width"] / 2
    page.mouse.move(start, y)
    yield start, y
    page.mouse.down()
    for step in range(1, STEPS + 1):
        eased = 0.5 - 0.5 * math.cos(math.pi * step / STEPS)
        x = start + reach * eased
        page.mouse.move(x, y)
        settle(page)
        yield x, y
    page.mouse.up()
    settle(page)


def film(page: Page, choices: list[Choice]) -> list[tuple[Image.Image, int]]:
    """Frames and how long each is shown in milliseconds: the large picture and the sliders."""
    page.add_style_tag(content=ROOM)
    screen = box_of(page.locator(".screen.edit"))
    bank = box_of(page.locator(".bank"))
    margin = 8
    left, top = screen["x"] - margin, screen["y"] - margin
    clip: FloatRect = {
        "x": left,
        "y": top,
        "width": bank["x"] + bank["width"] + margin - left,
        "height": screen["height"] + 2 * margin,
    }
    frames: list[tuple[Image.Image, int]] = []
    for choice in choices:
        page.locator(f'[data-chip="{choice.level}"]').click()
        page.wait_for_timeout(300)
        into_view(page, choice, clip)
        for number, (x, y) in enumerate(drag(page, choice)):
            picture = Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")
            draw_pointer(picture, x - left, y - top)
            frames.append((picture, 3 * FRAME_MS if number == 0 else FRAME_MS))
        frames[-1] = (frames[-1][0], 4 * FRAME_MS)
    frames[-1] = (frames[-1][0], 12 * FRAME_MS)
    return frames


def into_view(page: Page, choice: Choice, clip: FloatRect) -> None:
    """Scroll the bank until the slider lies well inside the filmed part."""
    box = box_of(slider_of(page, choice))
    beyond = box["y"] - (clip["y"] + 0.8 * clip["height"])
    if beyond > 0:
        page.locator("[data-levels]").evaluate("(list, by) => { list.scrollTop += by; }", beyond)
        page.wait_for_timeout(200)


def draw_pointer(picture: Image.Image, x: float, y: float) -> None:
    """An arrow where the mouse is, which a screenshot leaves out."""
    shape = ((0, 0), (0, 16), (4, 12.5), (6.6, 18.4), (9.2, 17.2), (6.6, 11.6), (11.6, 11.2))
    points = [(x + dx, y + dy) for dx, dy in shape]
    ImageDraw.Draw(picture).polygon(points, fill=(20, 20, 24), outline=(255, 255, 255))


def save_png(data: bytes, path: Path) -> None:
    """Save a screenshot, with fewer colours if it would be too large for the repository."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    picture.save(path, optimize=True)
    if path.stat().st_size > PNG_BYTES:
        picture.quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB")


def palette_of(pictures: list[Image.Image], colours: int) -> Image.Image:
    """One palette for all: most of it for the pictures, the rest for the sliders beside them.

    The sliders' part goes by coverage, since few pixels have the colour that tells one level
    from another.
    """
    width, height = pictures[0].size
    sheet = Image.new("RGB", (width, height * len(pictures)))
    for row, picture in enumerate(pictures):
        sheet.paste(picture, (0, row * height))
    screens = sheet.crop((0, 0, width // 2, sheet.height))
    sliders = sheet.crop((width // 2, 0, *sheet.size))
    parts = (
        screens.quantize(colours, method=Image.Quantize.MEDIANCUT).getpalette(),
        sliders.quantize(colours // 3, method=Image.Quantize.MAXCOVERAGE).getpalette(),
    )
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for part in parts for value in part or []])
    return palette


def save_gif(frames: list[tuple[Image.Image, int]], path: Path) -> None:
    """Save frames under one palette, with as many colours as the size allows."""
    pictures = [picture for picture, _ in frames]
    for colours in (192, 128, 96, 64, 40):
        palette = palette_of(pictures[:: max(1, len(pictures) // 8)], colours)
        first, *rest = [p.quantize(palette=palette, dither=Image.Dither.NONE) for p in pictures]
        durations = [shown_ms for _, shown_ms in frames]
        first.save(path, save_all=True, append_images=rest, duration=durations, loop=0)
        if path.stat().st_size <= GIF_BYTES:
            break
    seconds = sum(shown_ms for _, shown_ms in frames) / 1000
    print(
        f"{path.relative_to(ROOT)}: {path.stat().st_size / 1000:.0f} kB, {len(frames)} frames, "
        f"{seconds:.1f} s, {colours + colours // 3} colours"
    )


if __name__ == "__main__":
    sys.exit(main())
