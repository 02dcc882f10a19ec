"""The axes of a level: the directions that its sliders move along.

For z_t with aggregate posterior q(z_t) over the training set:

    coordinate i   direction_i = σ_i · e_i,      σ_i = std of q(z_t) along coordinate i
    component k    direction_k = σ_k · v_k,      v_k = k-th principal component of E_q[z_t | x],
                                                 σ_k = std of q(z_t) along v_k
    local axis k   direction_k = σ_k · v_k,      found at the image itself (`local_axes.py`)

so that an edit of s units of σ adds s · direction to z_t. The coordinates of a spatial level are
its channels, moved at every position alike or, under a region, by the share of each position
that the region covers (`explorer/render/masks.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from explorer.recipe.recipe import Edit, Recipe
from explorer.recipe.regions import WHOLE, Region
from explorer.render.masks import coverage
from models.base import Fields, HierarchicalModel, Level, top_down
from models.errors import BadInput

if TYPE_CHECKING:
    from models.checkpoint.statistics import LevelStatistics, Statistics

NEGLIGIBLE_SHARE = 0.001


@dataclass(frozen=True)
class Axis:
    """One slider.

    Args:
        index: The index that an `Edit` along this axis carries.
        label: What it is: "unit 7" is coordinate 7 counted from 0 ("channel 7" of a spatial
            level), "component 1" the first.
        detail: What it weighs: "1.2 nats" or "31 % of variance".
    """

    index: int
    label: str
    detail: str


@dataclass(frozen=True)
class LevelAxes:
    """The live axes of z_t, each kind with the weightiest first.

    Args:
        level: The subscript t.
        shape: Its event shape, `(D,)` or `(C, H, W)`: D or C coordinates, dead ones included.
        dead: Number of inactive coordinates, which get no slider.
        coordinate: Active coordinates, ranked by the nats they carry.
        component: Principal components with a share of variance worth a slider.
        local_count: How many local axes are found at an image.
        has_fields: Whether these are fixed fields over the whole level instead.
        is_markov: Whether the level sees only the one above it, so that it can be pinned.
    """

    level: int
    shape: tuple[int, ...]
    dead: int
    coordinate: tuple[Axis, ...]
    component: tuple[Axis, ...]
    local_count: int = 0
    has_fields: bool = False
    is_markov: bool = True

    @property
    def size(self) -> int:
        """Number of coordinates."""
        return self.shape[0]


@dataclass(frozen=True, eq=False)
class Step:
    """How far a level moves along its coordinates, and where.

    Args:
        along: The step of each coordinate, with shape `(C,)`; or of each number, `(D,)`.
        region: The part of the picture that moves.
    """

    along: Tensor
    region: Region

    @property
    def key(self) -> tuple[bytes, Region]:
        """All that the step depends on, to be compared and hashed."""
        return self.along.numpy().tobytes(), self.region


def level_axes(
    level: Level, statistics: LevelStatistics, fields: Fields | None = None
) -> LevelAxes:
    """The axes of one level, from its aggregate statistics.

    Args:
        fields: Fields that stand in place of principal components.
    """
    ranked = sorted(
        (i for i in range(level.channels) if bool(statistics.active[i])),
        key=lambda i: (-float(statistics.nats[i]), i),
    )
    shares = [float(share) for share in statistics.component_share]
    name = "channel" if level.is_spatial else "unit"
    return LevelAxes(
        level=level.index,
        shape=level.shape,
        dead=level.channels - len(ranked),
        coordinate=tuple(Axis(i, f"{name} {i}", _nats(float(statistics.nats[i]))) for i in ranked),
        component=tuple(
            Axis(k, fields.names[k] if fields else f"component {k + 1}", _share(share))
            for k, share in sorted(enumerate(shares), key=lambda pair: (-pair[1], pair[0]))
            if share >= NEGLIGIBLE_SHARE
        ),
        has_fields=fields is not None,
    )


def all_axes(model: HierarchicalModel, statistics: Statistics) -> tuple[LevelAxes, ...]:
    """The axes of every level, top level first, as the slider banks stand on the page."""
    found = (
        level_axes(model.level(t), statistics.levels[t - 1], model.fields(t))
        for t in top_down(model.depth)
    )
    return tuple(
        replace(axes, is_markov=model.is_markov, local_count=model.local_count) for axes in found
    )


def axis_count(level: Level, statistics: LevelStatistics, kind: str, local_count: int = 0) -> int:
    """How many axes of a kind a level has, the folded ones included."""
    if kind == "local":
        return local_count
    return level.channels if kind == "coordinate" else statistics.components.shape[0]


def check_recipe(model: HierarchicalModel, statistics: Statistics, recipe: Recipe) -> None:
    """Refuse a recipe that does not fit a model.

    Raises:
        BadInput: If the recipe has another number of levels than the model, pins a level of a
            model that is not Markov, or an edit names an axis that the model does not have or a
            region of a level without places.
    """
    if recipe.depth != model.depth:
        raise BadInput(
            f"the recipe has {recipe.depth} levels, but the model has {model.depth} - "
            "open the image with this model to begin a new recipe"
        )
    pinned = [t for t in top_down(model.depth) if recipe.policy(t).kind == "pin"]
    if pinned and not model.is_markov:
        raise BadInput(
            f"recipe: level {pinned[0]} is pinned, but in this model every level sees all above "
            "it, so none can be cut off - use keep, mean, resample or memory"
        )
    for edit in recipe.edits:
        level = model.level(edit.level)
        check_axis(level, statistics.levels[edit.level - 1], edit, model.local_count)


def steps(
    model: HierarchicalModel,
    statistics: Statistics,
    recipe: Recipe,
    local: Callable[[int], Tensor],
) -> dict[int, tuple[Step, ...]]:
    """The steps of every edited level by its subscript, one for each region.

    Args:
        local: One σ along each local axis of a level at the image, `(K, D)`, by its subscript;
            asked for where one is moved.

    Raises:
        BadInput: As `check_recipe`.
    """
    check_recipe(model, statistics, recipe)
    by_level = groupby(recipe.edits, key=attrgetter("level"))  # the edits are sorted
    return {
        t: _by_region(model.level(t), statistics.levels[t - 1], tuple(edits), partial(local, t))
        for t, edits in by_level
    }


def _by_region(
    level: Level,
    statistics: LevelStatistics,
    edits: tuple[Edit, ...],
    local: Callable[[], Tensor],
) -> tuple[Step, ...]:
    regions = sorted({edit.region for edit in edits})
    within = {region: [e for e in edits if e.region == region] for region in regions}
    return tuple(Step(step(level, statistics, within[region], local), region) for region in regions)


def no_local_axes() -> Tensor:
    """For a level at which nothing was found."""
    raise ValueError("an edit along a local axis, where none were found")


def step(
    level: Level,
    statistics: LevelStatistics,
    edits: Sequence[Edit],
    local: Callable[[], Tensor] = no_local_axes,
) -> Tensor:
    """The sum of sigma·direction over the edits of one level, `(C,)`.

    Along fields and local axes `(D,)`.
    """
    components = [edit for edit in edits if edit.kind == "component"]
    found = [edit for edit in edits if edit.kind == "local"]
    wide = bool(found) or (bool(components) and statistics.components.shape[1] != level.channels)
    total = torch.zeros(level.size if wide else level.channels)
    for edit in components:
        along = statistics.component_std[edit.index] * statistics.components[edit.index]
        total += edit.sigma * along
    coordinates = [edit for edit in edits if edit.kind == "coordinate"]
    if coordinates:  # no two of them meet, so the order of the sum is no matter
        at = torch.tensor([edit.index for edit in coordinates])
        sigmas = torch.tensor([edit.sigma for edit in coordinates])
        by_channel = total.view(level.channels, -1)
        by_channel[at] += (sigmas * statistics.std[at])[:, None]
    for edit in found:
        total += edit.sigma * local()[edit.index]
    return total


def spread(level: Level, along: Tensor) -> Tensor:
    """A step of the coordinates `(C,)` as one of z_t: a channel moves over the whole field."""
    if len(along) == level.size:
        return along.view(level.shape)
    return level.over(along).expand(level.shape)


def offset(level: Level, parts: Sequence[Step]) -> Tensor:
    """δ of one level, with shape `(*event)`: each step over the share that its region covers."""
    fields = [_confined(level, part) for part in parts]
    return fields[0] if len(fields) == 1 else torch.stack(fields).sum(0)


def _confined(level: Level, part: Step) -> Tensor:
    field = spread(level, part.along)
    if part.region == WHOLE:
        return field
    return field * torch.tensor(coverage(part.region, level.shape[-1]))


def check_axis(level: Level, statistics: LevelStatistics, edit: Edit, local_count: int = 0) -> None:
    """Refuse an edit along an axis that the level does not have, or under a region it cannot."""
    if edit.region != WHOLE and not level.is_spatial:
        raise BadInput(
            f"recipe: an edit of level {level.index} has a region, but this level is a vector "
            "without places - move it over the whole picture: leave the region out"
        )
    count = axis_count(level, statistics, edit.kind, local_count)
    if count == 0:
        raise BadInput(
            f"recipe: level {level.index} has no {edit.kind} axes, those of this model are along "
            "coordinates and components - correct the kind of the edit"
        )
    if not 0 <= edit.index < count:
        raise BadInput(
            f"recipe: index {edit.index} of a {edit.kind} edit of level {level.index} is out of "
            f"range, allowed are 0 to {count - 1} - correct it, or copy the recipe again from "
            "the page"
        )


def _nats(nats: float) -> str:
    return f"{nats:.1f} nats" if abs(nats) >= 0.1 else f"{nats:.2f} nats"


def _share(share: float) -> str:
    percent = 100 * share
    return f"{percent:.0f} % of variance" if percent >= 1 else f"{percent:.1f} % of variance"
