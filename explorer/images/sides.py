"""The model for a picture: a fully convolutional one takes other sides than its own.

A picture of another side is drawn by a view of the model, `at_side`, over the same weights; the
hash of the model stays that of the weights, and the side follows from the image. Everything that
works on an opened image takes its checkpoint from here: the levels of a view have other shapes,
the statistics are those of the channels and hold at any side.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from explorer.bounded import Bounded
from models.base import HierarchicalModel
from models.errors import BadInput

if TYPE_CHECKING:
    from models.checkpoint.checkpoint import Checkpoint
    from models.checkpoint.description import Description

MAX_SIDE = 256
MAX_VIEWS = 16


def own_side(model: HierarchicalModel | Description) -> int:
    """The side of the images that the model was trained on, in pixels."""
    return model.image_shape[-1]


def largest_side(model: HierarchicalModel | Description) -> int:
    """The largest side that the explorer opens with a model, in pixels."""
    own, step = own_side(model), model.side_step
    return own if step is None else max(own, MAX_SIDE // step * step)


def fitting_side(model: HierarchicalModel, shorter: int) -> int:
    """The side that a picture is brought to: the largest that does not enlarge it.

    Args:
        shorter: The picture's shorter side, in pixels.

    Returns:
        A multiple of the model's step, at most `largest_side`; at least the model's own side.
    """
    step = model.side_step
    if step is None:
        return own_side(model)
    return max(own_side(model), min(largest_side(model), shorter // step * step))


def offered_sides(model: HierarchicalModel, largest: int) -> tuple[int, ...]:
    """The sides to choose from for a picture: the model's own, its doublings, the largest."""
    sides, side = [], own_side(model)
    while side < largest:
        sides.append(side)
        side *= 2
    return (*sides, largest)


def takes_side(model: HierarchicalModel, side: int) -> bool:
    """Whether the explorer opens images of a side with a model."""
    own, step = own_side(model), model.side_step
    return side == own or (
        step is not None and side % step == 0 and own <= side <= largest_side(model)
    )


def check_side(model: HierarchicalModel, side: int) -> None:
    """Refuse a side that the explorer does not open with a model, saying which it does.

    Raises:
        BadInput: If it is refused.
    """
    if takes_side(model, side):
        return
    own, largest, step = own_side(model), largest_side(model), model.side_step
    allowed = f"of side {own} only"
    if step is not None:
        allowed = f"of sides {own} to {largest} in steps of {step}"
    raise BadInput(
        f"this model takes images {allowed}, not {side} - change the side or leave it out"
    )


class Views:
    """The models at other sides used last; safe to share between threads.

    Args:
        max_views: Most views kept; each costs its modules, while the weights are shared.
    """

    def __init__(self, max_views: int = MAX_VIEWS) -> None:
        self._models: Bounded[tuple[str, int], HierarchicalModel] = Bounded(max_views)

    def at(self, checkpoint: Checkpoint, side: int) -> Checkpoint:
        """A checkpoint whose model takes images of a side; itself if that is its own.

        Raises:
            BadInput: As `check_side`.
        """
        if side == own_side(checkpoint.model):
            return checkpoint
        check_side(checkpoint.model, side)
        key = (checkpoint.hash, side)
        view = self._models.get(key)
        if view is None:
            view = checkpoint.model.at_side(side)
            self._models.put(key, view)
        return replace(checkpoint, model=view)
