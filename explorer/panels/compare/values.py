"""One image in several models side by side: what is shown of it, as values.

One depth serves all models. It is a share of the levels of each,

    t = ⌊share·T + ½⌋        0 redraws nothing, 1 redraws everything,

and a picture perturbed at level t keeps z_T … z_{t+1} of the image and redraws the rest from the
prior, z'_s ~ p(z_s | z'_{>s}) for s = t … 1. Its noise is a function of (seed, level), so all
models get the same seeds. At t = 0 it is the reconstruction, at t = T a sample of the prior.

What survives is measured against the reconstruction, over all draws together:

    PSNR          10 log10(1 / mean squared error), pixels in [0, 1]
    equal pixels  the share on the same side of one half; of a binary model alone
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import floor, inf, log10

import numpy as np

from explorer.panels.compare.facts import Facts
from explorer.render.frame import Frame, picture
from explorer.terms.terms import ImageTerms
from models.base import HierarchicalModel, Trace, top_down
from models.chain import descent
from models.policy import KEEP, MEAN, Policy
from models.report.levels import level_name

DRAWS = 3  # perturbed pictures of each model
SAMPLES = 6
MAX_RUNGS = 6


@dataclass(frozen=True)
class About:
    """What the panel says of a model.

    Args:
        id: Its name towards the page.
        title: Its name for people.
        family: What people call its family, as "MHVAE".
        kind: What it is, after "a".
        likelihood: What p(x | …) is, as a title; None if it has none of its own.
        depth: The number of levels T.
        pixels: What a pixel is: "8-bit", "binary" or "continuous".
    """

    id: str
    title: str
    family: str
    kind: str
    likelihood: str | None
    depth: int
    pixels: str


@dataclass(frozen=True)
class Survival:
    """How much of a reconstruction is left in pictures.

    Args:
        psnr_db: PSNR over all of them; infinite where nothing differs.
        equal: Share of equal pixels in [0, 1]; of a binary model alone.
    """

    psnr_db: float
    equal: float | None


@dataclass(frozen=True, eq=False)
class Samples:
    """Pictures from the prior of a model.

    Args:
        pictures: One a seed.
        chance: What they have in common with a reconstruction that none of them knows.
    """

    pictures: tuple[Frame, ...]
    chance: Survival


@dataclass(frozen=True, eq=False)
class Perturbed:
    """An image in one model with its lowest levels redrawn.

    Args:
        level: The highest level t that was redrawn; 0 for none.
        pictures: One a seed.
        survival: What is left of the reconstruction in them.
    """

    level: int
    pictures: tuple[Frame, ...]
    survival: Survival


@dataclass(frozen=True)
class Cost:
    """What an image costs a model, beside what is known of the model.

    Args:
        about: The model.
        facts: What is known of it before any image is opened.
        terms: The terms of the image; None while they are weighed.
    """

    about: About
    facts: Facts
    terms: ImageTerms | None = None


def about(id: str, title: str, model: HierarchicalModel) -> About:
    """What the panel says of a model."""
    return About(
        id=id,
        title=title,
        family=model.family,
        kind=model.kind,
        likelihood=model.likelihood_name if model.has_likelihood else None,
        depth=model.depth,
        pixels=model.pixel_kind,
    )


def level_at(share: float, depth: int) -> int:
    """The highest level that is redrawn at a share of the depth, from 0 for none to T."""
    return floor(min(max(share, 0.0), 1.0) * depth + 0.5)


def redrawing(t: int, depth: int) -> str:
    """What a perturbation at level t does, in words."""
    if t == 0:
        return f"redraws nothing; keeps {_span(1, depth)}"
    if t == depth:
        return f"redraws {_span(1, depth)}, all of it; keeps nothing"
    return f"redraws {_span(1, t)} of {depth}; keeps {_span(t + 1, depth)}"


def perturbed_policies(depth: int, t: int, seed: int) -> tuple[Policy, ...]:
    """The policies that keep z_T … z_{t+1} and redraw z_t … z_1 from the prior, z_1's first.

    Args:
        t: The highest level that is redrawn; 0 for none, `depth` for a sample of the prior.
    """
    return (Policy("resample", seed),) * t + (KEEP,) * (depth - t)


def rung_policies(depth: int, k: int) -> tuple[Policy, ...]:
    """The policies of rung k of the ladder: z_T … z_k kept, all below at the prior's mean."""
    return (MEAN,) * (k - 1) + (KEEP,) * (depth - k + 1)


def shown_rungs(depth: int, most: int = MAX_RUNGS) -> tuple[int, ...]:
    """The rungs of a ladder that are shown, top first: all, or `most` of them evenly spread.

    The top and the lowest, which is the reconstruction, are always among them.
    """
    if depth <= most:
        return tuple(top_down(depth))
    return tuple(floor(depth - (depth - 1) * i / (most - 1) + 0.5) for i in range(most))


def decoding(
    model: HierarchicalModel, trace: Trace, policies: Sequence[Policy]
) -> Iterator[Frame | None]:
    """The picture of an encoded image under policies, in small steps on the device.

    It is that of `models.chain.decode`: None comes after each level, the picture at the end.
    """
    z = trace.z
    for step in descent(model, trace, policies):
        z = step
        yield None
    yield picture(model, z)


def survival(pictures: Sequence[Frame], reconstruction: Frame, binary: bool) -> Survival:
    """What is left of a reconstruction in pictures, over all of them together.

    Args:
        binary: Whether the model's pixels are black or white.
    """
    drawn = np.stack([frame.pixels for frame in pictures]).astype(np.float64)
    kept = reconstruction.pixels.astype(np.float64)
    error = float(np.mean((drawn - kept) ** 2)) / 255**2
    equal = float(np.mean((drawn > 127.5) == (kept > 127.5))) if binary else None
    return Survival(10 * log10(1 / error) if error > 0 else inf, equal)


def _span(low: int, high: int) -> str:
    return level_name(low) if low == high else f"{level_name(low)} … {level_name(high)}"
