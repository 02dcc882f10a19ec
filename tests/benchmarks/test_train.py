"""The training benchmark: the contestants are the same model, and the numbers add up."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from benchmarks import train
from benchmarks.train import Blocks, Child, Contestant
from benchmarks.train_contestants import (
    PIXELS,
    SHAPE,
    Setup,
    flops_of_product,
    flops_of_step,
    grey,
    pictures,
)
from benchmarks.train_textbook import TextbookMHVAE, steps
from models.chain import draw_noise
from models.families.mhvae import networks
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.objective import terms

SMALL = Setup((6, 3), False, width=16, blocks=2, batch=8, images=64)


def both(levels: tuple[int, ...]) -> tuple[MHVAE, TextbookMHVAE]:
    """Our model and the textbook's, with the same weights."""
    config = MHVAEConfig(SHAPE, "bernoulli", tuple((n,) for n in levels), NetworkConfig(16, 2))
    ours, theirs = MHVAE(config), TextbookMHVAE(PIXELS, levels, 16, 2)
    values = list(ours.parameters())
    with torch.no_grad():
        for own, value in zip(theirs.parameters(), values, strict=True):
            own.copy_(value)
    return ours, theirs


def binary(count: int) -> Tensor:
    return (grey(count) > 0.3).float()


def test_the_textbook_computes_our_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """T = 1, the same draws: −ELBO to rounding, once the bound on log std is left out."""
    monkeypatch.setattr(networks, "bounded_log_std", lambda raw: raw)
    ours, theirs = both((20,))
    x = binary(8)
    eps = draw_noise(ours, len(x), torch.Generator().manual_seed(3))
    torch.manual_seed(3)
    assert theirs(x.flatten(1)).item() == pytest.approx(terms(ours, x, eps).loss.item(), rel=1e-5)


def test_the_textbook_estimates_the_same_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    """T = 3, the same draws: it takes log q of a draw below the top where we take its mean."""
    monkeypatch.setattr(networks, "bounded_log_std", lambda raw: raw)
    ours, theirs = both((12, 6, 4))
    with torch.no_grad():
        for prior in [*ours.priors.parameters(), *theirs.priors.parameters()]:
            prior.add_(0.05)  # so that p is not q and a wrong rate shows
        x = binary(2).repeat_interleave(2000, dim=0)
        parts = terms(ours, x, draw_noise(ours, len(x), torch.Generator().manual_seed(3)))
        torch.manual_seed(3)
        theirs_loss = theirs(x.flatten(1)).item()
    # log q of a draw is off its mean by ½ Σ (1 − ε²): 18 numbers, 4,000 draws, four deviations.
    assert theirs_loss == pytest.approx(parts.loss.item(), abs=4 * (18 / 2 / 4000) ** 0.5)
    assert theirs_loss != pytest.approx(parts.loss.item(), abs=1e-3)
    assert (parts.rate.mean(dim=0).abs() > 0.6).all(), parts.rate.mean(dim=0)


def test_the_textbook_learns() -> None:
    _, model = both((6, 3))
    losses = [loss for loss, _ in zip(steps(model, grey(64).flatten(1), 16, 5e-3), range(60))]  # noqa: B905
    assert sum(losses[-10:]) < sum(losses[:10]) - 100


def test_the_pictures_are_as_dark_as_digits() -> None:
    images = pictures(1500)
    assert images.shape == (1500, 28, 28, 1)
    assert 0.08 < images.mean() / 255 < 0.2
    assert len({image.tobytes() for image in images}) == 1500


def test_the_operations_of_a_step_by_hand() -> None:
    """Two for each weight of a matrix and image forwards, four back; the image gets no gradient."""
    width, blocks = 16, 2
    sizes = [(PIXELS, 12), (6, 6), (3, 12), (6, PIXELS)]
    weights = sum(i * width + 2 * blocks * width**2 + width * o for i, o in sizes)
    assert flops_of_step(SMALL) == 8 * (6 * weights - 2 * PIXELS * width)
    assert flops_of_product("cpu") == 2 * 1024**3


def test_contestants_answer_and_one_that_cannot_start_is_an_error() -> None:
    everyone = [Contestant("T = 2", name, SMALL) for name in ("strata", "textbook", "products")]
    everyone.append(Contestant("T = 2", "strata", replace(SMALL, batch=65)))
    with ExitStack() as stack:
        *children, failing = [stack.enter_context(Child(one, pythae=None)) for one in everyone]
        for child in children:
            assert child.answer() == {"ready": True}
            answer = child.ask("2")
            assert answer["cpu_s"] > 0
            assert 0 < answer["wall_s"] < 60
            assert 100 < child.ask("")["peak_mb"] < 5000
        with pytest.raises(RuntimeError, match="ended at once"):
            failing.answer()


def test_pythae_is_left_out_where_it_is_missing(tmp_path: Path) -> None:
    (tmp_path / "pythae").mkdir()
    (tmp_path / "pythae" / "__init__.py").write_text("")
    (tmp_path / "pythae" / "trainers.py").write_text("")
    assert train.has_pythae(tmp_path)
    names = [(one.comparison, one.name, one.precision)
             for one in train.contestants(SMALL, bf16=True, pythae=False)]  # fmt: skip
    assert names == [
        ("T = 1", "strata", "bfloat16"), ("T = 1", "strata", "float32"),
        ("T = 3", "strata", "bfloat16"), ("T = 3", "strata", "float32"),
        ("T = 3", "textbook", "float32"),
        ("machine", "products", "bfloat16"), ("machine", "products", "float32"),
    ]  # fmt: skip
    with_it = train.contestants(SMALL, bf16=False, pythae=True)
    assert [one.name for one in with_it] == ["strata", "pythae", "strata", "textbook", "products"]


def test_ratios_and_shares_by_hand() -> None:
    def block(wall_s: float) -> dict[str, float]:
        return {"steps": 10, "wall_s": wall_s, "cpu_s": wall_s / 2}

    ours = Contestant("T = 3", "strata", SMALL)
    theirs = Contestant("T = 3", "textbook", SMALL)
    machine = Contestant("machine", "products", SMALL)
    blocks: Blocks = {
        ours: [block(1.0), block(2.0), block(1.0)],
        theirs: [block(2.0), block(4.0), block(1.0)],
        machine: [block(0.5)] * 3,
    }
    peaks = {one: {"peak_mb": 7.0} for one in blocks}
    rows = {row.name: row for row in train.table_rows(blocks, peaks)}
    assert rows["strata"].images_per_s == 80
    assert rows["strata"].cpu_ms == 50
    per_s = flops_of_step(SMALL) * 10 / (10 * flops_of_product("cpu") / 0.5)
    assert rows["strata"].share_of_products == pytest.approx(per_s)
    (ratio,) = train.all_ratios(blocks)
    assert (ratio.rival, ratio.times, ratio.times_cpu) == ("textbook", 2.0, 2.0)
    text = train.table(list(rows.values()), [ratio], {"float32": 1e9}, SMALL)
    assert "ok  T = 3 in float32, textbook: 2.00" in text
