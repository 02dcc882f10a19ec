"""Whether a replica can die under a hand: `python -m benchmarks.replicas [--json FILE]`.

Several processes of `python app.py` stand behind an nginx with the deployed configuration; pages
in a real Chromium, each a browser of its own, drag sliders of `avatars`, some on an upload. In
mid-drag the replica with most pages is killed (SIGKILL), or told to stop with --signal term.
The hands go on, then let go. Of each page:

    next     from the signal to the first picture painted after it (for a page that lost its
             socket: after that) which is the one of a recipe that the page had since then
    recipe   the page still has all its edits and the hand's last one, and undo takes that back
    picture  it is that of the recipe, bit for bit, as a surviving replica draws it alone
    source   the picture that is edited is the same as before, bit for bit

All share this machine. The exit status is 1 if `next` is over the bar or anything is lost.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
from PIL import Image

from benchmarks.browser import WINDOW, NoBrowser, chromium
from benchmarks.nginx import Nginx, NoNginx, nginx
from benchmarks.serving import Server, servers
from benchmarks.soak import call

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

MODEL = "avatars"
WITNESS = Path(__file__).with_name("replicas.js")
SETTLED = "() => window.strata && window.strata.settled()"
SIGNALS = {"kill": signal.SIGKILL, "term": signal.SIGTERM}
UPLOADS = ((96, 80), (1500, 1200))  # sides of the pictures given; noise, so 23 kB and 5.4 MB
OPEN_MS = 90_000
BEFORE_S, AFTER_S, RATE_HZ = 2.0, 4.0, 30.0
REACH = 2.5  # σ, between which the hand goes to and fro
CLOSE_PSNR_DB = 38.0  # a frame on its way may be compressed where the machine is slow


@dataclass(frozen=True)
class Survived:
    """What became of a page.

    Args:
        before: The replica that it was at.
        after: The one that it is at.
        next_ms: To the next right frame; None if none came.
        recipe: Whether the recipe is right, and undo leads back.
        picture: Whether the picture is, bit for bit.
        source: Whether the source is the one before, bit for bit.
        upload: Whether the source was an upload.
    """

    before: str
    after: str
    next_ms: float | None
    recipe: bool
    picture: bool
    source: bool
    upload: bool

    def passed(self, within_ms: float) -> bool:
        """Whether it lost nothing and was painted in time."""
        in_time = self.next_ms is not None and self.next_ms <= within_ms
        return in_time and self.recipe and self.picture and self.source


class Visitor:
    """One page and the hand on one of its sliders.

    Args:
        page: The page, open and settled.
        cookie: What nginx knows it by.
        upload: The file that was given to it, if any.
    """

    def __init__(self, page: Page, cookie: str, upload: bytes | None) -> None:
        self.page, self.cookie, self.upload = page, cookie, upload
        self.slider = page.locator("#strata-desk input[data-kind]").first
        self.kept: dict[str, Any] = {}  # the recipe before the drag
        self.source = ""

    async def prepare(self) -> None:
        """One edit that is to stay, and the hand on another slider."""
        other = self.page.locator("#strata-desk input[data-kind]").nth(1)
        await other.focus()
        for _ in range(5):
            await other.press("ArrowRight")
        await self.page.wait_for_function(SETTLED)
        self.kept = await self.page.evaluate("window.strata.recipe()")
        self.source = await self.page.evaluate("witness.pixels('image')")
        await self.page.evaluate("witness.start()")
        await self.slider.scroll_into_view_if_needed()

    async def drag(self, over: asyncio.Event) -> None:
        """To and fro until it is over, then let go."""
        box = await self.slider.bounding_box()
        assert box is not None
        middle, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        await self.page.mouse.move(middle, y)
        await self.page.mouse.down()
        began = time.monotonic()
        while not over.is_set():
            phase = np.sin(1.3 * (time.monotonic() - began))
            await self.page.mouse.move(middle + phase * REACH / 6 * box["width"], y)
            await asyncio.sleep(1 / RATE_HZ)
        await self.page.mouse.up()
        await self.page.wait_for_function(SETTLED)

    async def kept_all(self) -> bool:
        """Whether the recipe is the one before and what the hand did, and undo takes that back."""
        recipe = await self.page.evaluate("window.strata.recipe()")
        value = float(await self.slider.input_value())
        mine = [edit for edit in recipe["edits"] if edit not in self.kept["edits"]]
        rest = {**recipe, "edits": [edit for edit in recipe["edits"] if edit not in mine]}
        await self.page.locator("[data-action=undo]").first.click()
        undone = await self.page.evaluate("window.strata.recipe()")
        moved = len(mine) == 1 and abs(mine[0][3] - value) < 1e-6
        return moved and rest == self.kept and undone == self.kept


class Reference:
    """A replica that lives, asked past nginx and pages."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def open(self, upload: bytes | None) -> None:
        """Give it the picture of a page."""
        image: dict[str, Any] = {"kind": "example", "index": 0}
        if upload is not None:
            file = {"name": "upload.png", "data": base64.b64encode(upload).decode()}
            image = {"kind": "upload", "key": call(self._client, "upload", file)["key"]}
            image |= {"crop": None, "invert": None}
        call(self._client, "open", {"model": MODEL, "image": image})

    def draw(self, recipe: dict[str, Any]) -> bytes:
        """The picture of a recipe, RGB."""
        answer = call(self._client, "render", {"seq": 0, "recipe": recipe})
        return base64.b64decode(answer["frame"]["rgb"])


