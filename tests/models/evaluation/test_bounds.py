"""The importance-weighted bound: exact where it must be, and the same number in whatever parts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from models import evaluate
from models.errors import BadInput
from models.evaluation import bounds
from models.evaluation.bounds import (
    NOISE_BLOCK,
    Bound,
    block_noise,
    calls,
    draws_in,
    image_log_weights,
    make_plan,
    measure_bounds,
    summarise,
)
from models.evaluation.partial import BOUND, PartialBounds, open_partial
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from tests.models.oracle import LinearGaussianChain
from tests.models.tiny import tiny_checkpoint, tiny_model
from tests.running import ROOT

SIZES = (3, 2, 4, 2)


def binary_images(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(5)
    return (torch.rand((count, 1, 8, 8), generator=generator) > 0.5).float()


@pytest.mark.parametrize("k", [1, 50, 120])
def test_the_bound_is_the_evidence_under_the_true_posterior(k: int) -> None:
    model = LinearGaussianChain(SIZES)
    x = model.sample_images(6)
    (found,) = measure_bounds(model, x, make_plan(6, (k,)))
    np.testing.assert_allclose(-found.nll, model.log_evidence(x).numpy(), rtol=0, atol=1e-9)
    assert found.effective_draws == pytest.approx(np.full(6, k))


def test_under_a_wrong_posterior_it_rises_with_k_and_stays_below() -> None:
    model = LinearGaussianChain(SIZES, q_shift=0.35, q_scale=0.8)
    x = model.sample_images(100)
    found = measure_bounds(model, x, make_plan(100, (1, 10, 100)))
    evidence = model.log_evidence(x).numpy()
    gaps = [bound.nll + evidence for bound in found]
    means = [gap.mean() for gap in gaps]
    errors = [gap.std() / 100**0.5 for gap in gaps]
    assert means[0] > means[1] > means[2] > -4 * errors[2]
    assert means[0] > 10 * errors[0]
    assert means[2] < 0.3 * means[0]


def test_noise_is_a_function_of_seed_image_and_draw() -> None:
    model = tiny_model()
    whole = block_noise(model, 0, 7, 3)
    assert [tuple(level.shape[1:]) for level in whole[1:]] == [(5,), (3,)]
    again = block_noise(model, 0, 7, 3)
    assert all(torch.equal(a, b) for a, b in zip(whole, again, strict=True))
    for other in (block_noise(model, 1, 7, 3), block_noise(model, 0, 8, 3),
                  block_noise(model, 0, 7, 4), block_noise(model, 3, 7, 0)):  # fmt: skip
        assert not torch.isin(whole[1], other[1]).any()
    many = torch.cat([torch.cat(block_noise(model, 0, i, b)[1:], 1)
                      for i in range(40) for b in range(3)])  # fmt: skip
    count = many.numel()
    assert abs(float(many.mean())) < 4 / count**0.5
    assert abs(float(many.var()) - 1) < 4 * (2 / count) ** 0.5
    assert len(many.flatten().unique()) > 0.99 * count


def test_a_smaller_k_is_the_start_of_a_larger() -> None:
    model, x = tiny_model(), binary_images(1)[0]
    weights = image_log_weights(model, x, 4, 700, seed=1)
    for k in (1, 33, 50, 51, 250, 251, 600):
        assert np.array_equal(image_log_weights(model, x, 4, k, seed=1), weights[:k])
    assert len(np.unique(weights)) == 700


def test_calls_are_of_whole_blocks_and_small_for_a_small_k() -> None:
    assert calls(tiny_model(), 1) == calls(tiny_model(), 50) == [(0, 50)]
    assert calls(tiny_model(), 600) == [(0, 50), (50, 250), (250, 500), (500, 750)]
    colour = MHVAE(MHVAEConfig((3, 64, 64), "discretised_logistic", ((4,),), NetworkConfig(8, 1)))
    assert calls(colour, 120) == [(0, 50), (50, 100), (100, 150)]
    assert all(edge % NOISE_BLOCK == 0 for call in calls(tiny_model(), 900) for edge in call)


def test_the_number_of_an_image_does_not_depend_on_what_else_is_measured() -> None:
    model, x = tiny_model(), binary_images(12)
    whole = measure_bounds(model, x, make_plan(12, (1, 50, 300)))
    few = measure_bounds(model, x, {300: np.array([9, 2]), 50: np.array([4])})
    assert np.array_equal(few[1].nll, whole[2].nll[[9, 2]])
    assert np.array_equal(few[0].nll, whole[1].nll[[4]])
    deep = measure_bounds(model, x, make_plan(12, (50,), 8, 300, 3, seed=6), seed=0)
    assert np.array_equal(deep[1].nll, whole[2].nll[deep[1].images])
    other = measure_bounds(model, x, make_plan(12, (50,)), seed=1)
    assert not np.isin(other[0].nll, whole[1].nll).any()


def test_what_is_known_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interruption in the middle; then the rest, bit for bit; then a further K."""
    model, x, plan = tiny_model(), binary_images(10), make_plan(10, (1, 60))
    whole = measure_bounds(model, x, plan)
    seen: list[int] = []
    measured = bounds.image_log_weights

    def interrupted(model, x, image: int, draws: int, seed: int) -> np.ndarray:
        if image == 6 and 6 not in seen:
            seen.append(6)
            raise KeyboardInterrupt
        seen.append(image)
        return measured(model, x, image, draws, seed)

    monkeypatch.setattr(bounds, "image_log_weights", interrupted)
    store, said = open_partial(tmp_path, "w", x, 0)
    assert "starts anew: nothing" in said
    with pytest.raises(KeyboardInterrupt):
        measure_bounds(model, x, plan, 0, store)
    store, said = open_partial(tmp_path, "w", x, 0)
    assert "K = 1 of 6 images, K = 60 of 6 images" in said
    rest = measure_bounds(model, x, plan, 0, store)
    assert seen == [0, 1, 2, 3, 4, 5, 6, 6, 7, 8, 9]
    for a, b in zip(rest, whole, strict=True):
        assert np.array_equal(a.nll, b.nll)
        assert np.array_equal(a.effective_draws, b.effective_draws)

    store, _ = open_partial(tmp_path, "w", x, 0)
    measure_bounds(model, x, {60: np.arange(10), 100: np.array([3])}, 0, store)
    assert seen[11:] == [3]


