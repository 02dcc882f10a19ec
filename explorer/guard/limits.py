"""How much of the server one may take by requests: bytes, places and turns.

    bytes    a body is refused before it is read where its length says too much, and as soon as
             it is too long where it says nothing; what is not an upload is small
    places   so many requests are under way, and so many wait; one more is told to come again,
             after a pause, so that one who comes again at once keeps nobody busy
    turns    requests are let in one after another, a hundred a second, and of large bodies
             one at a time, with a rest in proportion: to read one holds all else up
    newcomers  of a session not heard of yet, or of none, ten a second and never two at once:
             gradio writes anew for each all that the page consists of, which takes it 20 to 40 ms

Frames come over a socket and are not counted here (`crowd.py`); neither are the page's own files.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from explorer.bounded import Bounded
from explorer.guard.memory import give_back
from explorer.guard.rate import Rate
from models.reading.files import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MAX_FILE_BYTES = 256 * 2**20  # of a zip of pictures to train on
SMALL_BYTES = 2 * 2**20  # of a call without a file
UPLOAD = "/gradio_api/upload"
BODY_BYTES = {
    UPLOAD: MAX_FILE_BYTES + 2**20,
    "/gradio_api/component_server": MAX_BYTES // 3 * 4 + 2**20,  # a picture in base64
}
LARGE_BYTES = 2**20
LARGE_RATE = 24 * 2**20  # bytes of large bodies a second that are passed on
LONGEST_NAME = 64  # of a session, which gradio keeps; its own are eleven letters
MOST_UNDER_WAY, MOST_WAITING = 64, 512
RATE_HZ = 100.0
BURST_S = 0.2
PAUSE_S = 1.0  # before one is told to come again
HEAVY = 5  # requests that a page counts as: gradio writes its settings anew each time
NEW_HZ = 10.0
MOST_SESSIONS = 256  # that gradio keeps

_FREE = re.compile(r"/(assets|static|svelte|strata/js|theme\.css|favicon|gradio_api/heartbeat)")
_PAGES = re.compile(r"/(config|gradio_api/(info|openapi\.json))?/?")
_SESSION = re.compile(rb'"session_hash"\s*:\s*"([^"]*)"')


class TooLarge(Exception):
    """A body is longer than its kind may be."""


class Limits:
    """Passes requests on within these limits.

    Args:
        app: What is behind.
        clock: Seconds.
    """

    def __init__(self, app: ASGIApp, clock: Callable[[], float] = time.monotonic) -> None:
        self._app = app
        self._places = asyncio.Semaphore(MOST_UNDER_WAY)
        self._one_large = asyncio.Lock()
        self._waiting = 0
        self._all = Rate(RATE_HZ, BURST_S, clock)
        self._new = Rate(NEW_HZ, 1 / NEW_HZ, clock)
        self._sessions: Bounded[bytes, bool] = Bounded(MOST_SESSIONS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or _FREE.match(path):
            await self._app(scope, receive, send)
        elif self._waiting >= MOST_WAITING:
            await asyncio.sleep(PAUSE_S)
            await _say(429, "too much is asked for at the moment - try again shortly")(
                scope, receive, send
            )
        elif scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._turn(self._all, HEAVY if _PAGES.fullmatch(path) else 1)
            await self._app(scope, receive, send)
        else:
            await self._with_body(scope, receive, send)

    async def _turn(self, rate: Rate, weight: int = 1) -> None:
        """Wait until it is this request's turn, in the order that they came."""
        self._waiting += 1
        try:
            await asyncio.sleep(rate.wait_s(weight))
        finally:
            self._waiting -= 1

    async def _meet(self, session: bytes) -> None:
        """Let a session that is known already pass those that are not."""
        if self._sessions.get(session) is None:
            await self._turn(self._new)
        if session:
            self._sessions.put(session, True)

    async def _with_body(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].rstrip("/")  # after a path that a proxy left on
        most = next((most for end, most in BODY_BYTES.items() if path.endswith(end)), SMALL_BYTES)
        try:
            if _length(scope) > most:
                raise TooLarge
            await self._turn(self._all)
            if path.endswith(UPLOAD):  # goes to a file as it comes
                async with self._places:
                    await self._app(scope, _counted(receive, most), send)
                return
            body = await _body(_counted(receive, most))
        except TooLarge:
            words = f"the request is larger than {most / 2**20:.0f} MiB - send less"
            await _say(413, words)(scope, receive, send)
            return
        named = _SESSION.findall(body)
        session = named[0] if len(named) == 1 else b""
        if any(len(name) > LONGEST_NAME for name in named):
            await _say(400, "the session's name is too long - reload the page")(
                scope, receive, send
            )
            return
        await self._meet(session)
        async with self._places, self._turn_of(len(body)):
            await self._app(scope, _once(body, receive), send)

    @asynccontextmanager
    async def _turn_of(self, size: int) -> AsyncIterator[None]:
        """The turn of a body of this size: large ones one at a time, each followed by a rest."""
        if size < LARGE_BYTES:
            yield
            return
        async with self._one_large:
            try:
                yield
            finally:
                await asyncio.sleep(size / LARGE_RATE)
                await asyncio.to_thread(give_back)


def _length(scope: Scope) -> int:
    """What a request says of its body's length; 0 where it says nothing."""
    said = Headers(scope=scope).get("content-length", "")
    return int(said) if said.isdecimal() and len(said) < 20 else 0


def _counted(receive: Receive, most: int) -> Receive:
    """The same body, given up as soon as it is too long."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise TooLarge
        return message

    return counted


async def _body(receive: Receive) -> bytes:
    """A whole body; empty if the client left before its end."""
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return b""
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


def _once(body: bytes, receive: Receive) -> Receive:
    """A body that is there, then whatever comes."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def once() -> Message:
        return messages.pop() if messages else await receive()

    return once


def _say(status: int, words: str) -> PlainTextResponse:
    return PlainTextResponse(f"Refused: {words}.\n", status)
