"""Directions in which a level of a diffusion is moved: low frequencies, and local ones.

z_t of a diffusion is a noisy image of full size, without coordinates that a person could name.
Two kinds of axis mean something everywhere on the schedule:

    low-frequency  fields cos(π i (y + ½)/H) cos(π j (x + ½)/W) of the two-dimensional DCT-II,
                   over luminance and two differences of colours; orthonormal
    local          right singular vectors of J = ∂x̂/∂z_t at the image's own z_t: of all small
                   steps of z_t, those that move the denoised image most
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from models.base import LocalAxes
from models.families.vdm.diffusion import Diffusion
from models.families.vdm.jacobian import BLOCKS, leading_directions

# Orthonormal, one row a combination of (red, green, blue).
OPPONENT = {
    "luminance": (1.0, 1.0, 1.0),
    "red–green": (1.0, -1.0, 0.0),
    "yellow–blue": (1.0, 1.0, -2.0),
}


@dataclass(frozen=True)
class Frequency:
    """One low-frequency axis.

    Args:
        colours: A name in `OPPONENT`; "luminance" for grey images.
        vertical: Half waves from top to bottom.
        horizontal: Half waves from left to right.
    """

    colours: str
    vertical: int
    horizontal: int

    @property
    def name(self) -> str:
        """For a slider: "brightness", "waves ↕1 ↔2", "red–green", "red–green ↕1"."""
        waves = (
            f"↕{self.vertical}" * bool(self.vertical),
            f"↔{self.horizontal}" * bool(self.horizontal),
        )
        said = " ".join(filter(None, waves))
        if self.colours == "luminance":
            return f"waves {said}" if said else "brightness"
        return f"{self.colours} {said}".strip()


def frequencies(shape: tuple[int, int, int], count: int) -> tuple[Frequency, ...]:
    """The `count` lowest frequencies of images `(C, H, W)`, the lowest first.

    Ordered by (i/H)² + (j/W)², and luminance before colours at each.
    """
    channels, height, width = shape
    colours = tuple(OPPONENT) if channels == 3 else ("luminance",)
    rows, columns = (range(min(count, side)) for side in (height, width))
    grid = ((i, j) for i in rows for j in columns)
    ordered = sorted(grid, key=lambda ij: ((ij[0] / height) ** 2 + (ij[1] / width) ** 2, ij))
    every = (Frequency(c, i, j) for i, j in ordered for c in colours)
    return tuple(frequency for _, frequency in zip(range(count), every, strict=False))


@lru_cache(maxsize=16)
def low_frequency_axes(shape: tuple[int, int, int], count: int) -> Tensor:
    """Unit directions of the `count` lowest frequencies, orthonormal, `(K, C, H, W)`.

    They are labelled by `frequencies` of the same arguments.
    """
    channels, height, width = shape
    fields = []
    for f in frequencies(shape, count):
        mix = torch.tensor(OPPONENT[f.colours] if channels == 3 else (1.0,), dtype=torch.float64)
        plane = _wave(f.vertical, height)[:, None] * _wave(f.horizontal, width)
        fields.append((mix / mix.norm())[:, None, None] * plane)
    return torch.stack(fields).float()


def _wave(half_waves: int, length: int) -> Tensor:
    """A basis vector of the DCT-II, of unit length, float64 `(length,)`."""
    places = (torch.arange(length, dtype=torch.float64) + 0.5) / length
    wave = torch.cos(math.pi * half_waves * places)
    return wave / wave.norm()


def local_axes(
    model: Diffusion, t: int, z_t: Tensor, count: int, seed: int = 0, blocks: int = BLOCKS
) -> LocalAxes:
    """The `count` leading singular directions of ∂x̂/∂z_t at one image's z_t, x̂ in [0, 1].

    Args:
        model: Its networks in evaluation mode.
        t: The level.
        z_t: Of one image, `(1, C, H, W)` or `(C, H, W)`.
        count: K.
        seed: See `vdm.jacobian.leading_directions`.
        blocks: See there.
    """
    point = z_t.reshape(model.image_shape)
    found = leading_directions(lambda z: model.denoised(t, z), point, count, seed, blocks)
    directions, responses, gains = found
    return LocalAxes(directions, responses, gains / 2)  # x̃ = 2x − 1
