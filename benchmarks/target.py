"""The server that is attacked, as an attacker sees it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

WAIT_S = 60.0
SERVER = "/gradio_api/component_server"
Json = dict[str, Any]


@dataclass
class Target:
    """A server, and what an attack needs to know of it.

    Args:
        client: To its address.
        desk: The desk's component.
        recipe: Of a test picture, changing nothing.
        until: When to stop, in seconds of `time.monotonic`.
        seen: Answers by kind.
    """

    client: httpx.AsyncClient
    desk: int
    recipe: Json
    until: float
    seen: Counter[str]

    def going_on(self) -> bool:
        return time.monotonic() < self.until

    async def call(self, name: str, request: object, session: str = "siege", **more: Any) -> Json:
        """A function of the desk, called as the page calls it; its answer, or nothing."""
        body = {"session_hash": session, "component_id": self.desk, "fn_name": f"desk_{name}"}
        answer = await self.post(SERVER, json={**body, "data": request}, **more)
        return answer.json() if answer is not None and answer.is_success else {}

    async def post(self, path: str, **more: Any) -> httpx.Response | None:
        """What comes back; None if nothing does."""
        try:
            answer = await self.client.post(path, **more)
        except httpx.TransportError as error:
            self.seen[type(error).__name__] += 1
            return None
        self.seen[str(answer.status_code)] += 1
        return answer

    async def socket(self) -> ClientConnection:
        """A socket to the live route, opened as a page opens one."""
        asked = await self.client.post(SERVER, json=self._session())
        session, base = asked.json(), str(self.client.base_url).rstrip("/")
        url = f"{base.replace('http', 'ws', 1)}/{session['path']}?token={session['token']}"
        return await connect(url, origin=base, open_timeout=WAIT_S, ping_interval=None)  # pyright: ignore[reportArgumentType]

    def _session(self) -> Json:
        body = {"session_hash": "siege", "component_id": self.desk, "fn_name": "desk_session"}
        return {**body, "data": {}}


async def first_recipe(target: Target) -> Json:
    """The recipe of the first test picture of the default model, which changes nothing."""
    body = {"session_hash": "siege", "component_id": target.desk}
    listed = await target.client.post(
        SERVER, json={**body, "fn_name": "desk_models", "data": {}}, timeout=WAIT_S
    )
    request = {"model": listed.json()["default"], "image": {"kind": "example", "index": 0}}
    opened = await target.client.post(
        SERVER, json={**body, "fn_name": "desk_open", "data": request}, timeout=WAIT_S
    )
    return opened.json()["recipe"]
