"""The general hierarchical VAE with inference from the top (Child 2020, "Very Deep VAEs").

    p(x, z_1..z_T) = Π_{t=1..T} p(z_t | z_{>t}) · p(x | z_1..z_T)
    q(z_1..z_T | x) = Π_{t=1..T} q(z_t | x, z_{>t})

Every latent sees all above it, through one map that runs down from side 1 to the image. The
parameters map one to one to those of OpenAI's published VDVAE checkpoints: an `HVAE` of the same
hyper-parameters has a state dict of the same names and shapes (`models/convert/vdvae.py`).

z_T is the latent of the first decoder block, z_1 that of the last.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent

from models.base import Chain, HierarchicalModel, Walk, known
from models.families.hvae.blocks import Encoder
from models.families.hvae.config import MIXTURE, HVAEConfig
from models.families.hvae.decoder import Decoder, Descent
from models.gaussians import bounded_log_std, gaussian
from models.likelihoods import LIKELIHOODS
from models.storage.pretrained import Pretrained

Activations = dict[int, Tensor]  # the encoder's maps, by side

__all__ = ["HVAE", "HVAEConfig"]


class HVAE(HierarchicalModel, Pretrained):
    """A hierarchy in which each latent is conditioned on all above it, inferred from the top."""

    family = "HVAE"
    kind = "general hierarchical VAE"
    is_markov = False
    infers_top_down = True
    eight_bit: bool
    config_type = HVAEConfig
    config: HVAEConfig

    def __init__(self, config: HVAEConfig) -> None:
        super().__init__()
        self.config = config
        self.image_shape = config.image_shape
        self.levels = config.latents
        # The mixture reads the same 8-bit grid; where it scores 5 bits, it drops the others itself.
        pixels = "discretised_logistic" if config.likelihood == MIXTURE else config.likelihood
        self.pixels = LIKELIHOODS[pixels]
        self.eight_bit = self.pixels.eight_bit
        self.likelihood_name = likelihood_name(config)
        self.encoder = Encoder(
            config.image_shape[0],
            config.image_side,
            config.encoder_specs,
            config.widths,
            config.bottleneck_multiple,
        )
        self.decoder = Decoder(config)

    @property
    def side_step(self) -> None:
        return self.config.side_step

    def as_seen(self, x: Tensor) -> Tensor:
        return self.pixels.as_seen(x)

    def evidence(self, x: Tensor) -> Activations:
        """The encoder's activations at the sides that the decoder reads, `(B, C, side, side)`."""
        found = self.encoder((x + self.config.shift) * self.config.scale)
        return {level.shape[1]: found[level.shape[1]] for level in self.levels}

    def posterior(self, t: int, z: Chain) -> Distribution:
        """q(z_t | x, z_{>t})."""
        block = self.decoder.block(t)
        activations = self._evidence(z)[block.side]
        return self._gaussian(block.infer(self._descent(t, z).h, activations))

    def prior(self, t: int, z: Chain) -> Distribution:
        """p(z_t | z_{>t}); at the top its batch is 1."""
        features = self.decoder.features(self._descent(t, z))
        return self._gaussian(features[:, : 2 * self.config.zdim])

    def likelihood(self, z: Chain) -> Distribution:
        """p(x | z_1..z_T)."""
        return self.decoder.out_net(self._descent(0, z).h)

    def _gaussian(self, output: Tensor) -> Independent:
        mean, raw = output.float().chunk(2, dim=1)
        log_std = bounded_log_std(raw) if self.config.bound_log_std else raw
        return gaussian(mean, log_std.exp(), 3)

    def _descent(self, t: int, z: Chain) -> Descent:
        """The walk at the entry of z_t's block, from where it had come to if it still holds.

        A walk remembers one state, that of the level asked for last.
        """
        memory = z.memory if isinstance(z, Walk) else {}
        state = memory.get("descent")
        if state is None or state.t < t or not state.holds(self.decoder, z):
            state = self.decoder.start()
        while state.t > t:
            state = self.decoder.below(state, known(z, state.t))
        memory["descent"] = state
        return state

    def _evidence(self, z: Chain) -> Activations:
        """`evidence` of z_0, which a walk carries or remembers."""
        if not isinstance(z, Walk):
            return self.evidence(known(z, 0))
        if z.evidence is not None:
            return z.evidence
        key = (known(z, 0), self.encoder, torch.is_grad_enabled())
        kept: Any = z.memory.get("evidence")
        if kept is None or any(a is not b for a, b in zip(kept[0], key, strict=True)):
            kept = z.memory["evidence"] = (key, self.evidence(known(z, 0)))
        return kept[1]


def likelihood_name(config: HVAEConfig) -> str:
    """What p(x | …) is, as a title."""
    if config.likelihood != MIXTURE:
        return LIKELIHOODS[config.likelihood].name
    bits = "" if config.pixel_bits == 8 else f", {config.pixel_bits} bits a pixel"
    return f"Mixture of {config.num_mixtures} discretised logistics{bits}"
