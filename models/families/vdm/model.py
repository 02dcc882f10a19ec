"""The variational diffusion model: an MHVAE with three restrictions (Kingma et al. 2021).

    dim z_t = dim x,    q(z_t | z_{t-1}) linear Gaussian and fixed,    q(z_T | x) ≈ N(0, I)

    q(z_1 | x)       = N(α_1 x̃, σ_1²),  x̃ = 2x − 1
    q(z_t | z_{t-1}) = N((α_t/α_{t-1}) z_{t-1}, σ_{t|t-1}²)
    p(z_T)           = N(0, I)
    p(z_{t-1} | z_t) = q(z_{t-1} | z_t, x̃ = x̂(z_t))
    p(x | z_1)       ∝ N(z_1; α_1 x̃, σ_1²) over the values of a pixel

Levels are stops on the noise schedule (`schedules.py`): z_1 at γ_min, the least noise, z_T at
γ_max. So T levels are T − 1 steps of noise and one reading of pixels. One denoiser x̂ serves
every stop, so the same weights give a bound at a thousand stops and ten sliders: `with_stops`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import (
    Chain,
    Fields,
    LocalAxes,
    Noise,
    Trace,
    bottom_up,
    evidence_of,
    known,
)
from models.families.vdm.axes import frequencies, local_axes, low_frequency_axes
from models.families.vdm.config import VDMConfig
from models.families.vdm.diffusion import Diffusion
from models.families.vdm.gaussians import alpha_sigma, forward_step, over_images, reverse_step
from models.families.vdm.likelihood import SEEN, pixels_given
from models.families.vdm.training import continuous_terms, draw_stops
from models.gaussians import draw, gaussian
from models.seeds import normal
from models.storage.pretrained import Pretrained

FIELDS = 24  # low frequencies that are offered
LOCAL = 6  # local axes that are offered


class VDM(Diffusion, Pretrained):
    """A diffusion, seen as a Markov hierarchy whose encoder knows nothing but a schedule."""

    family = "VDM"
    kind = "variational diffusion model"
    is_markov = True
    infers_top_down = False
    local_count = LOCAL
    needs_free_bits = False  # the encoder is fixed, so no level can be left out
    config_type = VDMConfig

    def with_stops(self, stops: int | Sequence[float]) -> VDM:
        """The same model, over the same parameters, with other stops on its noise schedule.

        Args:
            stops: T, spread over the schedule, or u of every stop from 0 to 1, rising.

        Raises:
            BadInput: Fewer than two, or no rising list.
        """
        chosen = stops if isinstance(stops, int) else tuple(float(u) for u in stops)
        view = VDM(replace(self.config, stops=chosen), self.network, self.schedule)
        view.anchor = self.anchor
        view.training = self.training
        return view

    def draw_step(self, batch: int, generator: torch.Generator | None = None) -> Noise:
        """What a training step draws: u, `(B,)`, and the two noises of `vdm.training`."""
        noises, u = draw_stops(self, batch, generator)
        return (u, *noises)

    def step_terms(self, x: Tensor, eps: Noise) -> Any:
        """The terms from one stop an image, as for infinitely many (`vdm.training`)."""
        u, *noises = eps
        return continuous_terms(self, x, (noises[0], noises[1]), u)

    def fields(self, t: int) -> Fields:
        """Low frequencies, at every level the same."""
        names = tuple(frequency.name for frequency in frequencies(self.image_shape, FIELDS))
        return Fields(low_frequency_axes(self.image_shape, FIELDS), names)

    def local_axes(self, t: int, z_t: Tensor) -> LocalAxes:
        return local_axes(self, t, z_t, self.local_count)

    def as_seen(self, x: Tensor) -> Tensor:
        return SEEN[self.config.likelihood].as_seen(x)

    def marginal(self, t: int, x: Tensor) -> Distribution:
        """q(z_t | x) = N(α_t x̃, σ_t²), whatever the stops below t."""
        alpha, sigma = alpha_sigma(self.gammas()[t - 1])
        return _normal(over_images(alpha, x) * (2 * x - 1), over_images(sigma, x))

    def posterior(self, t: int, z: Chain) -> Distribution:
        """q(z_t | z_{t-1}).

        Along its means an image is only dimmed and no noise is added, which is no input for a
        denoiser: the mean path of `encode` serves for moments of q, not for pictures.
        """
        if t == 1:
            if (shared := evidence_of(z)) is not None:
                return shared
            return self.marginal(1, known(z, 0))
        below, gammas = known(z, t - 1), self.gammas()
        scale, std = forward_step(gammas[t - 2], gammas[t - 1])
        return _normal(over_images(scale, below) * below, over_images(std, below))

    def prior(self, t: int, z: Chain) -> Distribution:
        """p(z_t | z_{t+1}), and N(0, I) at the top."""
        if t == self.depth:
            zero = self.anchor.expand(self.image_shape)
            return gaussian(zero, zero + 1, len(self.image_shape))
        above, gammas = known(z, t + 1), self.gammas()
        step = reverse_step(gammas[t - 1], gammas[t])
        guess = self.denoised(t + 1, above)
        mean = over_images(step.of_z, above) * above + over_images(step.of_x, above) * guess
        std = step.std if self.config.variance == "small" else step.std_forward
        return _normal(mean, over_images(std, above))

    def reverse_posterior(self, t: int, x: Tensor, z: Chain) -> Distribution:
        """q(z_t | z_{t+1}, x), and q(z_T | x) at the top: the encoder read from the top.

        Drawn so from the top down, z is a draw of the same q(z_1 … z_T | x) as from the bottom
        up, and the closed KL to `prior` is the denoising matching term.

        Args:
            x: The image as the model sees it, `(B, C, H, W)`.
            z: A chain known at t + 1.
        """
        if t == self.depth:
            return self.marginal(t, x)
        above, gammas = known(z, t + 1), self.gammas()
        step = reverse_step(gammas[t - 1], gammas[t])
        mean = over_images(step.of_z, x) * above + over_images(step.of_x, x) * (2 * x - 1)
        return _normal(mean, over_images(step.std, x))

    def likelihood(self, z: Chain) -> Distribution:
        """p(x | z_1)."""
        return pixels_given(known(z, 1), self.gammas()[0], self.config.likelihood)

    def embed(self, x: Tensor, eps: Noise | None = None) -> Trace:
        """The edit-friendly trace: every z_t ~ q(z_t | x) with noise of its own.

        Huberman-Spiegelglas et al. 2024, section 3. It is no draw of the chain q(z_1 … z_T | x),
        whose neighbours share their noise: here the detail ε_t that `keep` carries along has more
        of the image in it, so an edit above changes the picture and leaves it that picture.

        Args:
            x: The image as the model sees it, with shape `(B, C, H, W)`.
            eps: Noise by subscript, each `(B, *event)`; without it, noise that is a function of
                the level alone, so that a trace never depends on its batch.

        Returns:
            The trace, whose posteriors are what its entries were drawn from: q(z_t | x).
        """
        marginals = tuple(self.marginal(t, x) for t in bottom_up(self.depth))
        entries = [x]
        for t, q in enumerate(marginals, start=1):
            own = normal(self.image_shape, "embedding", t).to(x) if eps is None else eps[t]
            entries.append(draw(q, own))
        return Trace(tuple(entries), marginals)


def _normal(mean: Tensor, std: Tensor) -> Distribution:
    return gaussian(mean, std.expand_as(mean), mean.ndim - 1)
