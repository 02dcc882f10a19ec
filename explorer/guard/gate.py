"""Who may open a socket: a page of this very server, with its token, logged in if need be.

Browsers let any page open a WebSocket to any server and send its cookies along, so the route
looks for itself. Three things must hold, and each alone is refused with 403 and logged:

    origin   the page came from this server: the Origin's host is the host that was asked for,
             the one that a proxy names in X-Forwarded-Host, or one given as --allowed-host
    token    the page was given a token by the server function `session`, in this process
    login    with --auth, gradio accepts the cookies that came with the request
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

import httpx
from starlette.websockets import WebSocket

from explorer.bounded import Bounded

PATH = "strata/live"
LOGIN_CHECK = "/gradio_api/login_check"  # gradio's own route: 200 or 401
MAX_TOKENS = 4_096

_log = logging.getLogger(__name__)


class Gate:
    """The tokens given out by this process, the oldest forgotten first.

    Args:
        hosts: Hosts of pages that are this server's too, whatever a proxy makes of their names.
        max_tokens: Most tokens kept.
    """

    def __init__(self, hosts: Collection[str] = (), max_tokens: int = MAX_TOKENS) -> None:
        self._hosts = hosts
        self._tokens: Bounded[str, bool] = Bounded(max_tokens)

    def issue(self) -> str:
        """A new token."""
        token = secrets.token_urlsafe(24)
        self._tokens.put(token, True)
        return token

    async def admits(self, socket: WebSocket) -> bool:
        """Whether a socket that asks to be opened may be."""
        if not same_origin(socket.headers, self._hosts):
            reason = another_origin(socket.headers)
        elif self._tokens.get(socket.query_params.get("token", "")) is None:
            reason = "no token of this process"
        elif not await logged_in(socket):
            reason = "no login"
        else:
            return True
        _log.warning("a socket was refused: %s", reason)
        return False


def same_origin(headers: Mapping[str, str], hosts: Collection[str] = ()) -> bool:
    """Whether the page behind a request came from the host that the request names.

    A proxy may name the outer host in X-Forwarded-Host, and its port there or in
    X-Forwarded-Port, which no page can set; or it is one of `hosts`. The usual port of the
    page's scheme may be left out on either side.
    """
    scheme, host = _origin(headers)
    port = headers.get("x-forwarded-port", "").split(",")[0].strip()
    named = [headers.get("host", ""), *headers.get("x-forwarded-host", "").split(",")]
    asked = {name.strip().lower() for name in [*named, *hosts]}
    asked |= {f"{name}:{port}" for name in asked if port and name not in hosts}
    usual = {"http": ":80", "https": ":443"}.get(scheme, "")
    return bool(host) and host.removesuffix(usual) in {name.removesuffix(usual) for name in asked}


def _origin(headers: Mapping[str, str]) -> tuple[str, str]:
    """Scheme and host of an Origin, in small letters; empty where it is none."""
    try:
        scheme, host = urlsplit(headers.get("origin", "").lower())[:2]
    except ValueError:  # such as "http://[::1"
        return "", ""
    return scheme, host


def another_origin(headers: Mapping[str, str]) -> str:
    """Why a page of another origin is refused, and what to do if a proxy only renamed it."""
    origin = headers.get("origin", "none")[:100]
    host = _origin(headers)[1]
    if not host:
        return f"a page of no origin ({origin!r})"
    return (
        f"a page of another origin ({origin!r}, where the request names the host "
        f"{headers.get('host', '')[:100]!r}). If that page is yours behind a proxy, let the proxy "
        f"send 'X-Forwarded-Host: {host}' or start with --allowed-host {host}"
    )


async def logged_in(socket: WebSocket) -> bool:
    """Whether gradio accepts the login that came with the request, asked of its own route."""
    transport = httpx.ASGITransport(app=socket.app)
    cookies = {"cookie": socket.headers.get("cookie", "")}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return (await client.get(LOGIN_CHECK, headers=cookies)).status_code == 200
