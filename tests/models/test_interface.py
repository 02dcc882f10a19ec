"""What the interface of all families promises, where a family could break it unseen."""

from __future__ import annotations

import numpy as np
import torch

from models.base import Walk
from models.evaluation.measures import posterior_means
from models.families.vdm.config import VDMConfig
from models.families.vdm.model import VDM
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Curve
from models.training.loop import TrainState, train
from models.training.schedule import TrainConfig
from tests.models.small_hvae import random_hvae, some_images
from tests.models.tiny import tiny_model


def test_evidence_belongs_to_its_image() -> None:
    """A walk with another image in place of its own does not go on with the old evidence."""
    model = tiny_model()
    one, other = (model.as_seen(torch.rand(2, *model.image_shape)) for _ in range(2))
    walk = Walk((one, *(None for _ in model.levels)), model.evidence(one))
    assert model.posterior(1, walk) is walk.evidence
    found = model.posterior(1, walk.put(0, other)).mean
    assert torch.equal(found, model.posterior(1, (other,)).mean)
    assert walk.put(1, found).evidence is walk.evidence


def test_the_exact_mean_is_that_of_the_level_inferred_first() -> None:
    """With inference from the top that is z_T: no draw lies behind it."""
    model = random_hvae()
    x = model.as_seen(some_images(3))
    one, two = (
        posterior_means(model, x, 2, torch.Generator().manual_seed(seed)) for seed in (0, 1)
    )
    exact = model.posterior(model.depth, (x, *(None for _ in model.levels))).mean
    torch.testing.assert_close(one[-1], exact)
    assert torch.equal(one[-1], two[-1])
    assert not torch.equal(one[0], two[0])


def test_a_diffusion_is_trained_on_one_stop_an_image() -> None:
    """One pass of the denoiser a step, whatever the number of levels."""
    torch.manual_seed(0)
    unet = make_unet((1, 8, 8), (8, 16), layers=1)
    model = VDM(VDMConfig((1, 8, 8), "bernoulli", Curve("linear", -4.0, 5.0), 6, unet=unet))
    config = TrainConfig(steps=3, batch_size=4, kl_warmup=0.0, bf16=False)
    state, calls = TrainState(model, config), []
    state.model.network.register_forward_hook(lambda *_: calls.append(1))  # pyright: ignore
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), dtype=np.uint8)
    records = list(train(state, images, config))
    assert len(calls) == 3
    assert all(len(record.rate_nats) == 6 for record in records)
