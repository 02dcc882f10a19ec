"""Where to start: of the sliders at hand, the one that moves this picture most.

    change of an axis = min over s = −2, 2 of RMS(x̂(z_t + s·direction) − x̂(z_1 … z_T))

with x̂ the picture as it is shown, pixels from 0 to 1, and every other level under `keep`. The
smaller way counts, so that the slider does something whichever way it is moved; and a way that
leaves no picture, black or white or without contrast, counts as none.

Where axes are found at the image itself (`local_axes.py`), those are tried instead: the fixed ones
move it less. They are found at the levels whose own noise matters most to this picture:

    weight of a level = sum over two seeds of RMS(x̂ with noise half fresh at z_t − x̂)

Each decode is a job of its own, so that a picture under a hand waits for one at most.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from explorer.bounded import Bounded
from explorer.images.opening import Encoded
from explorer.live.server import Live
from explorer.live.worker import DETAILS
from explorer.recipe.recipe import Edit, Recipe
from explorer.recipe.regions import WHOLE
from explorer.render.axes import Step, no_local_axes, offset, step
from explorer.render.frame import Frame, picture
from models.base import HierarchicalModel, Trace, top_down
from models.chain import decode
from models.errors import BadInput
from models.policy import KEEP, Policy
from models.precision import quick

if TYPE_CHECKING:
    from models.checkpoint.statistics import Statistics

STEP_SIGMA = 2.0
LEAST_CHANGE = 0.02  # RMS; what is less cannot be seen
LEAST_CONTRAST = 0.5  # of that before
MOST_CLIPPED = 0.25  # of the values, beyond those that were black or white before
NEARLY = 5  # so close to 0 or 255 a value is black or white
MOST_TRIED = 128
LEVELS, SEEDS = 4, (1, 2)
HALF = 0.5**0.5  # ρ at which half of a level's noise, by variance, is fresh
MAX_KEPT = 512


@dataclass(frozen=True)
class Start:
    """The slider to start with.

    Args:
        level: The subscript t.
        kind: The kind of its axis.
        index: Its axis among those of the kind.
        rms: Its change of the picture at ±2 σ, the smaller way; pixels in [0, 1].
    """

    level: int
    kind: str
    index: int
    rms: float


class Starts:
    """Where to start at the images asked for last; safe to share between sessions.

    Args:
        live: What draws.
    """

    def __init__(self, live: Live) -> None:
        self._live = live
        self._found: Bounded[Recipe, tuple[Start | None]] = Bounded(MAX_KEPT)

    async def at(self, recipe: Recipe) -> Start | None:
        """The slider to start with; None if none moves the picture.

        Args:
            recipe: One whose edits are the sliders to choose from; nothing else in it counts but
                its model, its image and its encode seed.

        Raises:
            BadInput: If the recipe does not fit its model, or has more edits than are tried.
        """
        if len(recipe.edits) > MOST_TRIED:
            raise BadInput(
                f"{len(recipe.edits)} sliders are too many to try - ask for {MOST_TRIED} at most"
            )
        known = self._found.get(recipe)
        if known is None:
            known = (await self._search(recipe),)
            self._found.put(recipe, known)
        return known[0]

    async def _search(self, recipe: Recipe) -> Start | None:
        here = await self._live.encoded(recipe)
        before = await self._draw(partial(picture, here.model, here.trace.z))
        edits: Sequence[Edit] = recipe.edits
        local: dict[int, Tensor] = {}
        if here.model.local_count:
            for t in await self._telling(here, before):
                local[t] = (await self._live.local_axes(recipe, t)).steps
            edits = [
                Edit(t, "local", k, 0.0) for t, rows in local.items() for k in range(len(rows))
            ]
        best, most = None, LEAST_CHANGE
        for edit in edits:
            rms = await self._change(here, before, edit, local, most)
            if rms > most:
                best, most = Start(edit.level, edit.kind, edit.index, rms), rms
        return best

    async def _change(
        self,
        here: Encoded,
        before: Frame,
        edit: Edit,
        local: dict[int, Tensor],
        least: float,
    ) -> float:
        """The change of an axis; less than `least` as soon as that is sure."""
        model, trace, statistics = here.model, here.trace, here.statistics
        own = partial(local.__getitem__, edit.level) if edit.level in local else no_local_axes
        smaller = np.inf
        for sigma in (-STEP_SIGMA, STEP_SIGMA):
            there = replace(edit, sigma=sigma)
            after = await self._draw(partial(moved, model, trace, statistics, there, own))
            smaller = min(smaller, change(before, after))
            if smaller <= least:
                break
        return smaller

    async def _telling(self, here: Encoded, before: Frame) -> list[int]:
        """The levels whose noise matters most to the picture, that of most first."""
        weights = {}
        for t in top_down(here.model.depth):
            drawn = [
                await self._draw(partial(redrawn, here.model, here.trace, t, seed))
                for seed in SEEDS
            ]
            weights[t] = sum(rms_between(before, after) for after in drawn)
        return sorted(weights, key=lambda t: -weights[t])[:LEVELS]

    async def _draw(self, job: Callable[[], Frame]) -> Frame:
        return await self._live.worker.run(job, DETAILS)


@quick()
def moved(
    model: HierarchicalModel,
    trace: Trace,
    statistics: Statistics,
    edit: Edit,
    local: Callable[[], Tensor] = no_local_axes,
) -> Frame:
    """The picture of an encoded image with one slider moved."""
    t = edit.level
    along = step(model.level(t), statistics.levels[t - 1], (edit,), local)
    delta = offset(model.level(t), (Step(along, WHOLE),)).to(trace.z[t])
    return picture(model, decode(model, trace, (KEEP,) * model.depth, {t: delta}))


@quick()
def redrawn(model: HierarchicalModel, trace: Trace, t: int, seed: int) -> Frame:
    """The picture of an encoded image with half of the noise of one level drawn anew."""
    policies = [KEEP] * model.depth
    policies[t - 1] = Policy("memory", seed, HALF)
    return picture(model, decode(model, trace, policies))


def change(before: Frame, after: Frame) -> float:
    """By how much a picture has changed, as `rms_between`; 0 if what is left is no picture."""
    kept = _contrast(after) >= LEAST_CONTRAST * _contrast(before)
    clipped = _clipped(after) - _clipped(before) > MOST_CLIPPED
    return rms_between(before, after) if kept and not clipped else 0.0


def rms_between(before: Frame, after: Frame) -> float:
    """Root mean square of the difference of two pictures, pixels in [0, 1]."""
    difference = after.pixels.astype(np.float32) - before.pixels
    return float(np.sqrt(np.square(difference).mean())) / 255


def _contrast(frame: Frame) -> float:
    """The standard deviation over the places, mean over the channels."""
    return float(frame.pixels.std(axis=(0, 1)).mean())


def _clipped(frame: Frame) -> float:
    """The share of values that are nearly black or white."""
    return float(((frame.pixels <= NEARLY) | (frame.pixels >= 255 - NEARLY)).mean())
