"""Who asks by call: the session is known where jobs are put in line, and its newest work wins."""

from __future__ import annotations

import asyncio

import pytest

from explorer.guard.turns import Lines, Newest, Superseded, asking, session_asking
from models.errors import BadInput


def test_a_call_knows_its_session_and_a_socket_has_none() -> None:
    assert session_asking() is None
    with asking("one"):
        assert session_asking() == "one"
        with asking(None):  # a call whose session nobody named
            assert session_asking() == ""
        assert session_asking() == "one"
    assert session_asking() is None


async def after(opened: asyncio.Event, result: str, done: list[str]) -> str:
    await opened.wait()
    done.append(result)
    return result


def test_the_newest_of_a_session_is_done_and_the_older_ones_are_told() -> None:
    done: list[str] = []

    async def run() -> list[object]:
        newest, opened = Newest(), asyncio.Event()

        async def call(session: str, result: str) -> str:
            with asking(session):
                return await newest.run(after(opened, result, done))

        calls = [("a", "a1"), ("a", "a2"), ("b", "b1"), ("a", "a3")]
        tasks = [asyncio.create_task(call(*one)) for one in calls]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        opened.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert newest._tasks == {}
        return list(found)

    first, second, *rest = asyncio.run(run())
    assert isinstance(first, Superseded) and isinstance(second, Superseded)
    assert rest == ["b1", "a3"] and done == ["b1", "a3"]


def test_a_caller_that_leaves_takes_its_work_along() -> None:
    done: list[str] = []

    async def run() -> None:
        newest, opened = Newest(), asyncio.Event()
        with asking("a"):
            task = asyncio.create_task(newest.run(after(opened, "late", done)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        opened.set()
        await asyncio.sleep(0)
        assert newest._tasks == {}

    asyncio.run(run())
    assert done == []


def test_sessions_take_turns_and_one_that_cannot_is_passed_over() -> None:
    lines: Lines[int] = Lines(most=3)
    for number in (1, 2, 3):
        lines.add("a", number)
    lines.add("b", 10)
    with pytest.raises(BadInput, match="too much at once"):
        lines.add("a", 4)
    assert len(lines) == 4
    assert [lines.next(), lines.next(without={"a"})] == [("a", 1), ("b", 10)]
    assert lines.next(without={"a"}) is None
    assert [lines.next(), lines.clear(), lines.next()] == [("a", 2), [3], None]
