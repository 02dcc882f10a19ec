"""What a recording says: order, rates and percentiles, on records made by hand."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from benchmarks.records import (
    Recording,
    changes,
    drag_of,
    fair_shares,
    in_order,
    middle,
    percentile,
    triangle,
)

FRAME = 1000 / 60


def recording(
    inputs: Sequence[tuple[float, int]], painted: Sequence[tuple[float, int | None]]
) -> Recording:
    return Recording(tuple(inputs), tuple(painted), 60, 0, 0, ended_ms=1000.0)


def to_and_fro(count: int) -> list[tuple[float, int]]:
    """A hand that goes up to step 90 and back down to 30, one input a frame."""
    steps = [*range(60, 90, 3), *range(90, 30, -3), *range(30, 90, 3)]
    return [(at * FRAME, step) for at, step in enumerate(steps[:count], start=1)]


def test_a_page_that_follows_frame_by_frame() -> None:
    inputs = to_and_fro(40)
    painted = [(0.0, 60), *((at + FRAME, step) for at, step in inputs)]
    drag = drag_of(recording(inputs, painted))
    assert drag.out_of_order == 0
    assert drag.final_right
    assert drag.staleness_ms == pytest.approx(FRAME)
    assert drag.inputs_per_s == pytest.approx(60)
    # The first input is where the slider stood, so that its picture is no change.
    assert drag.updates_per_s == pytest.approx(60 * 38 / 39)
    assert drag.frames_per_s == pytest.approx(59)


def test_a_page_that_skips_most_of_the_drag_is_slow_but_in_order() -> None:
    inputs = to_and_fro(40)
    painted = [(0.0, 60), *((at + 5 * FRAME, step) for at, step in inputs[4::5])]
    drag = drag_of(recording(inputs, painted))
    assert drag.out_of_order == 0
    assert drag.updates_per_s == pytest.approx(7 / (39 * FRAME / 1000))


def test_a_picture_older_than_the_one_before_is_out_of_order() -> None:
    inputs = to_and_fro(10)
    painted = [(0.0, 60), (80.0, 66), (90.0, 72), (100.0, 69), (110.0, 75)]
    assert in_order(inputs, changes(painted)) == [True, True, True, False, True]


def test_two_answers_swapped_on_the_way_are_found_wherever_they_are() -> None:
    """Even where the hand has passed the stale picture's step in both directions.

    But for the turns: there the eye sees what a page that skips one picture shows.
    """
    inputs = to_and_fro(40)
    right = [(at + 1.9 * FRAME, step) for at, step in inputs]
    steps = [step for _, step in right]
    for at in range(1, len(right) - 2):
        swapped = [*steps[:at], steps[at + 1], steps[at], *steps[at + 2 :]]
        painted = [(0.0, 60), *((when, s) for (when, _), s in zip(right, swapped, strict=True))]
        turn = steps[at] == steps[at + 2] or steps[at - 1] == steps[at + 1]
        assert drag_of(recording(inputs, painted)).out_of_order == (0 if turn else 1), at


def test_a_step_passed_again_is_no_disorder() -> None:
    inputs = [(10.0, 60), (20.0, 61), (30.0, 60), (40.0, 61)]
    painted = [(0.0, 60), (21.0, 61), (31.0, 60), (41.0, 61)]
    assert in_order(inputs, changes(painted)) == [True] * 4


def test_a_picture_before_its_input_or_of_no_input_is_out_of_order() -> None:
    inputs = [(10.0, 61), (20.0, 62)]
    assert in_order(inputs, [(0.0, 60), (15.0, 62)]) == [True, False]
    assert in_order(inputs, [(0.0, 60), (25.0, 99)]) == [True, False]
    assert in_order(inputs, []) == []


def test_a_random_page_that_drops_and_delays_but_keeps_the_order_passes() -> None:
    chance = random.Random(1)
    for _ in range(50):
        inputs = [(at * FRAME, 60 + chance.randrange(-9, 10)) for at in range(1, 60)]
        kept = [event for event in inputs if chance.random() < 0.6]
        late, painted = 0.0, [(0.0, 60)]
        for at, step in kept:
            late = max(late + 0.1, at + chance.uniform(1, 200))
            painted.append((late, step))
        assert all(in_order(inputs, changes(painted)))


def test_a_last_picture_that_is_not_the_last_inputs_is_wrong() -> None:
    drag = drag_of(recording([(10.0, 61), (20.0, 62)], [(0.0, 60), (30.0, 61)]))
    assert not drag.final_right
    assert drag.staleness_ms is None


def test_a_right_picture_that_is_taken_away_again_is_wrong() -> None:
    drag = drag_of(recording([(10.0, 61), (20.0, 62)], [(0.0, 60), (30.0, 62), (40.0, 61)]))
    assert not drag.final_right
    assert drag.out_of_order == 1


def test_a_blank_between_two_equal_pictures_is_no_update() -> None:
    painted = [(0.0, 60), (30.0, 61), (40.0, None), (50.0, 61), (60.0, None), (70.0, 62)]
    assert changes(painted) == [(0.0, 60), (30.0, 61), (70.0, 62)]
    assert changes([(0.0, None)]) == []


def test_a_slider_that_did_not_move_is_said() -> None:
    with pytest.raises(ValueError, match="did not move"):
        drag_of(recording([(10.0, 61)], [(0.0, 60)]))


def test_percentiles_by_hand() -> None:
    assert percentile([3.0], 95) == 3.0
    assert percentile([4.0, 1.0, 3.0, 2.0, 5.0], 50) == 3.0
    assert percentile([0.0, 10.0], 95) == pytest.approx(9.5)
    assert percentile(list(range(101)), 95) == pytest.approx(95.0)
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_shares_of_the_updates() -> None:
    assert fair_shares([10.0, 10.0]) == [1.0, 1.0]
    assert fair_shares([30.0, 10.0]) == [1.5, 0.5]
    assert fair_shares([0.0, 0.0]) == [0.0, 0.0]


def test_the_middle_of_what_is_known() -> None:
    assert middle([3.0, None, 1.0, 2.0]) == 2.0
    assert middle([None]) is None


def test_a_hand_goes_to_and_fro_at_a_steady_speed_within_its_reach() -> None:
    places = triangle(200, start=0.5, stride=0.11, reach=2.7)
    assert places[0] == pytest.approx(0.61)
    assert max(places) <= 2.7 and min(places) >= -2.7
    assert max(places) > 2.59 and min(places) < -2.59
    strides = [abs(b - a) for a, b in zip([0.5, *places], places, strict=False)]
    assert sum(stride == pytest.approx(0.11) for stride in strides) >= 195  # all but the turns
    assert max(strides) <= 0.11 + 1e-9
