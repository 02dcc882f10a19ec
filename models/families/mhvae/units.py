"""What one unit of a latent is.

Below the top the scale of z_t is free: multiply a channel of it by u, and p(z_t | z_{t+1}),
q(z_t | z_{t-1}) with it, and no rate, no bound and no picture changes. A training leaves the
scale wherever it went, so a channel of few hundredths may carry many nats, and yet fall under
the absolute threshold of an active unit. So when a training is over u_t is set once to the power
of two next to 1/σ_t, σ_t the standard deviation of the aggregate posterior: every channel below
the top has a variance between 1/2 and 2, as those of the top have about 1 by their prior. A power
of two changes no digit of z_t.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.gaussians import gaussian

LEAST_STD = 1e-4  # a channel that never moves keeps its scale


class Units(nn.Module):
    """The factors u_1 … u_{T-1} between the networks' scale of z_t and the model's.

    Args:
        shapes: Event shapes of z_1 … z_{T-1}.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]]) -> None:
        super().__init__()
        self.count = len(shapes)
        for t, shape in enumerate(shapes, start=1):
            self.register_buffer(f"scale_{t}", torch.ones(shape[0], *(1 for _ in shape[1:])))

    def scale(self, t: int) -> Tensor | None:
        """u_t, broadcastable to `(B, *event)`; None where there is none: the image and the top."""
        return self.get_buffer(f"scale_{t}") if 1 <= t <= self.count else None

    def set_scale(self, t: int, std: Tensor) -> None:
        """u_t, the power of two next to 1/σ_t, from σ_t `(C,)`."""
        held = self.get_buffer(f"scale_{t}")
        nearest = torch.exp2(-torch.log2(std.clamp_min(LEAST_STD)).round())
        held.copy_(torch.where(std > LEAST_STD, nearest, torch.ones_like(std)).view_as(held))

    def outward(self, t: int, distribution: Distribution) -> Distribution:
        """A Gaussian of the networks' z_t as one of the model's."""
        u = self.scale(t)
        if u is None:
            return distribution
        mean, std = distribution.mean * u, distribution.stddev * u
        return gaussian(mean, std, len(distribution.event_shape))

    def inward(self, t: int, z_t: Tensor) -> Tensor:
        """The model's z_t as the networks see it."""
        u = self.scale(t)
        return z_t if u is None else z_t / u
