"""The one decode that all designs share: sixteen sliders in, a picture with its stamp out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.fixed import fixed_checkpoint
from benchmarks.stamp import Stamped
from explorer.images.png_state import rgb
from explorer.images.uploads import image_hash
from explorer.recipe.recipe import Edit, zero_recipe
from explorer.render.axes import all_axes
from explorer.render.encode import encode_image
from explorer.render.render import render
from models.chain import with_own_noise
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint

ROOT = Path(__file__).resolve().parents[1]
FIXED = "fixed"
SLIDERS = 16


@dataclass(frozen=True)
class Slider:
    """A slider of a page: the coordinate of z_level that it moves."""

    level: int
    index: int


def names() -> tuple[str, ...]:
    """The models that can be measured."""
    return (FIXED, *sorted(path.name for path in (ROOT / "checkpoints").iterdir()))


def stamped_checkpoint(name: str) -> Checkpoint:
    """A model whose pictures show where its first slider stands.

    Args:
        name: One of `names()`.
    """
    plain = fixed_checkpoint() if name == FIXED else load_checkpoint(ROOT / "checkpoints" / name)
    first = sliders_of(plain)[0]
    std = float(plain.statistics.levels[first.level - 1].std[first.index])
    stamped = Stamped(plain.model, first.level, first.index, std).eval()
    return replace(plain, model=stamped)


def sliders_of(checkpoint: Checkpoint) -> list[Slider]:
    """The sliders as they stand on the page: the top level first, its weightiest axis first."""
    levels = all_axes(checkpoint.model, checkpoint.statistics)
    return [Slider(level.level, axis.index) for level in levels for axis in level.coordinate]


class Decoder:
    """The decode of one test picture under the first sixteen sliders.

    Args:
        checkpoint: The model, as `stamped_checkpoint` gives it.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._sliders = sliders_of(checkpoint)[:SLIDERS]
        pixels = checkpoint.examples[0]
        depth = checkpoint.model.depth
        self._recipe = zero_recipe(checkpoint.hash, image_hash(pixels), depth)
        with torch.inference_mode():
            trace = encode_image(checkpoint, pixels)
            self._trace = with_own_noise(checkpoint.model, trace)

    def __call__(self, sigmas: Sequence[float]) -> np.ndarray:
        """The picture under the sliders' values in σ, uint8 `(H, W, 3)`."""
        edits = tuple(
            Edit(slider.level, "coordinate", slider.index, float(sigma))
            for slider, sigma in zip(self._sliders, sigmas, strict=False)
        )
        recipe = replace(self._recipe, edits=edits)
        checkpoint = self._checkpoint
        with torch.inference_mode():
            frame = render(checkpoint.model, self._trace, recipe, checkpoint.statistics)
        return rgb(frame.pixels)


def decode_times_ms(decoder: Decoder, count: int) -> list[float]:
    """How long each of `count` decodes takes under a moving slider, in milliseconds."""
    times: list[float] = []
    for at in range(count + 5):
        sigma = 3 * (2 * (at % 20) / 19 - 1)
        started = time.perf_counter()
        decoder([sigma])
        times.append(1000 * (time.perf_counter() - started))
    return times[5:]  # the first ones warm up
