"""Statistics along the fixed fields of a diffusion."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from models.checkpoint.statistics import (
    SAMPLE,
    SAMPLE_BYTES,
    Statistics,
    level_statistics,
    std_along,
    with_sample,
)
from models.errors import BadInput
from models.families.vdm.config import VDMConfig
from models.families.vdm.gaussians import alpha_sigma
from models.families.vdm.model import VDM
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Curve
from tests.models.diffusion_toys import independent
from tests.models.tiny import tiny_model


def test_the_deviation_along_a_field_is_that_of_the_noised_images() -> None:
    """σ² along v at z_t is α_t² Var(x̃·v) + σ_t², whatever the denoiser."""
    generator = np.random.default_rng(0)
    images = 255 * (generator.random((3000, 4, 4, 1)) < 0.8).astype(np.uint8)
    model = independent()
    levels = level_statistics(model, images, None)
    x = 2.0 * torch.from_numpy(images).permute(0, 3, 1, 2).flatten(1).double() / 255 - 1
    for t in (1, model.depth):
        rows = model.fields(t).directions.flatten(1).double()
        alpha, sigma = (float(v) for v in alpha_sigma(model.gammas()[t - 1]))
        wanted = (alpha**2 * (x @ rows.T).var(0) + sigma**2).sqrt()
        found = levels[t - 1]
        torch.testing.assert_close(found.component_std.double(), wanted, rtol=0.08, atol=0.0)
        assert found.components.shape == (16, 16)
    # The signal of independent pixels is spread evenly over all sixteen directions.
    assert abs(float(levels[0].component_share.sum()) - 1) < 0.02
    assert float(levels[0].component_share.max()) < 0.1


def noisy() -> VDM:
    torch.manual_seed(0)
    unet = make_unet((1, 8, 8), (8,), layers=1)
    return VDM(VDMConfig((1, 8, 8), "bernoulli", Curve("linear", -4.0, 4.0), 3, unet=unet)).eval()


def test_the_deviation_along_any_direction_is_that_of_a_sample_of_the_images() -> None:
    """Of independent pixels it is the same along every direction, and known."""
    generator = np.random.default_rng(1)
    images = 255 * (generator.random((2000, 8, 8, 1)) < 0.8).astype(np.uint8)
    model, empty = noisy(), Statistics((), torch.zeros(0), 0, 0.0, ())
    statistics = with_sample(empty, model, images)
    assert statistics.sample is not None and len(statistics.sample) == SAMPLE
    rows = torch.linalg.qr(torch.randn(64, 40, generator=torch.Generator().manual_seed(2)))[0].T
    for t in (1, 3):
        alpha, sigma = (float(v) for v in alpha_sigma(model.gammas()[t - 1]))
        wanted = (alpha**2 * 4 * 0.8 * 0.2 + sigma**2) ** 0.5
        found = std_along(model, statistics, t, rows.reshape(40, 1, 8, 8))
        torch.testing.assert_close(found, torch.full((40,), wanted), rtol=0.15, atol=0.0)
        assert float(found.mean()) == pytest.approx(wanted, rel=0.02)


def test_the_sample_survives_a_file_and_is_asked_for_where_it_is_missing() -> None:
    images = np.random.default_rng(1).integers(0, 256, (16, 8, 8, 1), dtype=np.uint8)
    model = noisy()
    levels = level_statistics(model, images, None)
    measured = with_sample(Statistics(levels, torch.zeros(1), 1, 0.0, (0.0,) * 3), model, images)
    stored = measured.to_tensors()
    again = Statistics.from_tensors(stored, [(1, 8, 8)] * 3)
    assert again.sample is not None and np.array_equal(again.sample.numpy(), images)
    del stored["sample"]
    old = Statistics.from_tensors(stored, [(1, 8, 8)] * 3)
    with pytest.raises(BadInput, match=r"'sample' is missing; measure the model again"):
        std_along(model, old, 1, torch.ones(1, 1, 8, 8) / 8)


def test_large_images_make_a_small_sample_and_other_families_none() -> None:
    wide = np.zeros((60, 256, 256, 3), np.uint8)
    empty = Statistics((), torch.zeros(0), 0, 0.0, ())
    kept = with_sample(empty, noisy(), wide).sample
    assert kept is not None and 2 <= len(kept) <= 10 and kept.nbytes <= SAMPLE_BYTES
    assert with_sample(empty, tiny_model(), wide).sample is None
