"""The Compare tab: one image in two to four models side by side.

The page keeps what is chosen and asks for what is shown of it, part by part, by the functions
below: each takes one JSON object and gives HTML. They go past gradio's queue, as those of the
desk do, so that the pictures follow the hand on the depth control; of several requests the page
shows the newest (`compare/js/main.js`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import gradio as gr

from explorer.calls import by_session
from explorer.images import uploading
from explorer.images.opening import SPRITE_COUNT, Ref
from explorer.live.requests import Json, ServerFunction, answering, file_of
from explorer.live.server import Live
from explorer.live.to_json import sprite_json
from explorer.page.scripts import on_load
from explorer.panels.compare.bars import bars_html, total_html
from explorer.panels.compare.choice import (
    FEWEST,
    MOST,
    Choice,
    Option,
    options,
    shape_in_words,
    shapes_of,
)
from explorer.panels.compare.drawing import Comparing, Settled, Subject
from explorer.panels.compare.facts import facts_of
from explorer.panels.compare.table import cost_html, table_html, time_html
from explorer.panels.compare.values import Cost, about
from explorer.panels.compare.view import (
    EMPTY,
    card_html,
    ladder_html,
    opened_html,
    options_html,
    redrawn_html,
    samples_html,
    strip_html,
)
from models.errors import BadInput

HERE = Path(__file__).parent
PREFIX = "compare_"

Request = Mapping[str, object]
Handler = Callable[[Comparing, Request], Awaitable[Json]]


async def offer(comparing: Comparing, request: Request) -> Json:
    """What of a choice can be shown, what else there is to choose, and the empty frames of it."""
    found = await comparing.settle(Choice.parse(request.get("choice")))
    choice, costs = found.choice, []
    for id in choice.ids:
        entry, checkpoint = await comparing.live.model(id)
        said = about(id, entry.title, checkpoint.model)
        costs.append(Cost(said, facts_of(checkpoint)))
        if id == choice.ids[0] and choice.ref.index >= min(SPRITE_COUNT, len(checkpoint.examples)):
            choice = replace(choice, ref=replace(choice.ref, index=0))
    unused = MOST - len(costs)
    return {
        "choice": choice.to_json(),
        "slots": [options_html(_offered(found, slot), slot) for slot in range(MOST)],
        "cards": [card_html(cost.about) for cost in costs] + [EMPTY] * unused,
        "redrawn": [redrawn_html(cost.about, None) for cost in costs] + [""] * unused,
        "bars": bars_html(costs) if costs else "",
        "table": table_html(costs) if costs else "",
        "notice": _notice(found),
    }


async def strip(comparing: Comparing, request: Request) -> Json:
    """The test pictures of the first model."""
    choice = Choice.parse(request.get("choice"))
    _, checkpoint = await comparing.live.model(choice.ids[0] if choice.ids else "")
    sprite = await comparing.live.in_pool(lambda: sprite_json(checkpoint.examples))
    return {"html": strip_html(sprite)}


async def upload(comparing: Comparing, request: Request) -> Json:
    """Take a picture file; of a picture saved by Strata its source is taken."""
    file = await comparing.live.in_pool(lambda: file_of(request))
    taken = await comparing.live.take(*file)
    ref = Ref("upload", key=taken.upload.key)
    if taken.restored is not None:
        ref = uploading.restored_ref(taken.restored)
    return {"image": ref.to_dict(), "notice": " ".join(taken.notices)}


async def opened(comparing: Comparing, request: Request) -> Json:
    """The image as a model sees it, and its reconstruction."""
    subject, _ = await _subject(comparing, request)
    return {"html": opened_html(subject.about, await comparing.opened(subject))}


async def ladder(comparing: Comparing, request: Request) -> Json:
    """The ladder of the image in a model."""
    subject, _ = await _subject(comparing, request)
    return {"html": ladder_html(subject.about, await comparing.ladder(subject))}


async def samples(comparing: Comparing, request: Request) -> Json:
    """Pictures from the prior of a model."""
    subject, choice = await _subject(comparing, request)
    return {"html": samples_html(subject.about, await comparing.samples(subject, choice.seed))}


async def perturbed(comparing: Comparing, request: Request) -> Json:
    """The image in a model, its lowest levels redrawn to a share of the depth."""
    subject, choice = await _subject(comparing, request)
    found = await comparing.perturbed(subject, _share(request), choice.seed)
    return {"html": redrawn_html(subject.about, found)}


async def cost(comparing: Comparing, request: Request) -> Json:
    """What the image costs a model: its cell of the table, and its sum beside the bar."""
    subject, _ = await _subject(comparing, request)
    found = await comparing.cost(subject)
    return {"html": cost_html(found), "total": total_html(found)}


async def bars(comparing: Comparing, request: Request) -> Json:
    """The terms of the image in all models, on one scale."""
    subjects = await comparing.subjects(Choice.parse(request.get("choice")))
    return {"html": bars_html([await comparing.cost(subject) for subject in subjects])}


async def time(comparing: Comparing, request: Request) -> Json:
    """How long a model takes to decode a picture, measured now."""
    subject, _ = await _subject(comparing, request)
    return {"html": time_html(await comparing.decode_ms(subject))}


HANDLERS: tuple[Handler, ...] = (
    offer, strip, upload, opened, ladder, samples, perturbed, cost, bars, time,
)  # fmt: skip


def functions(comparing: Comparing) -> list[ServerFunction]:
    """The handlers as the page calls them: they answer an error, and never raise one."""

    def bound(handler: Handler) -> ServerFunction:
        async def call(request: Request) -> Json:
            return await handler(comparing, request)

        call.__name__ = getattr(handler, "__name__", "")
        call.__doc__ = handler.__doc__
        return by_session(answering(call), PREFIX)

    return [bound(handler) for handler in HANDLERS]


def build(live: Live) -> None:
    """The tab's content; to be called inside its `gr.Tab`."""
    gr.HTML(
        html_template=_text("compare.html"),
        css_template=_text("compare.css"),
        js_on_load=on_load("panels/compare/js/main.js"),
        apply_default_css=False,
        server_functions=functions(Comparing(live)),
    )


async def _subject(comparing: Comparing, request: Request) -> tuple[Subject, Choice]:
    """The image in the model that a request names by its place."""
    choice, slot = Choice.parse(request.get("choice")), request.get("slot")
    if isinstance(slot, bool) or not isinstance(slot, int):
        raise BadInput("the request names no model - reload the page")
    return await comparing.subject(choice, slot), choice


def _share(request: Request) -> float:
    share = request.get("share")
    if isinstance(share, int | float) and not isinstance(share, bool) and 0 <= share <= 1:
        return float(share)
    raise BadInput("the depth is no number from 0 to 1 - move the control again")


def _offered(found: Settled, slot: int) -> list[Option]:
    """The options of a place: the first takes any model, the others what fits beside it."""
    ids = found.choice.ids
    listed = options(found.entries, ids[0] if slot and ids else None)
    elsewhere = [id for at, id in enumerate(ids) if at != slot] if slot else []
    return [
        replace(option, refused="is here already") if option.id in elsewhere else option
        for option in listed
    ]


def _notice(found: Settled) -> str:
    """What to tell where there is nothing to compare."""
    ids = found.choice.ids
    if not ids:
        return "No model can be loaded: start Strata with --model, or train one."
    if len(ids) >= FEWEST:
        return ""
    shape = shape_in_words(shapes_of(found.entries)[ids[0]])
    return (
        f"No other model here takes {shape} images: choose another first, or train one beside it."
    )


def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
