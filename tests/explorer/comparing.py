"""Toys of every kind of hierarchy that take the same images, to be compared."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar, cast

import torch

from explorer.images.opening import Ref
from explorer.library.library import Library
from explorer.live.server import Live
from explorer.panels.compare.choice import Choice
from explorer.panels.compare.drawing import Comparing, Subject
from models.base import HierarchicalModel
from models.checkpoint.checkpoint import Checkpoint
from tests.explorer.toy import Toy, toy_pixels, toy_statistics
from tests.models.diffusion_toys import patterned
from tests.models.small_hvae import random_hvae

R = TypeVar("R")
SHAPES = ((2, 2, 2), (4,), (3,))


class Unmeasured(Toy):
    """A toy without a likelihood of its own."""

    has_likelihood = False


class Slow(Toy):
    """A toy whose every level takes ten milliseconds to draw."""

    def prior(self, t, z):
        time.sleep(0.01)
        return super().prior(t, z)


def checkpoint_of(model: HierarchicalModel, hash: str, name: str) -> Checkpoint:
    """A checkpoint around a model that was never on disk."""
    fields = SimpleNamespace(
        name=name, path=Path(name), model=model.eval(), statistics=toy_statistics(model),
        evaluation={}, training={}, card={}, hash=hash, examples=toy_pixels(model.image_shape, 50),
    )  # fmt: skip
    return cast(Checkpoint, fields)


def diffusion() -> HierarchicalModel:
    """Two patterns of 8 × 8 pixels, at twelve noise stops."""
    side = torch.arange(8).view(1, 8, 1).expand(1, 8, 8)
    patterns = torch.stack([(side < 4).float(), (side % 2).float()])
    return patterned(patterns, torch.tensor([0.5, 0.5]), stops=12).float()


CHECKPOINTS = {
    "grey": checkpoint_of(Toy(SHAPES, (1, 8, 8), 1, eight_bit=False), "1" * 16, "grey"),
    "general": checkpoint_of(random_hvae(), "2" * 16, "general"),
    "diffusion": checkpoint_of(diffusion(), "3" * 16, "diffusion"),
    "unmeasured": checkpoint_of(Unmeasured(SHAPES, (1, 8, 8), 4), "4" * 16, "unmeasured"),
    "slow": checkpoint_of(Slow(SHAPES, (1, 8, 8), 5), "5" * 16, "slow"),
    "colour": checkpoint_of(Toy(image_shape=(3, 6, 6)), "6" * 16, "colour"),
}
FITTING = ("grey", "general", "diffusion", "unmeasured")


@contextmanager
def comparing_toys(folder: Path) -> Iterator[Comparing]:
    """What the Compare tab asks, of a live server on `CHECKPOINTS`."""
    for name in CHECKPOINTS:
        (folder / name).mkdir()
    live = Live(Library(folder, load=lambda source, _: CHECKPOINTS[Path(source).name]))
    yield Comparing(live)
    live.close()


def run(work: Callable[[], Awaitable[R]]) -> R:
    async def go() -> R:
        return await work()

    return asyncio.run(go())


def subject_in(comparing: Comparing, name: str, index: int = 3) -> Subject:
    choice = Choice((name,), Ref("example", index=index))
    return run(lambda: comparing.subject(choice, 0))
