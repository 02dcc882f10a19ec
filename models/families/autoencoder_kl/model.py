"""The autoencoders of latent diffusion (Rombach et al. 2022): a VAE with a spatial latent.

    q(z_1 | x) = N(s·(μ(x̃) − m), (s·σ(x̃))²),  x̃ = 2x − 1        one map (C, H/f, W/f), T = 1
    p(z_1)     = N(0, I)
    picture    = (D(z_1/s + m) + 1) / 2, clamped to [0, 1]

s is the configuration's scaling_factor, by which z_1 has a deviation of about 1, and m its
shift_factor (0 where there is none). Training weighs a perceptual and an adversarial loss against
a tiny KL, so there is no p(x | z_1) that it belongs to: it has a picture and no nats. For the
same reason N(0, I) is only the prior's form: it is not what the encoder's latents look like.

The network is `diffusers`' AutoencoderKL, imported where one is built and nowhere else.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.base import Chain, HierarchicalModel, evidence_of, known
from models.errors import BadInput
from models.families.autoencoder_kl.config import AutoencoderKLConfig
from models.gaussians import gaussian
from models.likelihoods import LIKELIHOODS
from models.storage.diffusers_files import diffusers
from models.storage.pretrained import Pretrained


class Picture(Distribution):
    """A decoder's picture where a likelihood would be: a mean, and no density.

    Args:
        picture: With shape `(B, C, H, W)`, in [0, 1].
    """

    def __init__(self, picture: Tensor) -> None:
        self.picture = picture
        super().__init__(picture.shape[:-3], picture.shape[-3:], validate_args=False)

    @property
    def mean(self) -> Tensor:
        return self.picture

    def log_prob(self, value: Tensor) -> Tensor:
        """Always BadInput."""
        raise BadInput(
            "this model has no likelihood: its decoder gives a picture and no density, so nothing "
            "about it is measured in nats; its reconstructions have a PSNR."
        )


class AutoencoderKL(HierarchicalModel, Pretrained):
    """A Kullback–Leibler autoencoder of latent diffusion.

    Args:
        config: All that fixes it.
        network: diffusers' network of that configuration, in place of a fresh one.
    """

    family = "AutoencoderKL"
    kind = "VAE with a spatial latent (Kullback–Leibler autoencoder)"
    likelihood_name = "None"
    eight_bit = True
    has_likelihood = False
    config_type = AutoencoderKLConfig
    config: AutoencoderKLConfig
    anchor: Tensor

    def __init__(self, config: AutoencoderKLConfig, network: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.image_shape = config.image_shape
        self.levels = config.latents
        self.network = network if network is not None else build_network(config)
        self.scale = float(config.network["scaling_factor"])
        self.shift = float(config.network["shift_factor"] or 0.0)
        # Not saved: it only carries the device and the dtype of the prior.
        self.register_buffer("anchor", torch.zeros(()), persistent=False)

    @property
    def side_step(self) -> int:
        return self.config.side_step

    def at_side(self, side: int) -> AutoencoderKL:
        if side == self.image_shape[1]:
            return self
        if side < 1 or side % self.side_step:
            raise BadInput(
                f"images of side {side}: this model takes multiples of {self.side_step} only."
            )
        shape = (self.image_shape[0], side, side)
        view = AutoencoderKL(AutoencoderKLConfig(shape, self.config.network), self.network)
        view.anchor = self.anchor
        view.training = self.training
        return view

    def as_seen(self, x: Tensor) -> Tensor:
        """The image on the 8-bit grid."""
        return LIKELIHOODS["discretised_logistic"].as_seen(x)

    def posterior(self, t: int, z: Chain) -> Distribution:
        """q(z_1 | x)."""
        if (shared := evidence_of(z)) is not None:
            return shared
        moments = cast(Any, self.network).encode(2 * known(z, 0) - 1).latent_dist
        return gaussian(self.scale * (moments.mean - self.shift), self.scale * moments.std, 3)

    def prior(self, t: int, z: Chain) -> Distribution:
        """p(z_1) = N(0, I)."""
        shape = self.level(t).shape
        return gaussian(self.anchor.expand(shape), (self.anchor + 1).expand(shape), len(shape))

    def likelihood(self, z: Chain) -> Picture:
        """The picture of z_1; it refuses `log_prob`."""
        output = cast(Any, self.network).decode(known(z, 1) / self.scale + self.shift).sample
        return Picture(((output + 1) / 2).clamp(0, 1))


def build_network(config: AutoencoderKLConfig) -> nn.Module:
    """diffusers' network with fresh weights.

    Raises:
        BadInput: diffusers is missing, or cannot build it.
    """
    try:
        return diffusers().AutoencoderKL(**config.network)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise BadInput(f"AutoencoderKL: diffusers cannot build it ({error}).") from error
