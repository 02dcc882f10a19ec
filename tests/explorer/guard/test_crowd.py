"""How many sockets a client may hold open, and how fast each is listened to."""

from __future__ import annotations

import asyncio

import pytest

from explorer.guard.crowd import BURST_S, PIECE, RATE_HZ, Crowd, Pace


class Clock:
    """Seconds that pass when they are told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Sitter:
    """A session that stays until it is asked to leave."""

    def __init__(self, heard: float) -> None:
        self.heard = heard
        self.left = asyncio.Event()

    def leave(self, code: int) -> None:
        self.left.set()

    async def run(self) -> None:
        await self.left.wait()


def test_a_hand_is_never_held_up_and_a_flood_is_heard_at_its_pace() -> None:
    clock = Clock()
    pace = Pace(clock)
    for _ in range(600):  # five seconds of a fast screen
        clock.now += 1 / 120
        assert pace.wait_s(2_000) == 0.0
    burst = [pace.wait_s(0) for _ in range(round(2 * BURST_S * RATE_HZ))]
    assert burst[0] == 0.0 and burst[-1] == pytest.approx(BURST_S, rel=0.1)
    clock.now += 60
    long = [pace.wait_s(15 * PIECE) for _ in range(round(RATE_HZ / 16) + 16)]
    assert long[0] == 0.0 and long[-1] == pytest.approx(16 * 16 / RATE_HZ, rel=0.1)


@pytest.mark.parametrize(("most_of_client", "most"), [(3, 99), (99, 3)])
def test_of_too_many_sockets_the_longest_silent_one_goes(most_of_client: int, most: int) -> None:
    async def run() -> list[bool]:
        crowd = Crowd(most_of_client, most)
        sitters = [Sitter(heard) for heard in (5.0, 1.0, 9.0, 7.0, 3.0)]
        tasks = []
        for sitter in sitters:
            tasks.append(asyncio.create_task(crowd.run("here", sitter)))
            await asyncio.sleep(0)
        gone = [sitter.left.is_set() for sitter in sitters]
        for sitter in sitters:
            sitter.leave(1013)
        await asyncio.gather(*tasks)
        assert crowd._members == []
        return gone

    assert asyncio.run(run()) == [True, True, False, False, False]


def test_other_clients_keep_their_sockets() -> None:
    async def run() -> None:
        crowd, mine, others = Crowd(2), Sitter(0.0), [Sitter(n) for n in range(5)]
        tasks = [asyncio.create_task(crowd.run("me", mine))]
        tasks += [asyncio.create_task(crowd.run("them", other)) for other in others]
        await asyncio.sleep(0)
        assert not mine.left.is_set()
        assert [other.left.is_set() for other in others] == [True, True, True, False, False]
        for one in (mine, *others):
            one.leave(1013)
        await asyncio.gather(*tasks)

    asyncio.run(run())
