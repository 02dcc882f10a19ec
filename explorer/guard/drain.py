"""A server that is told to stop: it takes nothing new, ends what runs, and then goes.

Kubernetes, compose and systemd tell it with SIGTERM. From then on

    GET /ready   says 503, and so does everything new: a proxy asks another replica instead
    sockets      are closed as soon as the frame in hand is sent, with the code at which a page
                 opens another at once (its recipe, its upload and its steps are the page's own)
    requests     that are under way are answered, and so is what they need to be
    training     that this process began stops after its step, is saved and measured

The process ends with 0 once that is done, `DRAIN_S` seconds later with what is not done cut off;
a training that is cut off while it is measured can be resumed. A second SIGTERM ends it at once.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

if TYPE_CHECKING:
    from collections.abc import Iterator

READY = "/ready"
DRAIN_S = 20.0
CLOSE_S = 5.0  # for what is left then: connections, threads
LOOK_S = 0.05
SERVICE_RESTART = 1012  # of the codes that a WebSocket is closed with

_ENDLESS = re.compile(r"/gradio_api/heartbeat/")
_OF_RUNNING = re.compile(r"/gradio_api/(queue/data|upload_progress|cancel|file=)")

_log = logging.getLogger(__name__)


class Sockets(Protocol):
    """All open sockets."""

    def __len__(self) -> int: ...

    def leave(self, code: int) -> None: ...


class Job(Protocol):
    """A training that this process may have begun."""

    def let_go(self) -> None: ...

    def has_own(self) -> bool: ...


class Drain:
    """Whether this server takes anything new, and what is under way.

    Args:
        sockets: Those of its pages.
    """

    def __init__(self, sockets: Sockets) -> None:
        self.begun = False
        self.loop: asyncio.AbstractEventLoop | None = None  # that of the server, once it runs
        self._sockets = sockets
        self._requests = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Counts a request while it is under way."""
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1

    def begin(self) -> None:
        """Take nothing new, and send the pages elsewhere; from any thread."""
        self.begun = True
        if self.loop is not None:
            self.loop.call_soon_threadsafe(self._sockets.leave, SERVICE_RESTART)

    def under_way(self) -> list[str]:
        """What is still to end, in words."""
        counts = ((self._requests, "request"), (len(self._sockets), "page"))
        return [f"{count} {name}{'s' * (count > 1)}" for count, name in counts if count]


class Door:
    """Passes on what may be asked of a server that drains, and says whether it is ready.

    Args:
        app: What is behind.
        drain: Whether it drains.
    """

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app, self._drain = app, drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._drain.loop = asyncio.get_running_loop()
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if self._drain.begun and not _OF_RUNNING.search(path):
            words = "This server stops and takes nothing new: ask another, or again shortly.\n"
            await PlainTextResponse(words, 503, {"retry-after": "1"})(scope, receive, send)
        elif scope["type"] == "http" and path == READY:
            await PlainTextResponse("ready\n")(scope, receive, send)
        elif scope["type"] == "websocket" or _ENDLESS.search(path):
            await self._app(scope, receive, send)  # a socket is counted among its like
        else:
            with self._drain.counted():
                await self._app(scope, receive, send)


class Told:
    """Whether the process was told to stop; to be made in its main thread."""

    def __init__(self) -> None:
        self.to_stop = False
        signal.signal(signal.SIGTERM, self._hear)

    def _hear(self, number: int, _: object) -> None:
        self.to_stop = True  # no lock is taken here: the main thread may hold it
        signal.signal(number, signal.SIG_DFL)


def wait_until_told(told: Told, drain: Drain, job: Job) -> None:
    """Wait for SIGTERM, then until what runs has ended, or for Ctrl-C, which waits for nothing."""
    try:
        while not told.to_stop:
            time.sleep(2 * LOOK_S)
    except KeyboardInterrupt:
        return
    _log.info("told to stop: nothing new is taken, and what runs has %.0f s to end", DRAIN_S)
    drain.begin()
    job.let_go()
    end = time.monotonic() + DRAIN_S
    while (left := _left(drain, job)) and time.monotonic() < end:
        time.sleep(LOOK_S)
    if left:
        _log.warning("cut off after %.0f s: %s", DRAIN_S, ", ".join(left))
    last = threading.Timer(CLOSE_S, os._exit, (0,))  # whatever a thread still waits for
    last.daemon = True
    last.start()


def _left(drain: Drain, job: Job) -> list[str]:
    training = ["a training, saved if it had taken a step"] if job.has_own() else []
    return [*drain.under_way(), *training]
