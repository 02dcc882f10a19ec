"""A denoiser on a noise schedule, with stops that are its levels: what the bound and the axes read.

    z_t = α_t x̃ + σ_t ε,    α_t² = sigmoid(−γ_t),  σ_t² = sigmoid(γ_t),    γ_t = γ(u_t)

The families' interface over it is `vdm.model`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.base import HierarchicalModel
from models.families.vdm.config import VDMConfig
from models.families.vdm.gaussians import alpha_sigma, over_images
from models.families.vdm.likelihood import SEEN, TITLES
from models.families.vdm.network import build_denoiser
from models.families.vdm.schedules import Schedule


class Diffusion(HierarchicalModel):
    """A denoiser x̂(z_t), a noise schedule, and stops on it.

    Args:
        config: All that fixes it.
        network: The denoiser in place of the UNet2DModel of `config`: z_t `(B, C, H, W)` and a
            time `(B,)` to a prediction of the shape of z_t.
        schedule: A schedule to share, in place of a fresh one.
    """

    config: VDMConfig
    anchor: Tensor

    def __init__(
        self,
        config: VDMConfig,
        network: nn.Module | None = None,
        schedule: Schedule | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.image_shape = config.image_shape
        self.likelihood_name = TITLES[config.likelihood]
        self.eight_bit = SEEN[config.likelihood].eight_bit
        self.network = network if network is not None else build_denoiser(config.unet)
        self.schedule = schedule if schedule is not None else config.schedule.build()
        stops = config.stops
        self.stops = self.schedule.spread(stops) if isinstance(stops, int) else stops
        self.levels = config.latents
        # Not saved: it only carries the device and the dtype of the top prior.
        self.register_buffer("anchor", torch.zeros(()), persistent=False)

    def gammas(self) -> Tensor:
        """γ_1 … γ_T, rising, `(T,)`; −γ_t is the log signal-to-noise ratio of z_t."""
        return self.schedule.gamma(self.places())

    def times(self) -> Tensor:
        """What the denoiser is told at z_1 … z_T, `(T,)`."""
        places = self.places()
        return self.schedule.time(places, self.schedule.gamma(places))

    def places(self) -> Tensor:
        """u of z_1 … z_T on the noise schedule, `(T,)`."""
        return torch.tensor(self.stops, dtype=torch.float64)

    def denoise(self, z_t: Tensor, gamma: Tensor, time: Tensor) -> Tensor:
        """x̂(z_t), the denoiser's guess of x̃, `(B, C, H, W)`.

        Args:
            z_t: With shape `(B, C, H, W)`.
            gamma: Its noise level: one number, or one an image `(B,)`.
            time: The same as the network is told it.
        """
        told = time.to(z_t.dtype).to(z_t.device).expand(len(z_t))
        output = self.network(z_t, told).to(z_t.dtype)
        alpha, sigma = (over_images(value, z_t) for value in alpha_sigma(gamma))
        if self.config.prediction == "epsilon":
            output = (z_t - sigma * output) / alpha
        elif self.config.prediction == "v_prediction":
            output = alpha * z_t - sigma * output
        clip = self.config.clip
        return output if clip is None else output.clamp(-clip, clip)

    def denoised(self, t: int, z_t: Tensor) -> Tensor:
        """x̂(z_t) at level t, `(B, C, H, W)`, in the range of x̃ = 2x − 1."""
        return self.denoise(z_t, self.gammas()[t - 1], self.times()[t - 1])
