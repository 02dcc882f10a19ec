"""The ways to decode that `benchmarks.decode` compares, and one model decoding in one of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from itertools import count
from typing import cast

import torch
from torch import Tensor, nn

from explorer.images.uploads import image_hash
from explorer.library.ready import prepare
from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.render.axes import all_axes
from explorer.render.decode_memory import Chains
from explorer.render.encode import encode_image
from explorer.render.render import decoded, render
from models.base import HierarchicalModel, Trace, bottom_up
from models.chain import with_own_noise
from models.checkpoint.checkpoint import Checkpoint

GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Variant:
    """One way to decode.

    Args:
        name: What it is called in the table.
        make: The model for it, made of the loaded one, which it leaves alone.
        threads: Threads within one operation.
        remember: Whether what was decoded before is at hand.
        autocast: Whether torch picks bfloat16 where it sees fit.
        flush: Whether numbers too small for the usual form become zero.
    """

    name: str
    make: Callable[[HierarchicalModel], HierarchicalModel]
    threads: int = 1
    remember: bool = True
    autocast: bool = False
    flush: bool = False

    @contextmanager
    def settings(self, device: str) -> Iterator[None]:
        """What has to hold while it decodes; the settings are those of the process."""
        threads = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        torch.set_flush_denormal(self.flush)
        try:
            with torch.inference_mode(), torch.autocast(device, torch.bfloat16, self.autocast):
                yield
        finally:
            torch.set_num_threads(threads)
            torch.set_flush_denormal(False)


def all_variants(threads: int) -> list[Variant]:
    """Every variant; the others are compared with the first."""
    more = max(2, threads)
    return [
        Variant("everything anew", plain, remember=False),
        Variant("only what changed", plain),
        Variant("and channels last: as shipped", shipped),
        Variant(f"shipped, {more} threads", shipped, threads=more),
        Variant("shipped, denormals flushed", shipped, flush=True),
        Variant("shipped, bfloat16 weights", in_half),
        Variant("shipped, bfloat16 autocast", shipped, autocast=True),
        Variant("shipped, --compile", prepare),
    ]


def plain(model: HierarchicalModel) -> HierarchicalModel:
    """The model in torch's own layout."""
    copy = deepcopy(model)
    for tensor in copy.parameters():
        tensor.data = tensor.data.contiguous()
    return copy


def shipped(model: HierarchicalModel) -> HierarchicalModel:
    """The model as it is loaded."""
    return model


class Half(nn.Module):
    """A network computed in bfloat16 between float32 ends."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(torch.bfloat16)

    def forward(self, h: Tensor) -> Tensor:
        return self.network(h.to(torch.bfloat16)).float()


def in_half(model: HierarchicalModel) -> HierarchicalModel:
    """The model with its decoding networks in bfloat16."""
    copy = deepcopy(model)
    for module in (copy.decoder, *copy.priors):
        module.network = Half(cast(nn.Module, module.network))
    return copy


class Runner:
    """One model decoding in one way.

    Args:
        checkpoint: The model as it is loaded.
        variant: How to decode.
    """

    def __init__(self, checkpoint: Checkpoint, variant: Variant) -> None:
        self.variant = variant
        self._checkpoint = checkpoint
        self._chains = Chains()
        self._steps = count(1)
        axes = all_axes(checkpoint.model, checkpoint.statistics)
        self._weightiest = {level.level: level.coordinate[0].index for level in axes}
        with self.settings():
            started = time.perf_counter()
            self._model = variant.make(checkpoint.model)
            self.ready_s = time.perf_counter() - started
            self._trace = self._encoded(0)
        self._everywhere = self._recipe(0)
        for t in bottom_up(checkpoint.model.depth):
            self._everywhere = self._everywhere.with_edit(self._edit(t, 1.0))

    def settings(self) -> AbstractContextManager[None]:
        """What has to hold around every call."""
        return self.variant.settings(self._checkpoint.model.like.device.type)

    def decode_ms(self, level: int) -> float:
        """One decode after the weightiest slider of a level has moved, in milliseconds."""
        sigma = 6 * (next(self._steps) * GOLDEN % 1) - 3  # never the same twice
        recipe = self._everywhere.with_edit(self._edit(level, sigma))
        chains = self._chains if self.variant.remember else None
        started = time.perf_counter()
        render(self._model, self._trace, recipe, self._checkpoint.statistics, chains)
        return 1000 * (time.perf_counter() - started)

    def pictures(self, examples: int, sigmas: Sequence[float]) -> Tensor:
        """Test images under one edit at a time, pixels in [0, 1], with shape `(N, C, H, W)`."""
        found: list[Tensor] = []
        for index in range(examples):
            trace = self._encoded(index)
            for t in bottom_up(self._model.depth):
                for sigma in sigmas:
                    recipe = self._recipe(index).with_edit(self._edit(t, sigma))
                    z = decoded(self._model, trace, recipe, self._checkpoint.statistics)
                    found.append(self._model.likelihood(z).mean.float().cpu())
        return torch.cat(found)

    def _encoded(self, index: int) -> Trace:
        trace = encode_image(
            replace(self._checkpoint, model=self._model), self._checkpoint.examples[index]
        )
        return with_own_noise(self._model, trace) if self.variant.remember else trace

    def _recipe(self, index: int) -> Recipe:
        name = image_hash(self._checkpoint.examples[index])
        return zero_recipe(self._checkpoint.hash, name, self._checkpoint.model.depth)

    def _edit(self, level: int, sigma: float) -> Edit:
        return Edit(level, "coordinate", self._weightiest[level], sigma)
