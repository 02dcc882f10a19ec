"""Who may open a socket: a page of this very server, with its token, logged in if need be.

Browsers let any page open a WebSocket to any server and send its cookies along, so the route
looks for itself. Three things must hold, and each alone is refused with 403 and logged:

    origin   the page came from this server: the Origin's host is the host that was asked for
    token    the page was given a token by the server function `session`, in this process
    login    with --auth, gradio accepts the cookies that came with the request
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
from starlette.websockets import WebSocket

from explorer.stores import Bounded

PATH = "strata/live"
LOGIN_CHECK = "/gradio_api/login_check"  # gradio's own route: 200 or 401
MAX_TOKENS = 4_096

_log = logging.getLogger(__name__)


class Gate:
    """The tokens given out by this process, the oldest forgotten first."""

    def __init__(self, max_tokens: int = MAX_TOKENS) -> None:
        self._tokens: Bounded[str, bool] = Bounded(max_tokens)

    def issue(self) -> str:
        """A new token."""
        token = secrets.token_urlsafe(24)
        self._tokens.put(token, True)
        return token

    async def admits(self, socket: WebSocket) -> bool:
        """Whether a socket that asks to be opened may be."""
        if not same_origin(socket.headers):
            reason = f"a page of another origin ({socket.headers.get('origin', 'none')[:100]!r})"
        elif self._tokens.get(socket.query_params.get("token", "")) is None:
            reason = "no token of this process"
        elif not await logged_in(socket):
            reason = "no login"
        else:
            return True
        _log.warning("a socket was refused: %s", reason)
        return False


def same_origin(headers: Mapping[str, str]) -> bool:
    """Whether the page behind a request came from the host that the request names.

    A proxy may name the outer host in X-Forwarded-Host, which no page can set.
    """
    host = urlsplit(headers.get("origin", "")).netloc.lower()
    asked = (headers.get("host", ""), headers.get("x-forwarded-host", ""))
    return bool(host) and host in {name.strip().lower() for name in asked}


async def logged_in(socket: WebSocket) -> bool:
    """Whether gradio accepts the login that came with the request, asked of its own route."""
    transport = httpx.ASGITransport(app=socket.app)
    cookies = {"cookie": socket.headers.get("cookie", "")}
    async with httpx.AsyncClient(transport=transport, base_url="http://strata") as client:
        return (await client.get(LOGIN_CHECK, headers=cookies)).status_code == 200
