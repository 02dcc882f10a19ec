"""The named endpoints for programs: `/models`, `/reconstruct`, `/render`, `/sample`.

They show nothing on the page. Each is a handler over values, and `build` gives it hidden
components, since those check that a file was uploaded by its sender before it is read.
`docs/api.md` is the manual, and its examples are run as tests.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import TypeVar

import gradio as gr
import numpy as np

from explorer.guard.discretion import without_folders
from explorer.guard.turns import asking
from explorer.images import uploading
from explorer.images.opening import Ref, Source, fitting_recipe
from explorer.images.png_state import rgb
from explorer.images.sides import MAX_SIDE, own_side
from explorer.library.library import Entry
from explorer.live import to_json
from explorer.live.requests import CALM, Json, log_fault
from explorer.live.server import Live
from explorer.recipe.recipe import MAX_SEED, MAX_TEMPERATURE, Recipe
from explorer.render.axes import all_axes
from models.checkpoint.checkpoint import Checkpoint
from models.errors import BadInput
from models.reading.files import MAX_BYTES

R = TypeVar("R")

MAX_SAMPLES = 32
MAX_AT_ONCE = 4


async def models(live: Live) -> list[Json]:
    """Every model that can be named, the default first."""
    return [to_json.entry_json(entry) for entry in await live.entries()]


async def reconstruct(
    live: Live, image: str | None, model: str | None, side: object = 0
) -> tuple[np.ndarray, Json]:
    """The reconstruction of an image file, and what the image costs the model.

    The side, in pixels, is of use with a model that takes several; 0 is as large as the image.

    Returns:
        The picture, 8-bit `(H, W, 3)`; and the terms in nats, the recipe that changes nothing,
        and the axes that its edits may name.
    """
    entry, checkpoint, source = await _opened(live, image, model, side)
    result = await live.opened(checkpoint, source.pixels)
    sized = await live.sized(checkpoint, source.pixels.shape[0])
    levels = all_axes(sized.model, checkpoint.statistics)
    return rgb(result.reconstruction.pixels), {
        "model": to_json.model_json(entry, checkpoint),
        "side": source.pixels.shape[0],
        "terms": to_json.terms_json(await live.terms(checkpoint, source.pixels)),
        "recipe": fitting_recipe(checkpoint, source.pixels, None).to_dict(),
        "levels": [to_json.level_json(axes) for axes in levels],
    }


async def render(
    live: Live, image: str | None, recipe: object, model: str | None, side: object = 0
) -> np.ndarray:
    """The picture that a recipe makes of an image file, 8-bit `(H, W, 3)`.

    The side is that of the image that the recipe was made on, as for /reconstruct.
    """
    if not isinstance(recipe, str | dict):
        raise BadInput("recipe is missing - give the JSON that /reconstruct or the page gives")
    wanted = Recipe.from_json(recipe)
    _, checkpoint, source = await _opened(live, image, model, side)
    fitted = fitting_recipe(checkpoint, source.pixels, wanted)
    drawn = await live.frame(fitted)
    return rgb(drawn.frame.pixels)


async def sample(
    live: Live, model: str | None, seed: object, temperature: object, n: object, side: object = 0
) -> list[np.ndarray]:
    """Pictures from the prior, each 8-bit `(H, W, 3)`; picture i has the seed `seed + i`.

    The side, in pixels, is of use with a model that takes several; 0 is the model's own.
    """
    count = _number("n", n, 1, MAX_SAMPLES, whole=True)
    first = _number("seed", seed, 0, MAX_SEED, whole=True)
    warmth = _number("temperature", temperature, 0, MAX_TEMPERATURE)
    _, checkpoint = await live.model(await _id_of(live, model))
    sized = await live.sized(checkpoint, _side(side) or own_side(checkpoint.model))
    # Past the last seed it goes on from the first, so that every seed has its pictures.
    seeds = ((int(first) + i) % (MAX_SEED + 1) for i in range(int(count)))
    return [rgb((await live.sampled(sized, s, warmth)).pixels) for s in seeds]


def build(live: Live) -> None:
    """Register the endpoints in the `gr.Blocks` that is being built."""

    async def models_endpoint(call: gr.Request):
        return await _spoken(call, models(live))

    async def reconstruct_endpoint(image, model, side, call: gr.Request):
        return await _spoken(call, reconstruct(live, image, model, side))

    async def render_endpoint(image, recipe, model, side, call: gr.Request):
        return await _spoken(call, render(live, image, recipe, model, side))

    async def sample_endpoint(model, seed, temperature, n, side, call: gr.Request):
        return await _spoken(call, sample(live, model, seed, temperature, n, side))

    # Each hidden itself: of a hidden group the page would fetch what is in it all the same.
    file = gr.File(label="image", visible=False)
    model = gr.Textbox("", label="model", visible=False)
    recipe = gr.JSON(label="recipe", visible=False)
    seed = gr.Number(0, label="seed", visible=False)
    temperature = gr.Number(1.0, label="temperature", visible=False)
    count = gr.Number(1, label="n", visible=False)
    side = gr.Number(0, label="side", visible=False)
    picture = gr.Image(label="picture", format="png", visible=False)
    pictures = gr.Gallery(label="pictures", format="png", visible=False)
    facts = gr.JSON(label="facts", visible=False)
    endpoints = (
        (models_endpoint, "models", [], facts),
        (reconstruct_endpoint, "reconstruct", [file, model, side], [picture, facts]),
        (render_endpoint, "render", [file, recipe, model, side], picture),
        (sample_endpoint, "sample", [model, seed, temperature, count, side], pictures),
    )
    for handler, name, inputs, outputs in endpoints:
        gr.on(
            [],
            handler,
            inputs,
            outputs,
            api_name=name,
            api_description=globals()[name].__doc__,
            concurrency_limit=MAX_AT_ONCE,
        )


async def _opened(
    live: Live, image: str | None, model: str | None, side: object
) -> tuple[Entry, Checkpoint, Source]:
    """A model and an image file at its size.

    A PNG saved by Strata stands for the picture that it was made from.
    """
    if not image:
        raise BadInput("image is missing - give a file, for instance handle_file('photo.png')")
    taken = await live.take(*await asyncio.to_thread(_read, Path(image)))
    ref = Ref("upload", key=taken.upload.key)
    if taken.restored is not None:
        ref = uploading.restored_ref(taken.restored)
    ref = replace(ref, side=_side(side) or None)
    return await live.source(await _id_of(live, model), ref)


def _side(side: object) -> int:
    return int(_number("side", side, 0, MAX_SIDE, whole=True))


async def _id_of(live: Live, model: str | None) -> str:
    id = model or await live.default_id()
    if id is None:
        raise BadInput("no model can be loaded - start Strata with --model")
    return id


def _read(path: Path) -> tuple[bytes, str]:
    if path.stat().st_size > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise BadInput(f"{path.name} is larger than {limit} MiB - save it smaller and try again")
    return path.read_bytes(), path.name


def _number(name: str, value: object, low: float, high: float, whole: bool = False) -> float:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else nan
    if low <= number <= high and (not whole or number == int(number)):
        return number
    kind = "a whole number" if whole else "a number"
    raise BadInput(f"{name} must be {kind} from {low:g} to {high:g}")


async def _spoken(call: gr.Request, answer: Awaitable[R]) -> R:
    """Answer in the turn of the session that calls; say errors as gradio's clients expect them."""
    try:
        with asking(call.session_hash):
            return await answer
    except BadInput as error:
        raise gr.Error(without_folders(str(error)), print_exception=False) from error
    except Exception as error:
        log_fault("an endpoint")
        raise gr.Error(CALM, print_exception=False) from error
