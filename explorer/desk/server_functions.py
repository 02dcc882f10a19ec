"""What the page's desk asks of the server by name: JSON in, JSON out, without gradio's queue.

Frames under a drag go over the WebSocket (`session.py`); `render` and `details` answer the same
where a WebSocket cannot be had, by the same rule: of a session's, the newest is drawn.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict

from explorer.bounded import Bounded
from explorer.guard.gate import PATH, Gate
from explorer.guard.turns import Newest
from explorer.images import uploading
from explorer.images.decoding.pool import shared
from explorer.images.opening import Ref, fitting_recipe, sides_of
from explorer.images.png_state import to_base64
from explorer.live import to_json
from explorer.live.requests import (
    Json,
    ServerFunction,
    answering,
    file_of,
    optional_recipe,
    recipe_of,
    text_of,
)
from explorer.live.server import Live
from explorer.live.start_here import Starts
from explorer.recipe.recipe import Recipe
from explorer.render.axes import all_axes, check_recipe
from explorer.render.frame import Rung
from explorer.render.render import shadowed
from models.checkpoint.checkpoint import Checkpoint
from models.errors import BadInput


class Functions:
    """The functions of the page's component.

    Args:
        live: What draws.
        gate: What lets pages open a socket.
    """

    def __init__(self, live: Live, gate: Gate) -> None:
        self._live = live
        self._gate = gate
        self._sprites: Bounded[str, Json] = Bounded(16)
        self._newest = Newest()
        self._starts, self._newest_start = Starts(live), Newest()

    def all(self) -> list[ServerFunction]:
        """The functions as the page calls them: they answer an error, and never raise one."""
        methods = (
            self.models, self.upload, self.open, self.terms, self.local, self.start,
            self.render, self.details, self.export, self.keep, self.session,
        )  # fmt: skip
        return [answering(method) for method in methods]

    async def models(self, request: Mapping[str, object]) -> Json:
        """Every model that can be chosen, and the one to begin with."""
        shared().warm()  # a page is here, so a file may come
        default = await self._live.default_id()  # what could not be loaded for it, the list says
        entries = await self._live.entries()
        return {"models": [to_json.entry_json(entry) for entry in entries], "default": default}

    async def upload(self, request: Mapping[str, object]) -> Json:
        """Take a picture file; of a picture saved by Strata also take the state in it."""
        file = await self._live.in_pool(lambda: file_of(request))
        taken = await self._live.take(*file)
        id = None
        if taken.restored is not None:
            hash = taken.restored.recipe.model
            id = await self._live.in_pool(lambda: self._live.library.id_of(hash))
        return to_json.taken_json(taken, id)

    async def open(self, request: Mapping[str, object]) -> Json:
        """Open an image with a model, with the recipe given or the one that changes nothing."""
        recipe = optional_recipe(request)
        id, ref = text_of(request, "model"), Ref.parse(request.get("image"))
        entry, checkpoint, source = await self._live.source(id, ref)
        recipe = fitting_recipe(checkpoint, source.pixels, recipe)
        check_recipe(checkpoint.model, checkpoint.statistics, recipe)
        result = await self._live.opened(checkpoint, source.pixels)
        for t in sorted({edit.level for edit in recipe.edits if edit.kind == "local"}):
            await self._live.local_axes(recipe, t)  # not while a picture waits
        side = source.pixels.shape[0]
        sized = await self._live.sized(checkpoint, side)
        shown = await self._live.in_pool(lambda: to_json.source_json(source, checkpoint))
        sprite = await self._live.in_pool(lambda: self._sprite(checkpoint))
        levels = all_axes(sized.model, checkpoint.statistics)
        return {
            "model": to_json.model_json(entry, checkpoint),
            "levels": [to_json.level_json(axes) for axes in levels],
            "groups": to_json.groups_json(sized.model),
            "examples": sprite,
            "source": shown,
            "sides": to_json.sides_json(checkpoint, sides_of(checkpoint, source), side),
            "pixels": to_json.pixels_json(source.pixels),
            "image": to_json.frame_json(result.seen),
            "reconstruction": to_json.frame_json(result.reconstruction),
            "recipe": recipe.to_dict(),
            "ref": source.ref.to_dict(),
            "notices": [],
        }

    async def terms(self, request: Mapping[str, object]) -> Json:
        """What the image of a recipe costs its model; asked for once the image is shown.

        For an image that is unusual to it, also another model that takes any photograph; the
        page shows it for uploads.
        """
        recipe = recipe_of(request)
        checkpoint = await self._live.checkpoint(recipe)
        terms = await self._live.terms(checkpoint, self._live.pixels(recipe.image))
        other = None
        if terms.verdict in ("low", "high"):
            find = self._live.library.for_any_photograph
            other = await self._live.in_pool(lambda: find(recipe.model))
        return {"terms": to_json.terms_json(terms), "suggestion": to_json.suggestion_json(other)}

    async def local(self, request: Mapping[str, object]) -> Json:
        """The local axes of a level at the image of a recipe; found when they are asked for."""
        level = request.get("level")
        if isinstance(level, bool) or not isinstance(level, int):
            raise BadInput("the level is no whole number - reload the page")
        found = await self._live.local_axes(recipe_of(request), level)
        return {"axes": [to_json.axis_json(axis) for axis in found.axes()]}

    async def start(self, request: Mapping[str, object]) -> Json:
        """The slider to start with, of those that the recipe moves; asked for last of all."""
        found = await self._newest_start.run(self._starts.at(recipe_of(request)))
        return {"start": None if found is None else asdict(found)}

    async def render(self, request: Mapping[str, object]) -> Json:
        """The picture of a recipe; what a drag asks for, so it goes before all else."""
        drawn = await self._newest.run(self._live.frame(recipe_of(request)))
        return {
            "seq": request.get("seq"),
            "frame": to_json.frame_json(drawn.frame),
            "decode_ms": drawn.decode_ms,
        }

    async def details(self, request: Mapping[str, object]) -> Json:
        """The ladder of a recipe, and which sliders cannot change anything."""
        recipe = recipe_of(request)
        drawn = await self._newest.run(self._rungs(recipe))
        return {
            "seq": request.get("seq"),
            "ladder": [
                {"t": rung.level, "frame": to_json.frame_json(rung.frame)} for rung in drawn
            ],
            "shadowed": to_json.shadowed_json(shadowed(recipe, recipe.depth)),
        }

    async def export(self, request: Mapping[str, object]) -> Json:
        """The picture of a recipe as a PNG that carries the recipe and its source."""
        recipe, ref = recipe_of(request), Ref.parse(request.get("ref"))
        pixels = self._live.pixels(recipe.image)
        drawn = await self._live.frame(recipe)
        ref_json = json.dumps(ref.to_dict())
        png = await self._live.in_pool(
            lambda: uploading.saved_png(drawn.frame, recipe, ref_json, pixels)
        )
        return {"filename": f"strata-{recipe.image}.png", "png": to_base64(png)}

    async def keep(self, request: Mapping[str, object]) -> Json:
        """Take the image of a place back from a page that comes from another replica.

        It is what `open` gave as "pixels", and its hash alone names it, so a page that sends
        another harms nobody.
        """
        return {"image": self._live.keep(to_json.pixels_of(request.get("pixels")))}

    async def session(self, request: Mapping[str, object]) -> Json:
        """What a page needs to open its socket; whoever may call this is logged in."""
        return {"path": PATH, "token": self._gate.issue()}

    async def _rungs(self, recipe: Recipe) -> list[Rung]:
        rungs, drawn = await self._live.ladder(recipe), []
        while (rung := await self._live.rung(rungs)) is not None:
            drawn.append(rung)
        return drawn

    def _sprite(self, checkpoint: Checkpoint) -> Json:
        sprite = self._sprites.get(checkpoint.hash)
        if sprite is None:
            sprite = to_json.sprite_json(checkpoint.examples)
            self._sprites.put(checkpoint.hash, sprite)
        return sprite
