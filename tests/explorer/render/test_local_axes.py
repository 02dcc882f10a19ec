"""Local axes of a diffusion through the explorer: found at the image, moved like any other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.desk.server_functions import Functions
from explorer.guard.gate import Gate
from explorer.images.uploads import image_hash
from explorer.library.library import Library
from explorer.live.server import Live
from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.render.axes import all_axes
from explorer.render.decode_memory import Chains
from explorer.render.encode import encode_image
from explorer.render.render import render
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.checkpoint.statistics import std_along
from models.data.load import Data
from models.errors import BadInput
from models.families.vdm.config import VDMConfig
from models.families.vdm.model import LOCAL, VDM
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Curve
from models.training.finish import measure
from tests.running import ROOT

SHAPE = (1, 8, 8)
IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one model: a small diffusion."""
    torch.manual_seed(3)
    unet = make_unet(SHAPE, (8, 16), layers=1)
    model = VDM(VDMConfig(SHAPE, "discretised", Curve("cosine", -4.0, 5.0), 3, unet=unet))
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn_like(weight))
    model.requires_grad_(False).eval()
    active = tuple(torch.ones(1, dtype=torch.bool) for _ in model.levels)
    statistics = measure(model, Data(IMAGES, IMAGES, {}, {}), active)
    parent = tmp_path_factory.mktemp("models")
    save_checkpoint(parent / "noisy", "noisy", model, statistics, {}, {}, {}, IMAGES, "a card")
    return parent


@pytest.fixture(scope="module")
def checkpoint(folder: Path) -> Checkpoint:
    return load_checkpoint(folder / "noisy")


def recipe_of(checkpoint: Checkpoint, which: int = 0) -> Recipe:
    image = image_hash(checkpoint.examples[which])
    return zero_recipe(checkpoint.hash, image, checkpoint.model.depth)


def test_a_slider_moves_the_level_by_its_sigma_along_the_singular_vector(
    checkpoint: Checkpoint,
) -> None:
    model, statistics = checkpoint.model, checkpoint.statistics
    trace = encode_image(checkpoint, checkpoint.examples[0])
    recipe = recipe_of(checkpoint).with_edit(Edit(2, "local", 1, -1.5))
    moved = Chains().decode(model, trace, recipe, statistics).z[2]
    direction = model.local_axes(2, trace.z[2]).directions[1]
    sigma = std_along(model, statistics, 2, direction[None])
    expected = (trace.z[2] - 1.5 * sigma * direction).flatten()
    torch.testing.assert_close(moved.flatten(), expected, rtol=0, atol=1e-5)


def test_the_axes_are_those_of_the_image_whatever_was_edited_or_asked_before(
    checkpoint: Checkpoint,
) -> None:
    """A recipe's picture is a function of the recipe and its image alone."""
    model, statistics, chains = checkpoint.model, checkpoint.statistics, Chains()
    pictures = []
    for which in (0, 1, 0):
        trace = encode_image(checkpoint, checkpoint.examples[which])
        recipe = recipe_of(checkpoint, which)
        recipe = recipe.with_edit(Edit(3, "local", 0, 2.0)).with_edit(Edit(2, "local", 0, 2.0))
        kept = render(model, trace, recipe, statistics, chains)
        fresh = render(model, trace, recipe, statistics)
        assert np.array_equal(kept.pixels, fresh.pixels)
        pictures.append(kept.pixels)
        plain = render(model, trace, recipe_of(checkpoint, which), statistics, chains)
        assert not np.array_equal(plain.pixels, kept.pixels)
    assert np.array_equal(pictures[0], pictures[2])
    first, second = (
        chains.local(
            model,
            encode_image(checkpoint, checkpoint.examples[which]),
            recipe_of(checkpoint, which),
            statistics,
            2,
        )
        for which in (0, 1)
    )
    assert not torch.allclose(first.steps, second.steps)


def test_what_a_slider_says_of_itself_is_what_the_denoised_image_does(
    checkpoint: Checkpoint,
) -> None:
    """RMS of the pixels a σ, against a small step of the denoiser itself."""
    model = checkpoint.model
    assert isinstance(model, VDM)
    trace = encode_image(checkpoint, checkpoint.examples[0])
    found = Chains().local(model, trace, recipe_of(checkpoint), checkpoint.statistics, 3)
    small = 1e-2 * found.steps[0].view(1, *SHAPE)
    with torch.no_grad():
        there, back = (model.denoised(3, trace.z[3] + s * small) / 2 for s in (1, -1))
    rms = float((there - back).square().mean().sqrt()) / 2e-2
    assert float(found.rms[0]) == pytest.approx(rms, rel=0.02)
    assert found.axes()[0].detail == f"{rms:.2f} per σ"
    assert [axis.label for axis in found.axes()] == [f"local {k + 1}" for k in range(LOCAL)]
    assert (found.rms[:-1] > 0).all()


def test_an_axis_that_is_not_there_is_refused(checkpoint: Checkpoint) -> None:
    trace = encode_image(checkpoint, checkpoint.examples[0])
    recipe = recipe_of(checkpoint).with_edit(Edit(1, "local", LOCAL, 1.0))
    with pytest.raises(BadInput, match=rf"index {LOCAL} of a local edit .* 0 to {LOCAL - 1}"):
        render(checkpoint.model, trace, recipe, checkpoint.statistics)


def test_the_page_asks_for_them(folder: Path) -> None:
    live = Live(Library(folder))
    functions: dict[str, Callable] = {f.__name__: f for f in Functions(live, Gate()).all()}

    def ask(name: str, request: dict) -> dict:
        return asyncio.run(functions[name](request))

    image = {"kind": "example", "index": 0}
    opened = ask("open", {"model": "noisy", "image": image})
    assert [level["local"] for level in opened["levels"]] == [LOCAL] * 3
    answer = ask("local", {"recipe": opened["recipe"], "level": 3})
    assert [axis["index"] for axis in answer["axes"]] == list(range(LOCAL))
    recipe = opened["recipe"] | {"edits": [[3, "local", 0, 2.0]]}
    again = ask("open", {"model": "noisy", "image": image, "recipe": recipe})
    assert again["recipe"]["edits"] == [[3, "local", 0, 2.0]]
    for level, said in ((4, "no local axes at a level 4"), ("3", "no whole number")):
        refused = ask("local", {"recipe": opened["recipe"], "level": level})
        assert said in refused["error"]
    live.close()


def test_other_families_have_none(checkpoint: Checkpoint) -> None:
    bundled = load_checkpoint(ROOT / "checkpoints" / "digits-vae")
    assert {axes.local_count for axes in all_axes(bundled.model, bundled.statistics)} == {0}
    trace = encode_image(bundled, bundled.examples[0])
    recipe = recipe_of(bundled).with_edit(Edit(1, "local", 0, 1.0))
    with pytest.raises(BadInput, match="level 1 has no local axes"):
        render(bundled.model, trace, recipe, bundled.statistics)
