"""The numbers of a run as a table for people, and held against the limits of the project."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.plan import BOUND, DESIGNS, NAIVE, STRATA

Json = Mapping[str, Any]
COLUMNS = (
    ("p50 ms", "p50_ms"), ("p95 ms", "p95_ms"), ("updates/s", "updates_per_s"),
    ("stale ms", "staleness_ms"), ("blank", "blank_frames"), ("disorder", "out_of_order"),
)  # fmt: skip
PAGE_COLUMNS = (
    ("updates/s", "updates_per_s"), ("stale ms", "staleness_ms"), ("inputs/s", "inputs_per_s"),
    ("frames/s", "frames_per_s"), ("disorder", "out_of_order"),
)  # fmt: skip


def ratios(designs: Json) -> dict[str, dict[str, float]]:
    """Every design against the bound (times its p50, p95, updates) and the naive page (faster)."""
    bound, naive = designs[BOUND], designs[NAIVE]
    return {
        name: {
            "p50_to_bound": _ratio(one["p50_ms"], bound["p50_ms"]),
            "p95_to_bound": _ratio(one["p95_ms"], bound["p95_ms"]),
            "updates_to_bound": _ratio(one["updates_per_s"], bound["updates_per_s"]),
            "naive_p50_to_this": _ratio(naive["p50_ms"], one["p50_ms"]),
        }
        for name, one in designs.items()
    }


def limits(result: Json) -> list[dict[str, Any]]:
    """What the project promises, with what was measured: {what, value, limit, holds}."""
    return [
        {
            "what": what,
            "value": value,
            "limit": f"{sign} {limit:g}",
            "holds": value <= limit if sign == "<=" else value >= limit,
        }
        for what, value, sign, limit in _promises(result)
    ]


def _promises(result: Json) -> Iterator[tuple[str, float, str, float]]:
    own, ratio = result["designs"][STRATA], result["ratios"][STRATA]
    yield "p50 against the bound", ratio["p50_to_bound"], "<=", 1.25
    yield "p95 against the bound", ratio["p95_to_bound"], "<=", 1.25
    yield "updates/s against the bound", ratio["updates_to_bound"], ">=", 0.9
    if result["model"] == "fixed":
        yield "times faster than naive at p50", ratio["naive_p50_to_this"], ">=", 4
    yield "frames blank or covered", own["blank_frames"], "<=", 0
    yield "pictures out of order", own["out_of_order"], "<=", 0
    yield "drags that end wrong", own["drags"] - own["final_right"], "<=", 0
    for count, crowd in result["pages"][STRATA].items():
        yield f"least fair share of {count} pages", crowd["least_share"], ">=", 0.5
        yield f"drags of {count} pages that end wrong", _wrong(crowd), "<=", 0
    for rtt_ms, link in result["links"][STRATA].items():
        yield f"drags with {rtt_ms} ms more that end wrong", _wrong(link), "<=", 0
        if rtt_ms == "60":
            yield "updates/s with 60 ms more", link["updates_per_s"], ">=", 45
        else:
            yield f"frames/s with {rtt_ms} ms more", link["frames_per_s"], ">=", 55


def table(result: Json) -> str:
    """All numbers of one model."""
    lines = [f"\n{result['model']}: decode {result['decode_ms']:.2f} ms", "", *_designs(result)]
    for title, unit, part in (
        ("Pages dragged at once, each of them", "pages", result["pages"]),
        ("With a round trip added", "ms", result["links"]),
    ):
        lines += [
            "",
            title,
            _row("", [label for label, _ in PAGE_COLUMNS] + ["end right", "share"]),
        ]
        lines += [
            _row(f"{name}, {key} {unit}", [*_values(one, PAGE_COLUMNS), _right(one),
                 _text(one.get("least_share"))])
            for name, some in part.items() for key, one in some.items()
        ]  # fmt: skip
    lines += ["", "Sliders on the page (strata)"]
    lines += [
        f"  {count:>4} sliders: p50 {one['p50_ms']} ms, p95 {one['p95_ms']} ms"
        for count, one in result["sliders"].items()
    ]
    lines += ["", "Against the limits (strata)"]
    lines += [
        f"  {'ok ' if one['holds'] else 'NOT'} {one['what']}: {one['value']:g} ({one['limit']})"
        for one in result["limits"]
    ]
    return "\n".join(lines)


def _designs(result: Json) -> Iterator[str]:
    labels = [label for label, _ in COLUMNS]
    yield _row("", [*labels, "end right", "p50/bound", "p95/bound", "upd/bound", "naive/p50"])
    for name in DESIGNS:
        one, ratio = result["designs"][name], result["ratios"][name]
        yield _row(name, [*_values(one, COLUMNS), _right(one), *map(_text, ratio.values())])
    rates = (result["designs"][name]["inputs_per_s"] for name in DESIGNS)
    given = ", ".join(f"{name} {rate:.0f}" for name, rate in zip(DESIGNS, rates, strict=True))
    yield f"input events that reached the page, a second: {given}"


def _row(name: str, cells: Sequence[str]) -> str:
    return f"{name:<16}" + "".join(f"{cell:>11}" for cell in cells)


def _values(one: Json, columns: Sequence[tuple[str, str]]) -> list[str]:
    return [_text(one[key]) for _, key in columns]


def _text(value: float | None) -> str:
    if value is None:
        return "-"
    return (
        str(value) if isinstance(value, int) else f"{value:.2f}" if value < 10 else f"{value:.1f}"
    )


def _right(one: Json) -> str:
    return f"{one['final_right']}/{one['drags']}"


def _wrong(one: Json) -> int:
    return one["drags"] - one["final_right"]


def _ratio(above: float, below: float) -> float:
    return round(above / below, 3) if below else float("inf")
