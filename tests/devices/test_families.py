"""Every family on every device: what is asked of it works there, and gives what the CPU gives.

The devices are emulated (`emulated.py`), or the real one that $STRATA_DEVICE names: then numbers
agree to the rounding of single precision.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch

from models.checkpoint.checkpoint import load_checkpoint, pick_device
from models.data.load import Data
from models.errors import BadInput
from models.evaluation import measures
from models.evaluation.suite import Asked, measure
from models.families.mhvae.networks import area_means
from models.report.page import write_report
from models.sources.adapter import load_adapter
from models.train import parse, train_and_measure
from models.training.processes import Processes
from tests.devices.checks import CARD, CHECKS, Numbers, applies, checkpoint_of, page, shown_terms
from tests.devices.emulated import Emulated
from tests.devices.small import BUILDERS, small
from tests.models.tiny import tiny_images
from tests.running import ROOT

REAL = os.environ.get("STRATA_DEVICE")
KINDS = (REAL,) if REAL else ("cuda", "mps")
# A few training steps in bfloat16 part from each other; pictures may differ by a step of 255.
TOLERANCES = {"training": (1e-2, 1.0), "recipes": (1e-2, 1.0), "page": (1e-3, 1.0)}
FAMILIES = [
    pytest.param(family, check, kind, id=f"{family}-{check}-{kind}".replace(" ", "-"))
    for family in BUILDERS
    for check in CHECKS
    for kind in KINDS
    if applies(check, family)
]
OWN = """
import numpy as np, torch
from models.base import HierarchicalModel, Level, gaussian, known
from models.likelihoods import LIKELIHOODS

class Own(HierarchicalModel):
    image_shape, levels, eight_bit = (1, 8, 8), (Level(1, (2,)),), True

    def __init__(self):
        super().__init__()
        self.register_buffer("grid", torch.tensor([255.0]))
        self.register_buffer("w", torch.eye(64)[:2])

    def images(self):
        return np.random.default_rng(0).integers(0, 256, (6, 8, 8, 1), dtype=np.uint8)

    def as_seen(self, x):
        return (x * self.grid).round() / self.grid

    def posterior(self, t, z):
        mean = known(z, 0).flatten(1) @ self.w.T
        return gaussian(mean, torch.full_like(mean, 0.1), 1)

    def prior(self, t, z):
        return gaussian(torch.zeros(2).to(self.w), torch.ones(2).to(self.w), 1)

    def likelihood(self, z):
        output = (known(z, 1) @ self.w).unflatten(1, self.image_shape)
        return LIKELIHOODS["discretised_logistic"](output, torch.zeros(1, 1, 1).to(self.w))
"""


def on(kind: str) -> AbstractContextManager[object]:
    """The block in which a kind of device is there."""
    return nullcontext() if REAL else Emulated(kind)


@pytest.fixture(autouse=True)
def few_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measures, "ACTIVE_DRAWS", 2)


@pytest.fixture(scope="module")
def on_cpu() -> dict[tuple[str, str], Numbers]:
    """What the CPU gave, kept for the other devices."""
    return {}


@pytest.mark.parametrize(("family", "check", "kind"), FAMILIES)
def test_a_device_gives_what_the_cpu_gives(
    family: str,
    check: str,
    kind: str,
    on_cpu: dict[tuple[str, str], Numbers],
) -> None:
    ask = CHECKS[check]
    if (family, check) not in on_cpu:
        on_cpu[family, check] = ask(small(family))
    with on(kind):
        model = small(family).to(kind)
        assert model.like.device.type == kind
        found = ask(model)
    same(found, on_cpu[family, check], *TOLERANCES.get(check, (1e-3, 1e-3)))


def same(found: Numbers, wanted: Numbers, rtol: float, atol: float) -> None:
    assert len(found) == len(wanted) > 0
    for ours, theirs in zip(found, wanted, strict=True):
        theirs = theirs.astype(float)
        np.testing.assert_allclose(ours.astype(float), theirs, rtol=rtol, atol=atol)


@pytest.mark.parametrize("kind", KINDS)
def test_a_finished_training_writes_its_checkpoint(kind: str, tmp_path: Path) -> None:
    pictures = tiny_images(40)[..., 0]
    np.savez(tmp_path / "data.npz", train=pictures[:30], test=pictures[30:])
    out = tmp_path / "out"
    options = parse([
        f"--data={tmp_path / 'data.npz'}", f"--out={out}", "--levels=4,2", "--width=8",
        "--steps=2", "--batch=8", "--precision=tf32",
    ])  # fmt: skip
    with on(kind):
        train_and_measure(options, Processes(torch.device(kind)))
    assert load_checkpoint(out).model.depth == 2
    with on(kind):
        assert load_checkpoint(out, pick_device(kind)).model.like.device.type == kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_report_of_an_evaluation_is_written(kind: str) -> None:
    with on(kind):
        checkpoint = checkpoint_of(small("maps").to(kind))
        data = Data(checkpoint.examples, checkpoint.examples, CARD, {})
        found = measure(checkpoint, data, Asked(k=(1, 2), deep=0, draws=1, samples=3))
        assert b"<svg" in write_report(checkpoint, data, found)


@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_sees_pictures_where_it_is(kind: str, tmp_path: Path) -> None:
    """Its own tensors stand in `as_seen`, which is called where it was tried: on the device."""
    file = tmp_path / "own.py"
    file.write_text(OWN)
    wanted = load_adapter(f"{file}:Own")
    with on(kind):
        found = load_adapter(f"{file}:Own", kind)
        numbers = page(found.model)
    same(numbers, page(wanted.model), 1e-3, 1.0)
    torch.testing.assert_close(
        found.statistics.reference_elbo, wanted.statistics.reference_elbo, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_worked_adapter_opens_on_a_device(kind: str) -> None:
    with on(kind):
        own = load_adapter(f"{ROOT}/docs/examples/eigenfaces.py:Eigenfaces", kind)
        assert own.model.like.device.type == kind
        assert np.isfinite(shown_terms(own, own.examples[0])[0]).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("large", "small"), [(7, 4), (5, 4), (9, 4), (8, 4), (3, 1)])
def test_area_means_are_torchs_own_on_every_device(kind: str, large: int, small: int) -> None:
    h = torch.rand((2, 3, large, large), generator=torch.Generator().manual_seed(0))
    wanted = torch.nn.functional.adaptive_avg_pool2d(h, (small, small))
    assert torch.equal(area_means(h, small), wanted)
    with on(kind):
        moved = h.to(kind).requires_grad_()
        found = area_means(moved, small)
        found.sum().backward()
        found, gradient = found.detach().cpu(), moved.grad.cpu()  # pyright: ignore
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=1e-6)
    own = h.clone().requires_grad_()
    area_means(own, small).sum().backward()
    torch.testing.assert_close(gradient, own.grad, rtol=1e-6, atol=1e-6)


@pytest.mark.skipif(REAL is not None, reason="a real device is there")
def test_a_device_that_is_not_there_is_refused() -> None:
    for kind in ("cuda", "mps"):
        if not getattr(torch, kind).is_available():
            with pytest.raises(BadInput, match="not available"):
                pick_device(kind)
