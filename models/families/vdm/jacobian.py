"""The leading singular directions of a network's Jacobian, without forming it.

J = ∂f/∂z at one point. J V comes from forward-mode products (jvp) and Jᵀ W from reverse-mode ones
(vjp), a whole block as one batch. The blocks V, JᵀJ V, (JᵀJ)² V, … span a Krylov space, in which
the singular values are found by Rayleigh–Ritz: block Lanczos (Golub & Van Loan 2013, chapter 10;
Musco & Musco 2015), which gets more out of each product than powers of JᵀJ alone.

Two operations of a UNet have no forward-mode derivative in PyTorch 2.13: fused attention, and
group normalisation of tensors whose channels are not laid out one after another. While J is
applied both are written out in elementary operations, which is exact.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from models.base import noise
from models.precision import exact

OVERSAMPLING = 2
BLOCKS = 6


@exact()
def leading_directions(
    function: Callable[[Tensor], Tensor],
    point: Tensor,
    count: int,
    seed: int = 0,
    blocks: int = BLOCKS,
) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` leading singular triples of J = ∂f/∂z at a point.

    Args:
        function: Batches to batches of the same shape `(B, *event)`, each entry by itself.
        point: With shape `(*event)`.
        count: K; no more than the size of the point are given.
        seed: Of the block that is begun with; where singular values lie apart the result depends
            on it in its last digits only.
        blocks: Each costs one product with J and one with Jᵀ, of K + 2 directions.

    Returns:
        Unit directions of z, unit responses of f, both `(K, *event)` and orthogonal, and the
        singular values `(K,)`, the largest first. The largest entry of a response is positive.
    """
    shape, size = tuple(point.shape), point.numel()
    width = min(size, count + OVERSAMPLING)
    with torch.inference_mode(False):
        centre = point.detach().clone().expand(width, *shape).contiguous()
        jacobian = Jacobian(function, centre)
        drawn = torch.stack([noise(seed, k, shape) for k in range(width)]).to(centre).flatten(1)
        basis = drawn.new_empty(0, size)
        images = drawn.new_empty(0, size)  # row by row: J v
        for block in range(blocks):
            fresh = _beyond(basis, drawn)[: size - len(basis)]
            moved = jacobian.times(fresh.view(-1, *shape)).flatten(1)
            basis, images = torch.cat([basis, fresh]), torch.cat([images, moved])
            if len(basis) == size or block == blocks - 1:
                break
            drawn = jacobian.transposed(moved.view(-1, *shape)).flatten(1)
        # On the CPU, since MPS has none.
        parts = torch.linalg.svd(images.cpu(), full_matrices=False)
        mixed, gains, responses = (part.to(images) for part in parts)
        directions, responses = mixed.T[:count] @ basis, responses[:count]
        largest = responses.gather(1, responses.abs().argmax(1, keepdim=True))
        sign = torch.where(largest < 0, -1.0, 1.0).to(centre)
        directions, responses = ((sign * v).reshape(-1, *shape) for v in (directions, responses))
        return directions, responses, gains[:count]


def _beyond(basis: Tensor, rows: Tensor) -> Tensor:
    """Orthonormal rows that span what given rows add to an orthonormal basis.

    Three times, since where they add nothing, what is left of them is rounding.
    """
    for _ in range(3):
        rows = torch.linalg.qr((rows - (rows @ basis.T) @ basis).T)[0].T
    return rows


class Jacobian:
    """J = ∂f/∂z at one point, applied to a batch of directions at once.

    Args:
        function: Batches to batches of the same shape, each entry by itself.
        centre: The point, repeated as often as directions may come at once, `(K, *event)`.
    """

    def __init__(self, function: Callable[[Tensor], Tensor], centre: Tensor) -> None:
        self.function, self.centre = function, centre
        with warnings.catch_warnings():
            # PyTorch's own rules of forward mode still use its deprecated torch.jit.
            warnings.simplefilter("ignore", DeprecationWarning)
            from torch._decomp import decompositions_for_jvp  # noqa: F401
        with torch.enable_grad(), Elementary():
            self.pull = torch.func.vjp(function, centre)[1]

    def times(self, directions: Tensor) -> Tensor:
        """J v of every row, `(k, *event)` with k ≤ K."""
        with torch.no_grad(), Elementary():
            point = self.centre[: len(directions)]
            return torch.func.jvp(self.function, (point,), (directions,))[1]

    def transposed(self, directions: Tensor) -> Tensor:
        """Jᵀ w of every row, `(k, *event)` with k ≤ K."""
        every = torch.zeros_like(self.centre)
        every[: len(directions)] = directions
        return self.pull(every)[0].detach()[: len(directions)]


class Elementary(TorchFunctionMode):
    """Writes out what has no forward-mode derivative; in this thread and this block only."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict | None = None
    ) -> Any:
        replaced = {
            F.group_norm: _group_norm, F.scaled_dot_product_attention: _attention,
        }.get(func, func)  # fmt: skip
        return replaced(*args, **(kwargs or {}))


def _group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """`F.group_norm` in elementary operations."""
    grouped = input.reshape(input.shape[0], num_groups, -1)
    centred = grouped - grouped.mean(-1, keepdim=True)
    scaled = centred * torch.rsqrt((centred**2).mean(-1, keepdim=True) + eps)
    scaled = scaled.reshape(input.shape)
    wide = (1, -1) + (1,) * (input.ndim - 2)
    scaled = scaled if weight is None else scaled * weight.view(wide)
    return scaled if bias is None else scaled + bias.view(wide)


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """`F.scaled_dot_product_attention` in elementary operations, as a denoiser calls it."""
    chooses = attn_mask is not None and attn_mask.dtype == torch.bool
    if dropout_p or is_causal or enable_gqa or chooses:
        raise NotImplementedError("attention of a kind that no denoiser here has")
    weights = query @ key.transpose(-2, -1) * (scale or query.shape[-1] ** -0.5)
    weights = weights if attn_mask is None else weights + attn_mask
    return torch.softmax(weights, dim=-1) @ value
