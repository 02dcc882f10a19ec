"""The siege: its measure of a drag by hand, its bars, and that it attacks this machine alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.attacks import main
from benchmarks.records import Recording
from benchmarks.siege import Besieged, row, times_ms

CALM = Besieged("calls", 20.0, 40.0, 39.0, 249.0, True, {"200": 3})


def test_the_time_between_pictures_counts_from_the_first_input_to_the_last_picture() -> None:
    painted = ((0.0, 5), (110.0, 6), (120.0, 6), (130.0, 7), (400.0, 8))
    recording = Recording(((100.0, 6), (115.0, 7), (140.0, 8)), painted, 20, 0, 0, 500.0)
    assert times_ms(recording) == [10.0, 20.0, 270.0]


@pytest.mark.parametrize(
    ("changes", "passed"),
    [
        ({}, True),
        ({"p95_ms": 41.0}, False),
        ({"worst_ms": 251.0}, False),
        ({"worst_ms": 251.0, "alone_worst_ms": 51.0}, True),
        ({"final_right": False}, False),
    ],
)
def test_the_bars(changes: dict, passed: bool) -> None:
    found = replace(CALM, **changes)
    assert found.passed is passed
    assert ("passed" in row(found)) is passed


def test_only_this_machine_is_attacked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["calls", "--url=http://strata.example"])
    assert "only a server on this machine" in capsys.readouterr().err
