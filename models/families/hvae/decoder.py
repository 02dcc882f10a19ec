"""The way down of a general HVAE: a map that every latent joins, and the image at its end.

`Descent` is how far a walk has come. Everything above a level reaches it through the maps alone,
so one of these is all that has to be remembered.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.base import Chain
from models.families.hvae.blocks import DecoderBlock, convolution
from models.families.hvae.config import MIXTURE, HVAEConfig
from models.families.hvae.mixtures import LogisticMixture
from models.likelihoods import LIKELIHOODS


class MixtureOutput(nn.Module):
    """p(x | …) as a mixture of logistics, from the last map."""

    def __init__(self, config: HVAEConfig) -> None:
        super().__init__()
        self.out_conv = convolution(config.width, 10 * config.num_mixtures)
        self.components, self.bits = config.num_mixtures, config.pixel_bits

    def forward(self, h: Tensor) -> LogisticMixture:
        return LogisticMixture.from_output(self.out_conv(h).float(), self.components, self.bits)


class PixelOutput(nn.Module):
    """p(x | …) of a likelihood with one number a pixel and channel, from the last map."""

    def __init__(self, config: HVAEConfig) -> None:
        super().__init__()
        channels = config.image_shape[0]
        self.out_conv = convolution(config.width, channels)
        self.likelihood = LIKELIHOODS[config.likelihood]
        if self.likelihood.eight_bit:
            self.raw_scale = nn.Parameter(torch.zeros(channels, 1, 1))
        else:
            self.register_buffer("raw_scale", torch.zeros(()), persistent=False)

    def forward(self, h: Tensor) -> Distribution:
        return self.likelihood(self.out_conv(h).float(), self.raw_scale)


class Decoder(nn.Module):
    """The blocks, z_T first, the maps they start from, and the output.

    A map at a side up to `no_bias_above` starts from a learned one; larger ones from zero.
    """

    def __init__(self, config: HVAEConfig) -> None:
        super().__init__()
        specs, widths = config.decoder_specs, config.widths
        gain = sqrt(1 / len(specs))
        self.dec_blocks = nn.ModuleList(
            DecoderBlock(s, widths[s.side], config.inner_width(s.side), config.zdim, gain)
            for s in specs
        )
        sides = sorted({spec.side for spec in specs})
        self.bias_xs = nn.ParameterList(
            nn.Parameter(torch.zeros(1, widths[side], side, side))
            for side in sides
            if side <= config.no_bias_above
        )
        self.out_net = (MixtureOutput if config.likelihood == MIXTURE else PixelOutput)(config)
        self.gain = nn.Parameter(torch.ones(1, config.width, 1, 1))
        self.bias = nn.Parameter(torch.zeros(1, config.width, 1, 1))
        self.image_side = config.image_side

    def block(self, t: int) -> DecoderBlock:
        """The block of z_t."""
        return cast(DecoderBlock, self.dec_blocks[len(self.dec_blocks) - t])

    def start(self) -> Descent:
        """The entry of z_T's block; its batch is 1, since no latent has joined yet."""
        maps = {bias.shape[-1]: bias for bias in self.bias_xs}
        return self._entry(len(self.dec_blocks), (), maps)

    def below(self, state: Descent, z_t: Tensor) -> Descent:
        """The entry of the next block, once z_t has joined."""
        block = self.block(state.t)
        h = block.absorb(state.h, self.features(state), z_t)
        return self._entry(state.t - 1, (*state.above, z_t), state.maps | {block.side: h})

    def features(self, state: Descent) -> Tensor:
        """prior(h) of the level in hand, worked out once."""
        if state.features is not None:
            return state.features
        features = state.features = self.block(state.t).prior(state.h)
        return features

    def _entry(self, t: int, above: tuple[Tensor, ...], maps: dict[int, Tensor]) -> Descent:
        if t:
            h = self.block(t).entry(maps, like=self.gain)
        else:
            h = maps[self.image_side] * self.gain + self.bias
        return Descent(self, t, above, maps, h, gradients(above))


@dataclass
class Descent:
    """How far down a walk has come: at the entry of z_t's block, or with t = 0 at the end.

    Args:
        decoder: Whose blocks it went through.
        t: The level in hand.
        above: z_T … z_{t+1}, the very tensors that joined.
        maps: The maps so far, by side.
        h: What reaches the block of z_t, or the output.
        gradients: What `gradients` said when they joined.
        features: prior(h), where it was asked for.
    """

    decoder: Decoder
    t: int
    above: tuple[Tensor, ...]
    maps: dict[int, Tensor]
    h: Tensor
    gradients: tuple[bool, ...]
    features: Tensor | None = None

    def holds(self, decoder: Decoder, z: Chain) -> bool:
        """Whether a walk with the entries of `z` has come this way."""
        top = self.t + len(self.above)
        return (
            self.decoder is decoder
            and len(z) > top
            and all(z[top - i] is z_i for i, z_i in enumerate(self.above))
            and self.gradients == gradients(self.above)
        )


def gradients(above: tuple[Tensor, ...]) -> tuple[bool, ...]:
    """Whether gradients are being recorded, and to which of some tensors they lead."""
    return (torch.is_grad_enabled(), *(z.requires_grad for z in above))
