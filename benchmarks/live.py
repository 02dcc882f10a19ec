"""How closely the picture follows the hand: `python -m benchmarks.live [--quick] [--json FILE]`.

Four designs with the same decode, each served by a process of its own, are dragged with the
mouse in one headless Chromium, in turn and in small blocks of one run:

    strata   the explorer, as `python app.py` serves it
    naive    a usual Gradio page: 16 gr.Slider, each one's change → gr.Image
    tuned    the best Gradio page: one event, always_last, JPEG, no queue, no overlay
    bound    a bare page on a bare WebSocket: raw RGB, the decode called in the handler

Every picture carries a number in its corner (`stamp.py`), worked out from the chain that was
decoded, so that a script in the page (`probe.js`, the same in all) sees which picture is on
the screen. It looks once a frame, after all animation callbacks and just before the paint.

    p50_ms, p95_ms  from an `input` event of the slider to the frame that paints its picture;
                    single steps with a rest between them. A frame takes 16.7 ms at 60 Hz.
    updates_per_s   right pictures painted a second, in a drag with 60 mouse moves a second
    staleness_ms    from the last input event of a drag until its picture is painted for good
    blank_frames    frames without a readable picture, or with something over its middle, or
                    with the picture not opaque (covered_frames are those of them that have one)
    out_of_order    pictures older than one painted before, or that nobody asked for (records.py)
    final_right     drags whose last picture, once the hand has rested, is that of the last input
    inputs_per_s    input events that reached the page: what the harness really managed
    least_share     of several pages, the least one's updates against an equal part of them all
    decode_ms       the median time of one decode in a process that does nothing else

The frame's way to the screen after the paint is not in these numbers, and neither is the way
from the mouse to the event; both are the same for all designs. Ratios within one run mean
more than any number alone: this harness, the browser and the servers share one machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import protocol
from benchmarks.browser import NoBrowser, chromium
from benchmarks.decoder import (
    FIXED,
    Decoder,
    decode_times_ms,
    names,
    sliders_of,
    stamped_checkpoint,
)
from benchmarks.driving import Hand, View, open_hand
from benchmarks.plan import CROWD, DESIGNS, FULL, LINKED, QUICK, SHOW_ALL, STRATA, Plan, views
from benchmarks.records import percentile
from benchmarks.report import limits, ratios, table
from benchmarks.serving import Server, servers
from explorer.library.ready import set_threads_for_latency

if TYPE_CHECKING:
    from playwright.async_api import Browser

Json = dict[str, Any]
DECODES = 200
OPENED_AT_ONCE = 4
BUSY = 0.25  # processes a core that others keep running
MODELS = (FIXED, "avatars", "digits")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.live", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    add("--model", action="append", choices=names(), help="repeat it for several (default: "
        f"{', '.join(MODELS)}; with --quick {FIXED})")  # fmt: skip
    add("--quick", action="store_true", help="a rough look, in a minute or two")
    add("--json", type=Path, metavar="FILE", help="also write all numbers there")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Measure and print; returns the exit status."""
    options = build_parser().parse_args(arguments)
    models = options.model or ([FIXED] if options.quick else list(MODELS))
    try:
        found = asyncio.run(measure(models, QUICK if options.quick else FULL))
    except NoBrowser as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if options.json is not None:
        # The first model's numbers stand at the top as well.
        whole = {**next(iter(found.values())), "quick": options.quick, "models": found}
        options.json.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return 0


async def measure(models: Sequence[str], plan: Plan) -> dict[str, Json]:
    """The results of every model, each printed as soon as it is there."""
    found: dict[str, Json] = {}
    load = os.getloadavg()[0]
    async with chromium() as browser:
        if load > BUSY * (os.cpu_count() or 1):
            _say(f"this machine is busy already (load {load:.1f}): expect scattered numbers")
        for model in models:
            result = await measure_model(browser, model, plan)
            machine = {"chromium": browser.version, "cpus": os.cpu_count(), "load_before": load}
            found[model] = {**result, **machine}
            print(table(result), flush=True)
    return found


