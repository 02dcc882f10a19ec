"""What the report says: the definition of every number, and the paragraph it opens with."""

from __future__ import annotations

import re
from html import escape
from typing import Any

from models.base import HierarchicalModel
from models.report.card import nats, within

Facts = dict[str, Any]

DEFINITIONS: dict[str, tuple[str, str]] = {
    "elbo": (
        "−ELBO",
        "E_q[−log p(x∣z_1)] + Σ_t rate_t in nats per image, an upper bound on −log p(x). "
        "Averaged over draws of the posterior; smaller is better.",
    ),
    "nll": (
        "NLL at K",
        "−log 1/K Σ_k p(x, z^k)/q(z^k∣x) with z^1 … z^K from the posterior, in nats per image: "
        "the importance-weighted upper bound on −log p(x) (Burda et al. 2015, eq. 8), from "
        "log-ratios at every level. It tightens as K grows; every K takes the first K draws.",
    ),
    "error": (
        "± standard error",
        "std/√N over the N test images: how far the mean would move with another test set.",
    ),
    "half-draws": (
        "error at K/2 draws",
        "how far the mean of the bound of K/2 draws over these test images moves with other "
        "draws, from two independent estimates: the two halves of each image's draws, d_i apart; "
        "√(Σ_i d_i²/2) / N. That of K draws is at most as large. After > stands what an earlier "
        "version took by the delta method, √Σ_i (Σw²/(Σw)² − 1/K) / N, which is too small.",
    ),
    "effective": (
        "effective draws",
        "(Σw)²/Σw² of an image's K weights, from 1 to K; the median over images.",
    ),
    "log-ratios": (
        "by log-ratios",
        "the first form: E_q[log q(z_t∣z_{t−1}) − log p(z_t∣z_{t+1})] of every level below the "
        "top (consistency), q's entropy in closed form. They may be negative.",
    ),
    "matching": (
        "as denoising matching",
        "the second form: E_q[KL(q(z_t∣z_{t+1}, x) ‖ p(z_t∣z_{t+1}))] of every level below the "
        "top, in closed form, since q can be read from the top.",
    ),
    "limit": (
        "with infinitely many stops",
        "what both forms tend to as levels are put in between: the −ELBO that a diffusion is "
        "trained on and shown with.",
    ),
    "prior-matching": (
        "prior matching",
        "what the top level costs: E_q[KL(q(z_T∣z_{T−1}) ‖ p(z_T))] in the first form, "
        "KL(q(z_T∣x) ‖ p(z_T)) in the second.",
    ),
    "spread": (
        "std over draws",
        "how much −ELBO from one draw varies for one image: the root of the variance between the "
        "draws of an image, averaged over images.",
    ),
    "reconstruction": ("reconstruction", "E_q[log p(x∣z_1)], nats per image."),
    "rate": (
        "rate of z_t",
        "E_q[log q(z_t∣z_{t−1}) − log p(z_t∣z_{t+1})] in nats per image; at the top a KL "
        "divergence from the prior. Below the top it is no KL and may be negative.",
    ),
    "coordinate": (
        "nats of a coordinate",
        "its share of the level's rate, over the training set; a spatial level counts channels.",
    ),
    "active": (
        "active unit",
        "a coordinate whose covariance over test images between two independent means of 50 "
        "posterior draws exceeds 0.01. z_1 takes its exact mean; a spatial level counts channels, "
        "averaged over positions.",
    ),
    "burda": (
        "active as Burda et al. count",
        "the variance over test images of the mean of q(z_t∣z_{t−1}), at one draw of z_{t−1}, "
        "exceeds 0.01, as the code released with Burda et al. 2015 counts. Above z_1 the draw "
        "below moves that mean too, whatever the image.",
    ),
    "without": (
        "without the inactive units",
        "−ELBO where each inactive coordinate is drawn from the aggregate posterior on the way "
        "up, whatever the image, and from p(z_t∣z_{t+1}) on the way down, with the same draws of "
        "the others. If they carry nothing it does not move.",
    ),
    "reach": (
        "reach",
        "over the first 256 test images, on the mean path: the mean RMS change of the picture "
        "(pixels in [0, 1]) between z_t − 2σ and z_t + 2σ, the levels below following, on the "
        "coordinate where it is largest. σ is that of the aggregate posterior.",
    ),
    "drift": (
        "round-trip drift",
        "a test image is encoded on the mean path and decoded, and its picture is encoded again "
        "as an upload would be: RMS of the change of z_t over images and active units, in σ.",
    ),
    "psnr": (
        "PSNR",
        "peak signal-to-noise ratio of the mean-path reconstruction, dB, mean over test images.",
    ),
    "bits": ("bits per dimension", "−ELBO (or NLL) in bits, over all pixels and channels."),
    "distance": (
        "distance",
        "RMS difference of two pictures over pixels and channels, pixels in [0, 1]: L2 over the "
        "square root of their number.",
    ),
    "ratio": (
        "samples ÷ test images",
        "mean distance of samples to their nearest training image over that of test images to "
        "theirs. Far below 1 would say that samples repeat the training set.",
    ),
    "copy": (
        "copy",
        "a picture whose nearest training image is less than half as far as its 50 nearest are "
        "on average (after Carlini et al. 2023).",
    ),
}  # fmt: skip


