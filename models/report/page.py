"""report.html: one file that shows what a checkpoint is worth, with nothing to load from outside.

The text, the plots (inline SVG) and the pictures (data URIs) are made here from an evaluation;
`models/report/words.py` has the definitions, `models/report/report.css` the looks.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from models.base import bottom_up
from models.checkpoint.checkpoint import Checkpoint
from models.data.load import Data
from models.evaluation.suite import Evaluation
from models.report.card import SOURCES, elbo_name, evaluation_command, nats, within
from models.report.forms import two_forms
from models.report.html import grid, kept, minus, plain, table
from models.report.levels import hue_style, level_hue, level_name
from models.report.pictures import MEMORISED, neighbours, reconstructions, redrawn, samples
from models.report.plots import (
    EACH_IMAGE,
    active_plot,
    bound_plot,
    coordinate_plot,
    kept_figure,
    nll_plot,
    rate_plot,
    reach_plot,
)
from models.report.words import defined, definitions, headline_sentence, what_it_is
from models.sources.adapter import is_adapter
from models.storage.model_folder import to_json

STYLE = Path(__file__).with_name("report.css")
LONG = 14  # characters of a headline number that takes twice the room


def write_report(checkpoint: Checkpoint, data: Data, found: Evaluation, before: str = "") -> bytes:
    """The page, UTF-8.

    Args:
        before: The page that stands, of which what was not measured again is taken over.

    Raises:
        BadInput: It is needed, and an older Strata wrote it.
    """
    result = found.result
    sections = [
        _header(checkpoint, result),
        _bounds(found, before),
        _levels(checkpoint, found),
        samples(checkpoint, result),
        reconstructions(checkpoint, found),
        redrawn(checkpoint, found),
        _neighbours(data, found, before),
    ]
    body = "".join(sections)
    body += _definitions(body) + _how(checkpoint, data, result)
    title = f"{escape(checkpoint.name)} · evaluation"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE.read_text(encoding='utf-8')}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    ).encode()


def _header(checkpoint: Checkpoint, result: dict[str, Any]) -> str:
    sentence = what_it_is(
        checkpoint.name, checkpoint.model, checkpoint.card, bool(checkpoint.training)
    )
    tiles = "".join(
        f"<div class='tile{' long' if len(value) > LONG else ''}'><b>{value}</b>"
        f"<span>{name}</span></div>"
        for name, value in _tiles(result)
    )
    return (
        f"<header><p class=kicker>Strata, evaluation of a hierarchical VAE</p>"
        f"<h1>{escape(checkpoint.name)}</h1>"
        f"<p class=lead>{sentence} {headline_sentence(result)}</p>"
        f"<div class=tiles>{tiles}</div></header>"
    )


def _tiles(result: dict[str, Any]) -> list[tuple[str, str]]:
    tiles = []
    if "nll_nats" in result:
        name = defined("nll", f"NLL at K = {result['k']:,}, nats")
        tiles.append((name, nats(result["nll_nats"])))
    tiles.append((defined("elbo", "−ELBO, nats"), nats(-result["elbo_nats"])))
    if "bits_per_dim" in result:
        tiles.append((defined("bits"), f"{result['bits_per_dim']:.3f}"))
    if "psnr_db" in result:
        tiles.append((defined("psnr", "PSNR, dB"), f"{result['psnr_db']:.2f}"))
    tiles.append((defined("active", "active units"), " / ".join(map(str, result["active_units"]))))
    tiles.append((defined("reach"), " / ".join(f"{r:.2f}" for r in result["reach"])))
    if near := result.get("neighbours"):
        name = defined("copy", f"copies among {near['samples']:,} samples")
        tiles.append((name, str(near["copies_samples"])))
    return tiles


def _bounds(found: Evaluation, before: str) -> str:
    result = found.result
    head = "<h2>How likely it finds unseen images</h2>"
    first = {"name": elbo_name(result), "images": result["n_images"],
             "nll_nats": -result["elbo_nats"], "standard_error": result["elbo_standard_error"],
             "bits_per_dim": result.get("bits_per_dim")}  # fmt: skip
    on_deep = result.get("bounds_on_deep_images", [])
    wide = [bound for bound in result["bounds"] if bound["k"] in result["asked"]["k"]]
    rows = [_bound_row(bound) for bound in (first, *wide, *on_deep)]
    heads = ["bound", "images", f"nats {defined('error')}", defined("bits", "bits per dim"),
             defined("half-draws"), defined("effective")]  # fmt: skip
    if "bits_per_dim" not in result:
        heads, rows = _without(3, heads), [_without(3, row) for row in rows]
    text = (
        f"<p>Nats per image over the test set, smaller is better. {defined('elbo')} is one bound "
        f"on the negative log-likelihood; {defined('nll')} draws is {_which(result)}."
        f"{_chosen(on_deep)}</p>"
    )
    plots = ""
    if result["bounds"]:
        each = nll_plot(found.bounds) if found.bounds else kept_figure(before, EACH_IMAGE)
        plots = grid([bound_plot(result), each])
    return head + text + table(heads, rows) + plots + two_forms(result)


def _neighbours(data: Data, found: Evaluation, before: str) -> str:
    stays = found.neighbours is None and "neighbours" in found.result
    return kept(before, MEMORISED, "<h2>") if stays else neighbours(data, found)


def _which(result: dict[str, Any]) -> str:
    """What the importance-weighted bound is, beside a −ELBO of its own levels or of more."""
    if "limit" not in result.get("two_forms", {}):
        return "a closer one"
    return f"that of the model's own {len(result['rate_nats'])} levels, closer as K grows"


def _chosen(on_deep: Sequence[dict[str, Any]]) -> str:
    if not on_deep:
        return ""
    count = f"{on_deep[-1]['images']:,}"
    return f" The largest K is taken over {count} images that the seed chose: the last rows."


def _without(place: int, cells: Sequence[str]) -> list[str]:
    return [cell for i, cell in enumerate(cells) if i != place]


def _bound_row(bound: dict[str, Any]) -> list[str]:
    """The cells of one bound; −ELBO has neither K nor an error of the draws."""
    k, bits = bound.get("k"), bound.get("bits_per_dim")
    return [
        f"K = {k:,}" if k else bound["name"],
        f"{bound['images']:,}",
        within(bound["nll_nats"], bound["standard_error"], ""),
        f"{bits:.3f}" if bits is not None else "",
        _draws_error(bound),
        f"{bound['effective_draws']:.1f}" if k and k > 1 else "–",
    ]


def _draws_error(bound: dict[str, Any]) -> str:
    """What is known of it: of a bound that an earlier version measured, that it is larger."""
    if (error := bound.get("half_draws_error")) is not None:
        return f"{error:.3f}"
    least = bound.get("delta_method_error")
    return "–" if least is None else f"&gt; {least:.3f}"


def _levels(checkpoint: Checkpoint, found: Evaluation) -> str:
    result, model = found.result, checkpoint.model
    heads = ["level", "size", f"{defined('rate', 'rate')}, nats", defined("active"),
             defined("burda", "as Burda et al."), defined("reach"),
             f"{defined('drift', 'drift')}, σ"]  # fmt: skip
    rows = []
    for t in bottom_up(model.depth):
        moved = result["drift_sigma"][t - 1]
        rows.append([
            f"<i class=swatch{hue_style(level_hue(t))}></i>{level_name(t)}",
            "×".join(map(str, model.level(t).shape)),
            f"{result['rate_nats'][t - 1]:.2f} <small>± "
            f"{result['rate_standard_error'][t - 1]:.2f}</small>",
            f"{result['active_units'][t - 1]} <small>of {model.level(t).channels}</small>",
            str(result["active_units_burda"][t - 1]),
            f"{result['reach'][t - 1]:.3f}",
            "–" if moved is None else f"{moved:.2f}",
        ])  # fmt: skip
    text = (
        f"<p>The {defined('reconstruction')} is {minus(nats(result['reconstruction_nats']))} ± "
        f"{result['reconstruction_standard_error']:.2f} nats; the rates are what the levels cost. "
        f"{_deleted(result.get('without_inactive'))}</p>"
    )
    plots = [rate_plot(result), active_plot(result, model.levels), reach_plot(result),
             coordinate_plot(found.statistics)]  # fmt: skip
    return "<h2>What each level carries</h2>" + text + table(heads, rows) + grid(plots)


def _deleted(without: dict[str, Any] | None) -> str:
    """What came of deleting the inactive units; nothing of a model whose levels are fields."""
    if without is None:
        return ""
    count = sum(without["deleted"])
    if not count:
        return "Every unit is active, so there is none to delete."
    carried = " / ".join(minus(f"{nats:.2f}") for nats in without["nats_of_deleted"])
    text = (
        f"{defined('without', f'Without the {count} inactive units')} −ELBO moves by "
        f"{minus(format(without['difference_nats'], '+.3f'))} ± "
        f"{without['difference_standard_error']:.3f} nats; their "
        f"{defined('coordinate', 'share')} of the rates is {carried} nats."
    )
    if not without["moved"]:
        return text
    return text + (
        " So some of them are not dead: the threshold is absolute, and below the top a level may "
        "have any scale."
    )


def _definitions(body: str) -> str:
    return f"<h2>Definitions</h2>{definitions(body)}"


def _how(checkpoint: Checkpoint, data: Data, result: dict[str, Any]) -> str:
    command, note = _command(checkpoint, data, result)
    numbers = escape(to_json(result).decode())
    return (
        "<h2>The same numbers again</h2><p>One command gives every number and picture of this "
        f"page. {plain(note)}</p><pre class=command>{escape(command)}</pre>"
        f"<p class=note>Weights {checkpoint.hash}, test set {_sha(data)}, seed {result['seed']}. "
        f"Lists of the numbers below run from {level_name(1)} upwards.</p>"
        f"<details><summary>evaluation.json</summary><pre>{numbers}</pre></details>"
        "<footer><small>Written by <code>python -m models.evaluate</code>. Colour pictures are "
        "compressed for this page (WebP).</small></footer>"
    )


def _command(checkpoint: Checkpoint, data: Data, result: dict[str, Any]) -> tuple[str, str]:
    """What measures the same again, and a note on its data, or ""."""
    source = str(data.card["source"])
    if is_adapter(str(checkpoint.path)):
        own = source == str(checkpoint.path)
        command = evaluation_command(str(checkpoint.path), None if own else source, result)
        return f"{command} --report FILE.html", ""
    preset = checkpoint.training.get("preset")
    spec, note = SOURCES.get(str(preset), (source, ""))
    return evaluation_command(f"checkpoints/{checkpoint.name}", spec, result) + " --write", note


def _sha(data: Data) -> str:
    sums = data.card["sha256"]
    return str(sums["test"])[:16] if isinstance(sums, dict) else ""
