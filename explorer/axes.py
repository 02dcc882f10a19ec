"""The axes of a level: the directions that its sliders move along.

For z_t with aggregate posterior q(z_t) over the training set:

    coordinate i   direction_i = σ_i · e_i,      σ_i = std of q(z_t) along coordinate i
    component k    direction_k = σ_k · v_k,      v_k = k-th principal component of E_q[z_t | x],
                                                 σ_k = std of q(z_t) along v_k

so that an edit of s units of σ adds s · direction to z_t. The coordinates of a spatial level are
its channels, moved at every position alike or, under a region, by the share of each position
that the region covers (`explorer/masks.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from explorer.masks import coverage
from explorer.recipe import Edit, Recipe
from explorer.regions import WHOLE, Region
from models.base import Fields, HierarchicalModel, Level, top_down
from models.errors import BadInput

if TYPE_CHECKING:
    from models.statistics import LevelStatistics, Statistics

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
        has_fields: Whether these are fixed fields over the whole level instead.
        is_markov: Whether the level sees only the one above it, so that it can be pinned.
    """

    level: int
    shape: tuple[int, ...]
    dead: int
    coordinate: tuple[Axis, ...]
    component: tuple[Axis, ...]
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
    return tuple(replace(axes, is_markov=model.is_markov) for axes in found)


def axis_count(level: Level, statistics: LevelStatistics, kind: str) -> int:
    """How many axes of a kind a level has, the folded ones included."""
    return level.channels if kind == "coordinate" else statistics.components.shape[0]


def offsets(model: HierarchicalModel, statistics: Statistics, recipe: Recipe) -> dict[int, Tensor]:
    """The offset δ_s of every edited level by subscript, each with shape `(*event)`.

    Raises:
        BadInput: As `steps`.
    """
    moved = steps(model, statistics, recipe)
    return {t: offset(model.level(t), parts) for t, parts in moved.items()}


def steps(
    model: HierarchicalModel, statistics: Statistics, recipe: Recipe
) -> dict[int, tuple[Step, ...]]:
    """The steps of every edited level by its subscript, one for each region.

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
    by_level = groupby(recipe.edits, key=attrgetter("level"))  # the edits are sorted
    return {
        t: _by_region(model.level(t), statistics.levels[t - 1], tuple(edits))
        for t, edits in by_level
    }


def _by_region(
    level: Level, statistics: LevelStatistics, edits: tuple[Edit, ...]
) -> tuple[Step, ...]:
    regions = sorted({edit.region for edit in edits})
    within = {region: [e for e in edits if e.region == region] for region in regions}
    return tuple(Step(step(level, statistics, within[region]), region) for region in regions)


def step(level: Level, statistics: LevelStatistics, edits: Sequence[Edit]) -> Tensor:
    """The sum of sigma·direction over the edits of one level, `(C,)`; along fields `(D,)`.

    Raises:
        BadInput: If the level has no such axis, or no places and an edit has a region.
    """
    for edit in edits:
        check_axis(level, statistics, edit)
    components = [edit for edit in edits if edit.kind == "component"]
    wide = bool(components) and statistics.components.shape[1] != level.channels
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


def check_axis(level: Level, statistics: LevelStatistics, edit: Edit) -> None:
    """Refuse an edit along an axis that the level does not have, or under a region it cannot."""
    if edit.region != WHOLE and not level.is_spatial:
        raise BadInput(
            f"recipe: an edit of level {level.index} has a region, but this level is a vector "
            "without places - move it over the whole picture: leave the region out"
        )
    count = axis_count(level, statistics, edit.kind)
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
