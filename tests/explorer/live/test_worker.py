"""The device worker: one thread, the earliest deadline first, and nobody left waiting."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
import torch

from explorer.guard.turns import asking
from explorer.live.worker import DETAILS, MAX_OF_SESSION, RENDER, REST, DeviceWorker
from models.errors import BadInput


@pytest.fixture
def worker() -> Iterator[DeviceWorker]:
    made = DeviceWorker(max_waiting=8)
    yield made
    made.close()


def test_a_render_overtakes_the_details_before_it(worker: DeviceWorker) -> None:
    order: list[str] = []
    gate = threading.Event()
    blocker = worker.submit(gate.wait, RENDER)
    slow = [worker.submit(lambda: order.append("details"), DETAILS) for _ in range(3)]
    quick = worker.submit(lambda: order.append("render"), RENDER)
    gate.set()
    for future in (blocker, quick, *slow):
        future.result(timeout=5)
    assert order == ["render", "details", "details", "details"]


def test_details_are_not_starved_by_endless_renders(worker: DeviceWorker) -> None:
    def again() -> None:  # always another render in line, as under many drags
        if not done.done():
            worker.submit(again, RENDER)
            time.sleep(0.005)

    gate = threading.Event()
    worker.submit(gate.wait, RENDER)
    done = worker.submit(lambda: None, DETAILS)
    worker.submit(again, RENDER)
    began = time.monotonic()
    gate.set()
    done.result(timeout=5)
    assert DETAILS / 2 < time.monotonic() - began < 2


def test_all_jobs_run_in_one_thread_without_gradients(worker: DeviceWorker) -> None:
    def job() -> tuple[str, bool]:
        return threading.current_thread().name, torch.is_inference_mode_enabled()

    found = [worker.submit(job).result(timeout=5) for _ in range(3)]
    assert found == [("strata-device", True)] * 3


def test_an_error_goes_to_who_asked_and_the_thread_lives_on(worker: DeviceWorker) -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(worker.run(lambda: 1 // 0))
    assert asyncio.run(worker.run(lambda: 7)) == 7


def test_a_job_cancelled_in_line_is_never_computed(worker: DeviceWorker) -> None:
    gate, seen = threading.Event(), []
    worker.submit(gate.wait)
    dropped = worker.submit(lambda: seen.append("dropped"))
    kept = worker.submit(lambda: seen.append("kept"))
    assert dropped.cancel()
    gate.set()
    kept.result(timeout=5)
    assert seen == ["kept"]


def test_too_long_a_line_refuses_the_next(worker: DeviceWorker) -> None:
    gate, begun = threading.Event(), threading.Event()
    worker.submit(lambda: (begun.set(), gate.wait()))
    begun.wait(timeout=5)
    waiting = [worker.submit(lambda: None) for _ in range(8)]
    with pytest.raises(BadInput, match="too much to draw"):
        worker.submit(lambda: None)
    gate.set()
    for future in waiting:
        future.result(timeout=5)
    assert worker.submit(lambda: 1).result(timeout=5) == 1


def test_closing_drops_what_waits() -> None:
    worker = DeviceWorker()
    gate, begun = threading.Event(), threading.Event()
    running = worker.submit(lambda: (begun.set(), gate.wait(), "done")[-1])
    begun.wait(timeout=5)
    waiting = worker.submit(lambda: None)
    threading.Timer(0.05, gate.set).start()
    worker.close()
    assert running.result(timeout=5) == "done"
    assert waiting.cancelled()
    with pytest.raises(BadInput):
        worker.submit(lambda: None)


def held(worker: DeviceWorker) -> threading.Event:
    """The device busy until the event is set."""
    gate, begun = threading.Event(), threading.Event()
    worker.submit(lambda: (begun.set(), gate.wait()))
    begun.wait(timeout=5)
    return gate


def test_of_all_calls_one_stands_in_line_and_sessions_take_turns() -> None:
    worker, order = DeviceWorker(), []
    gate, futures = held(worker), []
    for name in ("a", "a", "a", "b", "c"):
        with asking(name):
            futures.append(worker.submit(lambda name=name: order.append(name)))
    futures += [worker.submit(lambda: order.append("hand")) for _ in range(3)]
    gate.set()
    for future in futures:
        future.result(timeout=5)
    worker.close()
    # The calls came first; one of them at most goes between what sockets asked for.
    assert [name for name in order if name != "hand"] == ["a", "b", "c", "a", "a"]
    assert order.index("b") > order.index("hand")
    assert order[:4].count("hand") == 3


def test_a_session_asks_for_so_much_at_once_and_others_still_can() -> None:
    worker = DeviceWorker()
    gate = held(worker)
    with asking("greedy"):
        futures = [worker.submit(lambda: None) for _ in range(MAX_OF_SESSION)]
        with pytest.raises(BadInput, match="this page has asked for too much"):
            worker.submit(lambda: None)
    with asking("other"):
        futures.append(worker.submit(lambda: None))
    gate.set()
    for future in futures:
        future.result(timeout=5)
    worker.close()


def test_a_long_call_is_followed_by_a_rest_only_while_a_hand_moves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("explorer.live.worker.SHORT_S", 0.0)
    worker = DeviceWorker()

    def called(name: str) -> float:
        with asking(name):
            futures = [worker.submit(lambda: time.sleep(0.02)) for _ in range(2)]
        began = time.monotonic()
        for future in futures:
            future.result(timeout=5)
        return time.monotonic() - began

    worker._hand = time.monotonic() + 60
    assert called("during a drag") > REST * 0.02
    worker._hand, worker._rested = float("-inf"), 0.0
    alone = called("alone")
    worker.close()
    assert alone < REST * 0.02


def test_a_call_given_up_leaves_its_turn_to_the_next() -> None:
    worker, seen = DeviceWorker(), []
    gate = held(worker)
    with asking("a"):
        dropped = worker.submit(lambda: seen.append("dropped"))
        kept = worker.submit(lambda: seen.append("kept"))
    assert dropped.cancel()
    gate.set()
    kept.result(timeout=5)
    worker.close()
    assert seen == ["kept"]
    assert worker.waiting() == 0


def test_a_hand_that_comes_later_waits_for_one_call_at_most() -> None:
    worker, order = DeviceWorker(), []
    gate, futures = held(worker), []

    def last_of_three() -> None:
        order.append("hand")
        futures.append(worker.submit(lambda: order.append("later hand")))

    futures += [worker.submit(lambda: order.append("hand")) for _ in range(2)]
    futures.append(worker.submit(last_of_three))
    for name in ("a", "b", "c", "d"):
        with asking(name):
            futures.append(worker.submit(lambda name=name: order.append(name)))
    gate.set()
    for future in futures:  # one more is added on the way
        future.result(timeout=5)
    worker.close()
    assert order == ["hand", "hand", "hand", "a", "later hand", "b", "c", "d"]
