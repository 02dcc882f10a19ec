"""A number in the corner of every picture, by which a page's picture is recognised.

A slider at σ = −3, −2.95, …, 3 is at step 0 … 120 = 11·high + low. Three flat blocks of 8 × 8
pixels along the top carry high, low and a check digit (high + 3·low + 5) mod 11, each as the
grey level 28 + 20·digit. They lie on the grid of JPEG, which keeps them flat, and the check
digit tells a stamp from any other picture, or from a torn one.

The step is not told by the page: it is worked out from the chain that the model is given,

    step = round((z'_t − z_t) / (0.05·σ)) + 60    along one coordinate of one level t,

so that what is recognised is what was decoded.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import Chain, HierarchicalModel, encode, known

LOWEST, STEP_SIGMA, STEPS = -3.0, 0.05, 121
BASE, BLOCK, DIGITS = 11, 8, 3
GREY, SPACING, TOLERANCE = 28, 20, 8  # of 255; the tolerance is less than half the spacing
IMAGES = 8  # whose own path is remembered


def step_of(sigma: float) -> int:
    """The step at which a slider stands."""
    return round((sigma - LOWEST) / STEP_SIGMA)


def sigma_of(step: int) -> float:
    """Where a slider stands at a step, in σ."""
    return LOWEST + STEP_SIGMA * step


def digits(step: Tensor) -> Tensor:
    """The three digits of steps `(B,)`, with shape `(B, 3)`."""
    high, low = step // BASE, step % BASE
    return torch.stack((high, low, (high + 3 * low + 5) % BASE), dim=1)


def stamped(picture: Tensor, step: Tensor) -> Tensor:
    """Pictures `(B, C, H, W)` in [0, 1] with the steps `(B,)` in their corner."""
    marked = picture.clone()
    for at, digit in enumerate(digits(step).unbind(dim=1)):
        grey = (GREY + SPACING * digit).to(picture) / 255
        marked[:, :, :BLOCK, at * BLOCK : (at + 1) * BLOCK] = grey.reshape(-1, 1, 1, 1)
    return marked


def read(pixels: np.ndarray) -> int | None:
    """The step in the corner of 8-bit pixels `(H, W, C)`; None if there is none.

    `probe.js` reads it in the same way.
    """
    inner = slice(2, BLOCK - 2)
    found: list[int] = []
    for at in range(DIGITS):
        block = pixels[:BLOCK, at * BLOCK : (at + 1) * BLOCK][inner, inner]
        colour = block.reshape(-1, block.shape[-1]).mean(axis=0)
        grey = colour @ (0.299, 0.587, 0.114) if len(colour) == 3 else colour[0]
        digit = round((grey - GREY) / SPACING)
        if not 0 <= digit < BASE or abs(grey - GREY - SPACING * digit) > TOLERANCE:
            return None
        found.append(digit)
    high, low, check = found
    step = BASE * high + low
    return step if step < STEPS and check == (high + 3 * low + 5) % BASE else None


class StampedImage(Distribution):
    """A distribution over images whose mean carries a stamp; its densities are untouched.

    Args:
        image: p(x | …), with shape `(B, C, H, W)`.
        step: The number to show, `(B,)`.
    """

    def __init__(self, image: Distribution, step: Tensor) -> None:
        self.image = image
        self.step = step
        super().__init__(image.batch_shape, image.event_shape, validate_args=False)

    @property
    def mean(self) -> Tensor:
        """The picture with its stamp, in [0, 1]."""
        return stamped(self.image.mean, self.step)

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) of the image itself, in nats."""
        return self.image.log_prob(value)


class Stamped(HierarchicalModel):
    """A model that is another one in all but the stamp on its pictures.

    Args:
        model: The model.
        t: The level whose slider is dragged.
        coordinate: The coordinate that it moves.
        std: One σ of that slider.
    """

    def __init__(self, model: HierarchicalModel, t: int, coordinate: int, std: float) -> None:
        super().__init__()
        self.model = model
        self.is_markov, self.infers_top_down = model.is_markov, model.infers_top_down
        self.image_shape, self.levels = model.image_shape, model.levels
        self.eight_bit = model.eight_bit
        self.t, self.coordinate, self.std = t, coordinate, std
        self._paths: deque[tuple[Tensor, Tensor]] = deque(maxlen=IMAGES)

    def as_seen(self, x: Tensor) -> Tensor:
        return self.model.as_seen(x)

    def posterior(self, t: int, z: Chain) -> Distribution:
        return self.model.posterior(t, z)

    def prior(self, t: int, z: Chain) -> Distribution:
        return self.model.prior(t, z)

    def likelihood(self, z: Chain) -> Distribution:
        moved = known(z, self.t) - self._own(known(z, 0))
        along = (
            moved[:, self.coordinate].flatten(1).mean(dim=1)
            if moved.ndim > 2
            else (moved[:, self.coordinate])
        )
        step = (along / (self.std * STEP_SIGMA)).round().long() + step_of(0.0)
        return StampedImage(self.model.likelihood(z), step.clamp(0, STEPS - 1))

    def _own(self, x: Tensor) -> Tensor:
        """z_t on the mean path of the images themselves."""
        for seen, latent in tuple(self._paths):
            if seen.shape == x.shape and torch.equal(seen, x):
                return latent
        latent = encode(self.model, x).z[self.t]
        self._paths.append((x, latent))
        return latent
