"""(model, trace, recipe) → frame: the pure function of DESIGN section 3.

A picture is a function of its inputs alone. One image is decoded at a time, since the sums
inside a matrix product may depend in their last bit on how many rows are computed together.

The ladder shows what each level adds: its rung k keeps z'_T … z'_k of the edited decode and
takes the rest from the prior's mean,

    z_s = z'_s (s ≥ k),    z_s = μ_p(z_{s+1}) (s < k),    so rung 1 is the full decode itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from explorer.axes import offsets
from explorer.recipe import Recipe
from models.base import HierarchicalModel, Trace, top_down
from models.chain import decode, sample_chain
from models.errors import BadInput

if TYPE_CHECKING:
    from models.statistics import Statistics

_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Args:
        pixels: 8-bit values, with shape `(H, W, C)`, C = 1 or 3.
    """

    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Rung:
    """One picture of the ladder: z_T … z_level kept, all below at the prior's mean."""

    level: int
    frame: Frame


def render(model: HierarchicalModel, trace: Trace, recipe: Recipe, statistics: Statistics) -> Frame:
    """The picture that a recipe makes of an encoded image.

    Args:
        trace: One image, encoded; its batch is 1.
        statistics: The scales and directions of the axes.

    Raises:
        BadInput: If the recipe does not fit the model, or nothing finite comes out.
    """
    return picture(model, decoded(model, trace, recipe, statistics))


def decoded(
    model: HierarchicalModel, trace: Trace, recipe: Recipe, statistics: Statistics
) -> tuple[Tensor, ...]:
    """The chain z'_1 … z'_T under a recipe, at its subscripts, each `(1, *event)`."""
    if trace.z[0].shape[0] != 1:
        raise ValueError("a frame is rendered from one image, never from a batch")
    moved = {s: d.to(trace.z[s]) for s, d in offsets(model, statistics, recipe).items()}
    return decode(model, trace, recipe.policies, moved, recipe.temperature)


def picture(model: HierarchicalModel, z: tuple[Tensor, ...]) -> Frame:
    """The likelihood's mean under a chain, as 8-bit pixels."""
    mean = model.likelihood(z).mean
    if not bool(torch.isfinite(mean).all()):
        raise BadInput("no finite picture comes out under these edits - move the sliders back")
    return frame_of(mean)


def frame_of(x: Tensor) -> Frame:
    """An image tensor `(1, C, H, W)` with pixels in [0, 1] as a frame."""
    eight_bit = (x[0].detach() * 255).round().clamp(0, 255).to("cpu", torch.uint8)
    return Frame(np.ascontiguousarray(eight_bit.permute(1, 2, 0).numpy()))


def ladder(
    model: HierarchicalModel, trace: Trace, recipe: Recipe, statistics: Statistics
) -> Iterator[Rung]:
    """The rungs T, T − 1, …, 1, each computed when it is asked for.

    The last one equals `render` bit for bit.
    """
    full = decoded(model, trace, recipe, statistics)
    for k in top_down(model.depth):
        yield Rung(k, picture(model, _mean_below(model, full, k)))


def sample_frame(model: HierarchicalModel, seed: int, temperature: float = 1.0) -> Frame:
    """A picture from the prior: every level resampled, its noise a function of the seed."""
    return picture(model, sample_chain(model, seed, temperature))


def shadowed(recipe: Recipe, depth: int) -> dict[int, str]:
    """The levels whose sliders cannot change the picture, with the reason.

    Only `pin` cuts the chain. Under keep, mean, resample and memory z'_s is drawn around
    μ_p(z'_{s+1}), so what lies above still arrives; and δ_s is added under every policy, so
    a level never shadows its own sliders.
    """
    pinned = [s for s in range(1, depth + 1) if recipe.policy(s).kind == "pin"]
    if not pinned:
        return {}
    lowest = name_of(pinned[0])
    reason = (
        f"{lowest} is pinned: it stays as it was, so nothing above {lowest} reaches the picture."
    )
    return dict.fromkeys(range(pinned[0] + 1, depth + 1), reason)


def name_of(level: int) -> str:
    """z_t as people read it, for instance "z₃"."""
    return f"z{level}".translate(_SUBSCRIPTS)


def _mean_below(model: HierarchicalModel, z: tuple[Tensor, ...], k: int) -> tuple[Tensor, ...]:
    """The chain with z_k … z_T kept and all below at the prior's mean."""
    chain = list(z)
    for s in top_down(k - 1):
        chain[s] = model.prior(s, tuple(chain)).mean
    return tuple(chain)
