"""Who asks over HTTP: the session that a request belongs to, and which of its requests counts.

A socket has one job in line because its session sees to that. What comes as a call, from the
page's functions or a named endpoint, comes as often as anybody likes; so each call says here
whose it is, and the device's worker (`worker.py`) lets these sessions take turns.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Container, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

from models.errors import BadInput

R = TypeVar("R")
T = TypeVar("T")

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


class Lines(Generic[T]):
    """What sessions wait for, a line for each; they take turns. To be used under a lock.

    Args:
        most: So many may stand in one line.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lines: OrderedDict[str, deque[T]] = OrderedDict()  # whose turn is next first

    def add(self, session: str, item: T) -> None:
        """Let something stand last in a session's line.

        Raises:
            BadInput: If the line is full.
        """
        own = self._lines.setdefault(session, deque())
        if len(own) >= self._most:
            raise BadInput("this page has asked for too much at once - try again shortly")
        own.append(item)

    def next(self, without: Container[str] = ()) -> tuple[str, T] | None:
        """The session whose turn it is and what it waits for; None if there is none.

        Args:
            without: Sessions whose turn it cannot be.
        """
        session = next((name for name in self._lines if name not in without), None)
        if session is None:
            return None
        own = self._lines[session]
        item = own.popleft()
        self._lines.move_to_end(session)
        if not own:
            del self._lines[session]
        return session, item

    def clear(self) -> list[T]:
        """Let nobody wait any more; what they waited for."""
        items = [item for own in self._lines.values() for item in own]
        self._lines.clear()
        return items

    def __len__(self) -> int:
        return sum(map(len, list(self._lines.values())))


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