def test_another_key_starts_anew_and_says_so(tmp_path: Path) -> None:
    model, x = tiny_model(), binary_images(4)
    store, _ = open_partial(tmp_path, "weights", x, 0)
    measure_bounds(model, x, make_plan(4, (5,)), 0, store)
    flipped = x.clone()
    flipped[0, 0, 0, 0] = 1 - flipped[0, 0, 0, 0]
    for other in ((x, 1), (flipped, 0), (x[:3], 0)):
        fresh, said = open_partial(tmp_path, "weights", *other)
        assert fresh.columns == {}
        assert "starts anew" in said and "another seed" in said
    fresh, said = open_partial(tmp_path, "others", x, 0)
    assert fresh.columns == {} and "nothing of these weights" in said
    known, said = open_partial(tmp_path, "weights", x, 0)
    assert not known.missing({(BOUND, 5): np.arange(4)}).any() and "K = 5 of 4 images" in said


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_a_damaged_file_starts_anew_and_says_so(content: bytes, tmp_path: Path) -> None:
    x = binary_images(4)
    store, _ = open_partial(tmp_path, "weights", x, 0)
    assert store.path is not None
    store.path.write_bytes(content)
    fresh, said = open_partial(tmp_path, "weights", x, 0)
    assert fresh.columns == {}
    assert "cannot be read" in said and "starts anew" in said


def test_a_file_of_another_key_is_not_read(tmp_path: Path) -> None:
    """Renamed by hand to the name of another key."""
    x = binary_images(4)
    first, _ = open_partial(tmp_path, "weights", x, 0)
    first.add(0, {(BOUND, 5): (3.0, 1.0, 0.1)})
    first.save()
    other, _ = open_partial(tmp_path, "weights", x, 1)
    assert first.path is not None and other.path is not None
    first.path.rename(other.path)
    fresh, said = open_partial(tmp_path, "weights", x, 1)
    assert fresh.columns == {} and "it is of another key" in said


def test_the_plan() -> None:
    plan = make_plan(100, (50, 1), limit=40, deep=500, deep_images=10, seed=3)
    assert list(plan) == [1, 50, 500]
    assert plan[50].tolist() == list(range(40))
    assert len(plan[500]) == len(set(plan[500])) == 10
    assert plan[500].max() < 40 and np.all(np.diff(plan[500]) > 0)
    wide = make_plan(100, (1,), None, 500, 10, seed=3)
    assert np.array_equal(wide[500], make_plan(100, (1, 50), None, 500, 10, seed=3)[500])
    assert not np.array_equal(wide[500], make_plan(100, (1,), None, 500, 10, seed=4)[500])
    draws = draws_in(plan, 100)
    assert (draws[plan[500]] == 500).all() and draws[40:].sum() == 0
    assert sorted(set(draws.tolist())) == [0, 50, 500]
    assert make_plan(5, (), limit=2) == {}
    for ks, deep, deep_images in (((0,), 0, 0), ((50,), 50, 3), ((1,), 50, 0)):
        with pytest.raises(BadInput):
            make_plan(10, ks, None, deep, deep_images)


