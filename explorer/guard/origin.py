"""Who may ask this server for anything: its own pages, and programs that call it by its name.

A browser lets any page send a request to any server, and a page's own domain may come to mean
another machine after the page was loaded. So every request passes here first:

    Host     must be a name of this server: loopback, the address of --host, of --root-path or of
             --share, or one given as --allowed-host. Where it listens on every address, any
             address in digits is its own, since only a name can be made to mean another machine
    Origin   if there is one, must be the host that was asked for (`gate.same_origin`); programs
             send none, and a browser always does where a page of another origin could do harm

Whatever is not is a 403 that says what to do, once in the log.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from explorer.bounded import Bounded
from explorer.guard.gate import another_origin, same_origin

EVERY_ADDRESS = ("", "0.0.0.0", "::")
MOST_SAID = 64  # refusals that are remembered, each of which is logged once

_log = logging.getLogger(__name__)


class Names:
    """What this server is called.

    Args:
        host: The address that it listens on.
        hosts: Further hosts, each with or without a port.
        root: The whole address of the page, or just its path, which names nothing.
    """

    def __init__(self, host: str, hosts: Collection[str] = (), root: str = "") -> None:
        self.hosts = tuple(hosts)
        self._every_address = host in EVERY_ADDRESS
        own = socket.gethostname().lower()
        names = [host, *([own, f"{own}.local"] if self._every_address else []), *hosts]
        self._names = {name_in(name) for name in (*names, urlsplit(root).netloc)} - {""}

    def add(self, address: str) -> None:
        """One more, from an address such as that of a public link."""
        self._names.add(name_in(urlsplit(address).netloc))

    def has(self, host: str) -> bool:
        """Whether a Host header names this server."""
        name = name_in(host)
        return is_loopback(name) or name in self._names or (self._every_address and _is_ip(name))


class OwnPages:
    """Passes on what may be asked of this server, and refuses the rest.

    Args:
        app: What is behind.
        names: What this server is called.
    """

    def __init__(self, app: ASGIApp, names: Names) -> None:
        self._app, self._names = app, names
        self._said: Bounded[str, bool] = Bounded(MOST_SAID)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = None if scope["type"] == "lifespan" else refusal(scope, self._names)
        if why is None:
            await self._app(scope, receive, send)
            return
        if self._said.get(why) is None:
            _log.warning("a request was refused: %s", why)
        self._said.put(why, True)
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})  # unaccepted: 403
        else:
            await PlainTextResponse(f"Refused: {why}.\n", 403)(scope, receive, send)


def refusal(scope: Scope, names: Names) -> str | None:
    """Why a request is refused, and what to do; None where it is none."""
    headers = Headers(scope=scope)
    host = headers.get("host", "")
    if not names.has(host):
        shown = host[:100]
        return (
            f"this server is not called {shown!r}. If that is its name in your browser, or the one "
            f"that your proxy asks for, start it with --allowed-host {shown or 'NAME'}"
        )
    if scope["type"] == "websocket":
        return None  # the gate looks for itself, and wants an Origin
    believed = dict(headers)
    if not is_loopback(name_in(host)):
        # Elsewhere gradio lets any page set headers; asked for loopback, it lets none.
        believed.pop("x-forwarded-host", None)
    if "origin" in believed and not same_origin(believed, names.hosts):
        return another_origin(headers)
    return _from_another_site(scope, headers)


def _from_another_site(scope: Scope, headers: Mapping[str, str]) -> str | None:
    """A picture or a script of another site may not point here; a link may."""
    if headers.get("sec-fetch-site") != "cross-site" or "origin" in headers:
        return None
    if headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET":
        return None
    return "a page of another site points here. Follow a link to the page instead"


def name_in(host: str) -> str:
    """The name or address in a Host header, without port and brackets; empty where it is none."""
    try:
        return (urlsplit(f"//{host.strip().lower()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_loopback(name: str) -> bool:
    """Whether a name always means the machine that asks."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    return _is_ip(name) and ip_address(name).is_loopback


def _is_ip(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
