"""p(x | z_1) of a diffusion: how probable each value of a pixel is, given its noisy reading.

    p(x | z_1) = Π_pixels N(z_1; α_1 ṽ_x, σ_1²) / Σ_v N(z_1; α_1 ṽ, σ_1²)

over all values v that a pixel can have, ṽ = 2v − 1 (Kingma et al. 2021, section 3.3). With two
values it is a Bernoulli of logit 2 α_1 z_1 / σ_1²; with 256 a categorical on the grid k/255.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Bernoulli, Categorical, Distribution, Independent
from torch.types import _size as Size

from models.families.vdm.gaussians import alpha_sigma, over_images
from models.likelihoods import LEVELS, LIKELIHOODS, NO_SHAPE, Likelihood

SPACING = 2 / LEVELS  # of ṽ
NEGLIGIBLE = 40.0  # values less probable than e^-40 of the most probable one are left out

# How an image is seen is the same as for the other families with such pixels.
SEEN: dict[str, Likelihood] = {
    "bernoulli": LIKELIHOODS["bernoulli"],
    "discretised": LIKELIHOODS["discretised_logistic"],
}
TITLES = {"bernoulli": "Bernoulli", "discretised": "Discretised Gaussian"}


class GridGaussian(Distribution):
    """A Gaussian read at the 256 values of a pixel, and normalised over them.

    Args:
        location: z_1/α_1, the noisy reading of x̃, with shape `(B, C, H, W)`.
        snr: α_1²/σ_1², one number.
    """

    def __init__(self, location: Tensor, snr: Tensor) -> None:
        self.location, self.snr = location, snr
        super().__init__(location.shape, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) in nats, pixel by pixel; `value` lies on the grid k / 255."""
        own = -0.5 * self.snr * (self.location - (2 * value - 1)) ** 2
        return own - torch.logsumexp(self._logits()[0], dim=-1)

    @property
    def mean(self) -> Tensor:
        """E[x], in [0, 1]."""
        logits, index = self._logits()
        return (torch.softmax(logits, dim=-1) * index).sum(-1) / LEVELS

    def sample(self, sample_shape: Size = NO_SHAPE) -> Tensor:
        """Draws on the grid, with torch's global generator."""
        logits, index = self._logits()
        drawn = Categorical(logits=logits, validate_args=False).sample(sample_shape)
        shape = (*drawn.shape, index.shape[-1])
        return index.expand(shape).gather(-1, drawn.unsqueeze(-1)).squeeze(-1) / LEVELS

    def _logits(self) -> tuple[Tensor, Tensor]:
        """−SNR (z_1/α_1 − ṽ)² / 2 of the values near the reading, and their k, both `(*, W)`.

        All the others together would change no digit of a sum over these.
        """
        reach = math.sqrt(2 * NEGLIGIBLE / float(self.snr.detach())) / SPACING
        index = self._window(reach)
        distance = self.location.unsqueeze(-1) - (SPACING * index - 1)
        logits = -0.5 * self.snr * distance**2
        outside = (index < 0) | (index > LEVELS)
        return logits.masked_fill(outside, -torch.inf), index.clamp(0, LEVELS)

    def _window(self, reach: float) -> Tensor:
        like = self.location.detach()
        if reach > LEVELS / 2 - 2:
            return torch.arange(LEVELS + 1, dtype=like.dtype, device=like.device)
        half = math.ceil(reach) + 1
        steps = torch.arange(-half, half + 1, dtype=like.dtype, device=like.device)
        nearest = ((like + 1) / SPACING).round().clamp(0, LEVELS)
        return nearest.unsqueeze(-1) + steps


def pixels_given(z_1: Tensor, gamma: Tensor, likelihood: str) -> Distribution:
    """p(x | z_1) as a distribution over images.

    Args:
        z_1: With shape `(B, C, H, W)`.
        gamma: γ of z_1, one number.
        likelihood: A name in `SEEN`.
    """
    alpha, sigma = alpha_sigma(gamma)
    if likelihood == "bernoulli":
        logits = over_images(2 * alpha / sigma**2, z_1) * z_1
        return Independent(Bernoulli(logits=logits, validate_args=False), 3, validate_args=False)
    grid = GridGaussian(z_1 / over_images(alpha, z_1), over_images(torch.exp(-gamma), z_1))
    return Independent(grid, 3, validate_args=False)
