"""Both exact forms of a bound, measured: on diffusions that know their data, so that the bound at
their stops is a sum over the nodes of a quadrature."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import evaluate
from models.checkpoint.checkpoint import Checkpoint
from models.errors import BadInput
from models.evaluation import forms
from models.evaluation.bounds import image_log_weights, make_plan, measure_bounds
from models.evaluation.forms import BothForms, first_noise, measure_forms
from models.evaluation.partial import open_partial
from models.families.vdm.noise import Curve
from models.likelihoods import bits_per_dim
from models.objective import both_forms, log_weight
from models.report.card import checkpoint_card, nats
from models.report.html import minus
from models.sources.in_memory import measured
from tests.models.diffusion_toys import (
    draw_independent,
    expected_terms,
    grey,
    grey_probabilities,
    independent,
)
from tests.models.tiny import TRAINING, tiny_checkpoint

X = draw_independent(1, seed=4)


def columns(found: BothForms) -> np.ndarray:
    """Every number of every image."""
    return np.stack([
        value for form in (found.ratios, found.matched)
        for value in (form.reconstruction, form.between, form.top, form.variance)
    ])  # fmt: skip


# What is measured ------------------------------------------------------------------------------


@pytest.mark.parametrize(("stops", "least", "most"), [(12, 0.4, 0.75), (40, 0.06, 0.14)])
def test_both_are_the_bound_and_the_second_varies_less(
    stops: int, least: float, most: float
) -> None:
    """400 times the same image, each with draws of its own."""
    model = independent(stops)
    found = measure_forms(model, X.expand(400, -1, -1, -1), draws=6)
    reconstruction, rates = expected_terms(model, X)
    exact = reconstruction - rates.sum()
    result = found.to_json()
    for name in ("log_ratios", "matched"):
        form = result[name]
        assert abs(form["elbo_nats"] - exact) < 4 * form["elbo_standard_error"] < 3
        # Images are the same, so all that spreads their means is the draws.
        spread = form["std_over_draws_nats"] / (400 * 6) ** 0.5
        assert form["elbo_standard_error"] == pytest.approx(spread, rel=0.15)
    assert least < result["variance_ratio"] < most
    ratio = result["matched"]["std_over_draws_nats"] / result["log_ratios"]["std_over_draws_nats"]
    assert result["variance_ratio"] == pytest.approx(ratio**2)
    less = result["log_ratios"]["elbo_nats"] - result["matched"]["elbo_nats"]  # of −ELBO
    assert result["difference_nats"] == pytest.approx(less)
    assert abs(less) < 4 * result["difference_standard_error"]
    matching = result["matched"]["denoising_matching_nats"]
    assert matching == pytest.approx(rates[:-1].sum(), rel=0.05)
    assert result["matched"]["prior_matching_nats"] == pytest.approx(rates[-1], rel=1e-6)


def test_the_parts_add_up_and_are_means_of_the_draws_of_an_image() -> None:
    model, x = independent(5), draw_independent(7)
    found = measure_forms(model, x, draws=3, seed=9)
    with torch.no_grad():
        draws = [both_forms(model, x[4:5], tuple(level[k : k + 1].double() for level in eps))
                 for eps in [first_noise(model, 9, 4, 3)] for k in range(3)]  # fmt: skip
    for place, form in enumerate((found.ratios, found.matched)):
        elbo = torch.cat([pair[place].elbo for pair in draws])
        rate = torch.cat([pair[place].rate for pair in draws])
        assert form.elbo[4] == pytest.approx(float(elbo.mean()))
        assert form.variance[4] == pytest.approx(float(elbo.var()))
        assert form.between[4] == pytest.approx(float(rate[:, :-1].sum(1).mean()))
        assert form.top[4] == pytest.approx(float(rate[:, -1].mean()))
    assert np.array_equal(found.ratios.reconstruction, found.matched.reconstruction)


@pytest.mark.parametrize("draws", [3, 60])
def test_they_take_the_first_draws_of_the_importance_weighted_bound(draws: int) -> None:
    """60 are more than a block of noise."""
    model, x = independent(4), draw_independent(3)
    eps = tuple(level.double() for level in first_noise(model, 5, 2, draws))
    with torch.no_grad():
        weights = log_weight(model, x[2:].expand(draws, -1, -1, -1), eps)
    assert weights.numpy() == pytest.approx(image_log_weights(model, x[2], 2, draws, 5))


def test_an_image_has_the_same_numbers_whatever_is_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where its draws are more than go through the networks at once."""
    model, x = independent(4), draw_independent(30)
    whole = columns(measure_forms(model, x, 8))
    assert columns(measure_forms(model, x[:3], 8)) == pytest.approx(whole[:, :3])
    monkeypatch.setattr(forms, "rows_of", lambda _: 5)
    assert columns(measure_forms(model, x, 8)) == pytest.approx(whole)
    assert not np.allclose(columns(measure_forms(model, x, 8, seed=1)), whole)


