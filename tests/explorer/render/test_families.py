"""Every family through the explorer alike: opened, edited, drawn, sampled, weighed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.images.uploads import image_hash
from explorer.library.ready import load_ready
from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.render.axes import all_axes
from explorer.render.encode import encode_image
from explorer.render.frame import frame_of, picture
from explorer.render.render import ladder, render, sample_frame
from explorer.terms.terms import image_terms
from models.base import HierarchicalModel
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.data.load import Data
from models.errors import BadInput
from models.families.hvae.model import HVAE, HVAEConfig
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.families.vdm.config import VDMConfig
from models.families.vdm.model import VDM
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Curve
from models.policy import Policy
from models.training.finish import measure
from tests.running import ROOT

SHAPE = (1, 8, 8)
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), dtype=np.uint8)


def untrained(family: str) -> HierarchicalModel:
    torch.manual_seed(3)
    if family == "HVAE":
        up, down = "8x1,8d2,4x1,4d4,1x1", "1x1,4m1,4x1,8m4"
        model = HVAE(HVAEConfig(SHAPE, "bernoulli", up, down, width=8, zdim=3))
    elif family == "VDM":
        unet = make_unet(SHAPE, (8, 16), layers=1)
        model = VDM(VDMConfig(SHAPE, "bernoulli", Curve("cosine", -4.0, 5.0), 4, unet=unet))
    else:
        sizes = ((4,), (3,), (2,)) if family == "MHVAE" else ((4,),)
        model = MHVAE(MHVAEConfig(SHAPE, "bernoulli", sizes, NetworkConfig(16, 1)))
    with torch.no_grad():  # away from the zeros that some last layers begin with
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    return model


@pytest.fixture(scope="module", params=["VAE", "MHVAE", "HVAE", "VDM"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A checkpoint folder of the family, written and read again."""
    model = untrained(request.param).requires_grad_(False).eval()
    folder: Path = tmp_path_factory.mktemp("family") / request.param
    active = tuple(torch.ones(level.channels, dtype=torch.bool) for level in model.levels)
    statistics = measure(model, Data(IMAGES, IMAGES, {}, {}), active)
    save_checkpoint(folder, request.param, model, statistics, {}, {}, {}, IMAGES, "a card")
    checkpoint = load_checkpoint(folder)
    assert type(checkpoint.model) is type(model)
    return checkpoint


def test_the_worked_adapter_opens_edits_and_is_weighed() -> None:
    """Its tensors are buffers, so it has no parameter to ask for a device."""
    own = load_ready(f"{ROOT}/docs/examples/eigenfaces.py:Eigenfaces")
    assert not list(own.model.parameters())
    trace, recipe = encode_image(own, own.examples[0]), recipe_of(own)
    plain = render(own.model, trace, recipe, own.statistics)
    moved = recipe.with_edit(Edit(1, "coordinate", 0, 2.0))
    assert not np.array_equal(render(own.model, trace, moved, own.statistics).pixels, plain.pixels)
    assert image_terms(own, own.examples[0], draws=2).draws == 2
    assert sample_frame(own.model, 1).pixels.shape == (64, 64, 3)


def recipe_of(checkpoint: Checkpoint) -> Recipe:
    image = image_hash(checkpoint.examples[0])
    return zero_recipe(checkpoint.hash, image, checkpoint.model.depth)


def test_no_edit_is_the_reconstruction_and_an_edit_moves_only_what_is_below(
    opened: Checkpoint,
) -> None:
    model, recipe = opened.model, recipe_of(opened)
    trace = encode_image(opened, opened.examples[0])
    plain = render(model, trace, recipe, opened.statistics)
    assert np.array_equal(plain.pixels, picture(model, trace.z).pixels)
    top = model.depth
    kind = "component" if model.fields(top) else "coordinate"
    moved = recipe.with_edit(Edit(top, kind, 0, 3.0))
    assert not np.array_equal(render(model, trace, moved, opened.statistics).pixels, plain.pixels)


def test_the_ladder_ends_at_the_picture(opened: Checkpoint) -> None:
    trace, recipe = encode_image(opened, opened.examples[0]), recipe_of(opened)
    rungs = list(ladder(opened.model, trace, recipe, opened.statistics))
    assert [rung.level for rung in rungs] == list(range(opened.model.depth, 0, -1))
    last = render(opened.model, trace, recipe, opened.statistics)
    assert np.array_equal(rungs[-1].frame.pixels, last.pixels)


def test_every_level_redrawn_is_a_sample_from_the_prior(opened: Checkpoint) -> None:
    trace, recipe = encode_image(opened, opened.examples[0]), recipe_of(opened)
    for t in range(1, opened.model.depth + 1):
        recipe = recipe.with_policy(t, Policy("resample", 7))
    drawn = render(opened.model, trace, recipe, opened.statistics)
    assert np.array_equal(drawn.pixels, sample_frame(opened.model, 7).pixels)


def test_a_level_is_pinned_in_markov_families_only(opened: Checkpoint) -> None:
    trace, recipe = encode_image(opened, opened.examples[0]), recipe_of(opened)
    pinned = recipe.with_policy(1, Policy("pin"))
    if opened.model.is_markov:
        render(opened.model, trace, pinned, opened.statistics)
        return
    with pytest.raises(BadInput, match="level 1 is pinned, but in this model every level"):
        render(opened.model, trace, pinned, opened.statistics)


def test_axes_terms_and_pictures_are_whole(opened: Checkpoint) -> None:
    axes = all_axes(opened.model, opened.statistics)
    assert all(level.coordinate or level.component for level in axes)
    assert all(level.is_markov == opened.model.is_markov for level in axes)
    found = image_terms(opened, opened.examples[0], draws=2)
    assert found.rate_nats is not None and found.reconstruction_nats is not None
    assert found.elbo_nats == pytest.approx(found.reconstruction_nats - sum(found.rate_nats))
    seen = frame_of(encode_image(opened, opened.examples[0]).z[0])
    assert set(np.unique(seen.pixels)) <= {0, 255}
