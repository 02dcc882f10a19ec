"""The page behind a proxy: below a path, under another host, or both.

Gradio writes into its page where the server is, from the request as it arrives. Behind a proxy
that is not where the page is: a path was taken off, the host is another, https ended before.
The browser knows better, so the page goes by its own address (`page_root.js`), whatever the
proxy left out. What cannot be cured there is said there, with the setting that is missing.
"""

from __future__ import annotations

import re
from functools import cache
from html import escape
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import BadInput

MARK = b"<script data-gradio-mode>"  # after the settings in Gradio's page, before its scripts
ROOT = re.compile(rb'const root = "[^"]*";')  # of a script that does not look into the settings
NOWHERE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Strata</title>
<body style="font: 16px/1.5 system-ui, sans-serif; max-width: 44em; margin: 3em auto">
<h1 style="font-size: 20px">Strata runs, but knows no page here</h1>
<p>This page was asked for at <code>{path}/</code>. If a proxy serves Strata below that path,
start it with</p><pre>python app.py --root-path {path}</pre>
<p>or set <code>GRADIO_ROOT_PATH={path}</code> (docs/serving.md).</p></body></html>"""

_PATH = re.compile(r"(https?://[^/\s?#]+)?(/[^\s?#]*)?")
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s/@:?#\[\]*]+)(:\d{1,5})?")


def parse_root_path(text: str | None) -> str:
    """The path that a page is served below, such as "/user/me/proxy/7860", or a whole address.

    Raises:
        BadInput: If it is none.
    """
    text = (text or "").strip()
    whole = text if not text or "://" in text else "/" + text.lstrip("/")
    if not _PATH.fullmatch(whole):
        raise BadInput(
            f"--root-path {text!r} is no path: give what stands between the host and the page, "
            "for instance --root-path /user/me/proxy/7860."
        )
    return whole.rstrip("/")


def parse_hosts(texts: list[str]) -> tuple[str, ...]:
    """Hosts as a browser shows them, with the port unless it is the usual one.

    Raises:
        BadInput: If one is none.
    """
    hosts = [re.sub(r"^\w+://", "", text.strip().lower()).rstrip("/") for text in texts]
    for text, host in zip(texts, hosts, strict=True):
        if not _HOST.fullmatch(host):
            raise BadInput(
                f"--allowed-host {text!r} is no host: give it as the browser's address bar shows "
                "it, for instance --allowed-host strata.example:8443."
            )
    return tuple(hosts)


class PageRoot:
    """Lets Gradio's page go by its own address, and answers where no page is.

    Args:
        app: What is behind.
        head: HTML that is put into the head of the page once it knows its address.
    """

    def __init__(self, app: ASGIApp, head: str = "") -> None:
        self._app, self._head = app, head.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "GET":
            send = _Answer(scope, send, self._head)
        await self._app(scope, receive, send)


class _Answer:
    """The way back of one answer: pages are changed, everything else goes through as it comes."""

    def __init__(self, scope: Scope, send: Send, head: bytes) -> None:
        self._scope, self._send, self._head = scope, send, head
        self._held: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and self._is_page(message):
            self._held = message
        elif self._held is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body", False):
                await self._finish(self._held)

    def _is_page(self, start: Message) -> bool:
        """Whether this is a page, or stands where somebody looked for one."""
        if start["status"] == 404:
            return "text/html" in Headers(scope=self._scope).get("accept", "")
        kind = Headers(raw=start["headers"]).get("content-type", "")
        return start["status"] == 200 and kind.startswith("text/html")

    async def _finish(self, start: Message) -> None:
        headers = MutableHeaders(raw=start["headers"])
        if start["status"] == 404:
            path = escape("/" + self._scope["path"].strip("/"))
            body = NOWHERE.format(path=path).encode()
            headers["content-type"] = "text/html; charset=utf-8"
        else:
            body = self._body.replace(MARK, _page_root() + self._head + MARK, 1)
            body = ROOT.sub(b"const root = window.gradio_config.root;", body, count=1)
        headers["content-length"] = str(len(body))
        await self._send(start)
        await self._send({"type": "http.response.body", "body": body})


@cache
def _page_root() -> bytes:
    return b"<script>" + Path(__file__).with_name("page_root.js").read_bytes() + b"</script>"
