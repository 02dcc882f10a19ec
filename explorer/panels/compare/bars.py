"""The terms of an image in several models as stacked bars, all on one scale.

    −ELBO = −reconstruction + Σ_t rate_t        in nats

A rate below the top may be negative: it is drawn to the left of zero, hatched, and a mark shows
where the sum lies. A second set of bars shows the rates alone, enlarged, on one scale of theirs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import floor, log10

from explorer.panels.compare.scale import Scale, scale_of, ticks
from explorer.panels.compare.values import Cost
from explorer.terms.terms import ImageTerms
from models.report.levels import level_hue, level_name

# What the models score of a pixel, and why a part may lie below zero: the reconstruction, a rate.
SCORED = {
    "binary": "black or white",
    "8-bit": "256 values a pixel",
    "continuous": "a density of real pixels",
}
NEGATIVE = {
    True: "−reconstruction is that of a density, which may exceed 1, so it may be negative.",
    False: "A rate below the top may be negative.",
}


@dataclass(frozen=True)
class Part:
    """One term of a bar.

    Args:
        name: What it is called.
        nats: Its value, as it counts in −ELBO.
        error: Its standard error; None if it is not known.
        hue: Its hue in degrees; None for the reconstruction.
        says: What is told of it.
    """

    name: str
    nats: float
    error: float | None
    hue: int | None
    says: str


def bars_html(costs: Sequence[Cost]) -> str:
    """The terms of an image in each model, once all are weighed; until then the empty rows."""
    bars = [parts_of(cost) for cost in costs]
    drawn = all(cost.terms is not None for cost in costs) and any(bars)
    values = [[part.nats for part in bar] for bar in bars]
    whole, rates = scale_of(values), scale_of([bar[1:] for bar in values])
    sums = [total_html(cost) for cost in costs]
    names = [f"<b>{escape(cost.about.title)}</b>" for cost in costs]
    enlarged = _times(whole, rates) if drawn else ""
    empty: list[list[Part]] = [[] for _ in costs]
    return (
        '<figure class="panel terms"><figcaption><h2>Terms of this image</h2>'
        '<span class="fine">what it costs to describe it, in nats: less is better</span>'
        f'{_legend(costs)}</figcaption><div class="sets">'
        + _set("−ELBO: −reconstruction, and a rate for every level",
               bars if drawn else empty, whole, costs, sums, "sums")
        + _set(f"The rates alone{enlarged}",
               [bar[1:] for bar in bars] if drawn else empty, rates, costs, names, "rates")
        + f'</div>{_note(costs if drawn else ())}'
        '<p class="fine hint">Point at a part, or go to it with Tab and the arrow keys, to read '
        "its number.</p></figure>"
    )  # fmt: skip


def total_html(cost: Cost) -> str:
    """What stands beside the bar of a model: its name and the sum."""
    terms = cost.terms
    if terms is None:
        said = "weighing …"
    elif terms.elbo_nats is None:
        said = f"no likelihood: PSNR {terms.psnr_db:.1f} dB"
    else:
        said = f"{nats(-terms.elbo_nats)} nats{_bits(terms)}"
    return f"<b>{escape(cost.about.title)}</b> <span>{said}</span>"


def parts_of(cost: Cost) -> list[Part]:
    """−reconstruction, then the rates from the top down; none without a likelihood."""
    terms = cost.terms
    if terms is None or terms.reconstruction_nats is None or terms.rate_nats is None:
        return []
    errors, depth = terms.errors, cost.about.depth
    rest = None if errors is None else errors.reconstruction_nats
    parts = [_part(cost, "−reconstruction", -terms.reconstruction_nats, rest, None)]
    for t in range(depth, 0, -1):
        error = None if errors is None else errors.rate_nats[t - 1]
        name = f"rate of {level_name(t)}"
        parts.append(_part(cost, name, terms.rate_nats[t - 1], error, level_hue(t)))
    return parts


def nats(value: float) -> str:
    """A value in nats: four figures, thousands apart, a real minus."""
    size = abs(value)
    digits = max(0, 3 - floor(log10(size))) if size >= 0.0005 else 0
    shown = f"{size:,.{min(digits, 4)}f}"
    return ("−" if value < 0 and float(shown.replace(",", "")) else "") + shown


def plus_minus(error: float | None) -> str:
    """A standard error with two figures that count."""
    if error is None:
        return ""
    if error == 0:
        return " ± 0"
    return f" ± {error:,.{max(0, min(6, 1 - floor(log10(error))))}f}"


def _part(cost: Cost, name: str, value: float, error: float | None, hue: int | None) -> Part:
    bits = ""
    terms = cost.terms
    if terms is not None and terms.bits_per_dim is not None and terms.elbo_nats:
        share = terms.bits_per_dim * value / -terms.elbo_nats
        bits = f", {share:.4f} bits per dimension".replace("-", "−")
    said = f"{cost.about.title}, {name}: {nats(value)}{plus_minus(error)} nats{bits}"
    return Part(name, value, error, hue, said)


def _set(
    title: str,
    bars: Sequence[Sequence[Part]],
    scale: Scale,
    costs: Sequence[Cost],
    names: Sequence[str],
    kind: str,
) -> str:
    """Bars on one scale, a row a model, with the axis below; `names` stand to their left."""
    whose = ' data-whose="{0}"' if kind == "sums" else ""
    rows = "".join(
        f'<p class="whose"{whose.format(slot)}>{name}</p>{_track(bar, scale, cost)}'
        for slot, (name, bar, cost) in enumerate(zip(names, bars, costs, strict=True))
    )
    return (
        f'<div class="set {kind}"><p class="fine title">{title}</p>{rows}'
        f"{_axis(scale, any(bars))}</div>"
    )


def _track(parts: Sequence[Part], scale: Scale, cost: Cost) -> str:
    """A stacked bar: what is negative to the left of zero, outwards, the rest to the right."""
    if not parts:
        return '<div class="track"></div>'
    negative = [part for part in parts if part.nats < 0]
    positive = [part for part in parts if part.nats >= 0]
    left = scale.at(sum(part.nats for part in negative))
    drawn = "".join(
        _segment(part, scale, first=n == 0)
        for n, part in enumerate((*reversed(negative), *positive))
    )
    zero = f'<i class="zero" style="left: {scale.at(0):.3f}%"></i>' if scale.low < 0 else ""
    total = sum(part.nats for part in parts)
    mark = f'<i class="sum" style="left: {scale.at(total):.3f}%"></i>' if negative else ""
    said = "; ".join(f"{part.name} {nats(part.nats)}" for part in parts)
    label = escape(f"{cost.about.title}: {said} nats")
    return (
        f'<div class="track" role="group" aria-label="{label}" data-roving>'
        f'<span class="stack" style="padding-left: {left:.3f}%">{drawn}</span>'
        f'<span class="marks" aria-hidden="true">{zero}{mark}</span></div>'
    )


def _segment(part: Part, scale: Scale, first: bool) -> str:
    kinds = "part" + (" rest" if part.hue is None else "") + (" back" if part.nats < 0 else "")
    said = escape(part.says)
    return (
        f'<span class="{kinds}" role="img" tabindex="{0 if first else -1}" title="{said}" '
        f'aria-label="{said}" style="--hue: {part.hue or 0}; '
        f'width: {scale.share(abs(part.nats)):.3f}%"><em aria-hidden="true">{said}</em></span>'
    )


def _axis(scale: Scale, drawn: bool) -> str:
    marks = []
    for value in ticks(scale.low, scale.high, 5) if drawn else ():
        place = scale.at(value)
        edge = ' class="first"' if place < 3 else ' class="last"' if place > 96 else ""
        marks.append(f'<i{edge} style="left: {place:.2f}%">{_tick(value)}</i>')
    return f'<span class="axis fine" aria-hidden="true">{"".join(marks)}</span>'


def _tick(value: float) -> str:
    """A round number as short as it can be."""
    return f"{value:,.6g}".replace("-", "−")


def _bits(terms: ImageTerms) -> str:
    return "" if terms.bits_per_dim is None else f" · {terms.bits_per_dim:.3f} bits/dim"


def _times(whole: Scale, rates: Scale) -> str:
    times = (whole.high - whole.low) / (rates.high - rates.low)
    return f" × {times:,.0f}" if times >= 10 else f" × {times:.1f}" if times > 1.05 else ""


def _legend(costs: Sequence[Cost]) -> str:
    depth = max((cost.about.depth for cost in costs if cost.about.likelihood), default=0)
    if not depth:
        return ""
    levels = "".join(
        f'<li style="--hue: {level_hue(t)}"><i></i>{level_name(t)}</li>'
        for t in range(depth, 0, -1)
    )
    return f'<ul class="legend"><li class="rest"><i></i>−reconstruction</li>{levels}</ul>'


def _note(costs: Sequence[Cost]) -> str:
    """What has to be known before the bars are compared."""
    scored = [cost for cost in costs if parts_of(cost)]
    said = []
    kinds = [kind for kind in SCORED if kind in {cost.about.pixels for cost in scored}]
    if len(kinds) > 1:
        told = ", others ".join(SCORED[kind] for kind in kinds)
        said.append(
            f"Some of these models score {told}: they describe different pictures, so their nats "
            "are not to be compared."
        )
    below = {part.hue is None for cost in scored for part in parts_of(cost) if part.nats < 0}
    reasons = [reason for rest, reason in NEGATIVE.items() if rest in below]
    if reasons:
        said.append(f"{' '.join(reasons)} It is hatched, left of zero, and a mark shows the sum.")
    return f'<div class="notes">{"".join(f"<p>{text}</p>" for text in said)}</div>'
