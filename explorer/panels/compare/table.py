"""The table of the Compare tab: bound, parameters, decode time and training time of each model."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from explorer.panels.compare.bars import nats, plus_minus
from explorer.panels.compare.facts import Measured
from explorer.panels.compare.values import Cost

COLUMNS = (
    ("−ELBO, this image", "nats"),
    ("−ELBO, test set", "nats"),
    ("−log p(x) at most, largest K", "nats"),
    ("Parameters", ""),
    ("Decode, top to picture", "ms"),
    ("Training", "processor min"),
)
UNKNOWN = "not measured"


def table_html(costs: Sequence[Cost]) -> str:
    """The models in the order chosen; what is not known yet is an ellipsis."""
    head = "".join(
        f'<th scope="col">{name}{f" <span>({unit})</span>" if unit else ""}</th>'
        for name, unit in COLUMNS
    )
    rows = "".join(_row(slot, cost) for slot, cost in enumerate(costs))
    return (
        '<section class="panel facts" aria-label="Measured numbers"><table>'
        '<caption class="fine">In every column less is better, the models as chosen.</caption>'
        f'<thead><tr><th scope="col">Model</th>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f'<p class="fine">{_footnote(costs)}</p></section>'
    )


def cost_html(cost: Cost) -> str:
    """−ELBO of the image; the PSNR where a model has no likelihood."""
    terms = cost.terms
    if terms is None:
        return _cell("…", "")
    if terms.elbo_nats is None:
        return _cell("no likelihood", f"PSNR {terms.psnr_db:.1f} dB")
    error = None if terms.errors is None else terms.errors.elbo_nats
    bits = "" if terms.bits_per_dim is None else f"{terms.bits_per_dim:.3f} bits/dim, "
    return _cell(f"{nats(-terms.elbo_nats)}{plus_minus(error)}", f"{bits}{terms.draws} draws")


def time_html(decode_ms: float | None) -> str:
    """How long a decode takes."""
    if decode_ms is None:
        return _cell("…", "")
    digits = 2 if decode_ms < 10 else 1 if decode_ms < 100 else 0
    return _cell(f"{decode_ms:,.{digits}f}", "")


def _row(slot: int, cost: Cost) -> str:
    facts = cost.facts
    test = _mean(facts.test, cost)
    if facts.test is None and facts.test_psnr_db is not None:
        test = _cell("no likelihood", f"PSNR {facts.test_psnr_db:.1f} dB")
    return (
        f'<tr><th scope="row">{escape(cost.about.title)}</th>'
        f'<td data-cost="{slot}">{cost_html(cost)}</td>'
        f"<td>{test}</td><td>{_mean(facts.nll, cost)}</td>"
        f"<td>{_cell(f'{facts.parameters:,}', '')}</td>"
        f'<td data-time="{slot}">{time_html(None)}</td><td>{_training(cost)}</td></tr>'
    )


def _mean(measured: Measured | None, cost: Cost) -> str:
    if measured is None:
        return _cell(UNKNOWN if cost.about.likelihood else "no likelihood", "")
    draws = f"K = {measured.k:,}" if measured.k > 1 else ""
    images = "" if measured.images is None else f"{measured.images:,} images"
    more = ", ".join(part for part in (draws, images) if part)
    return _cell(f"{nats(measured.nats)}{plus_minus(measured.error)}", more)


def _training(cost: Cost) -> str:
    facts = cost.facts
    if facts.training_min is None:
        return _cell("not recorded", "")
    clock = "" if facts.clock_min is None else f"{_minutes(facts.clock_min)} on the clock"
    return _cell(_minutes(facts.training_min), clock)


def _minutes(minutes: float) -> str:
    return f"{minutes:,.0f}" if minutes >= 10 else f"{minutes:.1f}"


def _cell(value: str, more: str) -> str:
    return f"{value}<small>{more or '&nbsp;'}</small>"


def _footnote(costs: Sequence[Cost]) -> str:
    said = [
        "± is one standard error: over its draws for this image, over the images for a test set.",
        "The decode is timed now, on the server: the median of five; a training on the machine "
        "that it ran on.",
    ]
    if any(cost.about.pixels == "binary" for cost in costs):
        said.append(
            "A binary model sees this image thresholded at one half; the pixels of its test set "
            "were drawn."
        )
    return " ".join(said)
