"""What was decoded last, so that a change at level t runs the chain from t down only.

z'_s is a function of the model, the image and its encode seed, and of policy, offset and
temperature at the levels s … T; nothing else enters. So whatever is decoded stands at a place,
a number given once to all that it depends on:

    the root           the model, the image, the encode seed
    z'_s before δ_s    (place of z'_{s+1}, policy_s, temperature)
    z'_s               (place of z'_s before δ_s, δ_s)

and the picture under z'_s with everything below at the prior's mean is known by the place of
z'_s (at s = 1 that is the full decode). What is kept is the very tensor that was computed, so a
picture is bit for bit the same whatever is remembered. δ_s enters by its values and regions
rather than by its edits: a model measured again keeps its weights, but moves by another σ.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, cast

from torch import Tensor

from explorer.bounded import Bounded
from explorer.recipe.recipe import Recipe
from explorer.render.axes import offset, steps
from explorer.render.local_axes import Found, LocalStore
from models.base import HierarchicalModel, Trace, Walk, top_down
from models.chain import decode_level
from models.policy import Policy
from models.precision import quick

if TYPE_CHECKING:
    from explorer.render.frame import Frame
    from models.checkpoint.statistics import Statistics

# Few on purpose: enough for what a dozen hands are holding. Whatever is kept lies in memory
# between activations that are not, and pins their pages (200 kB a frame, as benchmarks.soak saw).
MAX_LEVELS, MAX_LEVEL_BYTES = 512, 16 * 2**20
MAX_FRAMES, MAX_FRAME_BYTES = 128, 16 * 2**20


@dataclass(frozen=True, eq=False)
class Level:
    """A decoded level, before or after its offset.

    Args:
        place: The number that stands for all that it depends on.
        latent: Its value, with shape `(1, *event)`.
        changed: Whether it was moved or recomputed.
    """

    place: int
    latent: Tensor
    changed: bool


@dataclass(frozen=True, eq=False)
class Decoded:
    """A decoded chain.

    Args:
        z: The source image and z'_1 … z'_T, at their subscripts.
        places: The numbers of z'_1 … z'_T, at their subscripts; entry 0 is 0.
    """

    z: tuple[Tensor, ...]
    places: tuple[int, ...]


class Chains:
    """The levels and pictures decoded last; safe to share between threads and sessions.

    Args:
        max_levels: Most decoded levels kept.
        max_frames: Most pictures kept.
    """

    def __init__(self, max_levels: int = MAX_LEVELS, max_frames: int = MAX_FRAMES) -> None:
        self._numbers = count(1)
        self._levels: Bounded[Hashable, Level] = Bounded(
            max_levels, MAX_LEVEL_BYTES, lambda level: level.latent.nbytes
        )
        self._frames: Bounded[int, Frame] = Bounded(
            max_frames, MAX_FRAME_BYTES, lambda frame: frame.pixels.nbytes
        )
        self._local = LocalStore()

    @quick()
    def decode(
        self, model: HierarchicalModel, trace: Trace, recipe: Recipe, statistics: Statistics
    ) -> Decoded:
        """The chain of a recipe, from the highest level that is not known yet.

        Args:
            trace: The recipe's image, encoded by the recipe's model with the recipe's seed.
            statistics: The scales and directions of the axes.

        Raises:
            BadInput: If the recipe does not fit the model.
            ValueError: If the trace is a batch: sums may depend on what is computed together.
        """
        if trace.z[0].shape[0] != 1:
            raise ValueError("a frame is rendered from one image, never from a batch")

        def local(t: int) -> Tensor:
            return self.local(model, trace, recipe, statistics, t).steps

        moves = steps(model, statistics, recipe, local)
        z, places = Walk(trace.z), [0] * len(trace.z)
        above: Hashable = (recipe.model, recipe.image, recipe.encode_seed)
        changed = False
        for s in top_down(model.depth):
            policy, temperature = recipe.policy(s), recipe.temperature
            draw = partial(decode_level, model, trace, z, s, changed, policy, temperature)
            level = self._level((above, *_essence(policy, temperature)), draw)
            if s in moves:
                move = partial(_moved, level.latent, partial(offset, model.level(s), moves[s]))
                level = self._level((level.place, *(part.key for part in moves[s])), move)
            z, places[s], changed = z.put(s, level.latent), level.place, level.changed
            above = level.place
        return Decoded(cast(tuple[Tensor, ...], z), tuple(places))

    def local(
        self,
        model: HierarchicalModel,
        trace: Trace,
        recipe: Recipe,
        statistics: Statistics,
        t: int,
    ) -> Found:
        """The local axes of z_t at the image of a recipe, worked out if they are not kept."""
        key = (recipe.model, recipe.image, recipe.encode_seed, t)
        return self._local.at(key, model, trace, statistics)

    def frame(self, place: int, make: Callable[[], Frame]) -> Frame:
        """The picture under a decoded level, made if it is not kept."""
        frame = self._frames.get(place)
        if frame is None:
            frame = make()
            self._frames.put(place, frame)
        return frame

    def _level(self, key: Hashable, make: Callable[[], tuple[Tensor, bool]]) -> Level:
        level = self._levels.get(key)
        if level is None:
            level = Level(next(self._numbers), *make())
            self._levels.put(key, level)
        return level


def _essence(policy: Policy, temperature: float) -> tuple[Hashable, ...]:
    """What a level depends on of its policy: only fresh noise reads seed and temperature."""
    fresh = policy.kind in ("resample", "memory")
    return (policy, temperature) if fresh else (policy.kind,)


def _moved(latent: Tensor, delta: Callable[[], Tensor]) -> tuple[Tensor, bool]:
    return latent + delta().to(latent), True
