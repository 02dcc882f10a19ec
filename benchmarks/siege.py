"""Whether anybody can hold up another: `python -m benchmarks.siege [--quick] [--json FILE]`.

One page in a real Chromium drags a slider of `avatars`, while another process on this machine
attacks the server (`attacks.py`); before every attack the same drag is done alone.

    p95     of the times from one new picture to the next while the hand moves, over that alone
    worst   the longest of them, in ms; at most 250 ms, or 5 times the worst alone
    final   drags whose last picture is that of the last input; one that is late counts above
    memory  resident size of the server at the end over that before the first attack

A ratio compares two drags within seconds of each other. The page, the server and the attacker
share this machine, so an attacker also takes a processor from the others, which no server can
help; on few processors the numbers are an upper bound, and `burn`, which asks nothing of the server
and only keeps a processor busy, tells how much of them that is. The exit status is 1 if a bar is
missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.attacks import ATTACKS, CONTROL
from benchmarks.browser import NoBrowser, chromium
from benchmarks.decoder import sliders_of, stamped_checkpoint
from benchmarks.driving import Hand, open_hand
from benchmarks.live import commands
from benchmarks.plan import STRATA, views
from benchmarks.protocol import record, warm_up
from benchmarks.records import Recording, changes, drag_of, percentile
from benchmarks.serving import ROOT, Server, servers
from benchmarks.soak import resident_bytes

MODEL = "avatars"
MOST_P95, MOST_WORST, FREE_MS, MOST_GROWTH = 2.0, 5.0, 250.0, 1.3
SETTLE_S = 1.5
LATEST_S = 20.0  # a last picture that has not come by then is lost
PATIENCE_S = 90.0  # for an attacker to end
CALM_S = 20.0  # before the memory at the end is read


@dataclass(frozen=True)
class Besieged:
    """A drag under one attack, and the same alone.

    Args:
        attack: Which.
        alone_p95_ms: Of the times between pictures, without the attack.
        alone_worst_ms: The longest of them.
        p95_ms: Under the attack.
        worst_ms: Likewise.
        final_right: Whether the last pictures were right, in all drags.
        answers: What the attacker got, by kind.
    """

    attack: str
    alone_p95_ms: float
    alone_worst_ms: float
    p95_ms: float
    worst_ms: float
    final_right: bool
    answers: dict[str, int]

    @property
    def passed(self) -> bool:
        """Whether both bars are kept and the pictures are right; true of what is no attack."""
        if self.attack == CONTROL:
            return True
        worst = max(FREE_MS, MOST_WORST * self.alone_worst_ms)
        return (
            self.final_right
            and self.worst_ms <= worst
            and self.p95_ms <= MOST_P95 * self.alone_p95_ms
        )


def times_ms(recording: Recording) -> list[float]:
    """From one new picture to the next, from the first input until the last one is answered."""
    pictures = changes(recording.painted)
    first = recording.inputs[0][0]
    seen = [first, *(at for at, _ in pictures if at > first)]
    if len(seen) == 1:  # none came
        seen.append(recording.ended_ms)
    return [later - earlier for earlier, later in pairwise(seen)]


async def besiege(hand: Hand, server: Server, name: str, seconds: float) -> Besieged:
    """Drag alone, then under an attack."""
    chance = random.Random(name)
    alone = await record([hand], seconds, SETTLE_S, chance, LATEST_S)
    process = attacker(name, server, seconds)
    try:
        await asyncio.to_thread(_wait_for_attack, process)
        under = await record([hand], seconds, SETTLE_S, chance, LATEST_S)
        said, _ = await asyncio.to_thread(process.communicate, timeout=PATIENCE_S)
    finally:
        process.kill()
    await asyncio.sleep(SETTLE_S)
    before, during = times_ms(alone[0]), times_ms(under[0])
    return Besieged(
        name,
        percentile(before, 95),
        max(before),
        percentile(during, 95),
        max(during),
        all(drag_of(one).final_right for one in (*alone, *under)),
        json.loads(said.splitlines()[-1]) if said.strip() else {"broke off": 1},
    )


def attacker(name: str, server: Server, seconds: float) -> subprocess.Popen[str]:
    """The attack in a process of its own, behind the others in turn for the processors."""
    command = [sys.executable, "-m", "benchmarks.attacks", name, f"--url={server.url}"]
    return subprocess.Popen(
        [*command, f"--seconds={seconds}"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: os.nice(5),
    )  # fmt: skip


def _wait_for_attack(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    process.stdout.readline()


async def siege(names: Sequence[str], seconds: float) -> tuple[list[Besieged], float, str]:
    """All attacks after one another on one server; also its growth, and its log's tracebacks."""
    slider = sliders_of(stamped_checkpoint(MODEL))[0]
    found: list[Besieged] = []
    with servers({STRATA: commands(MODEL)[STRATA]}) as running:
        server = running[STRATA]
        async with chromium() as browser:
            hand = await open_hand(browser, server.url, views(slider)[STRATA])
            await warm_up([hand], random.Random(0))
            before = resident_bytes(server.process.pid)
            for name in names:
                found.append(await besiege(hand, server, name, seconds))
                print(row(found[-1]), flush=True)
            await asyncio.sleep(CALM_S)
        growth = resident_bytes(server.process.pid) / before
        log = server.log.read_text(errors="replace")
    return found, growth, log[log.find("Traceback") :][:2_000] if "Traceback" in log else ""


def row(one: Besieged) -> str:
    """A line of the table."""
    p95, worst = one.p95_ms / one.alone_p95_ms, one.worst_ms / one.alone_worst_ms
    verdict = "passed" if one.passed else "MISSED"
    verdict = "control" if one.attack == CONTROL else verdict
    return (
        f"{one.attack:<10} p95 {one.alone_p95_ms:6.0f} → {one.p95_ms:6.0f} ms (× {p95:4.1f})   "
        f"worst {one.alone_worst_ms:6.0f} → {one.worst_ms:6.0f} ms (× {worst:4.1f})   "
        f"final {'right' if one.final_right else 'WRONG'}   {verdict}   {one.answers}"
    )


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.siege", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--attack", action="append", choices=list(ATTACKS), help="only these")
    parser.add_argument("--quick", action="store_true", help="3 s of each attack in place of 10")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all numbers there")
    options = parser.parse_args(arguments)
    seconds, began = (3.0 if options.quick else 10.0), time.perf_counter()
    names = options.attack or list(ATTACKS)
    try:
        found, growth, traceback = asyncio.run(siege(names, seconds))
    except NoBrowser as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"memory × {growth:.2f}; {time.perf_counter() - began:.0f} s in all")
    print(f"in the log: {traceback or 'no traceback'}")
    passed = all(one.passed for one in found) and growth <= MOST_GROWTH and not traceback
    if options.json:
        facts = {"attacks": [asdict(one) for one in found], "growth": growth, "passed": passed}
        options.json.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