def test_summary_and_errors_by_hand() -> None:
    nll, effective, apart = summarise(np.log([1.0, 3.0]))
    assert nll == pytest.approx(-np.log(2.0))
    assert effective == pytest.approx(16 / 10)
    assert apart == pytest.approx(np.log(3.0))  # −L_1 of the first draw is 0, of the second −log 3
    assert np.isnan(summarise(np.array([2.0]))[2])
    assert summarise(np.log([1.0, 1.0, 3.0, 5.0, 99.0]))[2] == pytest.approx(np.log(4.0))
    assert summarise(np.array([-5000.0, -5000.0]))[0] == pytest.approx(5000.0)
    twice = np.array([1.6, 2.0])
    bound = Bound(2, np.array([0, 1]), np.array([3.0, 5.0]), twice, np.array([0.6, -0.8]))
    assert bound.mean == 4.0
    assert bound.standard_error == pytest.approx(1.0)
    assert bound.half_draws_error == pytest.approx((1.0 / 2) ** 0.5 / 2)
    nothing = np.array([np.nan])
    assert Bound(1, np.array([0]), np.array([3.0]), np.ones(1), nothing).half_draws_error is None
    kept = bound.over(np.array([1]))
    assert (kept.nll.tolist(), kept.apart.tolist()) == ([5.0], [-0.8])


@pytest.mark.parametrize(("shift", "scale"), [(0.2, 0.9), (2.5, 0.5)], ids=["fair", "bad"])
def test_the_stated_error_is_what_independent_estimates_show(shift: float, scale: float) -> None:
    """Also under a q so bad that one weight of fifty outweighs the rest: the delta method would
    state less than half of what other seeds show there."""
    model = LinearGaussianChain((3, 2), q_shift=shift, q_scale=scale)
    x, plan = model.sample_images(10), make_plan(10, (25, 50))
    found = [measure_bounds(model, x, plan, seed) for seed in range(80)]
    of_half, of_all = (np.std([bounds[k].mean for bounds in found], ddof=1) for k in (0, 1))
    stated = float(np.sqrt(np.mean([(bounds[1].half_draws_error or 0) ** 2 for bounds in found])))
    assert 0.8 < stated / of_half < 1.25
    assert stated > 0.85 * of_all
    effective = np.concatenate([bounds[1].effective_draws for bounds in found])
    delta = np.sqrt((1 / effective - 1 / 50).clip(0).mean() / 10)
    assert (delta < 0.5 * of_all) == (shift > 1)


def test_weights_that_are_no_numbers_are_refused() -> None:
    model = tiny_model()
    with torch.no_grad():
        next(model.decoder.parameters()).fill_(torch.nan)
    with pytest.raises(BadInput, match="test image 0"):
        measure_bounds(model, binary_images(2), make_plan(2, (3,)))


def test_a_store_without_a_file_keeps_nothing(tmp_path: Path) -> None:
    store = PartialBounds.empty(3)
    store.add(1, {(BOUND, 5): (2.0, 1.0, 0.1)})
    store.save()
    assert store.missing({(BOUND, 5): np.arange(3)}).tolist() == [True, False, True]


def test_a_killed_evaluation_goes_on_where_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A real process, SIGKILL in the middle: the same numbers as one that was left alone."""
    folder, data = tiny_checkpoint(tmp_path)
    arguments = [str(folder), "--data", str(data), "--k", "1,4000", "--samples", "0"]
    arguments += ["--draws", "1", "--threads", "1", "--partial"]
    partial, other = tmp_path / "partial", tmp_path / "other"
    process = subprocess.Popen(
        [sys.executable, "-m", "models.evaluate", *arguments, str(partial)],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while known(partial) < 1 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert 1 <= known(partial) < 60

    assert evaluate.main([*arguments, str(partial), "--json", str(tmp_path / "a.json")]) == 0
    assert "known already from" in capsys.readouterr().err
    assert evaluate.main([*arguments, str(other), "--json", str(tmp_path / "b.json")]) == 0
    assert json.loads((tmp_path / "a.json").read_text()) == json.loads(
        (tmp_path / "b.json").read_text()
    )
    (one,), (two,) = partial.glob("*.npz"), other.glob("*.npz")
    with np.load(one) as a, np.load(two) as b:
        assert sorted(a.files) == sorted(b.files) == ["k1", "k4000", "key"]
        for name in a.files:
            np.testing.assert_array_equal(a[name], b[name])


def known(folder: Path) -> int:
    """How many images the file of a folder knows."""
    for path in folder.glob("*.npz"):
        with np.load(path) as file:
            return int((~np.isnan(file["k4000"][:, 0])).sum())
    return 0
