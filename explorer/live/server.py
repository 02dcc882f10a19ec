"""The live server: everything that the page and the endpoints can have drawn, as values.

The device worker draws for all sessions in one thread; files of visitors are decoded in processes
of their own (`explorer.images.decoding`), pictures are cut and encoded in a small pool of threads;
the event loop does none of it. Process-wide state is bounded and all of it can be made again:
uploads, images by hash, traces by key, loaded models.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np

from explorer.bounded import Bounded
from explorer.images import uploading
from explorer.images.decoding import pool as decoders
from explorer.images.opening import Encoded, Opened, Ref, Source, check_size, example_source, opened
from explorer.images.sides import Views, own_side
from explorer.images.uploads import UnknownImage, UploadStore, image_hash
from explorer.library.library import Entry, Library
from explorer.live.worker import DETAILS, OPEN, RENDER, DeviceWorker
from explorer.recipe.recipe import Recipe
from explorer.render.decode_memory import Chains
from explorer.render.encode import encode_image
from explorer.render.frame import Frame, Rung
from explorer.render.local_axes import Found
from explorer.render.render import ladder, render, sample_frame
from explorer.terms.terms import ImageTerms, weighing
from models.base import Trace
from models.chain import with_own_noise
from models.checkpoint.checkpoint import Checkpoint
from models.errors import BadInput

R = TypeVar("R")

MAX_IMAGES, MAX_IMAGE_BYTES = 4_096, 128 * 2**20
MAX_TRACES, MAX_TRACE_BYTES = 256, 96 * 2**20
MAX_OPENED_BYTES = 32 * 2**20
FILE_THREADS = 2


@dataclass(frozen=True, eq=False)
class Drawn:
    """The picture of a recipe.

    Args:
        frame: The picture.
        decode_ms: Milliseconds that its decode took.
    """

    frame: Frame
    decode_ms: float


class Live:
    """The live server of one process; what it cannot do it says with a BadInput.

    Args:
        library: The models in reach, and the device they are on.
        chains: Where decoded levels are remembered; a bounded memory of its own if None.
    """

    def __init__(self, library: Library, chains: Chains | None = None) -> None:
        self.library = library
        self._chains = chains or Chains()
        self.uploads = UploadStore()
        self.worker = DeviceWorker()
        self._files = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="strata-files")
        self._finding = ThreadPoolExecutor(1, thread_name_prefix="strata-axes")
        self._images: Bounded[str, np.ndarray] = Bounded(
            MAX_IMAGES, MAX_IMAGE_BYTES, lambda pixels: pixels.nbytes
        )
        self._views = Views()
        self._traces: Bounded[tuple[str, str, int | None], Trace] = Bounded(
            MAX_TRACES, MAX_TRACE_BYTES, _trace_bytes
        )
        self._opened: Bounded[tuple[str, str], Opened] = Bounded(
            MAX_TRACES, MAX_OPENED_BYTES, lambda result: _trace_bytes(result.trace)
        )
        self._terms: Bounded[tuple[str, str], ImageTerms] = Bounded(MAX_TRACES)

    def close(self) -> None:
        """Stop the threads."""
        self.worker.close()
        self._files.shutdown(cancel_futures=True)
        self._finding.shutdown(cancel_futures=True)

    async def entries(self) -> tuple[Entry, ...]:
        """Every model that can be chosen, the default first."""
        return await self.in_pool(self.library.entries)

    async def default_id(self) -> str | None:
        """The model to begin with; None if none can be loaded."""
        return await self.in_pool(self.library.default_id)

    async def model(self, id: str) -> tuple[Entry, Checkpoint]:
        """A model by its id, loaded."""
        return await self.in_pool(lambda: self.library.load(id))

    async def take(self, data: bytes, name: str) -> uploading.Taken:
        """Decode a file and keep its picture, and what a picture saved by Strata carries."""
        found = await decoders.shared().read(data, name)
        taken = await self.in_pool(lambda: uploading.take(self.uploads, found))
        if taken.restored is not None:
            self.keep(taken.restored.pixels)
        return taken

    async def source(self, id: str, ref: Ref) -> tuple[Entry, Checkpoint, Source]:
        """A model by its id, and the image that a reference means to it; the image is kept."""
        entry, checkpoint = await self.model(id)
        if ref.kind == "sample":
            sized = await self.sized(checkpoint, ref.side or own_side(checkpoint.model))
            source = Source((await self.sampled(sized, ref.seed)).pixels, ref)
        elif ref.kind == "example":
            source = example_source(checkpoint, ref)
        else:
            source = await self.in_pool(
                lambda: uploading.upload_source(self.uploads, checkpoint, ref)
            )
        self.keep(source.pixels)
        return entry, checkpoint, source

    def keep(self, pixels: np.ndarray) -> str:
        """Keep an image of a model's size, which is known by its hash alone.

        Args:
            pixels: 8-bit values `(H, W, C)`.
        """
        name = image_hash(pixels)
        self._images.put(name, pixels)
        return name

    async def sized(self, checkpoint: Checkpoint, side: int) -> Checkpoint:
        """A checkpoint whose model takes images of a side, in pixels.

        Raises:
            BadInput: If the model does not.
        """
        return await self.in_pool(lambda: self._views.at(checkpoint, side))

    async def sampled(self, checkpoint: Checkpoint, seed: int, temperature: float = 1.0) -> Frame:
        """A picture from a model's prior."""
        job = partial(sample_frame, checkpoint.model, seed, temperature)
        return await self.worker.run(job, OPEN)

    async def opened(self, checkpoint: Checkpoint, pixels: np.ndarray) -> Opened:
        """An image encoded and reconstructed by a model."""
        key = (checkpoint.hash, image_hash(pixels))
        result = self._opened.get(key)
        if result is None:
            sized = await self.sized(checkpoint, pixels.shape[0])
            result = await self.worker.run(lambda: opened(sized, pixels), OPEN)
            self._opened.put(key, result)
            self._traces.put((*key, None), result.trace)
        return result

    async def terms(self, checkpoint: Checkpoint, pixels: np.ndarray) -> ImageTerms:
        """What an image costs a model; weighed draw by draw, so that a picture waits for one."""
        key = (checkpoint.hash, image_hash(pixels))
        known = self._terms.get(key)
        if known is not None:
            return known
        sized = await self.sized(checkpoint, pixels.shape[0])
        draws = weighing(sized, pixels, own=checkpoint)
        while (found := await self.worker.run(lambda: next(draws), DETAILS)) is None:
            pass
        self._terms.put(key, found)
        return found

    async def frame(self, recipe: Recipe) -> Drawn:
        """The picture of a recipe."""
        await self.checkpoint(recipe)
        drawn = await self.worker.run(lambda: self.draw(recipe), RENDER)
        if drawn is None:  # the model fell out of the cache while others were drawn
            return await self.frame(recipe)
        return drawn

    def draw(self, recipe: Recipe) -> Drawn | None:
        """The picture of a recipe, on the device's thread; None if its model is to be loaded."""
        checkpoint = self.library.loaded(recipe.model)
        if checkpoint is None:
            return None
        here = self._encoded(checkpoint, recipe)
        started = time.perf_counter()
        frame = render(here.model, here.trace, recipe, here.statistics, self._chains)
        return Drawn(frame, 1000 * (time.perf_counter() - started))

    async def checkpoint(self, recipe: Recipe) -> Checkpoint:
        """The model of a recipe; of one that is loaded without leaving the event loop."""
        loaded = self.library.loaded(recipe.model)
        if loaded is not None:
            return loaded
        return await self.in_pool(lambda: self.library.with_hash(recipe.model))

    def pixels(self, image: str) -> np.ndarray:
        """Model-sized pixels by their hash; UnknownImage if they are not kept any more."""
        found = self._images.get(image)
        if found is None:
            raise UnknownImage(
                f"the image {image} is not on the server (any more) - open the image again"
            )
        return found

    async def encoded(self, recipe: Recipe) -> Encoded:
        """The image of a recipe as its model has encoded it."""
        checkpoint = await self.checkpoint(recipe)
        return await self.worker.run(lambda: self._encoded(checkpoint, recipe), DETAILS)

    async def local_axes(self, recipe: Recipe, level: int) -> Found:
        """The local axes of a level at the image of a recipe; worked out one after another beside
        the device's worker, since it takes as long as a hundred pictures.

        Raises:
            BadInput: The model has no such level, or finds no local axes.
        """
        checkpoint = await self.checkpoint(recipe)
        depth, count = checkpoint.model.depth, checkpoint.model.local_count
        if not 1 <= level <= depth or not count:
            raise BadInput(
                f"this model finds no local axes at a level {level} - it has the levels 1 to "
                f"{depth}{'' if count else ', moved along coordinates and components'}"
            )
        here = await self.encoded(recipe)
        find = partial(self._chains.local, here.model, here.trace, recipe, here.statistics, level)
        return await asyncio.get_running_loop().run_in_executor(self._finding, find)

    async def ladder(self, recipe: Recipe) -> Iterator[Rung]:
        """The rungs of a recipe, top first; each is drawn when `rung` asks for it."""
        checkpoint = await self.checkpoint(recipe)

        def begin() -> Iterator[Rung]:
            here = self._encoded(checkpoint, recipe)
            return ladder(here.model, here.trace, recipe, here.statistics, self._chains)

        return await self.worker.run(begin, DETAILS)

    async def rung(self, rungs: Iterator[Rung]) -> Rung | None:
        """The next rung, as a job of its own, so that a newer picture waits for one at most.

        None after the last one.
        """
        return await self.worker.run(lambda: next(rungs, None), DETAILS)

    async def in_pool(self, job: Callable[[], R]) -> R:
        """Run what reads our own files, cuts or encodes beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._files, job)

    def _encoded(self, checkpoint: Checkpoint, recipe: Recipe) -> Encoded:
        """A recipe's image, encoded if its trace is not kept; runs on the device."""
        key = (checkpoint.hash, recipe.image, recipe.encode_seed)
        trace = self._traces.get(key)
        if trace is None:
            pixels = self.pixels(recipe.image)
            check_size(checkpoint, pixels)
            sized = self._views.at(checkpoint, pixels.shape[0])
            trace = encode_image(sized, pixels, recipe.encode_seed)
            trace = with_own_noise(sized.model, trace)
            self._traces.put(key, trace)
        model = self._views.at(checkpoint, trace.z[0].shape[-1]).model
        return Encoded(model, trace, checkpoint.statistics)


def _trace_bytes(trace: Trace) -> int:
    """About the memory that a trace takes: its chain, its posteriors and its own detail."""
    latents = sum(z.nbytes for z in trace.z[1:])
    return trace.z[0].nbytes + latents * (4 if trace.own else 3)
