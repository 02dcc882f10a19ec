"""The plots of the report: what is drawn is as large as its value, and says it."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from models.report.charts import Series, bar_chart, histogram, point_chart
from models.report.svg import ONE, TWO, drawing, of_hue

BLUE = of_hue(205)


def told(plot: str) -> list[tuple[str, ElementTree.Element]]:
    """What is told on hover, and the mark that tells it."""
    root = ElementTree.fromstring(plot)
    return [
        (str(mark[0].text), mark) for mark in root.iter() if len(mark) and mark[0].tag == "title"
    ]


def corners(mark: ElementTree.Element) -> np.ndarray:
    """The points of a path, in units, y downwards."""
    return np.array(re.findall(r"([-\d.]+) ([-\d.]+)", mark.attrib["d"]), float)


def test_bars_are_as_high_as_their_values_and_a_negative_one_goes_below_zero() -> None:
    series = [Series("rate", [3.0, -3.0, 6.0], error=[0.5, 0.0, 0.0])]
    marks = told(bar_chart(series, ["a", "b", "c"], "nats", "rates", [BLUE] * 3))
    assert [text for text, _ in marks] == ["rate: 3.0 ± 0.5", "rate: −3.0", "rate: 6.0"]
    up, down, twice = (corners(mark)[:, 1] for _, mark in marks)
    assert np.ptp(up) == pytest.approx(np.ptp(down), abs=0.03)
    assert np.ptp(twice) == pytest.approx(2 * np.ptp(up), abs=0.05)
    assert up.max() == pytest.approx(down.min(), abs=0.02)  # both end at zero
    assert up.min() < down.min()


def test_a_second_series_is_paler_and_wholes_are_faint() -> None:
    series = [Series("a", [1.0]), Series("b", [2.0])]
    plot = bar_chart(series, ["z₁"], "units", "what", [BLUE], 0, wholes=[4.0])
    assert re.findall(r"fill: oklch[^;\"]+205\)(?:; fill-opacity: ([\d.]+))?", plot) == [
        "0.16",
        "",
        "0.38",
    ]


def test_points_stand_at_their_logarithms_with_their_errors() -> None:
    one = Series("x", [1.0, 2.0, 3.0], [1, 10, 100], [0.1, 0.1, 0.1], filled=[True, False, True])
    plot = point_chart([one], "y", "K", "what", log_x=True, x_ticks=(1, 10, 100))
    marks = told(plot)
    assert [text for text, _ in marks] == [
        "x, 1: 1.00 ± 0.1", "x, 10: 2.00 ± 0.1", "x, 100: 3.00 ± 0.1",
    ]  # fmt: skip
    a, b, c = (float(mark.attrib["x"]) for _, mark in marks)
    assert b - a == pytest.approx(c - b)
    hollow = ["var(--card)" in mark.attrib["style"] for _, mark in marks]
    assert hollow == [False, True, False]
    labels = re.findall(r"<text[^>]*>([^<]+)</text>", plot)
    assert labels[:3] == ["1", "10", "100"]


def test_a_shift_moves_the_marks_by_so_many_units() -> None:
    two = [Series("a", [1.0, 2.0]), Series("b", [1.0, 2.0], colour=TWO, shift=5)]
    a, _, b, _ = (float(mark.attrib["x"]) for _, mark in told(point_chart(two, "y", "x", "what")))
    assert b - a == pytest.approx(5, abs=0.01)


def test_a_histogram_counts_everything() -> None:
    values = np.random.default_rng(0).normal(size=1000).tolist()
    ((text, mark),) = told(histogram([Series("x", values)], "x", "what", bins=10))
    assert text.endswith("1,000 pictures")
    heights = corners(mark)[:, 1]
    tops = (heights.max() - heights)[1:21:2]
    counts = np.histogram(np.clip(values, min(values), np.quantile(values, 0.995)), 10)[0]
    assert tops / tops.max() == pytest.approx(counts / counts.max(), abs=1e-4)


def test_one_drawing_twice_is_the_same_and_two_share_no_name() -> None:
    first, again, other = (
        histogram([Series("x", [1.0, 2.0, 3.0])], "x", what) for what in ("a", "a", "b")
    )
    assert first == again
    names = [set(re.findall(r'id="([^"]+)"', plot)) for plot in (first, other)]
    assert names[0] and not names[0] & names[1]


def test_a_colour_that_is_none_of_the_page_is_refused() -> None:
    def draw(figure: Figure) -> dict[str, list[str]]:
        figure.subplots().plot([1, 2], color="#ff0000")
        return {}

    with pytest.raises(ValueError, match="#ff0000"):
        drawing("what", draw, 100, 100)
    assert ONE not in histogram([Series("x", [1.0, 2.0])], "x", "what")