def next_right(log: dict[str, Any], since_ms: float, reference: Reference) -> float | None:
    """When the next right picture was painted, in ms since `since_ms`; None if none was.

    Args:
        log: What the page's witness saw.
        since_ms: When the signal was sent, in ms since the epoch.
    """
    lost = [at for at in log["closed"] if at >= since_ms]
    wants = log["wants"]
    for paint in log["paints"]:
        if paint["at"] < max([since_ms, *lost[:1]]):
            continue
        first = max((n for n, want in enumerate(wants) if want["at"] <= since_ms), default=0)
        shown = base64.b64decode(paint["pixels"])
        asked = [want["recipe"] for want in wants[first:] if want["at"] <= paint["at"]]
        if any(is_close(shown, reference.draw(recipe)) for recipe in reversed(asked)):
            return paint["at"] - since_ms
    return None


def is_close(a: bytes, b: bytes) -> bool:
    """Whether two pictures are the same but for compression."""
    difference = np.frombuffer(a, np.uint8).astype(float) - np.frombuffer(b, np.uint8)
    return bool(np.mean(difference**2) <= 255**2 / 10 ** (CLOSE_PSNR_DB / 10))


def noise(sides: tuple[int, int], seed: int) -> bytes:
    """A PNG that cannot be compressed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*sides, 3), np.uint8)
    content = BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


async def visit(browser: Browser, url: str, upload: bytes | None) -> Visitor:
    """A page of a browser of its own, on its picture."""
    context = await browser.new_context(viewport={**WINDOW})  # type: ignore[arg-type]
    context.set_default_timeout(OPEN_MS)
    page = await context.new_page()
    await page.add_init_script(path=WITNESS)
    await page.goto(url)
    await page.wait_for_function(SETTLED)
    if upload is not None:
        image = await page.evaluate("window.strata.recipe().image")
        file = {"name": "upload.png", "mimeType": "image/png", "buffer": upload}
        await page.locator("[data-file]").first.set_input_files(file)  # type: ignore[arg-type]
        await page.wait_for_function("(old) => window.strata.recipe().image !== old", arg=image)
        await page.wait_for_function(SETTLED)
    cookies = {one.get("name"): one.get("value", "") for one in await context.cookies()}
    visitor = Visitor(page, cookies["strata_page"], upload)
    await visitor.prepare()
    return visitor


async def judge(visitor: Visitor, since_ms: float, reference: Reference) -> dict[str, Any]:
    """What became of a page: all but its replicas."""
    reference.open(visitor.upload)
    log = await visitor.page.evaluate(
        "({ paints: witness.paints, wants: witness.wants, closed: witness.closed })"
    )
    recipe = await visitor.page.evaluate("window.strata.recipe()")
    shown = base64.b64decode(await visitor.page.evaluate("witness.pixels('edit')"))
    source = await visitor.page.evaluate("witness.pixels('image')")
    return {
        "next_ms": next_right(log, since_ms, reference),
        "picture": shown == reference.draw(recipe),
        "source": source == visitor.source,
        "recipe": await visitor.kept_all(),
        "upload": visitor.upload is not None,
    }


async def besiege(
    replicas: Sequence[Server], proxy: Nginx, pages: int, number: signal.Signals
) -> list[Survived]:
    """Drag on all pages, send the signal to the replica with most of them, and look."""
    async with chromium() as browser:
        given = [noise(sides, seed) for seed, sides in enumerate(UPLOADS)]
        visitors = [
            await visit(browser, proxy.url, given[at] if at < len(given) else None)
            for at in range(pages)
        ]
        over = asyncio.Event()
        drags = [asyncio.create_task(one.drag(over)) for one in visitors]
        await asyncio.sleep(BEFORE_S)
        before = [proxy.replica_of(one.cookie) for one in visitors]
        doomed = Counter(before).most_common(1)[0][0]
        victim = next(one for one in replicas if doomed.endswith(f":{one.port}"))
        since_ms = 1000 * time.time()
        os.kill(victim.process.pid, number)
        await asyncio.sleep(AFTER_S)
        over.set()
        await asyncio.gather(*drags)
        after = [proxy.replica_of(one.cookie) for one in visitors]
        alive = next(one for one in replicas if one is not victim)
        with httpx.Client(base_url=alive.url, timeout=60) as client:
            found = [await judge(one, since_ms, Reference(client)) for one in visitors]
    pairs = zip(before, after, found, strict=True)
    return [Survived(was, now, **facts) for was, now, facts in pairs]


def table(survived: Sequence[Survived], within_ms: float) -> str:
    """A line for each page."""
    lines = [f"{'page':10} {'replica':>8} {'after':>8} {'next':>9}  recipe picture source"]
    for at, one in enumerate(survived):
        kind = "upload" if one.upload else "example"
        took = "never" if one.next_ms is None else f"{one.next_ms:.0f} ms"
        facts = "  ".join("same " if fact else "OTHER" for fact in
                          (one.recipe, one.picture, one.source))  # fmt: skip
        ports = f"{one.before.split(':')[-1]:>8} {one.after.split(':')[-1]:>8}"
        verdict = "" if one.passed(within_ms) else "  FAILED"
        lines.append(f"{at + 1} {kind:8} {ports} {took:>9}  {facts}{verdict}")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say whether the bar is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replicas", description=__doc__)
    parser.add_argument("--replicas", type=int, default=3, help="processes (default: 3)")
    parser.add_argument("--pages", type=int, default=6, help="pages (default: 6)")
    parser.add_argument("--signal", choices=SIGNALS, default="kill", help="(default: kill)")
    parser.add_argument("--within", type=float, default=2.0, help="the bar, in s (default: 2)")
    parser.add_argument("--json", type=Path, help="also write what was measured there")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="strata-bench-") as folder:
            runs = ["--runs", str(Path(folder) / "runs")]
            command = ["app.py", "--port={port}", *runs]
            with servers({str(n): command for n in range(options.replicas)}) as started:
                replicas = list(started.values())
                with nginx(Path(folder), [one.port for one in replicas]) as proxy:
                    survived = asyncio.run(
                        besiege(replicas, proxy, options.pages, SIGNALS[options.signal])
                    )
    except (NoBrowser, NoNginx) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(survived, 1000 * options.within))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in survived], indent=1))
    return 0 if all(one.passed(1000 * options.within) for one in survived) else 1


if __name__ == "__main__":
    sys.exit(main())
