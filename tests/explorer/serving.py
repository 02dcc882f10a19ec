"""The live route on toy models, in a real server on loopback, for tests that open sockets."""

from __future__ import annotations

import json
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from websockets.sync.client import ClientConnection, connect

from explorer.guard.crowd import Crowd
from explorer.guard.gate import LOGIN_CHECK, PATH, Gate
from explorer.library.library import Library
from explorer.live.packets import HEADER
from explorer.live.server import Live
from explorer.serve import live_route
from models.checkpoint.checkpoint import Checkpoint
from tests.running import LOOPBACK, free_port

WAIT_S = 30.0


@dataclass(frozen=True)
class Server:
    """A running live route."""

    live: Live
    gate: Gate
    port: int

    @contextmanager
    def connect(
        self, origin: str | None = None, token: str | None = None
    ) -> Iterator[ClientConnection]:
        """A socket opened as a page of this server opens one, greeting included."""
        url = f"ws://{LOOPBACK}:{self.port}/{PATH}?token={token or self.gate.issue()}"
        page = origin or f"http://{LOOPBACK}:{self.port}"
        with connect(url, origin=page, open_timeout=WAIT_S) as socket:  # pyright: ignore[reportArgumentType]
            assert json.loads(socket.recv(WAIT_S)) == {"hello": {"device": "cpu"}}
            yield socket


@dataclass(frozen=True)
class Packet:
    """A binary message, taken apart."""

    kind: int
    form: int
    level: int
    seq: int
    depth: int
    body: bytes
    shape: tuple[int, int, int]

    @property
    def pixels(self) -> np.ndarray:
        return np.frombuffer(self.body, np.uint8).reshape(self.shape)


def unpack(message: bytes) -> Packet:
    kind, form, channels, level, seq, width, height, _, _, depth, _ = HEADER.unpack_from(message)
    shape = (height, width, channels)
    return Packet(kind, form, level, seq, depth, message[struct.calcsize(HEADER.format) :], shape)


def receive(socket: ClientConnection) -> Packet | dict:
    """The next message: a packet, or what was said in JSON."""
    message = socket.recv(WAIT_S)
    return unpack(message) if isinstance(message, bytes) else json.loads(message)


@contextmanager
def serving(folder: Path, checkpoints: dict[str, Checkpoint]) -> Iterator[Server]:
    """Serve these checkpoints, by folder name, until the block ends."""
    for name in checkpoints:
        (folder / name).mkdir(exist_ok=True)
    library = Library(folder, load=lambda source, _: checkpoints[Path(source).name])
    library.entries()  # loads them
    live, gate = Live(library), Gate()

    def nobody_asks_for_a_login(_: object) -> PlainTextResponse:
        return PlainTextResponse("")

    route = Route(LOGIN_CHECK, nobody_asks_for_a_login)
    port = free_port()
    app = Starlette(routes=[live_route(live, gate, Crowd()), route])
    config = uvicorn.Config(app, LOOPBACK, port, log_level="error", ws_per_message_deflate=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    deadline = time.monotonic() + WAIT_S
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.01)
    try:
        yield Server(live, gate, port)
    finally:
        server.should_exit = True
        thread.join(WAIT_S)
        live.close()
