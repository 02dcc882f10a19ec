"""Comparing on the live server: its worker gets the pictures in small jobs, a level at a time.

So a drag on the Explore tab waits for one level at most, and a model that decodes fast does not
wait for a slow one beside it. What the live server keeps of an image (opened, terms) is used here.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import median
from typing import TYPE_CHECKING

import numpy as np

from explorer.images.opening import Opened, Ref
from explorer.images.sides import own_side
from explorer.live.worker import DETAILS, OPEN
from explorer.panels.compare.choice import Choice, settled, shape_in_words
from explorer.panels.compare.facts import facts_of
from explorer.panels.compare.values import (
    DRAWS,
    SAMPLES,
    About,
    Cost,
    Perturbed,
    Samples,
    about,
    decoding,
    level_at,
    perturbed_policies,
    rung_policies,
    shown_rungs,
    survival,
)
from explorer.recipe.recipe import MAX_SEED
from explorer.render.frame import Frame, Rung
from models.errors import BadInput
from models.policy import Policy
from models.precision import exact

if TYPE_CHECKING:
    from explorer.library.library import Entry
    from explorer.live.server import Live
    from models.checkpoint.checkpoint import Checkpoint

JOB_S = 0.008  # a job takes no further step after so long
TIMED = 5  # decodes behind each time that is shown, after one that does not count


@dataclass(frozen=True, eq=False)
class Subject:
    """One image in one model.

    Args:
        about: The model.
        checkpoint: The same, loaded.
        pixels: The image at the size that all compared models take, 8-bit `(H, W, C)`.
    """

    about: About
    checkpoint: Checkpoint
    pixels: np.ndarray


@dataclass(frozen=True)
class Settled:
    """A choice that can be shown, and what it was chosen from.

    Args:
        choice: The models and the image.
        entries: Every model in reach.
    """

    choice: Choice
    entries: tuple[Entry, ...]


class Comparing:
    """What the Compare tab asks of the live server.

    Args:
        live: The live server.
    """

    def __init__(self, live: Live) -> None:
        self.live = live

    async def settle(self, choice: Choice) -> Settled:
        """What of a choice can be shown, with the models in reach as they are now.

        The models that are chosen are loaded, and no other.
        """
        entries = await self.live.entries()
        found = Settled(settled(choice, entries), entries)
        for id in found.choice.ids:
            try:
                await self.live.model(id)
            except BadInput:  # its entry says so from now on
                return await self.settle(choice)
        return found

    async def subjects(self, choice: Choice) -> list[Subject]:
        """The image of a settled choice in each of its models."""
        return [await self.subject(choice, slot) for slot in range(len(choice.ids))]

    async def subject(self, choice: Choice, slot: int) -> Subject:
        """The image of a settled choice in one of its models.

        Raises:
            BadInput: If the image or the model cannot be opened, or they do not fit.
        """
        if not 0 <= slot < len(choice.ids):
            raise BadInput("no such model is compared - reload the page")
        first, id = choice.ids[0], choice.ids[slot]
        _, checkpoint = await self.live.model(first)
        shape = checkpoint.model.image_shape
        _, _, source = await self.live.source(first, _at_own_side(choice.ref, checkpoint))
        entry, checkpoint = await self.live.model(id)
        if checkpoint.model.image_shape != shape:
            raise BadInput(
                f"{entry.title} takes {shape_in_words(checkpoint.model.image_shape)} images, the "
                f"first model {shape_in_words(shape)} ones - choose another beside it"
            )
        return Subject(about(id, entry.title, checkpoint.model), checkpoint, source.pixels)

    async def opened(self, subject: Subject) -> Opened:
        """The image as the model sees it, and its reconstruction."""
        return await self.live.opened(subject.checkpoint, subject.pixels)

    async def ladder(self, subject: Subject) -> tuple[Rung, ...]:
        """The rungs of the ladder that are shown, top first."""
        depth = subject.about.depth
        rungs = shown_rungs(depth)
        frames = await self._drawn(subject, [rung_policies(depth, k) for k in rungs], DETAILS)
        return tuple(Rung(k, frame) for k, frame in zip(rungs, frames, strict=True))

    async def samples(self, subject: Subject, seed: int) -> Samples:
        """Pictures from the prior with consecutive seeds from the first."""
        found = await self._redrawn(subject, subject.about.depth, _seeds(seed, SAMPLES), DETAILS)
        return Samples(found.pictures, found.survival)

    async def perturbed(self, subject: Subject, share: float, seed: int) -> Perturbed:
        """An image with the lowest levels of a model redrawn, with the first seeds of `samples`.

        Args:
            share: How much of the depth, from 0 to 1.
        """
        t = level_at(share, subject.about.depth)
        return await self._redrawn(subject, t, _seeds(seed, DRAWS), OPEN)

    async def cost(self, subject: Subject) -> Cost:
        """What the image costs the model."""
        terms = await self.live.terms(subject.checkpoint, subject.pixels)
        return Cost(subject.about, facts_of(subject.checkpoint), terms)

    async def decode_ms(self, subject: Subject) -> float:
        """The median time of a decode from the top level down to the picture, in ms."""
        depth = subject.about.depth
        trace = (await self.opened(subject)).trace
        times = []
        for seed in range(TIMED + 1):
            steps = decoding(
                subject.checkpoint.model, trace, perturbed_policies(depth, depth, seed)
            )
            _, seconds = await self._worked(steps, DETAILS)
            times.append(1000 * seconds)
        return median(times[1:])

    async def _redrawn(
        self, subject: Subject, t: int, seeds: Sequence[int], patience_s: float
    ) -> Perturbed:
        depth = subject.about.depth
        policies = [perturbed_policies(depth, t, seed) for seed in seeds]
        frames = await self._drawn(subject, policies, patience_s)
        kept = (await self.opened(subject)).reconstruction
        return Perturbed(t, tuple(frames), survival(frames, kept, subject.about.pixels == "binary"))

    async def _drawn(
        self, subject: Subject, policies: Sequence[tuple[Policy, ...]], patience_s: float
    ) -> list[Frame]:
        """A picture for each choice of policies."""
        trace, model = (await self.opened(subject)).trace, subject.checkpoint.model
        steps = chain.from_iterable(decoding(model, trace, some) for some in policies)
        return (await self._worked(steps, patience_s))[0]

    async def _worked(
        self, steps: Iterator[Frame | None], patience_s: float
    ) -> tuple[list[Frame], float]:
        """All pictures of small steps, and the seconds that they took on the device.

        A job ends with the first step that brings it over its time.
        """
        frames: list[Frame] = []
        seconds = 0.0

        @exact()  # what survives of a picture is a number
        def job() -> bool:
            nonlocal seconds
            started, spent = time.perf_counter(), 0.0
            while spent < JOB_S:
                try:
                    found = next(steps)
                except StopIteration:
                    seconds += spent
                    return True
                spent = time.perf_counter() - started
                if found is not None:
                    frames.append(found)
            seconds += spent
            return False

        while not await self.live.worker.run(job, patience_s):
            pass
        return frames, seconds


def _at_own_side(ref: Ref, checkpoint: Checkpoint) -> Ref:
    """The reference at the side that all compared models take."""
    if ref.kind == "example":
        return ref
    return replace(ref, side=own_side(checkpoint.model))


def _seeds(first: int, count: int) -> Sequence[int]:
    """Consecutive seeds; past the last it goes on from 0."""
    return [(first + i) % (MAX_SEED + 1) for i in range(count)]
