"""What of an evaluation may stay where only some parts are measured anew.

An evaluation has four parts, each measured as a whole (models/evaluation/suite.py). A part that is
not measured again is taken from the checkpoint's evaluation.json; numbers of other weights, other
pictures or other draws are never mixed.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from models.checkpoint.checkpoint import Checkpoint
from models.data.load import Data
from models.errors import BadInput
from models.evaluation.partial import short_digest

BOUNDS, LEVELS, FORMS, NEIGHBOURS = PARTS = ("bounds", "levels", "forms", "neighbours")


def read_parts(text: str) -> tuple[str, ...]:
    """Parts from "bounds,levels".

    Raises:
        BadInput: One is unknown.
    """
    named = text.split(",")
    if unknown := [name for name in named if name not in PARTS]:
        raise BadInput(f"--only '{unknown[0]}' is unknown: give some of {', '.join(PARTS)}.")
    return tuple(part for part in PARTS if part in named)


def kept_asked(checkpoint: Checkpoint) -> dict[str, Any]:
    """What the evaluation of a checkpoint was asked, as evaluation.json holds it.

    Raises:
        BadInput: There is none, or it is of other weights.
    """
    stored = checkpoint.evaluation
    if not isinstance(asked := stored.get("asked"), dict):
        raise BadInput(
            f"{checkpoint.name} has no full evaluation of which the other parts could stay: "
            "measure it once without --only."
        )
    if stored.get("model") != checkpoint.hash:
        raise BadInput(
            f"evaluation.json of {checkpoint.name} is of the weights {stored.get('model')}, but "
            f"these are {checkpoint.hash}: measure it without --only."
        )
    return asked


def kept_measures(checkpoint: Checkpoint, data: Data, x: Tensor) -> dict[str, Any]:
    """The stored measures, of which some are about to be replaced.

    An evaluation of before names no test set: it counts as that of the data that the model was
    trained on.

    Args:
        x: The test set as the model sees it, `(N, C, H, W)`.

    Raises:
        BadInput: They are of another test set.
    """
    stored: dict[str, Any] = checkpoint.evaluation
    sums = data.card.get("sha256")
    if known := stored.get("test_set"):
        same = known == short_digest(x)
    else:
        same = isinstance(sums, dict) and sums == checkpoint.card.get("sha256")
    if not same or stored.get("n_images") != len(x):
        raise BadInput(
            f"evaluation.json of {checkpoint.name} is of other test pictures than '"
            f"{data.card.get('source')}': give the same, or measure it without --only."
        )
    return dict(stored)