async def measure_model(browser: Browser, model: str, plan: Plan) -> Json:
    """All numbers of one model."""
    set_threads_for_latency()
    checkpoint = stamped_checkpoint(model)
    decode_ms = percentile(decode_times_ms(Decoder(checkpoint), DECODES), 50)
    sliders = sliders_of(checkpoint)
    chance = random.Random(0)
    seen = views(sliders[0])
    with ExitStack() as stack:
        running = stack.enter_context(servers(commands(model)))
        proxies = stack.enter_context(servers(proxy_commands(running, plan)))
        _say(f"{model}: opening pages")
        hands = await open_hands(browser, running, seen, plan)
        linked = await open_linked(browser, proxies, seen, plan)
        wide = await open_hand(browser, running[STRATA].url, seen[STRATA], SHOW_ALL)
        pages = [hand for some in hands.values() for hand in some]
        await protocol.warm_up([*pages, *linked.values(), wide], chance)
        one = {name: some[0] for name, some in hands.items()}
        few = await one[STRATA].page.locator("#strata-desk input[data-kind]:visible").count()
        many = await wide.page.locator("#strata-desk input[data-kind]:visible").count()
        _say(f"{model}: one page at a time")
        designs = await protocol.alone(one, plan, chance)
        _say(f"{model}: {' and '.join(map(str, plan.pages))} pages at once")
        crowds = await protocol.crowds({name: hands[name] for name in CROWD}, plan, chance)
        _say(f"{model}: {' and '.join(map(str, plan.rtts_ms))} ms of round trip added")
        links = await protocol.links(linked, plan, chance)
        banks = await protocol.banks({few: one[STRATA], many: wide}, plan, chance)
        for hand in (*pages, *linked.values(), wide):
            await hand.page.context.close()
    result: Json = {
        "model": model,
        "decode_ms": round(decode_ms, 3),
        "designs": designs,
        "ratios": ratios(designs),
        "pages": crowds,
        "links": links,
        "sliders": banks,
    }
    return {**result, "limits": limits(result)}


def commands(model: str) -> dict[str, list[str]]:
    """How each design is served."""
    return {
        name: ["-m", "benchmarks.designs", name, "--model", model, "--port", "{port}", "--leash"]
        for name in DESIGNS
    }


def proxy_commands(running: dict[str, Server], plan: Plan) -> dict[str, list[str]]:
    """The slower links to the servers that run."""
    return {
        f"{name} {rtt_ms}": [
            "-m", "benchmarks.delay", "--target", str(running[name].port), "--port", "{port}",
            "--rtt-ms", str(rtt_ms), "--leash",
        ]
        for name in LINKED
        for rtt_ms in plan.rtts_ms
    }  # fmt: skip


async def open_hands(
    browser: Browser, running: dict[str, Server], seen: dict[str, View], plan: Plan
) -> dict[str, list[Hand]]:
    """The pages of every design, as many as are dragged at once."""
    counts = {name: max(plan.pages) if name in CROWD else 1 for name in DESIGNS}
    owners = [name for name, count in counts.items() for _ in range(count)]
    few = asyncio.Semaphore(OPENED_AT_ONCE)

    async def opened(name: str) -> Hand:
        async with few:
            return await open_hand(browser, running[name].url, seen[name])

    opening = await asyncio.gather(*map(opened, owners))
    found: dict[str, list[Hand]] = {name: [] for name in DESIGNS}
    for name, hand in zip(owners, opening, strict=True):
        found[name].append(hand)
    return found


async def open_linked(
    browser: Browser, proxies: dict[str, Server], seen: dict[str, View], plan: Plan
) -> dict[tuple[str, int], Hand]:
    """A page behind every slower link."""
    keys = [(name, rtt_ms) for rtt_ms in plan.rtts_ms for name in LINKED]
    opening = (open_hand(browser, proxies[f"{n} {rtt}"].url, seen[n]) for n, rtt in keys)
    return dict(zip(keys, await asyncio.gather(*opening), strict=True))


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
