"""The live lines of the theory: what a model was measured at, in place of the symbols.

Every number is one of the checkpoint's own evaluation (docs/evaluation.md), or of its shape; none
is measured here. A line that a model has no numbers for is left out, or says what is missing.
The names of the lines are those of the `live:` comments in docs/theory.md.
"""

from __future__ import annotations

from math import log, prod
from typing import TYPE_CHECKING

from explorer.panels.learn.forms import forms_line, limit_line
from explorer.panels.learn.latex import Part, equation, number, plain, short, total
from models.base import HierarchicalModel
from models.checkpoint.measures import BoundMeasures, Measures, read_measures
from models.likelihoods import bits_per_dim
from models.objective import is_reversible
from models.sources.adapter import is_adapter

if TYPE_CHECKING:
    from models.checkpoint.checkpoint import Checkpoint

MOST_SIZES = 8  # of levels that are listed one by one


def kind_of(model: HierarchicalModel) -> str:
    """Which of the `family:` parts of docs/theory.md is about a model."""
    if model.infers_top_down:
        return "top-down"
    if is_reversible(model):
        return "reversible"
    return "one-level" if model.depth == 1 else "markov"


def live_lines(name: str, checkpoint: Checkpoint) -> dict[str, str]:
    """The lines by the names of their places, as Markdown.

    Args:
        name: What people call the model.
    """
    model, who = checkpoint.model, f"**{plain(name)}**"
    measured = read_measures(checkpoint.evaluation)
    lines = {"model": model_line(who, model, measured), "stops": stops_line(who, model)}
    if not model.has_likelihood:
        return lines | {"decomposition": without_terms(who, measured)}
    parts = measured_parts(measured, model.depth)
    elbo = measured.elbo_nats
    if parts is None or elbo is None:
        return lines | {"decomposition": not_measured(who, checkpoint)}
    bounds = bounds_of(measured)
    return lines | {
        "decomposition": decomposition_line(who, elbo, parts, measured),
        "rates": rates_line(who, parts[1:], -elbo),
        "levels": levels_line(who, parts[1:], measured),
        "gap": gap_line(who, bounds),
        "bounds": bounds_line(who, bounds),
        "forms": forms_line(who, measured),
        "limit": limit_line(who, measured),
        "bits": bits_line(who, elbo, model) if model.pixel_kind == "8-bit" else "",
    }


def family_line(name: str, model: HierarchicalModel) -> str:
    """That a part of the page is about the model in use."""
    return f"> This is what **{plain(name)}** is: a {plain(model.kind)}."


def model_line(who: str, model: HierarchicalModel, measured: Measures) -> str:
    """The symbols of the model: T, the sizes of x and z_t, and what p(x | z) is."""
    shape = "×".join(str(side) for side in model.image_shape)
    sizes = [f"{level.size:,}" for level in model.levels]
    if len(sizes) > MOST_SIZES:
        sizes = [*sizes[:3], "…", sizes[-1]]
    images = measured.n_images
    taken = "" if images is None else f" Its numbers are over {images:,} test images."
    latents = f"$z_1, \\dots, z_{{{model.depth}}}$" if model.depth > 1 else "$z_1$"
    return (
        f"> {who} is a {plain(model.kind)} with $T = {model.depth}$: $x$ has {shape} = "
        f"{prod(model.image_shape):,} values, {latents} have {', '.join(sizes)}; "
        f"$p(x \\mid z)$ is of the kind “{plain(model.likelihood_name)}”.{taken}"
    )


def measured_parts(measured: Measures, depth: int) -> tuple[Part, ...] | None:
    """−reconstruction and rate_1 … rate_T, in nats; None where they were not measured."""
    reconstruction, rates = measured.reconstruction_nats, measured.rate_nats
    if reconstruction is None or rates is None or len(rates) != depth:
        return None
    named = (Part(f"\\mathrm{{rate}}_{{{t}}}", rate) for t, rate in enumerate(rates, 1))
    return (Part("-\\mathrm{reconstruction}", -reconstruction), *named)


def decomposition_line(who: str, elbo: float, parts: tuple[Part, ...], measured: Measures) -> str:
    """−ELBO and its parts, and whether they add up."""
    images, draws, error = measured.n_images, measured.draws, measured.elbo_standard_error
    over = "" if images is None else f", over {images:,} test images, {draws} draws each"
    spread = "" if error is None else f" ± {short(error)}"
    written = equation(Part("-\\mathrm{ELBO}", -elbo), parts)
    return (
        f"> {who}{over}: {written} nats. In evaluation.json −ELBO is {-elbo:,.4f}{spread}; its "
        f"parts there add up to {total(parts):,.4f}."
    )


