"""Who asks over HTTP: the session that a request belongs to, and which of its requests counts.

A socket has one job in line because its session sees to that. What comes as a call, from the
page's functions or a named endpoint, comes as often as anybody likes; so each call says here
whose it is, and the device's worker (`worker.py`) lets these sessions take turns.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from models.errors import BadInput

R = TypeVar("R")

_ASKING: ContextVar[str | None] = ContextVar("strata-session", default=None)


class Superseded(BadInput):
    """The same session has asked for a newer picture."""


@contextmanager
def asking(session: str | None) -> Iterator[None]:
    """Whatever is put in line for the device in here is of that session's calls.

    Args:
        session: Its name; calls that have none share one.
    """
    before = _ASKING.set(session or "")
    try:
        yield
    finally:
        _ASKING.reset(before)


def session_asking() -> str | None:
    """The session whose call is under way; None if it is no call."""
    return _ASKING.get()


class Newest:
    """Of the pictures that a session asks for, the newest is drawn; an older one is given up."""

    def __init__(self) -> None:
        self._tasks: dict[str, asyncio.Task[Any]] = {}

    async def run(self, work: Coroutine[Any, Any, R]) -> R:
        """The result of `work`, unless the session comes with newer work before it is there.

        Raises:
            Superseded: If it does.
        """
        task, session = asyncio.create_task(work), session_asking()
        if not session:
            return await task
        before = self._tasks.get(session)
        if before is not None:
            before.cancel()
        self._tasks[session] = task
        try:
            return await task
        except asyncio.CancelledError:
            if self._tasks.get(session) is task:
                raise  # the caller has left
            raise Superseded("a newer picture was asked for, so this one is not drawn") from None
        finally:
            if self._tasks.get(session) is task:
                del self._tasks[session]
