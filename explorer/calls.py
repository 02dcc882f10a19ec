"""A server function as gradio calls it: under a name of its own, in the turn of its session."""

from __future__ import annotations

from typing import Any

import gradio as gr

from explorer.guard.limits import LONGEST_NAME
from explorer.guard.turns import asking
from explorer.live.requests import Json, ServerFunction


def by_session(function: ServerFunction, prefix: str) -> ServerFunction:
    """The function with its session known to whatever it puts in line (`explorer/guard/turns.py`).

    Args:
        function: From one JSON object to one JSON object; it answers its errors.
        prefix: Goes before its name. Gradio sets it as an attribute of the component, where a
            plain name such as `render` or `upload` would hide one of its own.
    """

    async def call(request: Any, asked: gr.Request | None = None) -> Json:
        with asking(await _session_of(asked)):
            return await function(request)

    call.__name__ = call.__qualname__ = prefix + function.__name__
    call.__doc__ = function.__doc__
    return call


async def _session_of(asked: Any) -> str | None:
    """The session in the body of a call, which gradio has read already and starlette keeps."""
    if asked is None or not asked.headers.get("content-type", "").startswith("application/json"):
        return None
    session = (await asked.json()).get("session_hash")
    return session[:LONGEST_NAME] if isinstance(session, str) else None