def rates_line(who: str, rates: tuple[Part, ...], whole: float) -> str:
    """The sum of the rates, which is a divergence, and the lowest of them."""
    lowest = min(rates, key=lambda rate: rate.value)
    below = "below zero" if lowest.value < 0 else "above zero"
    written = equation(Part("\\mathrm{KL}(q \\Vert p)", total(rates)), rates)
    # A density of real pixels may exceed 1, and then −ELBO is no whole to be a share of.
    share = f", {short(100 * total(rates) / whole)} % of −ELBO" if whole > 0 else ""
    return (
        f"> {who}: {written} nats{share}. The lowest mean "
        f"rate is ${lowest.symbol} = {number(lowest.value, 2)}$, {below}."
    )


def levels_line(who: str, rates: tuple[Part, ...], measured: Measures) -> str:
    """Each rate with its standard error over the test images."""
    known = measured.rate_standard_error
    errors = known if known is not None and len(known) == len(rates) else [None] * len(rates)
    written = [
        f"${rate.symbol} = {number(rate.value, 2)}$" + (f" ± {short(e)}" if e is not None else "")
        for rate, e in zip(rates, errors, strict=True)
    ]
    return f"> {who}: {', '.join(written)} nats."


def bounds_of(measured: Measures) -> list[BoundMeasures]:
    """The bound of each K, ascending; those over the images of the smallest K only."""
    return [bound for bound in measured.bounds if bound.images == measured.bounds[0].images]


def gap_line(who: str, bounds: list[BoundMeasures]) -> str:
    """How much of the divergence from the posterior is known: L_K − L_1."""
    if len(bounds) < 2 or bounds[0].k != 1:
        return ""
    loose, tight = bounds[0], bounds[-1]
    k, gap = tight.k, loose.nll_nats - tight.nll_nats
    parts = (Part("-L_1", loose.nll_nats), Part(f"-L_{{{k}}}", tight.nll_nats, minus=True))
    written = equation(Part(f"L_{{{k}}} - L_1", gap), parts)
    return (
        f"> {who}, over {loose.images:,} test images: "
        f"$\\mathrm{{KL}}(q(z \\mid x) \\Vert p(z \\mid x))$ is at least {written} nats."
    )


def bounds_line(who: str, bounds: list[BoundMeasures]) -> str:
    """−L_K for every K over the same images."""
    if not bounds:
        return ""
    written = (
        f"$-L_{{{bound.k}}} = {number(bound.nll_nats, 2)}"
        + ("$" if bound.standard_error is None else f" \\pm {short(bound.standard_error)}$")
        for bound in bounds
    )
    return f"> {who}, over {bounds[0].images:,} test images: {', '.join(written)} nats."


def bits_line(who: str, elbo: float, model: HierarchicalModel) -> str:
    """−ELBO by dimension, in bits."""
    count, bits = prod(model.image_shape), bits_per_dim(-elbo, model.image_shape)
    fraction = f"\\frac{{{number(-elbo, 2)}}}{{{number(count, 0)} \\cdot {log(2):.4f}}}"
    return f"> {who}: ${fraction} = {bits:.3f}$ bits per dimension."


def stops_line(who: str, model: HierarchicalModel) -> str:
    """The levels of a diffusion as stops on its schedule."""
    if not is_reversible(model):
        return ""
    steps = f"{model.depth - 1} steps of noise and one reading of the pixels"
    return f"> {who}: $T = {model.depth}$, so {steps}."


def without_terms(who: str, measured: Measures) -> str:
    """What stands in for the terms of a model that has no likelihood."""
    ratio = measured.psnr_db
    shown = "" if ratio is None else f"; its reconstructions have a PSNR of {ratio:.1f} dB"
    return f"> {who} has no likelihood of its own, so there is no ELBO to split{shown}."


def not_measured(who: str, checkpoint: Checkpoint) -> str:
    """What to do about a model without numbers."""
    if is_adapter(str(checkpoint.path)):
        command = f"python -m models.evaluate {plain(checkpoint.path)}"
        return f"> {who} keeps no numbers: <code>{command}</code> prints them."
    return (
        f"> {who} has not been measured: <code>python -m models.evaluate "
        f"{plain(checkpoint.path)} --data … --write</code> does it."
    )
