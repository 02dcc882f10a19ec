"""The live lines on both exact forms of a bound and their limit, as a model was measured at them.

All is from the key `two_forms` of its evaluation (docs/evaluation.md); a model without it has none.
"""

from __future__ import annotations

from explorer.panels.learn.latex import Part, equation, number, short
from models.checkpoint.measures import FormMeasures, Matched, Measures, TwoForms


def forms_line(who: str, measured: Measures) -> str:
    """−ELBO in both forms, each with its three parts, and how they differ.

    Args:
        who: The model's name, as Markdown.
    """
    forms = measured.two_forms
    if forms is None:
        return ""
    first = forms.log_ratios
    ratios = _written(first, Part("\\mathrm{consistency}", first.consistency_nats))
    over = f"{measured.n_images:,} test images, {measured.draws} draws each"
    lines = [
        f"> {who}, over {over}. First form: {ratios}.",
        f"> Second form, at the same draws: {_matched(forms.matched)}.",
        f"> The second $-\\mathrm{{ELBO}}$ less the first is "
        f"${number(forms.difference_nats, 2)}$ ± {short(forms.difference_standard_error)} "
        f"nats.{_spread(forms)}",
    ]
    return "\n>\n".join(lines)


def limit_line(who: str, measured: Measures) -> str:
    """−ELBO with infinitely many stops, and how far it is from that of the levels."""
    forms = measured.two_forms
    if forms is None or forms.limit is None:
        return ""
    gain = forms.limit.elbo_nats - forms.matched.elbo_nats
    side = "below" if gain >= 0 else "above"
    return (
        f"> {who}, with infinitely many stops: {_matched(forms.limit)}, "
        f"${number(abs(gain), 2)}$ nats {side} the second form. The rest of this page takes this "
        "$-\\mathrm{ELBO}$."
    )


def _matched(form: Matched) -> str:
    return _written(form, Part("\\mathrm{denoising\\ matching}", form.denoising_matching_nats))


def _written(form: FormMeasures, between: Part) -> str:
    """−ELBO and its three parts, with its standard error.

    Args:
        between: What the levels below the top cost.
    """
    parts = (
        Part("-\\mathrm{reconstruction}", -form.reconstruction_nats),
        between,
        Part("\\mathrm{prior\\ matching}", form.prior_matching_nats),
    )
    written = equation(Part("-\\mathrm{ELBO}", -form.elbo_nats), parts)
    bits = "" if form.bits_per_dim is None else f" ({form.bits_per_dim:.3f} bits per dimension)"
    return f"{written} nats, ± {short(form.elbo_standard_error)} over images{bits}"


def _spread(forms: TwoForms) -> str:
    """How much one draw varies in either form; nothing where an image had one draw."""
    first, second = forms.log_ratios.std_over_draws_nats, forms.matched.std_over_draws_nats
    if forms.variance_ratio is None or first is None or second is None:
        return ""
    return (
        f" From draw to draw of an image the first varies by ${number(first, 2)}$ nats and the "
        f"second by ${number(second, 2)}$ (standard deviations): {short(forms.variance_ratio)} "
        "of its variance."
    )
