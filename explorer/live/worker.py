"""One thread that owns the device: all pictures of all sessions are computed here, in order.

Every job waits in line under a deadline, the moment it came plus the patience of its kind,
and the earliest deadline goes first. So a picture under a drag overtakes the ladder behind
it, and still nothing waits for ever, however busy the others are.

What sockets ask for stands in the line itself, since a session has one job there. What is asked
by call (`turns.py`) waits beside it, a line for each session, and only one job of all of them
stands in the line at a time, from one session after the other. So however many calls come, the
picture under a hand waits for one of them at most. A call's job can be long and cannot be
interrupted; while a hand moves, a rest follows it in proportion.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

import torch

from explorer.guard.turns import Lines, session_asking
from models.errors import BadInput

R = TypeVar("R")

# Seconds that a job of each kind can wait for others that came later.
RENDER, OPEN, DETAILS = 0.0, 0.1, 0.3
MAX_WAITING = 512
MAX_OF_SESSION = 32  # calls' jobs; the Compare tab has about a dozen
HAND_S = 0.5  # so long after a socket's job a hand counts as moving
SHORT_S = 0.02  # a job that no hand feels, so that no rest follows
REST, LONGEST_REST_S = 20.0, 3.0  # less than one picture in twenty waits for a long job


@dataclass(order=True)
class _Entry:
    """A job in line: the earliest deadline first, of equal ones the first that came."""

    deadline: float
    order: int
    future: Future[Any] = field(compare=False)
    job: Callable[[], Any] = field(compare=False)
    patience_s: float = field(compare=False)
    is_call: bool = field(compare=False)


class DeviceWorker:
    """A single daemon thread under `torch.inference_mode`, fed by a queue with deadlines.

    Args:
        max_waiting: With so many jobs in line a new one is refused.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._line: list[_Entry] = []
        self._calls: Lines[_Entry] = Lines(MAX_OF_SESSION)
        self._call_in_line = False
        self._rested = self._hand = float("-inf")  # when calls go on, and a socket came last
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="strata-device", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], R], patience_s: float = RENDER) -> Future[R]:
        """Put a job in line; a job cancelled while it waits is never computed.

        Raises:
            BadInput: If too many jobs wait already, in all or of the session that calls.
        """
        future: Future[R] = Future()
        session = session_asking()
        with self._ready:
            now = time.monotonic()
            order, is_call = next(self._order), session is not None
            entry = _Entry(now + patience_s, order, future, job, patience_s, is_call)
            if self._closed or self.waiting() >= self._max_waiting:
                raise BadInput("Strata has too much to draw at the moment - try again shortly")
            if session is None:
                self._hand = now
                heapq.heappush(self._line, entry)
            else:
                self._calls.add(session, entry)
            self._ready.notify()
        return future

    async def run(self, job: Callable[[], R], patience_s: float = RENDER) -> R:
        """Put a job in line and wait for what it returns or raises."""
        return await asyncio.wrap_future(self.submit(job, patience_s))

    def waiting(self) -> int:
        """How many jobs are in line, and in those of the sessions beside it."""
        return len(self._line) + len(self._calls)

    def close(self) -> None:
        """Take no more jobs, drop those in line, and wait for the one under way."""
        with self._ready:
            self._closed = True
            for entry in (*self._line, *self._calls.clear()):
                entry.future.cancel()
            self._line.clear()
            self._ready.notify()
        self._thread.join()

    def _work(self) -> None:
        with torch.inference_mode():
            while (entry := self._next()) is not None:
                started = time.monotonic()
                if entry.future.set_running_or_notify_cancel():
                    try:
                        entry.future.set_result(entry.job())
                    except BaseException as error:
                        entry.future.set_exception(error)
                if entry.is_call:
                    self._rest(time.monotonic() - started)
                del entry  # or the last picture's job lives until the next one comes

    def _next(self) -> _Entry | None:
        with self._ready:
            while not self._closed:
                rest_s = self._let_a_call_in()
                if self._line:
                    return heapq.heappop(self._line)
                self._ready.wait(rest_s)
            return None

    def _let_a_call_in(self) -> float | None:
        """Put the job of the session whose turn it is in line, if none is and no rest is due.

        Returns:
            Seconds until the rest is over; None if nobody waits for it.
        """
        if not len(self._calls) or self._call_in_line:
            return None
        now = time.monotonic()
        if now < self._rested:
            return self._rested - now
        found = self._calls.next()
        assert found is not None
        entry = found[1]
        entry.deadline = now + entry.patience_s
        heapq.heappush(self._line, entry)
        self._call_in_line = True
        return None

    def _rest(self, took_s: float) -> None:
        """Let the next call in, after a rest if a hand moves and this one held it up."""
        with self._ready:
            self._call_in_line = False
            now = time.monotonic()
            if now - self._hand < HAND_S:
                too_long = max(0.0, took_s - SHORT_S)
                self._rested = now + min(LONGEST_REST_S, REST * too_long)
