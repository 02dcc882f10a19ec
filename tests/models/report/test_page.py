"""report.html: the numbers of evaluation.json in one file that asks nobody for anything."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from models import evaluate
from models.report.card import nats
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
    assert "http" not in page and "@import" not in page
    assert not re.search(r"url\((?!#)", page)
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
        assert root.attrib["aria-label"] and root.findall(".//title")
        assert not re.search(r"#[0-9a-f]{6}\b", plot)  # every colour is one of the page's
