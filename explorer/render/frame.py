"""What is shown: a chain as a picture of 8 bits, a rung of the ladder, a level by its name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models.base import Chain, HierarchicalModel
from models.errors import BadInput
from models.precision import quick


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture.

    Args:
        pixels: 8-bit values, with shape `(H, W, C)`, C = 1 or 3; shared, so never changed.
    """

    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Rung:
    """One picture of the ladder: z_T … z_level kept, all below at the prior's mean."""

    level: int
    frame: Frame


@quick()
def picture(model: HierarchicalModel, z: Chain) -> Frame:
    """The likelihood's mean under a chain, as 8-bit pixels."""
    mean = model.likelihood(z).mean
    if not bool(torch.isfinite(mean.sum())):  # pixels lie in [0, 1], so only a NaN breaks it
        raise BadInput("no finite picture comes out under these edits - move the sliders back")
    return frame_of(mean)


def frame_of(x: Tensor) -> Frame:
    """An image tensor `(1, C, H, W)` with pixels in [0, 1] as a frame."""
    eight_bit = (x[0].detach() * 255).round().clamp(0, 255).to("cpu", torch.uint8)
    return Frame(np.ascontiguousarray(eight_bit.permute(1, 2, 0).numpy()))
