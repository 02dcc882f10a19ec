"""A model as a `Checkpoint` in memory, measured on a few images: what the explorer opens.

The axes of a level need the aggregate posterior over images, and an upload is compared with the
terms of test images. Both are taken here for any model; how closely is an `Effort`, since a
foreign model may have a hundred million parameters and one CPU.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from torch import nn

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import EXAMPLES, Checkpoint
from models.evaluation.reference import QUICK, Effort, statistics_of


def measured(
    name: str,
    path: Path,
    model: HierarchicalModel,
    images: np.ndarray,
    card: dict[str, object],
    hash: str,
    effort: Effort = QUICK,
) -> Checkpoint:
    """A checkpoint of a model that has no folder of ours, measured on `images`.

    Args:
        name: What it is called.
        path: Where it came from.
        model: In evaluation mode, without gradients.
        images: uint8 `(N, H, W, C)`, of the model's side.
        card: The data card: what these images are.
        hash: What the model is known by (`hash_of`).
    """
    return Checkpoint(
        name=name, path=path, model=model, statistics=statistics_of(model, images, effort),
        evaluation={}, card=card, training={}, hash=hash, examples=images[:EXAMPLES],
    )  # fmt: skip


def hash_of(model: nn.Module, besides: bytes) -> str:
    """What a model is known by: 16 hex digits over its weights and what else fixes it.

    Args:
        besides: Its source file, or its configuration.
    """
    found = hashlib.sha256(besides)
    for key, value in sorted(model.state_dict().items()):
        found.update(key.encode())
        plain = value.detach().cpu().clone(memory_format=torch.contiguous_format).flatten()
        found.update(plain.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()[:16]
