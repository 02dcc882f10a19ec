"""One thread that owns the device: all pictures of all sessions are computed here, in order.

Every job waits in line under a deadline, the moment it came plus the patience of its kind,
and the earliest deadline goes first. So a picture under a drag overtakes the ladder behind
it, and still nothing waits for ever, however busy the others are.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

import torch

from models.errors import BadInput

R = TypeVar("R")

# Seconds that a job of each kind can wait for others that came later.
RENDER, OPEN, DETAILS = 0.0, 0.1, 0.3
MAX_WAITING = 512


class DeviceWorker:
    """A single daemon thread under `torch.inference_mode`, fed by a queue with deadlines.

    Args:
        max_waiting: With so many jobs in line a new one is refused.
    """

    def __init__(self, max_waiting: int = MAX_WAITING) -> None:
        self._max_waiting = max_waiting
        self._waiting: list[tuple[float, int, Future[Any], Callable[[], Any]]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="strata-device", daemon=True)
        self._thread.start()

    def submit(self, job: Callable[[], R], patience_s: float = RENDER) -> Future[R]:
        """Put a job in line; a job cancelled while it waits is never computed.

        Raises:
            BadInput: If too many jobs wait already.
        """
        future: Future[R] = Future()
        with self._ready:
            if self._closed or len(self._waiting) >= self._max_waiting:
                raise BadInput("Strata has too much to draw at the moment - try again shortly")
            entry = (time.monotonic() + patience_s, next(self._order), future, job)
            heapq.heappush(self._waiting, entry)
            self._ready.notify()
        return future

    async def run(self, job: Callable[[], R], patience_s: float = RENDER) -> R:
        """Put a job in line and wait for what it returns or raises."""
        return await asyncio.wrap_future(self.submit(job, patience_s))

    def waiting(self) -> int:
        """How many jobs are in line."""
        return len(self._waiting)

    def close(self) -> None:
        """Take no more jobs, drop those in line, and wait for the one under way."""
        with self._ready:
            self._closed = True
            for *_, future, _ in self._waiting:
                future.cancel()
            self._waiting.clear()
            self._ready.notify()
        self._thread.join()

    def _work(self) -> None:
        with torch.inference_mode():
            while (entry := self._next()) is not None:
                future, job = entry
                if not future.set_running_or_notify_cancel():
                    continue
                try:
                    future.set_result(job())
                except BaseException as error:
                    future.set_exception(error)

    def _next(self) -> tuple[Future[Any], Callable[[], Any]] | None:
        with self._ready:
            while not self._waiting and not self._closed:
                self._ready.wait()
            if self._closed:
                return None
            _, _, future, job = heapq.heappop(self._waiting)
            return future, job
