"""The section of the report on both exact forms of the bound, where the model has two."""

from __future__ import annotations

from typing import Any

from models.report.card import nats, within
from models.report.html import minus, table
from models.report.words import defined

Facts = dict[str, Any]
# Key in evaluation.json, word that is defined, name, and key of the levels below the top.
ROWS = (
    ("log_ratios", "log-ratios", "first, by log-ratios", "consistency_nats"),
    ("matched", "matching", "second, as denoising matching", "denoising_matching_nats"),
    ("limit", "limit", "limit, infinitely many stops", "denoising_matching_nats"),
)


def two_forms(result: Facts) -> str:
    """A sentence and a small table; nothing for a model with one form."""
    if not (forms := result.get("two_forms")):
        return ""
    rows = [
        _row(defined(word, name), forms[key], between)
        for key, word, name, between in ROWS if key in forms
    ]  # fmt: skip
    heads = ["form", f"−ELBO, nats {defined('error')}", "−reconstruction", "levels below the top",
             defined("prior-matching"), defined("spread", "std over draws"),
             defined("bits", "bits per dim")]  # fmt: skip
    if "bits_per_dim" not in result:
        heads, rows = heads[:-1], [row[:-1] for row in rows]
    return f"<h3>Two exact forms</h3><p>{_said(result, forms)}</p>" + table(heads, rows)


def _said(result: Facts, forms: Facts) -> str:
    text = (
        f"At its {len(result['rate_nats'])} levels the bound of this model has two exact forms of "
        "one value, taken here at the same draws of each image. The first reads the levels below "
        f"the top from below, {defined('log-ratios', 'by log-ratios')}; the second from the top, "
        f"{defined('matching', 'as denoising matching')}. The second less the first is "
        f"{minus(format(forms['difference_nats'], '+.2f'))} ± "
        f"{forms['difference_standard_error']:.2f} nats"
    )
    if (ratio := forms["variance_ratio"]) is not None:
        text += f"; over the draws of an image it has {ratio:.2g} of the first's variance"
    if "limit" in forms:
        text += f". The −ELBO elsewhere on this page is {defined('limit', 'their limit')}"
    return text + "."


def _row(name: str, form: Facts, between: str) -> list[str]:
    """The cells of one form, of which the three in the middle add up to the first.

    Args:
        between: The key of what the levels below the top cost.
    """
    parts = (-form["reconstruction_nats"], form[between], form["prior_matching_nats"])
    spread, bits = form.get("std_over_draws_nats"), form.get("bits_per_dim")
    return [
        name,
        within(-form["elbo_nats"], form["elbo_standard_error"], ""),
        *(minus(nats(part)) for part in parts),
        "–" if spread is None else nats(spread),
        "" if bits is None else f"{bits:.3f}",
    ]
