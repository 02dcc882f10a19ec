"""The bound: a bare page on a bare WebSocket, which nothing that has a server can beat by much.

page    [sigma, …] as JSON, at most one unanswered; the newest one waits
server  width and height as two bytes each, then raw RGB
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect
from fastapi.responses import HTMLResponse

from benchmarks.decoder import SLIDERS, Decoder

PAGE = Path(__file__).with_name("bound.html")


def build(decoder: Decoder) -> FastAPI:
    """The page and its socket; the decode is called straight in the handler."""
    app = FastAPI()
    page = PAGE.read_text(encoding="utf-8").replace("{sliders}", str(SLIDERS))

    @app.get("/")
    async def show() -> HTMLResponse:
        return HTMLResponse(page)

    @app.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                pixels = decoder(json.loads(await socket.receive_text()))
                height, width, _ = pixels.shape
                await socket.send_bytes(struct.pack("<HH", width, height) + pixels.tobytes())
        except WebSocketDisconnect:
            return

    return app


def serve(decoder: Decoder, host: str, port: int) -> None:
    """Serve the page until the process ends."""
    app = build(decoder)
    uvicorn.run(app, host=host, port=port, log_level="warning", ws_per_message_deflate=False)