def test_one_draw_says_nothing_of_the_spread() -> None:
    found = measure_forms(independent(4), draw_independent(5), 1).to_json()
    assert found["variance_ratio"] is None and found["matched"]["std_over_draws_nats"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_bound_that_is_no_number_is_refused_by_the_image() -> None:
    x = draw_independent(5)
    x[3, 0, 0, 0] = torch.nan
    with pytest.raises(BadInput, match="test image 3"):
        measure_forms(independent(4), x, 2)


# Stopped and gone on with ----------------------------------------------------------------------


def test_what_is_known_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Groups of ten; an interruption in the third; then the rest, to the bit."""
    model, x = independent(4), draw_independent(37)
    monkeypatch.setattr(forms, "rows_of", lambda _: 40)
    whole, measured_groups, seen = columns(measure_forms(model, x, 4)), forms._measured, []

    def interrupted(model, x, first: int, draws: int, seed: int) -> np.ndarray:
        seen.append(first)
        if first == 20 and seen.count(20) == 1:
            raise KeyboardInterrupt
        return measured_groups(model, x, first, draws, seed)

    monkeypatch.setattr(forms, "_measured", interrupted)
    store, _ = open_partial(tmp_path, "w", x, 0)
    measure_bounds(model, x, make_plan(37, (3,), limit=2), 0, store)
    with pytest.raises(KeyboardInterrupt):
        measure_forms(model, x, 4, 0, store)
    store, said = open_partial(tmp_path, "w", x, 0)
    assert "both forms at 4 draws of 20 images, K = 3 of 2 images" in said
    assert np.array_equal(columns(measure_forms(model, x, 4, 0, store)), whole)
    assert seen == [0, 10, 20, 20, 30]

    store, _ = open_partial(tmp_path, "w", x, 0)
    assert np.array_equal(columns(measure_forms(model, x, 4, 0, store)), whole)
    assert len(seen) == 5
    measure_forms(model, x[:37], 2, 0, store)  # other draws are another column
    assert seen[5:] == [0, 20]


# Where a person sees it ------------------------------------------------------------------------


def toy(kind: str) -> Checkpoint:
    """A diffusion in memory with its test images, uint8."""
    count, side = 20, 8
    model = independent(16, side) if kind == "binary" else grey(8, side, Curve("linear", -6.0, 4.0))
    if kind == "binary":
        images = 255 * draw_independent(count, side).numpy().astype(np.uint8)
    else:
        drawn = torch.multinomial(
            grey_probabilities(), count * side**2, True, generator=generator()
        )
        images = drawn.numpy().astype(np.uint8)
    images = images.reshape(count, side, side, 1)
    model = model.float().requires_grad_(False).eval()
    found = measured(kind, Path(kind), model, images, {}, "0123456789abcdef")
    return replace(found, training=TRAINING)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(3)


@pytest.fixture
def checkpoint(request: pytest.FixtureRequest) -> Checkpoint:
    return toy(getattr(request, "param", "binary"))


@pytest.fixture
def evaluated(
    checkpoint: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., tuple[dict, str, str]]:  # fmt: skip
    """What `python -m models.evaluate` says of the toy: the measures, the report, the terminal."""

    def run(*flags: str) -> tuple[dict, str, str]:
        images = checkpoint.examples[..., 0]
        np.savez(tmp_path / "data.npz", train=images, test=images)
        monkeypatch.setattr(evaluate, "load_checkpoint", lambda *_: checkpoint)
        told = ["toy", "--data", str(tmp_path / "data.npz"), "--k", "2", "--limit", "3", *flags]
        told += ["--partial", str(tmp_path / "partial"), "--samples", "0"]
        told += ["--json", str(tmp_path / "a.json"), "--report", str(tmp_path / "report.html")]
        assert evaluate.main(told) == 0
        result = json.loads((tmp_path / "a.json").read_text())
        report = (tmp_path / "report.html").read_text()
        text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", report)).split())
        return result, text, capsys.readouterr().out

    return run


@pytest.mark.parametrize("checkpoint", ["binary", "eight bits"], indirect=True)
def test_the_evaluation_has_both_and_their_limit(
    checkpoint: Checkpoint, evaluated: Callable[..., tuple[dict, str, str]]
) -> None:
    result, report, said = evaluated("--draws", "5", "--images", "16")
    found, model = result["two_forms"], checkpoint.model
    assert result["n_images"] == 16
    for name, between in (
        ("log_ratios", "consistency_nats"), ("matched", "denoising_matching_nats"),
        ("limit", "denoising_matching_nats"),
    ):  # fmt: skip
        form = found[name]
        parts = form["reconstruction_nats"] - form[between] - form["prior_matching_nats"]
        assert form["elbo_nats"] == pytest.approx(parts, abs=1e-4)
        assert ("bits_per_dim" in form) == model.eight_bit
        if model.eight_bit:
            assert form["bits_per_dim"] == bits_per_dim(-form["elbo_nats"], model.image_shape)
    # The −ELBO that a diffusion is shown with is the limit, and better than at its few stops.
    assert found["limit"]["elbo_nats"] == result["elbo_nats"]
    assert found["limit"]["elbo_nats"] > found["matched"]["elbo_nats"] + 1
    assert abs(found["difference_nats"]) < 4 * found["difference_standard_error"]
    assert 0 < found["variance_ratio"] < 1
    # Its one channel is the whole image, which is no unit that could be taken out.
    assert "without_inactive" not in result and "inactive unit" not in report

    card = checkpoint_card(checkpoint, result)
    for name, form, key, row in (
        ("log-ratios", found["log_ratios"], "consistency_nats", "first, by log-ratios"),
        ("denoising matching", found["matched"], "denoising_matching_nats",
         "second, as denoising matching"),
    ):  # fmt: skip
        value = f"{nats(-form['elbo_nats'])} ± {form['elbo_standard_error']:.2f} "
        spread = nats(form["std_over_draws_nats"])
        for text in (card, said):
            (line,) = (line for line in text.splitlines() if f"{value}nats" in line)
            assert f"std over draws {spread} nats" in line
            assert f"−ELBO at its {model.depth} levels, {name}" in line
            assert not model.eight_bit or f"{form['bits_per_dim']:.3f} bits per" in line
        parts = (-form["reconstruction_nats"], form[key], form["prior_matching_nats"])
        cells = [value.strip(), *(minus(nats(part)) for part in parts), spread]
        assert " ".join((row, *cells)) in report
    for text in (card, said):
        assert "−ELBO, infinitely many stops" in text
    limit = found["limit"]
    value = f"{nats(-limit['elbo_nats'])} ± {limit['elbo_standard_error']:.2f}"
    assert f"limit, infinitely many stops {value} " in report
    assert f"{found['variance_ratio']:.2g} of the first's variance" in report
    assert f"Two exact forms At its {model.depth} levels" in report
    assert "that of the model's own" in report


def test_one_draw_an_image_leaves_the_spread_out(
    checkpoint: Checkpoint, evaluated: Callable[..., tuple[dict, str, str]]
) -> None:
    result, report, said = evaluated("--draws", "1")
    assert result["two_forms"]["variance_ratio"] is None
    assert "std over draws" not in said + checkpoint_card(checkpoint, result)
    assert "of the first's variance" not in report and "Two exact forms" in report


def test_a_family_with_one_form_has_nothing_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, data = tiny_checkpoint(tmp_path, "discretised_logistic")
    told = [str(folder), "--data", str(data), "--k", "0", "--samples", "0", "--write"]
    assert evaluate.main([*told, "--partial", str(tmp_path / "partial")]) == 0
    printed = capsys.readouterr()
    written = [(folder / name).read_text() for name in ("evaluation.json", "README.md")]
    for text in (printed.out, printed.err, *written, (folder / "report.html").read_text()):
        assert not re.search(r"two_forms|forms|matching|infinitely|std over draws", text)
    assert not (tmp_path / "partial").exists()
