"""The weights of a model as they are stored."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TypeVar

import torch

from models.errors import BadInput

M = TypeVar("M", bound=torch.nn.Module)


def stored_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights as they are stored: half precision keeps a model under 10 MB."""
    return {k: v.detach().cpu().half().contiguous() for k, v in model.state_dict().items()}


def weights_hash(weights: bytes) -> str:
    return hashlib.sha256(weights).hexdigest()[:16]


def load_weights(model: M, tensors: Mapping[str, torch.Tensor]) -> M:
    """The model with these weights, frozen; names and shapes must match exactly, values be finite.

    Raises:
        BadInput: They are not those of its architecture; the message names which.
    """
    shapes = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    check_tensors(shapes, tensors)
    model.load_state_dict({k: v.float() for k, v in tensors.items()}, strict=True)
    # Convolutions of one picture are faster so: a decode by 8 % (docs/inference.md).
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return model.requires_grad_(False).eval()


def check_tensors(
    shapes: Mapping[str, tuple[int, ...]], tensors: Mapping[str, torch.Tensor]
) -> None:
    """Refuse weights that do not belong to the architecture, naming the first of each kind."""
    missing = [k for k in shapes if k not in tensors]
    extra = [k for k in tensors if k not in shapes]
    if missing or extra:
        named = [f"missing {k}" for k in missing[:3]] + [f"unexpected {k}" for k in extra[:3]]
        raise BadInput(
            f"model.safetensors does not fit config.json ({len(missing)} weights missing, "
            f"{len(extra)} unexpected): {', '.join(named)}."
        )
    for key, tensor in tensors.items():
        if tuple(tensor.shape) != shapes[key]:
            raise BadInput(
                f"model.safetensors does not fit config.json: {key} has shape "
                f"{list(tensor.shape)}, the architecture needs {list(shapes[key])}."
            )
        if not torch.isfinite(tensor).all():
            raise BadInput(f"model.safetensors: {key} holds NaN or infinite weights; train again.")
