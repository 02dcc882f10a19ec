"""From the command to the first picture: `python -m benchmarks.startup [--json FILE] [--quick]`.

Two commands take turns, each a fresh process and a fresh profile of the same Chromium, which
runs already and opens the page as soon as the port answers:

    strata   `python app.py`
    empty    a script that imports torch and gradio and serves a page with one line of text

Seconds from the start of the process, each the time of an animation frame in the page:

    answers   the port takes connections (no frame; looked for every 5 ms)
    painted   the frame after the one that found the edit's canvas drawn on, or the line of text
              laid out: what it found was on the screen by then
    settled   the desk has said `data-settled="true"`: the terms are weighed, the ladder is drawn

The median over the rounds is printed, and the ratio of the two medians of "painted". One round
of each goes first and is not counted: it fills the caches of the file system.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.browser import WINDOW, NoBrowser, chromium
from benchmarks.serving import LOOPBACK, START_S, Server, spawn

if TYPE_CHECKING:
    from playwright.async_api import Browser

LIMIT = 1.3
POLL_S = 0.005
# Looks once a frame for each of the conditions; `at` says when each was on the screen.
PROBE = """
(() => {
  const conditions = { CONDITIONS };
  const at = (window.benchmarkAt = {});
  const seen = new Set();
  const look = () => {
    const now = (performance.timeOrigin + performance.now()) / 1000;
    for (const [name, holds] of Object.entries(conditions)) {
      if (seen.has(name)) at[name] ??= now;
      else if (holds()) seen.add(name);
    }
    if (Object.keys(at).length < Object.keys(conditions).length) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();
"""
DRAWN = """painted: () => {
    const canvas = document.querySelector("#strata-desk canvas[data-screen=edit]");
    if (!canvas || !canvas.width || !canvas.height) return false;
    const middle = [canvas.width >> 1, canvas.height >> 1, 1, 1];
    return canvas.getContext("2d").getImageData(...middle).data[3] === 255;
  },
  settled: () => document.querySelector("#strata-desk")?.dataset.settled === "true","""
WRITTEN = """painted: () => [...document.querySelectorAll("p")].some(
    (line) => line.textContent === "An empty page" && line.offsetHeight > 0),"""
COMMANDS: dict[str, tuple[Sequence[str], str]] = {
    "strata": (("app.py", "--port", "{port}", "--runs", "{folder}"), DRAWN),
    "empty": (("-m", "benchmarks.designs.empty", "{port}"), WRITTEN),
}


@dataclass(frozen=True)
class Start:
    """One start; seconds since the process began, as in the module's text."""

    answers_s: float
    painted_s: float
    settled_s: float | None = None


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        starts = asyncio.run(measure(rounds=2 if options.quick else options.rounds))
    except NoBrowser as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    ratio = middle(starts["strata"], "painted_s") / middle(starts["empty"], "painted_s")
    print(table(starts))
    print(f"ratio of painted: {ratio:.2f} (at most {LIMIT})")
    if options.json:
        result = {"ratio": ratio, "limit": LIMIT} | {
            name: [asdict(start) for start in found] for name, found in starts.items()
        }
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--rounds", type=int, default=7, help="starts of each (default: 7)")
    parser.add_argument("--quick", action="store_true", help="two starts of each")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


async def measure(rounds: int) -> dict[str, list[Start]]:
    """Starts of both commands, taking turns."""
    starts: dict[str, list[Start]] = {name: [] for name in COMMANDS}
    async with chromium() as browser:
        for turn in range(rounds + 1):
            for name in COMMANDS:
                start = await one_start(browser, name)
                if turn > 0:
                    starts[name].append(start)
    return starts


async def one_start(browser: Browser, name: str) -> Start:
    """Start a command, open its page, and wait for all that is looked for in it."""
    command, conditions = COMMANDS[name]
    with tempfile.TemporaryDirectory(prefix="strata-bench-") as folder:
        context = await browser.new_context(viewport=WINDOW)  # pyright: ignore[reportArgumentType]
        page = await context.new_page()
        await page.add_init_script(PROBE.replace("CONDITIONS", conditions))
        began = time.time()
        server = spawn([part.replace("{folder}", folder) for part in command], Path(folder) / "log")
        try:
            answers = await listening(server)
            await page.goto(server.url, wait_until="commit")
            count = conditions.count("() =>")
            await page.wait_for_function(
                f"Object.keys(window.benchmarkAt).length === {count}", timeout=1000 * START_S
            )
            at = await page.evaluate("window.benchmarkAt")
        finally:
            await context.close()
            server.stop()
    since = {name: when - began for name, when in at.items()}
    return Start(answers - began, since["painted"], since.get("settled"))


async def listening(server: Server) -> float:
    """When the server's port first took a connection, in seconds of `time.time`.

    Raises:
        RuntimeError: It ended, or took too long; the message has its log.
    """
    end = time.time() + START_S
    while server.process.poll() is None and time.time() < end:
        with socket.socket() as probe:
            if probe.connect_ex((LOOPBACK, server.port)) == 0:
                return time.time()
        await asyncio.sleep(POLL_S)
    raise RuntimeError(f"a server does not answer:\n{server.log.read_text(errors='replace')}")


def middle(starts: Sequence[Start], field: str) -> float:
    """The median of a field; not a number where it was not looked for."""
    found = [getattr(start, field) for start in starts]
    return statistics.median(found) if None not in found else float("nan")


def table(starts: dict[str, list[Start]]) -> str:
    """The medians as plain text, in seconds, with the range of "painted"."""
    lines = [
        f"{'seconds':10s}{'answers':>10s}{'painted':>10s}{'from':>8s}{'to':>8s}{'settled':>10s}"
    ]
    for name, found in starts.items():
        painted = [start.painted_s for start in found]
        lines.append(
            f"{name:10s}{middle(found, 'answers_s'):10.2f}{middle(found, 'painted_s'):10.2f}"
            f"{min(painted):8.2f}{max(painted):8.2f}{middle(found, 'settled_s'):10.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
