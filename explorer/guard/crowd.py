"""All sockets together: how many a client may hold open, and how fast each is listened to.

A page has one socket and sends a message an animation frame. A message that comes faster is not
refused: the socket is not read until its time has come, so that it waits with its sender. One
client may hold so many sockets open as a classroom behind one address has pages; of more, the
one that was silent longest is closed, and a page whose socket was closed opens it again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from explorer.guard.rate import Rate

MOST_OF_CLIENT = 64
MOST = 512
RATE_HZ = 240.0  # messages a second: the fastest screens
TRY_AGAIN_LATER = 1013  # of the codes that a WebSocket is closed with
BURST_S = 1.0  # of them at once, after a rest
PIECE = 16_384  # letters that count as one message more


class Pace:
    """How fast one socket is listened to.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._rate = Rate(RATE_HZ, BURST_S, clock)
        self.heard = clock()

    async def keep(self, letters: int) -> None:
        """Wait until the message after one of so many letters may be taken."""
        wait_s = self.wait_s(letters)
        if wait_s > 0:
            await asyncio.sleep(wait_s)

    def wait_s(self, letters: int) -> float:
        """Count a message; the seconds until the next one may be taken."""
        self.heard = self._clock()
        return self._rate.wait_s(1 + letters / PIECE)


class Member(Protocol):
    """A session of an open socket."""

    @property
    def heard(self) -> float: ...

    def leave(self, code: int) -> None: ...

    async def run(self) -> None: ...


class Crowd:
    """The sessions of all open sockets, by client.

    Args:
        most_of_client: Most sockets of one client.
        most: Most sockets in all.
    """

    def __init__(self, most_of_client: int = MOST_OF_CLIENT, most: int = MOST) -> None:
        self._most_of_client, self._most = most_of_client, most
        self._members: list[tuple[str, Member]] = []
        self._closed_with: int | None = None

    async def run(self, client: str, session: Member) -> None:
        """Run a session among the others, after making room for it."""
        self._make_room([one for one in self._members if one[0] == client], self._most_of_client)
        self._make_room(self._members, self._most)
        mine = (client, session)
        self._members.append(mine)
        if self._closed_with is not None:  # it came in while all were told to go
            session.leave(self._closed_with)
        try:
            await session.run()
        finally:
            if mine in self._members:
                self._members.remove(mine)

    def __len__(self) -> int:
        return len(self._members)

    def leave(self, code: int) -> None:
        """Close all sockets, also those to come, with a code of the WebSocket protocol."""
        self._closed_with = code
        for _, session in self._members:
            session.leave(code)

    def _make_room(self, among: list[tuple[str, Member]], most: int) -> None:
        for one in sorted(among, key=lambda one: one[1].heard)[: max(0, len(among) + 1 - most)]:
            one[1].leave(TRY_AGAIN_LATER)
            self._members.remove(one)
