"""The same model with its linear layers in oneDNN's own layout: the matrix products of a long
evaluation on a processor.

PyTorch gives a linear layer's product in single precision to MKL, which runs at less than half
the processor's rate where that is no Intel: 107 against 240 GFLOP/s on one core of an AMD EPYC
(250 × 300 × 300). oneDNN, which PyTorch uses for convolutions, does not. The weights are laid
out once, the products are in single precision as before and differ in the last digits.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from models.base import HierarchicalModel

ROWS = 250  # what the layout is chosen for; any other number of rows works too


class PackedLinear(nn.Module):
    """W x + b, for inference."""

    packed: Tensor
    bias: Tensor | None

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), ROWS)
        self.register_buffer("packed", packed, persistent=False)
        bias = None if linear.bias is None else linear.bias.detach()
        self.register_buffer("bias", bias, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")


def packed(model: HierarchicalModel) -> HierarchicalModel:
    """A copy for inference whose linear layers run on oneDNN; the model itself where none can."""
    linears = [m for m in model.modules() if type(m) is nn.Linear]
    if not linears or not _can(linears[0].weight):
        return model
    copied = copy.deepcopy(model).eval().requires_grad_(False)
    for parent in list(copied.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                setattr(parent, name, PackedLinear(child))
    return copied


def _can(weight: Tensor) -> bool:
    """Whether this PyTorch has the operators, for weights of this kind."""
    operators = torch.ops.mkldnn
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and hasattr(operators, "_linear_pointwise")
        and hasattr(operators, "_reorder_linear_weight")
    )
