"""What p(x | z_1) looks like, pixel by pixel.

bernoulli             p(x) = π^x (1 − π)^(1−x), x in {0, 1}
discretised_logistic  p(x) = σ((x + h − μ)/s) − σ((x − h − μ)/s), h = 1/510, x = k/255,
                      the two end bins taking the whole tail (Salimans et al. 2017, eq. 2)

A likelihood turns the output of a network, one number for each pixel and channel, into a
distribution over images with pixels in [0, 1]. The logistic's scale is learned for each
channel and shared by all pixels: scales of their own let the flat background outweigh the
picture, and reconstructions stay blurred for longer than a training lasts.
"""

from __future__ import annotations

import abc
from math import log

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Bernoulli, Distribution, Independent
from torch.types import _size as Size

LEVELS = 255  # the largest value of an 8-bit pixel
LOG_SCALE_BOUND = 7.0
NO_SHAPE = torch.Size()


def thresholded(x: Tensor) -> Tensor:
    """An image with pixels in [0, 1] as a binary model sees it: 0 or 1, above one half."""
    return (x > 0.5).to(x.dtype)


def on_grid(x: Tensor) -> Tensor:
    """An image with pixels in [0, 1] as an 8-bit model sees it: the nearest k / 255."""
    return (x * LEVELS).round().clamp(0, LEVELS) / LEVELS


class DiscretisedLogistic(Distribution):
    """A logistic distribution over [0, 1], rounded to the 256 values k / 255.

    Args:
        location: μ, with shape `(B, C, H, W)`, in units of the pixel range [0, 1].
        log_scale: log s, same shape and units; not below −7, so that `mean` holds.
    """

    def __init__(self, location: Tensor, log_scale: Tensor) -> None:
        self.location = location
        self.log_scale = log_scale
        super().__init__(location.shape, validate_args=False)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) in nats, pixel by pixel; `value` lies on the grid k / 255.

        Uses σ(a) − σ(b) = σ(a) σ(−b) (1 − e^(b−a)), which no scale can underflow.
        """
        inverse_scale = torch.exp(-self.log_scale)
        upper = (value + 0.5 / LEVELS - self.location) * inverse_scale
        lower = (value - 0.5 / LEVELS - self.location) * inverse_scale
        below = -F.softplus(-upper)
        above = -F.softplus(lower)
        width = torch.log(-torch.expm1(-inverse_scale / LEVELS))
        last = 1 - 0.5 / LEVELS
        inside = below + above + width
        return torch.where(value < 0.5 / LEVELS, below, torch.where(value > last, above, inside))

    @property
    def mean(self) -> Tensor:
        """E[x], in [0, 1].

        The integral ∫₀¹ P(x > u) du = s·(softplus(μ/s) − softplus((μ−1)/s)) stands for the sum
        over the 256 bins; for log s ≥ −7 they differ by less than 0.07 / 255.
        """
        scale = torch.exp(self.log_scale)
        at_zero = F.softplus(self.location / scale)
        at_one = F.softplus((self.location - 1) / scale)
        return (scale * (at_zero - at_one)).clamp(0, 1)

    def sample(self, sample_shape: Size = NO_SHAPE) -> Tensor:
        """Draws on the grid, with torch's global generator."""
        shape = self._extended_shape(torch.Size(sample_shape))
        u = torch.rand(shape, device=self.location.device).clamp(1e-6, 1 - 1e-6)
        x = self.location + torch.exp(self.log_scale) * torch.logit(u)
        return on_grid(x)


class Likelihood(abc.ABC):
    """A family of p(x | z_1).

    Attributes:
        eight_bit: Whether x has 256 values a pixel; otherwise it is binary.
        name: As a title.
    """

    eight_bit: bool
    name: str

    @abc.abstractmethod
    def as_seen(self, x: Tensor) -> Tensor:
        """An image with pixels in [0, 1] as this likelihood can score it, same shape."""

    @abc.abstractmethod
    def __call__(self, output: Tensor, raw_scale: Tensor) -> Distribution:
        """The distribution from a network's output.

        Args:
            output: With shape `(B, C, H, W)`.
            raw_scale: The learned parameter behind the scales, `(C, 1, 1)`; a family
                without a scale leaves it alone.
        """


class BernoulliLikelihood(Likelihood):
    """Binary images; an upload is thresholded at one half."""

    eight_bit = False
    name = "Bernoulli"

    def as_seen(self, x: Tensor) -> Tensor:
        return thresholded(x)

    def __call__(self, output: Tensor, raw_scale: Tensor) -> Distribution:
        return Independent(Bernoulli(logits=output, validate_args=False), 3, validate_args=False)


class DiscretisedLogisticLikelihood(Likelihood):
    """8-bit images: a location for each pixel and channel, a learned scale for each channel."""

    eight_bit = True
    name = "Discretised logistic"

    def as_seen(self, x: Tensor) -> Tensor:
        return on_grid(x)

    def __call__(self, output: Tensor, raw_scale: Tensor) -> Distribution:
        # A fresh network starts at mid-grey, on a scale of e^-2.5; the factor lets a single
        # number keep pace with the networks under one learning rate.
        log_scale = LOG_SCALE_BOUND * torch.tanh((10 * raw_scale - 2.5) / LOG_SCALE_BOUND)
        logistic = DiscretisedLogistic(output + 0.5, log_scale.expand_as(output))
        return Independent(logistic, 3, validate_args=False)


LIKELIHOODS: dict[str, Likelihood] = {
    "bernoulli": BernoulliLikelihood(),
    "discretised_logistic": DiscretisedLogisticLikelihood(),
}


def bits_per_dim(nats: float, image_shape: tuple[int, int, int]) -> float:
    """−ELBO in nats per image as bits per dimension; meaningful for 8-bit likelihoods only."""
    channels, height, width = image_shape
    return nats / (channels * height * width * log(2))
