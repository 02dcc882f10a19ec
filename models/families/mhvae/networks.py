"""The networks inside a level: residual MLPs and residual convolutions.

Every conditional distribution is a module whose `forward` returns a distribution:

    ConditionalGaussian   h ↦ N(mean(h), std(h)²), log std bounded smoothly in (−7, 3)
    ConditionalImage      h ↦ p(x | h) of a likelihood

Each owns one network from its input's shape to its output's: vectors go through residual
MLPs; images and spatial latents through residual convolutions that shrink to, or grow
from, a few positions.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from math import prod

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Independent

from models.gaussians import bounded_log_std, gaussian
from models.likelihoods import Likelihood
from models.seeds import stream

NORMS = {
    "layer": "layer normalisation in the MLPs, none in the convolutions",
    "group": "layer normalisation in the MLPs, group normalisation in the convolutions",
    "none": "no normalisation",
}
GROUPS = 8
RESIZES = {
    "mean": "area means down, repetition up",
    "shuffle": "pixel shuffles, so that each position keeps features of its own",
}
SMALLEST_SIDE = 4  # a feature map is not shrunk below this before it becomes a vector


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the networks of one model.

    Args:
        width: Features of the hidden layers of an MLP.
        blocks: Residual blocks of an MLP, and of a feature map at each resolution.
        channels: Channels of the feature maps, from the largest map to the smallest; empty
            for a model that flattens its images.
        patch: Side of the pixel patches that one convolution takes in and that a pixel
            shuffle gives back.
        resize: A name in `RESIZES`: how feature maps change their side.
        norm: A name in `NORMS`.
    """

    width: int = 300
    blocks: int = 2
    channels: tuple[int, ...] = ()
    patch: int = 4
    norm: str = "layer"
    resize: str = "mean"


class ResidualMLP(nn.Module):
    """h + W₂ silu(W₁ norm(h)); the last layer starts small, so a block starts near identity."""

    def __init__(self, width: int, norm: str = "layer") -> None:
        super().__init__()
        self.norm = layer_norm(width, norm)
        self.inner = nn.Linear(width, width)
        self.outer = nn.Linear(width, width)
        with torch.no_grad():
            self.outer.weight.mul_(0.1)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.outer(F.silu(self.inner(self.norm(h))))


class ResidualConv(nn.Module):
    """h + conv₃ₓ₃ silu(conv₃ₓ₃ silu(norm(h))), at one resolution.

    By default without normalisation: with one, the avatars learned more slowly at every point
    measured.
    """

    def __init__(self, channels: int, norm: str = "layer") -> None:
        super().__init__()
        groups = math.gcd(GROUPS, channels)
        self.norm = nn.GroupNorm(groups, channels) if norm == "group" else nn.Identity()
        self.inner = nn.Conv2d(channels, channels, 3, padding=1)
        self.outer = nn.Conv2d(channels, channels, 3, padding=1)
        with torch.no_grad():
            self.outer.weight.mul_(0.1)

    def forward(self, h: Tensor) -> Tensor:
        return h + self.outer(F.silu(self.inner(F.silu(self.norm(h)))))


def layer_norm(features: int, norm: str) -> nn.Module:
    """What an MLP normalises with under the choice `norm`."""
    return nn.Identity() if norm == "none" else nn.LayerNorm(features)


