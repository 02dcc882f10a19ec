"""What stays of a picture when all below a level is drawn anew."""

from __future__ import annotations

import torch
from torch import Tensor

from models.base import HierarchicalModel, Trace, bottom_up
from models.chain import decode
from models.policy import KEEP, Policy


def kept_from(depth: int, t: int, seed: int) -> tuple[Policy, ...]:
    """The policies of z_1 … z_T that keep z_t … z_T and resample all below with `seed`."""
    return tuple(KEEP if s >= t else Policy("resample", seed) for s in bottom_up(depth))


@torch.no_grad()
def redrawn(model: HierarchicalModel, trace: Trace, t: int, seed: int) -> Tensor:
    """The pictures of a trace with z_t … z_T kept and all below drawn anew, `(B, C, H, W)`."""
    return model.likelihood(decode(model, trace, kept_from(model.depth, t, seed))).mean
