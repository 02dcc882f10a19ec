"""The Gaussians of a variance-preserving diffusion, from noise levels alone.

With s cleaner than t, γ_s < γ_t, and x̃ = 2x − 1 (Kingma et al. 2021, section 3 and Appendix A):

    q(z_t | x)        = N(α_t x̃, σ_t²)
    q(z_t | z_s)      = N((α_t/α_s) z_s, σ_{t|s}²),       σ_{t|s}² = σ_t² (1 − e^{γ_s−γ_t})
    q(z_s | z_t, x)   = N(a z_t + b x̃, σ_s² (1 − e^{γ_s−γ_t})),
                        a = (α_t/α_s)(σ_s²/σ_t²),         b = α_s (1 − e^{γ_s−γ_t})

and p(z_s | z_t) is the last with x̂(z_t) for x̃. The differences are taken with expm1 and in
logarithms, so that neighbouring stops of a thousand keep their digits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Reverse:
    """q(z_s | z_t, x) = N(of_z·z_t + of_x·x̃, std²).

    Args:
        of_z: a.
        of_x: b.
        std: The standard deviation of q(z_s | z_t, x).
        std_forward: σ_{t|s}, that of q(z_t | z_s).
    """

    of_z: Tensor
    of_x: Tensor
    std: Tensor
    std_forward: Tensor


def alpha_sigma(gamma: Tensor) -> tuple[Tensor, Tensor]:
    """α and σ at noise levels γ of any shape."""
    return torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt()


def forward_step(gamma_s: Tensor, gamma_t: Tensor) -> tuple[Tensor, Tensor]:
    """α_t/α_s and σ_{t|s} of q(z_t | z_s)."""
    scale = torch.exp((F.logsigmoid(-gamma_t) - F.logsigmoid(-gamma_s)) / 2)
    return scale, (torch.sigmoid(gamma_t) * -torch.expm1(gamma_s - gamma_t)).sqrt()


def reverse_step(gamma_s: Tensor, gamma_t: Tensor) -> Reverse:
    """The coefficients of q(z_s | z_t, x)."""
    scale, std_forward = forward_step(gamma_s, gamma_t)
    lost = -torch.expm1(gamma_s - gamma_t)
    return Reverse(
        of_z=scale * torch.exp(F.logsigmoid(gamma_s) - F.logsigmoid(gamma_t)),
        of_x=torch.sigmoid(-gamma_s).sqrt() * lost,
        std=(torch.sigmoid(gamma_s) * lost).sqrt(),
        std_forward=std_forward,
    )


def standard_kl(mean: Tensor, std: Tensor) -> Tensor:
    """KL(N(mean, std²) ‖ N(0, I)) summed over an image, `(B,)`, in nats.

    Args:
        mean: With shape `(B, C, H, W)`.
        std: Broadcastable to it.
    """
    variance = (std**2).expand_as(mean)
    return (0.5 * (mean**2 + variance - 1 - torch.log(variance))).flatten(1).sum(1)


def over_images(values: Tensor, like: Tensor) -> Tensor:
    """One number, or one an image `(B,)`, broadcastable over images `(B, C, H, W)`."""
    values = values.to(like.dtype).to(like.device)  # the dtype first: not all have float64
    return values.reshape(-1, *(1 for _ in like.shape[1:])) if values.ndim else values
