"""One page's live session over a WebSocket: recipes in, frames out, the newest first.

The page sends text, the server binary frames (`packets.py`) and text:

    page    {"seq": n, "recipe": {…}, "lossy": bool, "drawn": bool}    n grows with every message
    server  a frame with seq n      acknowledges every request up to n: older ones get no frame
            rungs with seq n        the ladder, once no newer recipe came for a moment
            {"seq": n, "shadowed": {…}}   the last of the ladder; sliders that can do nothing
            {"seq": n, "error": …, "code": …}   in place of a frame
            {"hello": {"device": …}}      once, at the beginning

"drawn" says that the page has this picture already and wants the ladder only. What is waiting
is one message, the newest, and nothing has been read of it: a job in line for the device looks
at its turn which that is, reads it and draws it, so a session has at most one job in line, costs
the others nothing else, and sessions take turns in the order of their jobs. While a slow link
holds a frame back nothing is drawn for it. A newer request drops the ladder, whose
last rung is the picture of the recipe, sent exactly even if the frame before was compressed.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from starlette.websockets import WebSocket, WebSocketDisconnect

from explorer.guard.crowd import TRY_AGAIN_LATER, Pace
from explorer.guard.turns import asking
from explorer.live import to_json
from explorer.live.packets import EXACT, LOSSY, QUICK, Facts, is_raw, packet
from explorer.live.requests import Json, error_json, recipe_of
from explorer.live.server import Drawn, Live
from explorer.live.worker import RENDER
from explorer.recipe.recipe import MAX_JSON_CHARS, Recipe
from explorer.render.frame import Frame
from explorer.render.render import shadowed
from models.errors import BadInput

R = TypeVar("R")

QUIET_S = 0.06
MAX_SEQ = 2**32 - 1
RECIPE = '"recipe"'  # what every request has in it
MOST_UNSEEN = 12  # messages that a page sends before it sees a picture; desk/js/flight.js
LONGEST_UNHEARD_S = 0.25  # then more is read, if only to hear that the page has left
LONG = 16_384  # letters of a request, of a thousand dabs
LONGEST_MISTAKE = 4_096  # letters of something else that are looked at, to say what is wrong


@dataclass(frozen=True)
class Ask:
    """A request of the page.

    Args:
        seq: Its number, larger than those before.
        recipe: What to draw.
        lossy: Whether the link is slow, so that frames are to be compressed.
        drawn: Whether the page has the picture already and wants the ladder only.
        came: When it came, in seconds of `time.perf_counter`.
    """

    seq: int
    recipe: Recipe
    lossy: bool = False
    drawn: bool = False
    came: float = 0.0


def parse_ask(text: str, after: int, came: float = 0.0) -> Ask:
    """A request from its JSON.

    Args:
        after: The number of the request before.
        came: When it came, as in an `Ask`.

    Raises:
        BadInput: If it is none; the message names the field.
    """
    if len(text) > 2 * MAX_JSON_CHARS:
        raise BadInput("the request is far too long - reload the page")
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:  # also one nested too deep
        raise BadInput("the request is no JSON - reload the page") from error
    if not isinstance(value, Mapping):
        raise BadInput("the request is no JSON object - reload the page")
    seq = value.get("seq")
    if isinstance(seq, bool) or not isinstance(seq, int) or not after < seq <= MAX_SEQ:
        raise BadInput("the request needs 'seq', larger than the one before - reload the page")
    try:
        lossy, drawn = value.get("lossy") is True, value.get("drawn") is True
        return Ask(seq, recipe_of(value), lossy, drawn, came)
    except BadInput as error:
        raise Unanswerable(seq, error) from error


class Unanswerable(BadInput):
    """A request whose number is known, so that its error can name it."""

    def __init__(self, seq: int, error: BadInput) -> None:
        super().__init__(str(error))
        self.seq = seq


class Session:
    """The session of one page, for as long as its socket is open.

    Args:
        live: What draws.
        socket: The socket, accepted.
    """

    def __init__(self, live: Live, socket: WebSocket) -> None:
        self._live = live
        self._socket = socket
        # The newest message, and when it came. The loop's thread replaces it and the device's
        # thread takes it out: both are one step of a deque, so that none is lost between them.
        self._newest: deque[tuple[str, float]] = deque(maxlen=1)
        self._unseen = 0  # messages since the last picture, and before it
        self._unseen_before = 0
        self._drawn = asyncio.Event()
        self._asked = asyncio.Event()
        self._pace = Pace()
        self._leaving = asyncio.Event()
        self._code = TRY_AGAIN_LATER
        self._at_rest = asyncio.Event()  # while no frame is in hand
        self._at_rest.set()
        self._seq = 0
        self._details: asyncio.Task[None] | None = None

    def leave(self, code: int) -> None:
        """Close the socket with this code, and the page opens it again.

        To make room for another page at once; otherwise once the frame in hand is sent.
        """
        self._code = code
        self._leaving.set()

    @property
    def heard(self) -> float:
        """When the page was last heard, in seconds of `time.monotonic`."""
        return self._pace.heard

    async def run(self) -> None:
        """Serve the page until it leaves, or has to."""
        work = (self._hear(), self._draw(), self._left())
        tasks = {asyncio.create_task(one) for one in work}
        try:
            await self._say({"hello": {"device": self._live.library.device}})
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except WebSocketDisconnect:
            pass
        finally:
            self._drop_details()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if self._leaving.is_set():
            with suppress(WebSocketDisconnect):
                await self._socket.close(self._code)

    async def _left(self) -> None:
        await self._leaving.wait()
        if self._code != TRY_AGAIN_LATER:
            await self._at_rest.wait()

    async def _hear(self) -> None:
        """Take messages at the pace of a page; the newest one waits, an older one is forgotten."""
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or ""
            try:
                if RECIPE not in text:
                    parse_ask(text[:LONGEST_MISTAKE], self._seq)
            except BadInput as error:
                self._seq = getattr(error, "seq", self._seq)
                await self._say({"seq": self._seq, **error_json(error)})
            else:
                self._newest.append((text, time.perf_counter()))
                self._unseen += 1
                self._drop_details()
                self._asked.set()
            await self._pace.keep(len(text))
            if self._unseen > MOST_UNSEEN:  # nobody looks: what is sent on waits with its sender
                self._drawn.clear()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._drawn.wait(), LONGEST_UNHEARD_S)

    async def _draw(self) -> None:
        """Draw the newest request, again and again."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if self._newest:  # else taken already, by the job that was in line
                self._at_rest.clear()
                await self._draw_newest()
                self._at_rest.set()

    async def _draw_newest(self) -> None:
        """Send the frame of the request that is the newest when the device's turn comes."""

        def job() -> tuple[Ask, Drawn | None]:
            text, came = self._newest.pop()
            ask = parse_ask(text, self._seq, came)
            self._seq = ask.seq
            return ask, None if ask.drawn else self._live.draw(ask.recipe)

        depth = self._live.worker.waiting()
        try:
            ask, drawn = await self._in_turn(job)
            if drawn is None and not ask.drawn:
                drawn = await self._live.frame(ask.recipe)
        except Exception as error:
            self._seq = getattr(error, "seq", self._seq)
            await self._say({"seq": self._seq, **error_json(error)})
            return
        finally:
            self._unseen_before, self._unseen = self._unseen, 0
            self._drawn.set()
        if drawn is not None:
            server_ms = 1000 * (time.perf_counter() - ask.came)
            facts = Facts(ask.seq, drawn.decode_ms, server_ms, depth)
            await self._send(drawn.frame, facts, LOSSY if ask.lossy else QUICK)
        if not self._newest:
            self._begin_details(ask)

    async def _in_turn(self, job: Callable[[], R]) -> R:
        """Run a job at this session's turn.

        It is among the calls where the message is long to read, and where the page sends on
        without looking at any picture: those go first who do look.
        """
        if len(self._newest[0][0]) < LONG and self._unseen_before <= MOST_UNSEEN:
            return await self._live.worker.run(job, RENDER)
        with asking(f"socket {id(self)}"):
            return await self._live.worker.run(job, RENDER)

    def _begin_details(self, ask: Ask) -> None:
        self._drop_details()
        self._details = asyncio.create_task(self._draw_details(ask))

    def _drop_details(self) -> None:
        if self._details is not None:
            self._details.cancel()
            self._details = None

    async def _draw_details(self, ask: Ask) -> None:
        """Send the ladder, rung by rung, once the hand rests."""
        with suppress(WebSocketDisconnect):
            try:
                await asyncio.sleep(QUIET_S)
                rungs = await self._live.ladder(ask.recipe)
                while (rung := await self._live.rung(rungs)) is not None:
                    exact = EXACT if rung.level == 1 else QUICK
                    await self._send(rung.frame, Facts(ask.seq, level=rung.level), exact)
                reasons = shadowed(ask.recipe, ask.recipe.depth)
                await self._say({"seq": ask.seq, "shadowed": to_json.shadowed_json(reasons)})
            except WebSocketDisconnect:
                raise
            except Exception as error:
                await self._say({"seq": ask.seq, **error_json(error)})

    async def _send(self, frame: Frame, facts: Facts, haste: str) -> None:
        if is_raw(frame, haste):
            message = packet(frame, facts, haste)
        else:
            message = await self._live.in_pool(lambda: packet(frame, facts, haste))
        await self._socket.send_bytes(message)

    async def _say(self, message: Json) -> None:
        await self._socket.send_text(json.dumps(message))
