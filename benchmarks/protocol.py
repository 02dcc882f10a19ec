"""What is done to the pages, in which order: every phase goes round all designs in small blocks.

So whatever else the machine does meanwhile, it does to all of them alike. All results of a
phase are plain JSON-able values.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from benchmarks.driving import REACH, STEP_MS, Hand, Stepped
from benchmarks.plan import RATE_HZ, STRIDE, Plan
from benchmarks.records import (
    Drag,
    Recording,
    drag_of,
    fair_shares,
    mean,
    middle,
    percentile,
    triangle,
)

Json = dict[str, Any]
T = TypeVar("T")
WARM_STEPS, WARM_S, WARM_AT_ONCE = 5, 1.0, 4


async def warm_up(hands: Sequence[Hand], chance: random.Random) -> None:
    """A drag and a few steps of each page, a few pages at once, which count for nothing.

    Nothing is expected of them either: a page that is slow to begin is what they are for.
    """
    for at in range(0, len(hands), WARM_AT_ONCE):
        some = hands[at : at + WARM_AT_ONCE]
        await record(some, WARM_S, 0.3, chance)
        await asyncio.gather(*(hand.steps(WARM_STEPS, chance) for hand in some))


async def drag(
    hands: Sequence[Hand], drag_s: float, settle_s: float, chance: random.Random
) -> list[Drag]:
    """Drag several pages at the same time, each to and fro from where its slider stands."""
    return [drag_of(recording) for recording in await record(hands, drag_s, settle_s, chance)]


async def record(
    hands: Sequence[Hand],
    drag_s: float,
    settle_s: float,
    chance: random.Random,
    patience_s: float = 0.0,
) -> list[Recording]:
    """What the pages' probes saw of such a drag; `patience_s` as in `Hand.drag`."""
    count = round(drag_s * RATE_HZ)
    paths = [
        triangle(count, hand.sigma, chance.uniform(0.9, 1.1) * STRIDE, REACH) for hand in hands
    ]
    drags = (
        hand.drag(path, RATE_HZ, settle_s, patience_s)
        for hand, path in zip(hands, paths, strict=True)
    )
    return await asyncio.gather(*drags)


async def alone(hands: Mapping[str, Hand], plan: Plan, chance: random.Random) -> dict[str, Json]:
    """Single steps and drags, one page at a time."""
    steps: dict[str, list[Stepped]] = {name: [] for name in hands}
    drags: dict[str, list[Drag]] = {name: [] for name in hands}
    for names in turns(tuple(hands), plan.rounds):
        for name in names:
            steps[name].append(await hands[name].steps(plan.steps, chance))
    for names in turns(tuple(hands), plan.drags):
        for name in names:
            drags[name] += await drag([hands[name]], plan.drag_s, plan.settle_s, chance)
    return {name: summary(steps[name], drags[name]) for name in hands}


async def crowds(
    hands: Mapping[str, Sequence[Hand]], plan: Plan, chance: random.Random
) -> dict[str, Json]:
    """Drags of several pages of a design at once: {design: {number of pages: …}}."""
    found: dict[str, Json] = {name: {} for name in hands}
    for count in plan.pages:
        drags: dict[str, list[list[Drag]]] = {name: [] for name in hands}
        for names in turns(tuple(hands), plan.crowd_drags):
            for name in names:
                crowd = hands[name][:count]
                drags[name].append(await drag(crowd, plan.drag_s, plan.settle_s, chance))
        for name in hands:
            found[name][str(count)] = crowd_summary(drags[name])
    return found


async def links(
    hands: Mapping[tuple[str, int], Hand], plan: Plan, chance: random.Random
) -> dict[str, Json]:
    """Drags over slower links: {design: {added round trip in milliseconds: …}}."""
    drags: dict[tuple[str, int], list[Drag]] = {key: [] for key in hands}
    for keys in turns(tuple(hands), plan.crowd_drags):
        for key in keys:
            drags[key] += await drag([hands[key]], plan.drag_s, plan.settle_s, chance)
    found: dict[str, Json] = {name: {} for name, _ in hands}
    for (name, rtt_ms), done in drags.items():
        found[name][str(rtt_ms)] = drag_summary(done)
    return found


async def banks(hands: Mapping[int, Hand], plan: Plan, chance: random.Random) -> dict[str, Json]:
    """Single steps with few and with many sliders on the page: {number of sliders: …}."""
    steps: dict[int, list[Stepped]] = {count: [] for count in hands}
    for counts in turns(tuple(hands), plan.bank_rounds):
        for count in counts:
            steps[count].append(await hands[count].steps(plan.steps, chance))
    return {str(count): step_summary(done) for count, done in steps.items()}


def turns(members: Sequence[T], rounds: int) -> Iterator[tuple[T, ...]]:
    """All members once a round, each round beginning with another one."""
    for at in range(rounds):
        start = at % len(members)
        yield (*members[start:], *members[:start])


def summary(steps: Sequence[Stepped], drags: Sequence[Drag]) -> Json:
    """The numbers of a design: its steps and its drags, and what went wrong in either."""
    found = {**step_summary(steps), **drag_summary(drags)}
    recordings = [block.recording for block in steps]
    covered = sum(r.covered for r in recordings) + sum(d.covered for d in drags)
    blank = sum(r.blank for r in recordings) + sum(d.blank for d in drags)
    return {**found, "blank_frames": blank + covered, "covered_frames": covered}


def step_summary(steps: Sequence[Stepped]) -> Json:
    """Latencies of single steps, in milliseconds; a missed one counts as all it was given."""
    missed = sum(block.missed for block in steps)
    latency_ms = [value for block in steps for value in block.latency_ms] + missed * [STEP_MS]
    return {
        "p50_ms": round(percentile(latency_ms, 50), 2),
        "p95_ms": round(percentile(latency_ms, 95), 2),
        "steps": len(latency_ms),
        "missed_steps": missed,
    }


def drag_summary(drags: Sequence[Drag]) -> Json:
    """The numbers of drags of one page; those of a rate are means, staleness is the median."""
    covered = sum(drag.covered for drag in drags)
    return {
        "updates_per_s": mean([drag.updates_per_s for drag in drags]),
        "staleness_ms": middle([drag.staleness_ms for drag in drags]),
        "blank_frames": sum(drag.blank for drag in drags) + covered,
        "covered_frames": covered,
        "out_of_order": sum(drag.out_of_order for drag in drags),
        "final_right": sum(drag.final_right for drag in drags),
        "drags": len(drags),
        "inputs_per_s": mean([drag.inputs_per_s for drag in drags]),
        "frames_per_s": mean([drag.frames_per_s for drag in drags]),
    }


def crowd_summary(drags: Sequence[Sequence[Drag]]) -> Json:
    """The numbers of several pages dragged at once, several times over."""
    pages = [drag_summary(of_page) for of_page in zip(*drags, strict=True)]
    shares = [fair_shares([drag.updates_per_s for drag in at_once]) for at_once in drags]
    of_pages = [mean(share) for share in zip(*shares, strict=True)]
    whole = drag_summary([drag for at_once in drags for drag in at_once])
    return {
        **whole,
        "least_share": min(of_pages),
        "pages": [{**page, "share": share} for page, share in zip(pages, of_pages, strict=True)],
    }
