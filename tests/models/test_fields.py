"""Statistics along the fixed fields of a diffusion."""

from __future__ import annotations

import numpy as np
import torch

from models.statistics import level_statistics
from models.vdm.gaussians import alpha_sigma
from tests.models.diffusion_toys import independent


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
