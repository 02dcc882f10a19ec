"""The live lines on both exact forms of a bound and their limit, as a model was measured at them.

All is from the key `two_forms` of its evaluation (docs/evaluation.md); a model without it has none.
"""

from __future__ import annotations

from collections.abc import Mapping

from explorer.panels.learn.latex import Part, equation, number, short

CONSISTENCY = ("consistency_nats", "\\mathrm{consistency}")
MATCHING = ("denoising_matching_nats", "\\mathrm{denoising\\ matching}")


def forms_line(who: str, measured: Mapping[str, object]) -> str:
    """−ELBO in both forms, each with its three parts, and how they differ.

    Args:
        who: The model's name, as Markdown.
    """
    forms = _forms(measured)
    if not forms:
        return ""
    first, second = forms["log_ratios"], forms["matched"]
    over = f"{measured['n_images']:,} test images, {measured['draws']} draws each"
    lines = [
        f"> {who}, over {over}. First form: {_written(first, *CONSISTENCY)}.",
        f"> Second form, at the same draws: {_written(second, *MATCHING)}.",
        f"> The second $-\\mathrm{{ELBO}}$ less the first is "
        f"${number(forms['difference_nats'], 2)}$ ± {short(forms['difference_standard_error'])} "
        f"nats.{_spread(forms)}",
    ]
    return "\n>\n".join(lines)


def limit_line(who: str, measured: Mapping[str, object]) -> str:
    """−ELBO with infinitely many stops, and how far it is from that of the levels."""
    forms = _forms(measured)
    if "limit" not in forms:
        return ""
    limit, gain = forms["limit"], forms["limit"]["elbo_nats"] - forms["matched"]["elbo_nats"]
    side = "below" if gain >= 0 else "above"
    return (
        f"> {who}, with infinitely many stops: {_written(limit, *MATCHING)}, "
        f"${number(abs(gain), 2)}$ nats {side} the second form. The rest of this page takes this "
        "$-\\mathrm{ELBO}$."
    )


def _forms(measured: Mapping[str, object]) -> dict:
    found = measured.get("two_forms")
    return found if isinstance(found, dict) else {}


def _written(form: dict[str, float], between: str, symbol: str) -> str:
    """−ELBO and its three parts, with its standard error."""
    parts = (
        Part("-\\mathrm{reconstruction}", -form["reconstruction_nats"]),
        Part(symbol, form[between]),
        Part("\\mathrm{prior\\ matching}", form["prior_matching_nats"]),
    )
    written = equation(Part("-\\mathrm{ELBO}", -form["elbo_nats"]), parts)
    bits = f" ({form['bits_per_dim']:.3f} bits per dimension)" if "bits_per_dim" in form else ""
    return f"{written} nats, ± {short(form['elbo_standard_error'])} over images{bits}"


def _spread(forms: dict) -> str:
    """How much one draw varies in either form; nothing where an image had one draw."""
    if forms["variance_ratio"] is None:
        return ""
    first, second = (forms[name]["std_over_draws_nats"] for name in ("log_ratios", "matched"))
    return (
        f" From draw to draw of an image the first varies by ${number(first, 2)}$ nats and the "
        f"second by ${number(second, 2)}$ (standard deviations): {short(forms['variance_ratio'])} "
        "of its variance."
    )
