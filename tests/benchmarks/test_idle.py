"""What the idle benchmark reads of a process, and what the startup benchmark makes of starts."""

from __future__ import annotations

import os
import threading
import time
from math import isnan

from benchmarks import startup
from benchmarks.idle import thread_seconds
from benchmarks.startup import Start


def test_the_time_of_a_thread_is_counted_to_its_name() -> None:
    end = threading.Event()

    def spin() -> None:
        started = time.thread_time()
        while time.thread_time() - started < 0.3:
            pass
        end.wait(60)

    thread = threading.Thread(target=spin)
    before = thread_seconds(os.getpid())
    thread.start()
    deadline = time.monotonic() + 60
    spent, after = 0.0, before
    while spent < 0.3 and time.monotonic() < deadline:
        after = thread_seconds(os.getpid())
        spent = sum(s for (number, _), s in after.items() if number == thread.native_id)
        time.sleep(0.02)
    end.set()
    thread.join()
    assert 0.28 <= spent < 0.4
    assert all(number != thread.native_id for number, _ in before)
    assert {number for number, _ in before} <= {number for number, _ in after}


def test_starts_are_told_by_their_medians() -> None:
    starts = {
        "strata": [Start(2.0, 3.0, 3.5), Start(2.2, 3.4, 3.6), Start(9.0, 9.9, 10.0)],
        "empty": [Start(1.9, 2.5), Start(2.0, 2.6), Start(2.1, 2.7)],
    }
    assert startup.middle(starts["strata"], "painted_s") == 3.4
    assert isnan(startup.middle(starts["empty"], "settled_s"))
    lines = startup.table(starts).splitlines()
    assert lines[1].split() == ["strata", "2.20", "3.40", "3.00", "9.90", "3.60"]
