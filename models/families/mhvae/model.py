"""The Markovian hierarchical VAE, strictly Markov both ways (Luo 2022, section "MHVAE").

    p(x, z_1..z_T) = p(z_T) · Π_{t=2..T} p(z_{t-1} | z_t) · p(x | z_1)
    q(z_1..z_T | x) = q(z_1 | x) · Π_{t=2..T} q(z_t | z_{t-1})

With T = 1 it is the VAE. No network sees anything but the neighbouring level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.base import Chain, HierarchicalModel, Level, bottom_up, evidence_of, known
from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.networks import (
    ConditionalGaussian,
    ConditionalImage,
    LinearGaussian,
)
from models.families.mhvae.units import Units
from models.gaussians import gaussian
from models.likelihoods import LIKELIHOODS
from models.storage.pretrained import Pretrained


class MHVAE(HierarchicalModel, Pretrained):
    """A strictly Markov hierarchy with networks of its own at every level."""

    family = "MHVAE"
    config_type = MHVAEConfig
    config: MHVAEConfig
    anchor: Tensor

    def __init__(self, config: MHVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.kind = "strictly Markov hierarchical VAE" if len(config.levels) > 1 else "VAE"
        self.image_shape = config.image_shape
        self.levels = config.latents
        self.likelihood_family = LIKELIHOODS[config.likelihood]
        self.likelihood_name = self.likelihood_family.name
        self.eight_bit = self.likelihood_family.eight_bit
        side, sizes = config.image_shape[1], config.network
        shapes = (config.image_shape, *config.levels)
        self.encoders = nn.ModuleList(
            ConditionalGaussian(shapes[t - 1], shapes[t], sizes, side)
            for t in bottom_up(self.depth - bool(config.fixed_top))
        )
        if config.fixed_top:
            size = shapes[self.depth][0]
            self.encoders.append(LinearGaussian(shapes[self.depth - 1], size, config.fixed_top))
        self.priors = nn.ModuleList(
            ConditionalGaussian(shapes[t + 1], shapes[t], sizes, side)
            for t in bottom_up(self.depth - 1)
        )
        self.decoder = ConditionalImage(
            shapes[1], config.image_shape, self.likelihood_family, sizes
        )
        self.units = Units(config.levels[:-1] if config.unit_scale else ())
        # Not saved: it only carries the device and the dtype of the fixed top prior.
        self.register_buffer("anchor", torch.zeros(()), persistent=False)

    @property
    def side_step(self) -> int | None:
        return self.config.side_step

    def at_side(self, side: int) -> MHVAE:
        own, step = self.image_shape[1], self.side_step
        if side == own:
            return self
        if step is None or side % step:
            allowed = f"its own side {own}" if step is None else f"multiples of {step}"
            raise BadInput(f"images of side {side}: this model takes {allowed} only.")
        shapes = (
            (shape[0], shape[1] * side // own, shape[2] * side // own)
            for shape in (self.config.image_shape, *self.config.levels)
        )
        image_shape, *levels = shapes
        config = replace(self.config, image_shape=image_shape, levels=tuple(levels))
        with torch.device("meta"):
            model = MHVAE(config)
        # No parameter knows a size in pixels, so the same tensors serve; assigned, not copied.
        model.load_state_dict(self.state_dict(), assign=True)
        model.anchor = self.anchor
        trainable = next(self.parameters()).requires_grad
        return model.train(self.training).requires_grad_(trainable)

    def as_seen(self, x: Tensor) -> Tensor:
        return self.likelihood_family.as_seen(x)

    def down_networks(self) -> tuple[tuple[nn.Module, Level], ...]:
        modules = (self.decoder, *self.priors)
        return tuple((modules[t - 1], self.level(t)) for t in bottom_up(self.depth))

    def posterior(self, t: int, z: Chain) -> Distribution:
        """q(z_t | z_{t-1})."""
        if t == 1 and (shared := evidence_of(z)) is not None:
            return shared
        below = self.units.inward(t - 1, known(z, t - 1))
        # An image is centred, so that the first layer sees both signs.
        return self.units.outward(t, self.encoders[t - 1](2 * below - 1 if t == 1 else below))

    def prior(self, t: int, z: Chain) -> Distribution:
        """p(z_t | z_{t+1}), and N(0, I) at the top."""
        if t < self.depth:
            above = self.units.inward(t + 1, known(z, t + 1))
            return self.units.outward(t, self.priors[t - 1](above))
        shape = self.level(t).shape
        return gaussian(self.anchor.expand(shape), (self.anchor + 1).expand(shape), len(shape))

    def likelihood(self, z: Chain) -> Distribution:
        """p(x | z_1)."""
        return self.decoder(self.units.inward(1, known(z, 1)))

    def in_units(self, stds: Callable[[], Sequence[Tensor]]) -> MHVAE:
        """z_1 … z_{T-1} measured in units of about σ_t (`units.py`); no rate changes.

        Raises:
            ValueError: They are in units already.
        """
        if self.config.unit_scale:
            raise ValueError("only a model without units can be brought to units")
        scaled = MHVAE(replace(self.config, unit_scale=True)).to(self.anchor.device)
        own = {k: value for k, value in scaled.state_dict().items() if k.startswith("units.")}
        scaled.load_state_dict(own | self.state_dict())
        for t, std in zip(bottom_up(self.depth - 1), stds(), strict=False):
            scaled.units.set_scale(t, std.to(self.anchor.device))
        return scaled.train(self.training).requires_grad_(next(self.parameters()).requires_grad)
