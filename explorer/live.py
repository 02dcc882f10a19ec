"""The live path: what the page's desk asks of the server, answered without gradio's queue.

Every function takes one JSON object and gives one back. The device worker draws for all
sessions in one thread; files are decoded and encoded in a small pool beside it; the event
loop does neither. Process-wide state is bounded and all of it can be made again: uploads,
images by hash, traces by key, loaded models.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import numpy as np

from explorer import uploading, wire
from explorer.answers import (
    Json,
    ServerFunction,
    UnknownImage,
    answering,
    optional_recipe,
    recipe_of,
    text_of,
)
from explorer.axes import all_axes, offsets
from explorer.images import UploadStore
from explorer.library import Entry, Library
from explorer.opening import (
    Opened,
    Ref,
    Source,
    check_size,
    example_source,
    fitting_recipe,
    opened,
)
from explorer.recipe import Recipe
from explorer.render import Frame, Rung, ladder, render, sample_frame, shadowed
from explorer.stores import Bounded, image_hash
from explorer.terms import encode_image
from explorer.worker import DETAILS, OPEN, RENDER, DeviceWorker
from models.base import Trace
from models.checkpoint import Checkpoint

R = TypeVar("R")

MAX_IMAGES, MAX_IMAGE_BYTES = 4_096, 128 * 2**20
MAX_TRACES = 256
FILE_THREADS = 2


class Live:
    """The live server of one process.

    Args:
        library: The models in reach, and the device they are on.
    """

    def __init__(self, library: Library) -> None:
        self.library = library
        self.uploads = UploadStore()
        self.worker = DeviceWorker()
        self._files = ThreadPoolExecutor(FILE_THREADS, thread_name_prefix="strata-files")
        self._images: Bounded[str, np.ndarray] = Bounded(
            MAX_IMAGES, MAX_IMAGE_BYTES, lambda pixels: pixels.nbytes
        )
        self._traces: Bounded[tuple[str, str, int | None], Trace] = Bounded(MAX_TRACES)
        self._opened: Bounded[tuple[str, str], Opened] = Bounded(MAX_TRACES)
        self._sprites: Bounded[str, Json] = Bounded(16)

    def server_functions(self) -> list[ServerFunction]:
        """The functions of the page's component: they answer an error, and never raise one."""
        methods = (
            self.models, self.upload, self.open, self.render, self.details, self.export
        )  # fmt: skip
        return [answering(method) for method in methods]

    def close(self) -> None:
        """Stop the threads."""
        self.worker.close()
        self._files.shutdown(cancel_futures=True)

    # What the desk asks for: JSON in, JSON out.

    async def models(self, request: Mapping[str, object]) -> Json:
        """Every model that can be chosen, and the one to begin with."""
        entries = await self.entries()
        return {
            "models": [wire.entry_json(entry) for entry in entries],
            "default": await self.default_id(),
        }

    async def upload(self, request: Mapping[str, object]) -> Json:
        """Take a picture file; of a picture saved by Strata also take the state in it."""
        data = uploading.file_data(request.get("data"))
        name = request.get("name")
        taken = await self.take(data, name if isinstance(name, str) else "the file")
        id = None
        if taken.restored is not None:
            hash = taken.restored.recipe.model
            id = await self._in_pool(lambda: self.library.id_of(hash))
        return uploading.taken_json(taken, id)

    async def open(self, request: Mapping[str, object]) -> Json:
        """Open an image with a model, with the recipe given or the one that changes nothing."""
        recipe = optional_recipe(request)
        id, ref = text_of(request, "model"), Ref.parse(request.get("image"))
        entry, checkpoint, source = await self.source(id, ref)
        recipe = fitting_recipe(checkpoint, source.pixels, recipe)
        offsets(checkpoint.model, checkpoint.statistics, recipe)  # refuses what the model lacks
        result = await self.opened(checkpoint, source.pixels)
        shown = await self._in_pool(lambda: uploading.source_json(source, checkpoint))
        sprite = await self._in_pool(lambda: self._sprite(checkpoint))
        levels = all_axes(checkpoint.model, checkpoint.statistics)
        return {
            "model": wire.model_json(entry, checkpoint),
            "levels": [wire.level_json(axes) for axes in levels],
            "examples": sprite,
            "source": shown,
            "image": wire.frame_json(result.seen),
            "reconstruction": wire.frame_json(result.reconstruction),
            "terms": wire.terms_json(result.terms),
            "recipe": recipe.to_dict(),
            "ref": source.ref.to_dict(),
            "notices": [],
        }

    async def render(self, request: Mapping[str, object]) -> Json:
        """The picture of a recipe; what a drag asks for, so it goes before all else."""
        frame, decode_ms = await self.frame(recipe_of(request))
        return {
            "seq": request.get("seq"),
            "frame": wire.frame_json(frame),
            "decode_ms": decode_ms,
        }

    async def details(self, request: Mapping[str, object]) -> Json:
        """The ladder of a recipe, and which sliders cannot change anything."""
        recipe = recipe_of(request)
        rungs = await self._ladder(recipe)
        reasons = shadowed(recipe, recipe.depth)
        return {
            "seq": request.get("seq"),
            "ladder": [{"t": rung.level, "frame": wire.frame_json(rung.frame)} for rung in rungs],
            "shadowed": {str(level): reason for level, reason in reasons.items()},
        }

    async def export(self, request: Mapping[str, object]) -> Json:
        """The picture of a recipe as a PNG that carries the recipe and its source."""
        recipe, ref = recipe_of(request), Ref.parse(request.get("ref"))
        pixels = self.pixels(recipe.image)
        frame, _ = await self.frame(recipe)
        ref_json = json.dumps(ref.to_dict())
        png = await self._in_pool(lambda: uploading.saved_png(frame, recipe, ref_json, pixels))
        return {"filename": f"strata-{recipe.image}.png", "png": wire.to_base64(png)}

    # The same as values, for whoever is no page: these raise BadInput.

    async def entries(self) -> tuple[Entry, ...]:
        """Every model that can be chosen, the default first."""
        return await self._in_pool(self.library.entries)

    async def default_id(self) -> str | None:
        """The model to begin with; None if none can be loaded."""
        return await self._in_pool(self.library.default_id)

    async def model(self, id: str) -> tuple[Entry, Checkpoint]:
        """A model by its id, loaded."""
        return await self._in_pool(lambda: self.library.load(id))

    async def take(self, data: bytes, name: str) -> uploading.Taken:
        """Decode a file and keep its picture, and what a picture saved by Strata carries."""
        taken = await self._in_pool(lambda: uploading.take(self.uploads, data, name))
        if taken.restored is not None:
            self._images.put(taken.restored.recipe.image, taken.restored.pixels)
        return taken

    async def source(self, id: str, ref: Ref) -> tuple[Entry, Checkpoint, Source]:
        """A model by its id, and the image that a reference means to it; the image is kept."""
        entry, checkpoint = await self.model(id)
        if ref.kind == "sample":
            source = Source((await self.sampled(checkpoint, ref.seed)).pixels, ref)
        elif ref.kind == "example":
            source = example_source(checkpoint, ref)
        else:
            source = await self._in_pool(
                lambda: uploading.upload_source(self.uploads, checkpoint, ref)
            )
        self._images.put(image_hash(source.pixels), source.pixels)
        return entry, checkpoint, source

    async def sampled(self, checkpoint: Checkpoint, seed: int, temperature: float = 1.0) -> Frame:
        """A picture from a model's prior."""
        job = partial(sample_frame, checkpoint.model, seed, temperature)
        return await self.worker.run(job, OPEN)

    async def opened(self, checkpoint: Checkpoint, pixels: np.ndarray) -> Opened:
        """An image encoded, reconstructed and weighed by a model."""
        key = (checkpoint.hash, image_hash(pixels))
        result = self._opened.get(key)
        if result is None:
            result = await self.worker.run(lambda: opened(checkpoint, pixels), OPEN)
            self._opened.put(key, result)
            self._traces.put((*key, None), result.trace)
        return result

    async def frame(self, recipe: Recipe) -> tuple[Frame, float]:
        """The picture of a recipe, and the milliseconds its decode took."""
        checkpoint = await self.checkpoint(recipe)
        pixels = self.pixels(recipe.image)

        def job() -> tuple[Frame, float]:
            trace = self._trace(checkpoint, pixels, recipe)
            started = time.perf_counter()
            frame = render(checkpoint.model, trace, recipe, checkpoint.statistics)
            return frame, 1000 * (time.perf_counter() - started)

        return await self.worker.run(job, RENDER)

    async def checkpoint(self, recipe: Recipe) -> Checkpoint:
        """The model of a recipe; of one that is loaded without leaving the event loop."""
        loaded = self.library.loaded(recipe.model)
        if loaded is not None:
            return loaded
        return await self._in_pool(lambda: self.library.with_hash(recipe.model))

    def pixels(self, image: str) -> np.ndarray:
        """Model-sized pixels by their hash; UnknownImage if they are not kept any more."""
        found = self._images.get(image)
        if found is None:
            raise UnknownImage(
                f"the image {image} is not on the server (any more) - open the image again"
            )
        return found

    async def _ladder(self, recipe: Recipe) -> list[Rung]:
        """The rungs, each a job of its own, so that a newer picture waits for one at most."""
        checkpoint = await self.checkpoint(recipe)
        pixels = self.pixels(recipe.image)

        def begin() -> Iterator[Rung]:
            trace = self._trace(checkpoint, pixels, recipe)
            return ladder(checkpoint.model, trace, recipe, checkpoint.statistics)

        rungs = await self.worker.run(begin, DETAILS)
        return [await self.worker.run(lambda: next(rungs), DETAILS) for _ in range(recipe.depth)]

    def _trace(self, checkpoint: Checkpoint, pixels: np.ndarray, recipe: Recipe) -> Trace:
        """The trace of a recipe's image, encoded if it is not kept; runs on the device."""
        key = (checkpoint.hash, recipe.image, recipe.encode_seed)
        trace = self._traces.get(key)
        if trace is None:
            check_size(checkpoint, pixels)
            trace = encode_image(checkpoint, pixels, recipe.encode_seed)
            self._traces.put(key, trace)
        return trace

    def _sprite(self, checkpoint: Checkpoint) -> Json:
        sprite = self._sprites.get(checkpoint.hash)
        if sprite is None:
            sprite = wire.sprite_json(checkpoint.examples)
            self._sprites.put(checkpoint.hash, sprite)
        return sprite

    async def _in_pool(self, job: Callable[[], R]) -> R:
        return await asyncio.get_running_loop().run_in_executor(self._files, job)
