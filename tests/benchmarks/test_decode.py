"""The decode benchmark: its variants draw the pictures they should, and its numbers add up."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from benchmarks import decode
from benchmarks.variants import Runner, Variant, all_variants, in_half, plain, shipped
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from tests.running import ROOT

ANEW = Variant("anew", plain, remember=False)
CHANGED = Variant("changed", plain)


@pytest.fixture(scope="module")
def digits() -> Checkpoint:
    return load_checkpoint(ROOT / "checkpoints" / "digits")


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before


def pictures(checkpoint: Checkpoint, variant: Variant) -> torch.Tensor:
    runner = Runner(checkpoint, variant)
    with runner.settings():
        return runner.pictures(examples=2, sigmas=(-1.0, 2.0))


def test_what_is_remembered_draws_the_same_pictures(digits: Checkpoint) -> None:
    anew, changed = pictures(digits, ANEW), pictures(digits, CHANGED)
    assert anew.shape == (2 * digits.model.depth * 2, 1, 28, 28)
    assert torch.equal(anew, changed)
    assert len({picture.numpy().tobytes() for picture in anew}) == len(anew)


def test_bfloat16_draws_others_and_leaves_the_model_alone(digits: Checkpoint) -> None:
    difference = pictures(digits, Variant("half", in_half)) - pictures(digits, ANEW)
    assert 1 / 255 < float(difference.abs().max()) < 0.2
    assert all(p.dtype == torch.float32 for p in digits.model.parameters())


def test_every_step_is_decoded(digits: Checkpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """No step of a runner is the same as one before, so none is a picture already known."""
    runner, drawn = Runner(digits, Variant("shipped", shipped)), []
    likelihood = digits.model.likelihood
    monkeypatch.setattr(digits.model, "likelihood", lambda z: drawn.append(1) or likelihood(z))
    with runner.settings():
        times = [runner.decode_ms(level) for level in (3, 1) for _ in range(10)]
    assert len(drawn) == 20
    assert min(times) > 0


def test_the_first_variant_is_the_measure_of_all(
    digits: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode, "all_variants", lambda threads: all_variants(threads)[:3])
    rows = decode.measure(digits, threads=2, rounds=1)
    first, *others = rows
    assert (first.top_ratio, first.bottom_ratio, first.max_difference) == (1, 1, 0)
    assert [row.variant for row in rows] == [v.name for v in all_variants(2)[:3]]
    for row in others:
        assert row.top_ratio == pytest.approx(row.top_p50_ms / first.top_p50_ms)
        assert 0 < row.bottom_p50_ms <= row.bottom_p95_ms
    text = decode.table(rows)
    assert all(row.variant in text for row in rows)
