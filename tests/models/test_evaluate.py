"""The evaluation as a whole and its command line, as a person runs it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from models import evaluate
from models.checkpoint.checkpoint import load_checkpoint
from models.evaluate import asked_of, build_parser
from models.evaluation import bounds
from models.evaluation.bounds import make_plan, measure_bounds
from models.evaluation.measures import mean_terms, psnr_of_each, seen_test_set
from models.evaluation.quick import evaluate as quick
from models.evaluation.suite import Asked
from models.likelihoods import bits_per_dim
from models.report.card import evaluation_command
from models.report.plots import EACH_IMAGE, kept_figure
from tests.models.tiny import tiny_checkpoint, tiny_images


@pytest.fixture
def eight_bit(tmp_path: Path) -> tuple[Path, Path]:
    return tiny_checkpoint(tmp_path, "discretised_logistic")


def arguments(folder: Path, data: Path, tmp_path: Path, *more: str) -> list[str]:
    return [str(folder), "--data", str(data), "--partial", str(tmp_path / "partial"), *more]


def test_the_quick_measures_are_the_sum_of_their_parts(eight_bit: tuple[Path, Path]) -> None:
    checkpoint = load_checkpoint(eight_bit[0])
    model, images = checkpoint.model, tiny_images(40)
    result = quick(model, checkpoint.statistics.levels, images, draws=3)
    assert result["elbo_nats"] == pytest.approx(
        result["reconstruction_nats"] - sum(result["rate_nats"]), abs=1e-3
    )
    assert result["bits_per_dim"] == bits_per_dim(-result["elbo_nats"], (1, 8, 8))
    assert result["n_images"] == 40
    x = seen_test_set(model, images)
    assert result["psnr_db"] == pytest.approx(float(psnr_of_each(model, x).mean()), abs=1e-5)
    _, rate = mean_terms(model, x, 3)
    assert result["rate_standard_error"] == pytest.approx(
        (rate.std(0) / 40**0.5).tolist(), rel=1e-4
    )
    assert quick(model, checkpoint.statistics.levels, images, draws=3) == result


def test_everything_is_measured_kept_and_repeated(
    eight_bit: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, data = eight_bit
    told = arguments(folder, data, tmp_path, "--k", "1,5,60", "--limit", "8", "--samples", "20")
    told += ["--deep", "100", "--deep-images", "3", "--seed", "2"]
    assert evaluate.main([*told, "--write", "--json", str(tmp_path / "a.json")]) == 0
    first = capsys.readouterr().out
    result = json.loads((tmp_path / "a.json").read_text())
    checkpoint = load_checkpoint(folder)
    assert checkpoint.evaluation == result
    assert (result["k"], result["nll_images"], result["n_images"]) == (60, 8, 60)
    assert [(b["k"], b["images"]) for b in result["bounds"]] == [(1, 8), (5, 8), (60, 8), (100, 3)]
    assert [b["images"] for b in result["bounds_on_deep_images"]] == [3, 3, 3, 3]
    assert result["neighbours"]["samples"] == 20
    x = seen_test_set(checkpoint.model, tiny_images(90)[30:], 2)
    found = measure_bounds(checkpoint.model, x, make_plan(60, (60,), 8), seed=2)[0]
    assert result["nll_nats"] == found.mean
    assert result["bounds"][2]["bits_per_dim"] == bits_per_dim(found.mean, (1, 8, 8))

    card = (folder / "README.md").read_text()
    assert f"| NLL, K = 60, the first 8 images | {found.mean:.2f} ± " in card
    assert "| NLL, K = 100, 3 images chosen by the seed |" in card
    report = (folder / "report.html").read_text()
    assert f"{found.mean:.2f} ± {found.standard_error:.2f}" in report

    # The statistics of the training set are now the full ones, so that it comes out again.
    assert evaluate.main([*told, "--json", str(tmp_path / "b.json")]) == 0
    assert capsys.readouterr().out == first
    assert json.loads((tmp_path / "b.json").read_text()) == result
    flags = evaluation_command("X", "Y", result).split()[3:]
    options = build_parser().parse_args(flags)
    asked = asked_of(options, eight_bit=True)
    assert json.loads(json.dumps(asked.__dict__)) == result["asked"]


def written(folder: Path, name: str) -> dict:
    return json.loads((folder / name).read_text())


def test_some_parts_are_measured_anew_and_the_others_stay(
    eight_bit: tuple[Path, Path], tmp_path: Path
) -> None:
    """Each part comes out as it was; one that is not measured stays even where it was edited."""
    folder, data = eight_bit
    told = arguments(folder, data, tmp_path, "--k", "1,60", "--limit", "8", "--samples", "20")
    assert evaluate.main([*told, "--write"]) == 0
    full, page = written(folder, "evaluation.json"), (folder / "report.html").read_text()
    statistics = (folder / "statistics.safetensors").read_bytes()
    weights = (folder / "model.safetensors").read_bytes()
    edited = json.loads(json.dumps(full))
    edited["bounds"][1]["nll_nats"] = 12.25
    edited["active_units_burda"] = [0, 0]
    (folder / "evaluation.json").write_text(json.dumps(edited))
    only = [*arguments(folder, data, tmp_path), "--write", "--only"]
    assert evaluate.main([*only, "levels"]) == 0
    found = written(folder, "evaluation.json")
    assert found["bounds"][1].pop("nll_nats") == 12.25
    assert found["active_units_burda"] == full["active_units_burda"] != [0, 0]
    assert "| NLL, K = 60, the first 8 images | 12.25 ± " in (folder / "README.md").read_text()
    assert kept_figure(page, EACH_IMAGE) in (folder / "report.html").read_text()

    assert evaluate.main([*only, "bounds,neighbours,forms"]) == 0
    assert written(folder, "evaluation.json") == full
    assert (folder / "report.html").read_text() == page
    assert (folder / "statistics.safetensors").read_bytes() == statistics
    assert (folder / "model.safetensors").read_bytes() == weights


def test_an_error_of_the_draws_of_before_keeps_a_name_that_says_what_it_is(
    eight_bit: tuple[Path, Path], tmp_path: Path
) -> None:
    folder, data = eight_bit
    told = arguments(folder, data, tmp_path, "--k", "1,60", "--limit", "8", "--samples", "0")
    assert evaluate.main([*told, "--write"]) == 0
    before = written(folder, "evaluation.json")
    del before["test_set"]  # as it was not told either
    for bound in before["bounds"]:
        del bound["half_draws_error"]
        bound["monte_carlo_error"] = None if bound["k"] == 1 else 0.0125
    (folder / "evaluation.json").write_text(json.dumps(before))
    assert evaluate.main([*arguments(folder, data, tmp_path), "--write", "--only", "levels"]) == 0
    bound = written(folder, "evaluation.json")["bounds"][1]
    assert bound["delta_method_error"] == 0.0125 and "monte_carlo_error" not in bound
    assert "<td>&gt; 0.013</td>" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("changes", "more", "said"),
    [
        ({}, ("--only", "units"), "--only 'units' is unknown: give some of bounds, levels"),
        ({}, ("--only", "levels", "--k", "9"), "leave --k out"),
        ({}, ("--only", "levels", "--deep-images", "3"), "leave --deep-images out"),
        ({}, ("--only", "levels", "--quick"), "leave --quick out"),
        ({"model": "0" * 16}, ("--only", "levels"), "is of the weights 0000000000000000"),
        ({"test_set": "0" * 16}, ("--only", "levels"), "is of other test pictures"),
        ({"n_images": 7}, ("--only", "levels"), "is of other test pictures"),
        ({"asked": None}, ("--only", "levels"), "no full evaluation"),
    ],
)
def test_parts_are_never_mixed_with_what_is_not_of_the_same(
    eight_bit: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    changes: dict, more: tuple[str, ...], said: str,
) -> None:  # fmt: skip
    folder, data = eight_bit
    told = arguments(folder, data, tmp_path)
    assert evaluate.main([*told, "--k", "1", "--limit", "3", "--samples", "0", "--write"]) == 0
    stored = written(folder, "evaluation.json") | changes
    (folder / "evaluation.json").write_text(json.dumps(stored))
    capsys.readouterr()
    assert evaluate.main([*told, "--write", *more]) != 0
    assert said in capsys.readouterr().err
    assert written(folder, "evaluation.json") == stored


def test_ctrl_c_keeps_what_is_known_and_says_how_to_go_on(
    eight_bit: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    measured = bounds.image_log_weights

    def stopped(model, x, image: int, draws: int, seed: int) -> np.ndarray:
        if image == 5:
            raise KeyboardInterrupt
        return measured(model, x, image, draws, seed)

    told = arguments(*eight_bit, tmp_path, "--k", "7", "--limit", "9", "--samples", "0")
    monkeypatch.setattr(bounds, "image_log_weights", stopped)
    assert evaluate.main(told) == 130
    said = capsys.readouterr().err
    assert str(tmp_path / "partial") in said and "goes on from there" in said
    monkeypatch.setattr(bounds, "image_log_weights", measured)
    assert evaluate.main(told) == 0
    assert "K = 7 of 5 images" in capsys.readouterr().err


def test_defaults_depend_on_the_likelihood() -> None:
    def asked(*flags: str, eight_bit: bool = False) -> Asked:
        return asked_of(build_parser().parse_args(["X", "--data", "Y", *flags]), eight_bit)

    assert asked() == Asked()
    assert (asked().k, asked().deep, asked().deep_images) == ((1, 50, 1000), 5000, 1000)
    colour = asked(eight_bit=True)
    assert (colour.k, colour.deep, colour.deep_images) == ((1, 50), 1000, 100)
    quickly = asked("--quick")
    assert (quickly.k, quickly.deep, quickly.images, quickly.samples) == ((1, 50), 0, 500, 200)
    assert asked("--k", "50,1,50").k == (1, 50) and asked("--k", "5").deep == 0
    assert asked("--k", "5", "--deep", "70", "--deep-images", "4").deep_images == 4
    assert asked("--k", "0").k == () and asked("--samples", "0").samples == 0


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--k", "many"], "--k 'many' cannot be read"),
        (["--k", "0,5"], "at least 1"),
        (["--k", "50", "--deep", "50"], "--deep 50 must be larger"),
        (["--draws", "0"], "--draws is 0"),
        (["--limit", "-3"], "--limit is -3"),
        (["--images", "0"], "--images is 0"),
        (["--deep", "-1"], "--deep is -1"),
        (["--deep-images", "0"], "--deep-images is 0"),
        (["--samples", "-1"], "--samples is -1"),
        (["--threads", "0"], "--threads is 0"),
        (["--seed", "-1"], "--seed is -1"),
        (["--device", "tpu"], "device 'tpu'"),
        (["--data", "/nowhere"], "/nowhere"),
    ],
)
def test_bad_arguments_are_one_clear_line(
    flags: list[str], says: str, eight_bit: tuple[Path, Path], tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert evaluate.main([*arguments(*eight_bit, tmp_path), *flags]) == 2
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("error: ") and says in said


def test_pictures_of_another_size_are_refused_and_other_pictures_remarked(
    eight_bit: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = eight_bit
    larger = tmp_path / "larger.npz"
    np.savez(larger, train=np.zeros((9, 16, 16), np.uint8), test=np.ones((9, 16, 16), np.uint8))
    assert evaluate.main(arguments(folder, larger, tmp_path)) == 2
    assert "pictures of 16×16, the model 'tiny' takes 8×8" in capsys.readouterr().err
    others = tmp_path / "others.npz"
    np.savez(others, train=tiny_images(9)[..., 0] // 2, test=tiny_images(9)[..., 0])
    told = arguments(folder, others, tmp_path, "--k", "2", "--samples", "0", "--draws", "1")
    assert evaluate.main(told) == 0
    assert "the numbers are of another test set" in capsys.readouterr().err


def test_without_a_bound_and_without_samples(eight_bit: tuple[Path, Path], tmp_path: Path) -> None:
    told = arguments(*eight_bit, tmp_path, "--k", "0", "--samples", "0", "--write")
    assert evaluate.main(told) == 0
    result = json.loads((eight_bit[0] / "evaluation.json").read_text())
    assert result["bounds"] == [] and "nll_nats" not in result and "neighbours" not in result
    assert "Left out of this evaluation" in (eight_bit[0] / "report.html").read_text()
    assert not (tmp_path / "partial").exists()
