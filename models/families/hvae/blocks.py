"""The blocks of a general HVAE (Child 2020, figure 3), and the strings that lay them out.

A decoder block at one side holds one latent. With h the map that reaches it from above:

    q(z_t | x, z_{>t}) = enc([h, a])      a the encoder's activations at this side
    p(z_t | z_{>t})    = the first 2·zdim channels of prior(h); the others, f, join the map
    h ↦ resnet(h + f + z_proj(z_t))

Names and shapes of the parameters are those of OpenAI's published VDVAE checkpoints.

A layout is a comma-separated list, from the first block to the last:

    32x11   eleven blocks at side 32
    32d2    an encoder block at side 32 that then shrinks its map to a half (area means)
    8m4     a decoder block at side 8 that first mixes in the map of side 4, repeated
    4       one block at side 4
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.errors import BadInput

MAX_BLOCKS = 1000
SMALLEST_3X3 = 3  # below this side a block's inner convolutions are 1×1


@dataclass(frozen=True)
class BlockSpec:
    """One block of a layout.

    Args:
        side: Of the maps that it works on, in positions.
        other: The factor by which an encoder block then shrinks, or the side of the map that a
            decoder block first mixes in.
    """

    side: int
    other: int | None = None


def parse_blocks(text: str, letter: str) -> tuple[BlockSpec, ...]:
    """The blocks of a layout, first to last.

    Args:
        letter: What a pair of numbers may be joined with beside x: d in an encoder, m in a decoder.

    Raises:
        BadInput: An item does not read; the message names it.
    """
    blocks: list[BlockSpec] = []
    for item in text.split(","):
        match = re.fullmatch(rf"(\d{{1,5}})(?:([x{letter}])(\d{{1,5}}))?", item.strip())
        numbers = [int(n) for n in match.groups()[::2] if n] if match else []
        if not match or 0 in numbers:
            example = {"d": "32x11,32d2,16x6", "m": "1x1,4m1,4x2"}[letter]
            raise BadInput(f"block '{item}' of '{text}' cannot be read: write {example}.")
        side, other = numbers[0], numbers[-1] if match[2] else None
        repeats = other if match[2] == "x" and other else 1
        if len(blocks) + repeats > MAX_BLOCKS:
            raise BadInput(f"'{text}' has more than {MAX_BLOCKS:,} blocks: use fewer.")
        blocks += [BlockSpec(side, None if match[2] == "x" else other)] * repeats
    return tuple(blocks)


def parse_widths(text: str) -> dict[int, int]:
    """Channels by side, from "512:32,256:64"; empty for the empty string.

    Raises:
        BadInput: An item does not read, or a side comes twice.
    """
    widths: dict[int, int] = {}
    for item in text.split(",") if text else ():
        match = re.fullmatch(r"(\d{1,5}):(\d{1,5})", item.strip())
        if not match or not all(int(n) for n in match.groups()) or int(match[1]) in widths:
            raise BadInput(
                f"width '{item}' of '{text}' cannot be read: write side:channels, each side once, "
                "for instance 512:32,256:64."
            )
        widths[int(match[1])] = int(match[2])
    return widths


def convolution(ins: int, outs: int, kernel: int = 1, gain: float = 1.0) -> nn.Conv2d:
    """A convolution that keeps the side, starting without bias and with weights times `gain`."""
    layer = nn.Conv2d(ins, outs, kernel, padding=kernel // 2)
    with torch.no_grad():
        layer.weight.mul_(gain)
    nn.init.zeros_(layer.bias)  # pyright: ignore[reportArgumentType]
    return layer


class Bottleneck(nn.Module):
    """Four convolutions, each after a GELU: 1×1 to fewer channels, 3×3 twice, 1×1 out.

    Args:
        gain: Factor on the starting weights of the last layer; with 0 the block starts at zero.
        residual: Whether the input is added; else the output stands alone.
        shrink: The side of the area means that end the block; 1 for none.
    """

    def __init__(
        self,
        ins: int,
        inner: int,
        outs: int,
        side: int,
        gain: float = 1.0,
        residual: bool = False,
        shrink: int = 1,
    ) -> None:
        super().__init__()
        kernel = 3 if side >= SMALLEST_3X3 else 1
        self.c1 = convolution(ins, inner)
        self.c2 = convolution(inner, inner, kernel)
        self.c3 = convolution(inner, inner, kernel)
        self.c4 = convolution(inner, outs, gain=gain)
        self.residual, self.shrink = residual, shrink

    def forward(self, h: Tensor) -> Tensor:
        out = h
        for layer in (self.c1, self.c2, self.c3, self.c4):
            out = layer(F.gelu(out))
        if self.residual:
            out = h + out
        return F.avg_pool2d(out, self.shrink) if self.shrink > 1 else out


class Encoder(nn.Module):
    """Activations of an image at every side, from the largest down.

    Args:
        channels: Of the image.
        widths: Channels of the maps, by side.
        bottleneck: Channels inside a block, as a share of those outside.
    """

    def __init__(
        self,
        channels: int,
        image_side: int,
        blocks: tuple[BlockSpec, ...],
        widths: Mapping[int, int],
        bottleneck: float,
    ) -> None:
        super().__init__()
        self.in_conv = convolution(channels, widths[image_side], 3)
        gain = sqrt(1 / len(blocks))
        self.enc_blocks = nn.ModuleList()
        for block in blocks:
            width = widths[block.side]
            self.enc_blocks.append(Bottleneck(
                width, int(width * bottleneck), width, block.side, gain, True, block.other or 1
            ))  # fmt: skip
        self.widths = widths

    def forward(self, x: Tensor) -> dict[int, Tensor]:
        """The last activations at each side, `(B, width, side, side)`, from `(B, C, H, W)`."""
        h = self.in_conv(x)
        found = {h.shape[-1]: h}
        for block in self.enc_blocks:
            h = block(h)
            side = h.shape[-1]
            if missing := self.widths[side] - h.shape[1]:
                h = F.pad(h, (0, 0, 0, 0, 0, missing))
            found[side] = h
        return found


class DecoderBlock(nn.Module):
    """The networks of one latent.

    Args:
        width: Channels of the map at this side.
        inner: Channels inside its networks.
        zdim: Channels of the latent.
        gain: Factor on the starting weights of what joins the map.
    """

    def __init__(self, spec: BlockSpec, width: int, inner: int, zdim: int, gain: float) -> None:
        super().__init__()
        self.side, self.mixed, self.width, self.zdim = spec.side, spec.other, width, zdim
        self.enc = Bottleneck(2 * width, inner, 2 * zdim, self.side)
        self.prior = Bottleneck(width, inner, 2 * zdim + width, self.side, gain=0.0)
        self.z_proj = convolution(zdim, width, gain=gain)
        self.resnet = Bottleneck(width, inner, width, self.side, gain, residual=True)

    def entry(self, maps: Mapping[int, Tensor], like: Tensor) -> Tensor:
        """The map h that reaches the block, `(B, width, side, side)`, from those by side.

        Its batch is 1 as long as no latent has joined it. Without a map at its side yet, it
        starts at zero.

        Args:
            like: A tensor of the device and dtype to use.
        """
        h = maps.get(self.side)
        if h is None:
            h = like.new_zeros(1, self.width, self.side, self.side)
        if self.mixed is None:
            return h
        mixed = maps[self.mixed][:, : self.width]
        return h + F.interpolate(mixed, size=(self.side, self.side), mode="nearest-exact")

    def infer(self, h: Tensor, activations: Tensor) -> Tensor:
        """Mean and raw log σ of q(z_t | x, z_{>t}), `(B, 2·zdim, side, side)`."""
        return self.enc(torch.cat(torch.broadcast_tensors(h, activations), dim=1))

    def absorb(self, h: Tensor, features: Tensor, z: Tensor) -> Tensor:
        """The map after the block: `features` = prior(h), `z` = z_t."""
        h = h + features[:, 2 * self.zdim :] + self.z_proj(z)
        return self.resnet(h)