def defined(key: str, text: str | None = None) -> str:
    """A word that shows its definition on hover and leads to it."""
    name, meaning = DEFINITIONS[key]
    shown = set_in_type(text or name)
    return f'<a class="def" href="#def-{key}" title="{escape(meaning)}">{shown}</a>'


def definitions(used: str) -> str:
    """The list of the definitions that the page `used` leads to."""
    items = (
        f'<div><dt id="def-{key}">{set_in_type(name)}</dt><dd>{set_in_type(meaning)}</dd></div>'
        for key, (name, meaning) in DEFINITIONS.items()
        if f"#def-{key}" in used
    )
    return f"<dl>{''.join(items)}</dl>"


def set_in_type(text: str) -> str:
    """Text as HTML: z_1 and z_{t−1} with subscripts, z^k with a superscript."""
    text = re.sub(r"_(?:\{([^}]*)\}|(\w))", r"<sub>\1\2</sub>", escape(text))
    return re.sub(r"\^(\w)", r"<sup>\1</sup>", text)


DENSITY = (
    " Its likelihood is a density of real pixels: its nats per image are of that density, which "
    "may exceed 1, so −ELBO may be below zero, and bits per dimension mean nothing."
)


def what_it_is(name: str, model: HierarchicalModel, card: Facts, trained: bool = True) -> str:
    """One sentence: the model and what it was trained on.

    Args:
        trained: Whether that is known; otherwise the card is of what it was measured on.
    """
    channels, height, width = model.image_shape
    kind = model.pixel_kind
    colour = "colour" if channels == 3 else "" if kind == "binary" else "grey"
    sizes = ["×".join(map(str, level.shape)) for level in model.levels]
    depth = len(sizes)
    levels = f"one level of {sizes[0]}" if depth == 1 else (
        f"{depth} levels of {', '.join(sizes[:-1])} and {sizes[-1]}"
    )  # fmt: skip
    source = card.get("title") or card.get("source") or "pictures"
    images = " ".join(filter(None, (f"{height}×{width}", kind, colour, "images")))
    return (
        f"<b>{escape(name)}</b> is a {model.kind} of {images} with {levels} "
        f"dimensions, z<sub>1</sub> upwards, {'trained' if trained else 'measured'} on "
        f"{escape(str(source))}.{DENSITY if model.pixel_kind == 'continuous' else ''}"
    )


def headline_sentence(result: Facts) -> str:
    """One or two sentences: how good it is and whether every level lives."""
    found = [f"Over {result['n_images']:,} test images its {defined('elbo')} is "
             f"{within(-result['elbo_nats'], result['elbo_standard_error'], 'nats')}"]  # fmt: skip
    if "bits_per_dim" in result:
        found.append(f"{result['bits_per_dim']:.3f} {defined('bits')}")
    if "psnr_db" in result:
        found.append(f"its reconstructions reach {result['psnr_db']:.2f} dB {defined('psnr')}")
    text = " and ".join([", ".join(found[:-1]), found[-1]]) if len(found) > 1 else found[0]
    if "nll_nats" in result:
        over = "all of them" if result["nll_images"] == result["n_images"] else (
            f"the first {result['nll_images']:,}"
        )  # fmt: skip
        text += (
            f"; its {defined('nll', 'negative log-likelihood')}, with K = "
            f"{result['k']:,} draws over {over}, is bounded by <b>{nats(result['nll_nats'])} ± "
            f"{result['nll_standard_error']:.2f} nats</b>"
        )
    counts = " / ".join(map(str, result["active_units"]))
    return f"{text}. {defined('active', 'Active units')}, z<sub>1</sub> upwards: {counts}."
