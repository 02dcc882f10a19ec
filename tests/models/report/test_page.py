"""report.html: the numbers of evaluation.json in one file that asks nobody for anything."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from models import evaluate
from models.report.card import nats
from models.report.svg import Series, bar_chart, histogram, point_chart, ticks
from models.report.words import DEFINITIONS
from tests.models.tiny import tiny_checkpoint


@pytest.fixture(scope="module", params=["bernoulli", "discretised_logistic"])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that was evaluated with --write."""
    folder, data = tiny_checkpoint(tmp_path_factory.mktemp("report"), request.param)
    told = [str(folder), "--data", str(data), "--partial", str(folder.parent / "partial")]
    told += ["--k", "1,20", "--deep", "60", "--deep-images", "9", "--samples", "30", "--write"]
    assert evaluate.main(told) == 0
    return folder


@pytest.fixture
def page(written: Path) -> str:
    return (written / "report.html").read_text(encoding="utf-8")


@pytest.fixture
def result(written: Path) -> dict:
    return json.loads((written / "evaluation.json").read_text())


def test_it_has_the_numbers(page: str, result: dict) -> None:
    text = html.unescape(re.sub(r"<[^>]+>", "", page.split("<summary>")[0]))
    wanted = [
        f"{nats(-result['elbo_nats'])} ± {result['elbo_standard_error']:.2f}",
        *(f"{nats(b['nll_nats'])} ± {b['standard_error']:.2f}" for b in result["bounds"]),
        *(f"{nats(b['nll_nats'])} ± {b['standard_error']:.2f}"
          for b in result["bounds_on_deep_images"]),
        *(f"{rate:.2f} ± {error:.2f}" for rate, error in
          zip(result["rate_nats"], result["rate_standard_error"], strict=True)),
        *(f"{reach:.3f}" for reach in result["reach"]),
        *(f"{moved:.2f}" for moved in result["drift_sigma"] if moved is not None),
        " / ".join(map(str, result["active_units"])),
        f"{result['neighbours']['ratio_to_tests']:.3f} ± ",
        f"{result['neighbours']['distance_samples']:.4f}",
        "--k 1,20 --deep 60 --deep-images 9 --samples 30",
        result["model"],
    ]  # fmt: skip
    if "psnr_db" in result:
        wanted += [f"{result['psnr_db']:.2f} dB", f"{result['bits_per_dim']:.3f}"]
    assert [value for value in wanted if value not in text] == []
    assert text.strip().startswith("tiny · evaluation")


def test_it_holds_evaluation_json_itself(page: str, result: dict) -> None:
    found = re.search(r"<summary>evaluation.json</summary><pre>(.*?)</pre>", page, re.DOTALL)
    assert found is not None
    assert json.loads(html.unescape(found.group(1))) == result


def test_it_asks_nobody_for_anything(page: str) -> None:
    assert "http" not in page and "url(" not in page and "@import" not in page
    assert not re.search(r"<(script|link|iframe|object|embed)\b", page)
    targets = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert len(targets) > 20
    assert all(target.startswith(("data:image/", "#")) for target in targets)
    assert len(page) < 300_000


def test_every_defined_word_has_its_definition(page: str) -> None:
    asked = set(re.findall(r'href="#def-([^"]+)"', page))
    given = set(re.findall(r'id="def-([^"]+)"', page))
    assert asked == given and len(asked) > 12
    assert asked <= DEFINITIONS.keys()


def test_every_plot_is_well_formed(page: str) -> None:
    plots = re.findall(r"<svg.*?</svg>", page, re.DOTALL)
    assert len(plots) == 7
    for plot in plots:
        root = ElementTree.fromstring(plot)
        assert "nan" not in plot and "inf" not in plot.replace("info", "")
        assert root.attrib["aria-label"]


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 10) == [0, 2.5, 5, 7.5, 10]
    assert ticks(-0.3, 0.9) == pytest.approx([0, 0.5])
    for low, high in ((79.2, 84.1), (41_000, 44_000), (0, 0.013), (-5, -1)):
        found = ticks(low, high)
        assert 3 <= len(found) <= 8
        assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)


def heights(plot: str) -> list[float]:
    bars = ElementTree.fromstring(plot).iter("rect")
    return [float(bar.attrib["height"]) for bar in bars]


def test_bars_are_as_high_as_their_values() -> None:
    """A negative rate goes below zero, as far as it is large."""
    up, down, twice = heights(
        bar_chart([Series("rate", [3.0, -3.0, 6.0])], ["a", "b", "c"], "nats", "rates")
    )
    assert up == pytest.approx(down, abs=0.11)
    assert twice == pytest.approx(2 * up, abs=0.2)


def test_points_stand_at_their_logarithms() -> None:
    one = Series("x", [1.0, 2.0, 3.0], [1, 10, 100], [0.1, 0.1, 0.1])
    plot = point_chart([one], "y", "K", "what", log_x=True, x_ticks=(1, 10, 100))
    circles = [c.attrib for c in ElementTree.fromstring(plot).iter("circle")]
    a, b, c = (float(circle["cx"]) for circle in circles)
    assert b - a == pytest.approx(c - b, abs=0.15)
    assert plot.count("whisker") == 3


def test_a_histogram_counts_everything() -> None:
    values = np.random.default_rng(0).normal(size=1000).tolist()
    plot = histogram([Series("x", values)], "x", "what", bins=10)
    path = ElementTree.fromstring(plot).find("path[@class='area ']")
    assert path is not None
    ys = [float(y) for y in re.findall(r"L[\d.]+ ([\d.]+)H", path.attrib["d"])]
    base = float(path.attrib["d"].split("V")[-1].rstrip("Z"))
    assert len(ys) == 10 and min(ys) >= 20
    tops = [base - y for y in ys]
    counts = np.histogram(np.clip(values, min(values), np.quantile(values, 0.995)), 10)[0]
    assert np.array(tops) / max(tops) == pytest.approx(counts / counts.max(), abs=0.01)