def area_means(h: Tensor, side: int) -> Tensor:
    """`F.adaptive_avg_pool2d` of square maps, `(B, C, side, side)`, on every device.

    MPS has it only where the sides divide. There the means of means stand in for it: row i is the
    mean of the rows ⌊i·n/side⌋ … ⌈(i + 1)·n/side⌉ − 1 of n, and columns likewise.
    """
    large = h.shape[-1]
    if h.device.type != "mps" or large % side == 0:
        return F.adaptive_avg_pool2d(h, (side, side))
    places = [slice(i * large // side, -(-(i + 1) * large // side)) for i in range(side)]
    rows = torch.stack([h[..., place, :].mean(-2) for place in places], dim=-2)
    return torch.stack([rows[..., place].mean(-1) for place in places], dim=-1)


class Resize(nn.Module):
    """A feature map brought to another side, by area means down or repetition up."""

    def __init__(self, in_channels: int, out_channels: int, side: int, grow: bool) -> None:
        super().__init__()
        self.project = nn.Conv2d(in_channels, out_channels, 1)
        self.side, self.grow = side, grow

    def forward(self, h: Tensor) -> Tensor:
        size = (self.side, self.side)
        if self.grow:
            return F.interpolate(self.project(h), size=size, mode="nearest")
        return self.project(area_means(h, self.side))


class Shuffle(nn.Module):
    """A feature map brought to half or twice its side, each position with features of its own.

    On the way down the four positions of a square become channels; on the way up they come
    from channels of their own (Shi et al. 2016, sub-pixel convolution).
    """

    def __init__(self, in_channels: int, out_channels: int, grow: bool) -> None:
        super().__init__()
        ins, outs = (1, 4) if grow else (4, 1)
        self.project = nn.Conv2d(ins * in_channels, outs * out_channels, 1)
        self.grow = grow

    def forward(self, h: Tensor) -> Tensor:
        if self.grow:
            return F.pixel_shuffle(self.project(h), 2)
        return self.project(F.pixel_unshuffle(h, 2))


def resized(in_channels: int, out_channels: int, before: int, after: int, resize: str) -> nn.Module:
    """From side `before` to side `after`; shuffled if asked for and one is twice the other."""
    grow = after > before
    if resize == "shuffle" and max(before, after) == 2 * min(before, after):
        return Shuffle(in_channels, out_channels, grow)
    return Resize(in_channels, out_channels, after, grow)


def mlp(inputs: int, outputs: int, config: NetworkConfig) -> nn.Sequential:
    """A residual MLP from `(B, inputs)` to `(B, outputs)`."""
    blocks = (ResidualMLP(config.width, config.norm) for _ in range(config.blocks))
    norm = layer_norm(config.width, config.norm)
    head = nn.Sequential(norm, nn.SiLU(), nn.Linear(config.width, outputs))
    return nn.Sequential(nn.Linear(inputs, config.width), *blocks, *head)


def sides_between(large: int, small: int) -> list[int]:
    """Sides from `large` down to `small`, halving (rounded up) and ending exactly at `small`."""
    sides = [large]
    while sides[-1] > small:
        sides.append(max(small, -(-sides[-1] // 2)))
    return sides


def _stage(channels: int, config: NetworkConfig) -> list[nn.Module]:
    return [ResidualConv(channels, config.norm) for _ in range(config.blocks)]


def _channels_at(config: NetworkConfig, stage: int) -> int:
    return config.channels[min(stage, len(config.channels) - 1)]


def shrinking(
    in_shape: tuple[int, ...], out_shape: tuple[int, ...], patch: int, config: NetworkConfig
) -> nn.Sequential:
    """Convolutions from a map `(C, H, W)` down to a smaller map or a vector."""
    to_vector = len(out_shape) == 1
    side = in_shape[1] // patch
    target = min(SMALLEST_SIDE, side) if to_vector else out_shape[1]
    sides = sides_between(side, target)
    width = _channels_at(config, 0)
    layers: list[nn.Module] = [nn.Conv2d(in_shape[0], width, patch, stride=patch)]
    layers += _stage(width, config)
    for stage, (large, small) in enumerate(pairwise(sides), start=1):
        wider = _channels_at(config, stage)
        layers += [resized(width, wider, large, small, config.resize)]
        layers += _stage(wider, config)
        width = wider
    if to_vector:
        layers += [nn.Flatten(), mlp(width * target**2, out_shape[0], config)]
    else:
        layers += [nn.SiLU(), nn.Conv2d(width, out_shape[0], 1)]
    return nn.Sequential(*layers)


def growing(
    in_shape: tuple[int, ...], out_shape: tuple[int, ...], patch: int, config: NetworkConfig
) -> nn.Sequential:
    """Convolutions from a vector or a smaller map up to a map `(C, H, W)`."""
    from_vector = len(in_shape) == 1
    side = out_shape[1] // patch
    start = min(SMALLEST_SIDE, side) if from_vector else in_shape[1]
    sides = sides_between(side, start)
    stages = list(range(len(sides)))
    width = _channels_at(config, stages[-1])
    layers: list[nn.Module]
    if from_vector:
        layers = [
            mlp(in_shape[0], width * start**2, config),
            nn.Unflatten(1, (width, start, start)),
        ]
    else:
        layers = [nn.Conv2d(in_shape[0], width, 1)]
    layers += _stage(width, config)
    for stage in range(len(sides) - 2, -1, -1):
        narrower = _channels_at(config, stage)
        layers += [resized(width, narrower, sides[stage + 1], sides[stage], config.resize)]
        layers += _stage(narrower, config)
        width = narrower
    layers += [nn.SiLU(), nn.Conv2d(width, out_shape[0] * patch**2, 3, padding=1)]
    return nn.Sequential(*layers, nn.PixelShuffle(patch))


def network(
    in_shape: tuple[int, ...], out_shape: tuple[int, ...], config: NetworkConfig, image_side: int
) -> nn.Module:
    """The network from one event shape to another.

    A map of the image's own side is read and written in patches; a model without
    `channels` flattens every map instead.
    """
    maps = [shape for shape in (in_shape, out_shape) if len(shape) == 3]
    if not maps or not config.channels:
        return nn.Sequential(
            nn.Flatten(), mlp(prod(in_shape), prod(out_shape), config), nn.Unflatten(1, out_shape)
        )
    if len(out_shape) == 3 and (len(in_shape) == 1 or out_shape[1] > in_shape[1]):
        patch = config.patch if out_shape[1] == image_side else 1
        return growing(in_shape, out_shape, patch, config)
    patch = config.patch if in_shape[1] == image_side else 1
    return shrinking(in_shape, out_shape, patch, config)


class ConditionalGaussian(nn.Module):
    """A diagonal Gaussian over `event_shape` given a tensor `(B, *in_shape)`."""

    def __init__(
        self,
        in_shape: tuple[int, ...],
        event_shape: tuple[int, ...],
        config: NetworkConfig,
        image_side: int,
    ) -> None:
        super().__init__()
        self.event_dims = len(event_shape)
        doubled = (2 * event_shape[0], *event_shape[1:])
        self.network = network(in_shape, doubled, config, image_side)

    def forward(self, h: Tensor) -> Independent:
        mean, raw = self.network(h).float().chunk(2, dim=1)
        return gaussian(mean, bounded_log_std(raw).exp(), self.event_dims)


class LinearGaussian(nn.Module):
    """A fixed linear Gaussian over `(D,)` given `(B, *in_shape)`: N(√a·W h, (1 − a)·I), a = signal.

    W has orthonormal rows, a function of the sizes alone, and is stored with the weights; nothing
    is learned. It is the diffusion encoder of Kingma et al. 2021 at one level, with fewer
    dimensions.
    """

    weight: Tensor

    def __init__(self, in_shape: tuple[int, ...], size: int, signal: float) -> None:
        super().__init__()
        self.signal = signal
        square = torch.randn((prod(in_shape),) * 2, generator=stream("fixed projection"))
        self.register_buffer("weight", torch.linalg.qr(square).Q[:size].contiguous())

    def forward(self, h: Tensor) -> Independent:
        with torch.autocast(h.device.type, enabled=False):  # which would multiply in bfloat16
            product = F.linear(h.flatten(1).float(), self.weight)
        mean = math.sqrt(self.signal) * product
        return gaussian(mean, torch.full_like(mean, math.sqrt(1 - self.signal)), 1)


class ConditionalImage(nn.Module):
    """p(x | h) over images `(C, H, W)` given a tensor `(B, *in_shape)`."""

    def __init__(
        self,
        in_shape: tuple[int, ...],
        image_shape: tuple[int, int, int],
        likelihood: Likelihood,
        config: NetworkConfig,
    ) -> None:
        super().__init__()
        self.likelihood = likelihood
        self.network = network(in_shape, image_shape, config, image_side=image_shape[1])
        if likelihood.eight_bit:
            self.raw_scale = nn.Parameter(torch.zeros(image_shape[0], 1, 1))
        else:
            self.register_buffer("raw_scale", torch.zeros(()), persistent=False)

    def forward(self, h: Tensor) -> Distribution:
        return self.likelihood(self.network(h).float(), self.raw_scale)
