"""Dozens of levels, by resolution: how a deep model is shown.

A general HVAE has tens of levels, many of one map size in a row. They are shown as groups, and
the ladder has one rung a group, that of its lowest level: the picture with everything down to
that resolution kept. A model of few levels, or one whose levels are all of one size or each of
another, is shown level by level.
"""

from __future__ import annotations

from itertools import groupby

from models.base import HierarchicalModel, top_down

FEW_LEVELS = 6

Group = tuple[int, ...]


def groups(model: HierarchicalModel) -> tuple[Group, ...]:
    """The subscripts of the levels that are shown together, the top first, also in a group.

    Levels belong together that follow on one another with the same map size; vectors have none.
    """
    levels = [model.level(t) for t in top_down(model.depth)]
    found = tuple(
        tuple(level.index for level in same)
        for _, same in groupby(levels, key=lambda level: level.shape[1:])
    )
    if model.depth <= FEW_LEVELS or len(found) == 1:
        return tuple((level.index,) for level in levels)
    return found


def is_grouped(model: HierarchicalModel) -> bool:
    """Whether any levels are shown together."""
    return len(groups(model)) < model.depth


def rungs(model: HierarchicalModel) -> Group:
    """The subscripts of the ladder's rungs, the top first: the lowest level of each group."""
    return tuple(group[-1] for group in groups(model))
