"""The ablation: every run can be started, finished ones are kept, table and figure tell them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

from benchmarks import collapse
from benchmarks.collapse_figure import STYLE, Panel, figure
from benchmarks.collapse_plan import LEVELS, RUNS, Ablation
from models.data.load import Data
from models.families.mhvae.config import MHVAEConfig
from models.report.levels import level_hue
from models.training.asked import new_run
from models.training.options import parse


def test_at_most_twenty_runs_over_one_to_five_levels_each_of_another_recipe() -> None:
    assert len(RUNS) <= 20
    assert {run.depth for run in RUNS} == {1, 2, 3, 4, 5}
    assert len({run.name for run in RUNS}) == len({(r.depth, r.options) for r in RUNS}) == len(RUNS)
    assert set(collapse.SHOWN) <= {run.name for run in RUNS}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_the_training_takes_the_options_of_every_run(run: Ablation) -> None:
    options = parse(run.arguments("MNIST", "somewhere", 100))
    images = np.zeros((8, 28, 28, 1), np.uint8)
    asked = new_run(options, Data(images, images, {}, {}), torch.device("cpu"))
    assert isinstance(asked.model, MHVAEConfig)
    assert asked.model.depth == run.depth == len(LEVELS[run.depth].split(","))
    config = asked.training
    plain = not run.options
    changed = (
        any(config.free_bits) or config.kl_warmup > 0 or bool(config.rate_targets)
        or config.samples > 1 or config.greedy > 0 or asked.model.fixed_top > 0
        or asked.model.network.norm != "layer"
    )  # fmt: skip
    assert changed != plain


def measured(folder: Path, run: Ablation) -> None:
    folder.mkdir(parents=True)
    found = {
        "steps": 10, "minutes": 1.25, "elbo_nats": -91.234, "nll_nats": 88.1,
        "rate_nats": [20.0] * run.depth, "active_units": [7] * run.depth,
        "reach": [0.25] * run.depth,
    }  # fmt: skip
    (folder / collapse.MEASURES).write_text(json.dumps(found))
    (folder / "training").mkdir()
    columns = [f"rate_{t}_nats" for t in range(1, run.depth + 1)]
    lines = [",".join(["step", *columns])]
    lines += [",".join([str(step), *["3.5"] * run.depth]) for step in range(1, 11)]
    (folder / "training" / "metrics.csv").write_text("\n".join(lines))


def test_what_is_complete_is_shown_and_not_trained_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = next(run for run in RUNS if run.name == "t3-plain")
    measured(tmp_path / run.name, run)
    page = tmp_path / "page.md"
    page.write_text(f"before\n{collapse.BEGIN}\nold\n{collapse.END}\nafter\n")
    (tmp_path / "img").mkdir()
    arguments = ["--data=none", f"--out={tmp_path}", "--steps=10", f"--only={run.name}"]
    assert collapse.main([*arguments, f"--docs={page}"]) == 0
    row = (
        "| 3 | plain | 91.23 | 88.10 | 20.0 / 20.0 / 20.0 | 7 / 7 / 7 | 0.25 / 0.25 / 0.25 | 1.2 |"
    )
    assert row in capsys.readouterr().out
    text = page.read_text()
    assert row in text and "old" not in text
    assert text.startswith("before\n") and text.endswith("\nafter\n")
    ElementTree.parse(tmp_path / "img" / "collapse.svg")


def test_an_unknown_run_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert collapse.main(["--data=none", "--only=t9-plain"]) == 2
    assert "t9-plain" in capsys.readouterr().err


def test_the_figure_draws_a_curve_a_level() -> None:
    panels = [Panel("one & two", [0.5, 1.0], [[1.0, 2.0], [3.0, 40.0]])] * 4
    drawn = figure(panels)
    root = ElementTree.fromstring(drawn)
    for t in (1, 2):
        colour = f"oklch(var(--lv-l) var(--lv-c) {level_hue(t)})"
        curves = [
            p for p in root.iter() if f"stroke: {colour}; stroke-width: 2" in p.get("style", "")
        ]
        assert len([p for p in curves if p.get("clip-path")]) == 4
    assert root.get("viewBox") == "0 0 1080 400" and root.get("aria-label")
    assert [drawn.count(text) for text in ("one &amp; two", ">z₁<", ">z₂<")] == [4, 4, 4]
    asked = set(re.findall(r"var\(--([a-z-]+)\)", drawn))
    assert asked <= set(re.findall(r"--([a-z-]+):", STYLE))
