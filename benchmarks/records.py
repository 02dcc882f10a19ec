"""From what a page's probe recorded to numbers; nothing here knows a browser.

A recording is a list of inputs (when, which step), a list of pictures painted (when, which
step), and counts. In a drag a slider passes the same step more than once, so a picture does
not say by itself which input it answers. The pictures are *in order* if some reading of them
is: if each can be given an input with its step that came before it was painted, none earlier
than the one given to the picture before. Giving every picture the earliest such input finds
that reading if there is one, since it leaves most to those behind; a picture that gets none
is out of order: it is older than one painted before it, or nobody asked for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

Event = tuple[float, int]  # milliseconds, step


@dataclass(frozen=True)
class Recording:
    """What a page showed for a while; times in milliseconds of the page's own clock.

    Args:
        inputs: Every `input` event of the dragged slider, and the step it set.
        painted: Every change of the picture, and the step it shows; None if it shows none.
        frames: Frames looked at.
        blank: Those without a picture.
        covered: Those whose picture lay under something, or was not opaque.
        ended_ms: When the recording ended.
    """

    inputs: tuple[Event, ...]
    painted: tuple[tuple[float, int | None], ...]
    frames: int
    blank: int
    covered: int
    ended_ms: float

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Recording:
        """A recording from the probe's JSON."""
        return cls(
            tuple((float(at), int(step)) for at, step in value["inputs"]),
            tuple((float(at), step) for at, step in value["painted"]),
            int(value["frames"]),
            int(value["blank"]),
            int(value["covered"]),
            float(value["ended_ms"]),
        )


@dataclass(frozen=True)
class Drag:
    """One drag.

    Args:
        inputs_per_s: Input events a second while the hand moved.
        frames_per_s: Animation frames a second, all along.
        updates_per_s: Right pictures painted a second while the hand moved.
        staleness_ms: From the last input until its picture is painted for good; None if never.
        out_of_order: Pictures out of order.
        blank: Frames without a picture.
        covered: Frames with the picture covered.
        final_right: Whether the last picture is that of the last input.
    """

    inputs_per_s: float
    frames_per_s: float
    updates_per_s: float
    staleness_ms: float | None
    out_of_order: int
    blank: int
    covered: int
    final_right: bool


def drag_of(recording: Recording) -> Drag:
    """The numbers of one drag.

    Raises:
        ValueError: If the slider hardly moved.
    """
    inputs = recording.inputs
    if len(inputs) < 2 or not recording.painted:
        raise ValueError("the slider did not move under the mouse")
    first, last = inputs[0][0], inputs[-1][0]
    pictures = changes(recording.painted)
    answers = in_order(inputs, pictures)
    while_moving = [
        answer for (at, _), answer in zip(pictures, answers, strict=True) if first < at <= last
    ]
    moved_s = (last - first) / 1000
    return Drag(
        inputs_per_s=(len(inputs) - 1) / moved_s,
        frames_per_s=1000 * (recording.frames - 1) / (recording.ended_ms - recording.painted[0][0]),
        updates_per_s=sum(while_moving) / moved_s,
        staleness_ms=staleness_ms(recording),
        out_of_order=answers.count(False),
        blank=recording.blank,
        covered=recording.covered,
        final_right=recording.painted[-1][1] == inputs[-1][1],
    )


def changes(painted: Sequence[tuple[float, int | None]]) -> list[Event]:
    """The pictures without the blanks between them."""
    found: list[Event] = []
    for at, step in painted:
        if step is not None and (not found or found[-1][1] != step):
            found.append((at, step))
    return found


def in_order(inputs: Sequence[Event], pictures: Sequence[Event]) -> list[bool]:
    """Of every picture, whether it is in order; the first one is what was there before."""
    if not pictures:
        return []
    history = [(float("-inf"), pictures[0][1]), *inputs]
    result: list[bool] = []
    reached = 0
    for at, step in pictures:
        found = next(
            (
                i
                for i in range(reached, len(history))
                if history[i][1] == step and history[i][0] <= at
            ),
            None,
        )
        result.append(found is not None)
        reached = reached if found is None else found
    return result


def staleness_ms(recording: Recording) -> float | None:
    """From the last input until its picture is painted and stays; None if it never does."""
    at, step = recording.inputs[-1]
    painted, shown = recording.painted[-1]
    return max(0.0, painted - at) if shown == step else None


def percentile(values: Sequence[float], percent: float) -> float:
    """A percentile, linear between the values next to it."""
    if not values:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(values)
    place = percent / 100 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def fair_shares(updates_per_s: Sequence[float]) -> list[float]:
    """What each page gets of an equal part of all updates: 1 is its fair share."""
    total = sum(updates_per_s)
    return [len(updates_per_s) * rate / total if total else 0.0 for rate in updates_per_s]


def mean(values: Sequence[float]) -> float:
    """The mean, rounded as it is printed."""
    return round(fmean(values), 2)


def middle(values: Sequence[float | None]) -> float | None:
    """The median of those that are known."""
    known = [value for value in values if value is not None]
    return round(median(known), 2) if known else None


def triangle(count: int, start: float, stride: float, reach: float) -> list[float]:
    """Places of a hand that goes to and fro between −reach and reach at a steady speed.

    Args:
        count: How many.
        start: Where it begins, within the reach.
        stride: How far it goes from one to the next.
    """
    places: list[float] = []
    for at in range(1, count + 1):
        phase = (start + reach + at * stride) % (4 * reach)
        places.append(phase - reach if phase <= 2 * reach else 3 * reach - phase)
    return places
