"""What an idle server costs: `python -m benchmarks.idle [--seconds 20] [--json FILE] [--quick]`.

Two servers are measured one after the other, each with one page open in a real Chromium, which
nobody touches:

    strata   `python app.py`, its desk settled on the first test picture
    empty    a Gradio page with one line of text, Gradio's own settings untouched

    share    processor time of the server's process over the time that passed, in percent of one
             core; user and system, its children and the browser left out
    busiest  the same for the busiest thread, by name

Measured from REST_S after the page has come to rest. Read from /proc, so this runs on Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.browser import WINDOW, NoBrowser, chromium
from benchmarks.serving import servers

if TYPE_CHECKING:
    from playwright.async_api import Browser

LIMIT_PERCENT = 1.0
REST_S = 5.0
WAIT_MS = 120_000
COMMANDS = {
    "strata": ("app.py", "--port", "{port}"),
    "empty": ("-m", "benchmarks.designs.empty", "{port}"),
}
AT_REST = {
    "strata": "document.querySelector('#strata-desk')?.dataset.settled === 'true'",
    "empty": "document.body.innerText.includes('An empty page')",
}


@dataclass(frozen=True)
class Idle:
    """What a server used while nobody asked it for anything.

    Args:
        share_percent: Of one core.
        busiest: Name of the busiest thread.
        busiest_percent: Its part of that.
    """

    share_percent: float
    busiest: str
    busiest_percent: float


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        found = asyncio.run(measure(5.0 if options.quick else options.seconds))
    except NoBrowser as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{'':8s}{'share of a core':>18s}   busiest thread")
    for name, idle in found.items():
        busiest = f"{idle.busiest} ({idle.busiest_percent:.2f} %)"
        print(f"{name:8s}{idle.share_percent:16.2f} %   {busiest}")
    print(f"strata may use at most {LIMIT_PERCENT} %")
    if options.json:
        result = {"limit_percent": LIMIT_PERCENT} | {k: asdict(v) for k, v in found.items()}
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 0


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.idle", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--seconds", type=float, default=20.0, help="how long (default: 20)")
    parser.add_argument("--quick", action="store_true", help="five seconds")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    return parser


async def measure(seconds: float) -> dict[str, Idle]:
    """Both servers, one after the other."""
    found: dict[str, Idle] = {}
    async with chromium() as browser:
        for name, command in COMMANDS.items():
            with tempfile.TemporaryDirectory(prefix="strata-bench-") as folder:
                runs = ("--runs", folder) if name == "strata" else ()
                with servers({name: (*command, *runs)}) as started:
                    server = started[name]
                    found[name] = await at_rest(
                        browser, server.url, AT_REST[name], server.process.pid, seconds
                    )
    return found


async def at_rest(browser: Browser, url: str, condition: str, process: int, seconds: float) -> Idle:
    """One page opened and left alone, and what its server uses meanwhile."""
    context = await browser.new_context(viewport=WINDOW)  # pyright: ignore[reportArgumentType]
    try:
        page = await context.new_page()
        await page.goto(url)
        await page.wait_for_function(condition, timeout=WAIT_MS)
        await asyncio.sleep(REST_S)
        before, began = thread_seconds(process), time.perf_counter()
        await asyncio.sleep(seconds)
        after, passed = thread_seconds(process), time.perf_counter() - began
    finally:
        await context.close()
    used = {thread: spent - before.get(thread, 0.0) for thread, spent in after.items()}
    busiest = max(used, key=lambda thread: used[thread])
    return Idle(
        share_percent=100 * sum(used.values()) / passed,
        busiest=busiest[1],
        busiest_percent=100 * used[busiest] / passed,
    )


def thread_seconds(process: int) -> dict[tuple[int, str], float]:
    """Processor seconds, user and system, of every thread of a process, by number and name."""
    tick = os.sysconf("SC_CLK_TCK")
    spent: dict[tuple[int, str], float] = {}
    for task in Path(f"/proc/{process}/task").iterdir():
        try:
            text = (task / "stat").read_text()
        except FileNotFoundError:  # a thread that has just ended
            continue
        name, _, rest = text.partition("(")[2].rpartition(")")
        fields = rest.split()  # from the third field of proc(5) on
        spent[int(task.name), name] = (int(fields[11]) + int(fields[12])) / tick
    return spent


if __name__ == "__main__":
    sys.exit(main())
