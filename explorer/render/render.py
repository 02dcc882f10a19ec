"""(model, trace, recipe) → frame: the pure function of DESIGN section 3.

A picture is a function of its inputs alone. One image is decoded at a time, since the sums
inside a matrix product may depend in their last bit on how many rows are computed together.

The ladder shows what each level adds (of dozens, each group: `groups.py`): its rung k keeps
z'_T … z'_k of the edited decode and takes the rest from the prior's mean,

    z_s = z'_s (s ≥ k),    z_s = μ_p(z_{s+1}) (s < k),    so rung 1 is the full decode itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from torch import Tensor

from explorer.recipe.recipe import Recipe
from explorer.render.decode_memory import Chains
from explorer.render.frame import Frame, Rung, picture
from explorer.render.groups import rungs
from models.base import HierarchicalModel, Trace, Walk, top_down
from models.chain import sample_chain
from models.precision import quick
from models.report.levels import level_name

if TYPE_CHECKING:
    from models.checkpoint.statistics import Statistics


def render(
    model: HierarchicalModel,
    trace: Trace,
    recipe: Recipe,
    statistics: Statistics,
    chains: Chains | None = None,
) -> Frame:
    """The picture that a recipe makes of an encoded image.

    Args:
        trace: The recipe's image, encoded; its batch is 1.
        statistics: The scales and directions of the axes.
        chains: What was decoded before; it saves time and changes no bit.

    Raises:
        BadInput: If the recipe does not fit the model, or nothing finite comes out.
    """
    chains = Chains() if chains is None else chains
    full = chains.decode(model, trace, recipe, statistics)
    return chains.frame(full.places[1], lambda: picture(model, full.z))


def decoded(
    model: HierarchicalModel,
    trace: Trace,
    recipe: Recipe,
    statistics: Statistics,
    chains: Chains | None = None,
) -> tuple[Tensor, ...]:
    """The chain z'_1 … z'_T under a recipe, at its subscripts, each `(1, *event)`."""
    chains = Chains() if chains is None else chains
    return chains.decode(model, trace, recipe, statistics).z


def ladder(
    model: HierarchicalModel,
    trace: Trace,
    recipe: Recipe,
    statistics: Statistics,
    chains: Chains | None = None,
) -> Iterator[Rung]:
    """The rungs from the top down to 1, each computed when it is asked for.

    The last one equals `render` bit for bit. A rung k depends on z'_T … z'_k alone, so with
    `chains` an edit at level t leaves those above t as they are.
    """
    chains = Chains() if chains is None else chains
    full = chains.decode(model, trace, recipe, statistics)
    for k in rungs(model):
        make = partial(_rung_frame, model, full.z, k)
        yield Rung(k, chains.frame(full.places[k], make))


@quick()
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
    lowest = level_name(pinned[0])
    reason = (
        f"{lowest} is pinned: it stays as it was, so nothing above {lowest} reaches the picture."
    )
    return dict.fromkeys(range(pinned[0] + 1, depth + 1), reason)


@quick()
def _rung_frame(model: HierarchicalModel, z: tuple[Tensor, ...], k: int) -> Frame:
    """The picture with z_k … z_T kept and all below at the prior's mean."""
    chain = Walk(z)
    for s in top_down(k - 1):
        chain = chain.put(s, model.prior(s, chain).mean)
    return picture(model, chain)
