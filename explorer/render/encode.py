"""From pixels to a trace: an image as a model sees it, encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from models.base import HierarchicalModel, Trace
from models.chain import draw_noise
from models.precision import exact
from models.seeds import stream

if TYPE_CHECKING:
    from models.checkpoint.checkpoint import Checkpoint


def as_model_sees(model: HierarchicalModel, pixels: np.ndarray) -> Tensor:
    """8-bit pixels `(H, W, C)` as the model's input `(1, C, H, W)` on its device."""
    device = model.like.device
    x = torch.from_numpy(np.array(pixels, dtype=np.float32)).permute(2, 0, 1)[None]
    return model.as_seen(x.contiguous().to(device) / 255)


@exact()
def encode_image(
    checkpoint: Checkpoint, pixels: np.ndarray, encode_seed: int | None = None
) -> Trace:
    """The trace of an image, on the mean path or, with a seed, a posterior sample.

    Args:
        pixels: Model-sized 8-bit pixels, with shape `(H, W, C)`.
    """
    model = checkpoint.model
    x = as_model_sees(model, pixels)
    if encode_seed is None:
        return model.embed(x)
    return model.embed(x, draw_noise(model, 1, stream("encode", encode_seed)))
