"""TF32 is decided by who computes: off where numbers are measured, on where pictures are drawn.

torch keeps the setting on a machine without a GPU too, so it is read here inside the networks.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.images.uploads import image_hash
from explorer.recipe.recipe import Edit, zero_recipe
from explorer.render.encode import encode_image
from explorer.render.render import ladder, render, sample_frame
from explorer.terms.terms import image_terms
from models import precision
from models.base import HierarchicalModel
from models.chain import draw_noise, with_own_noise
from models.checkpoint.checkpoint import Checkpoint
from models.checkpoint.statistics import level_statistics
from models.evaluation.bounds import image_log_weights
from models.evaluation.deletion import delete_inactive
from models.evaluation.measures import drift, mean_terms, psnr_of_each, reach, units
from models.evaluation.neighbours import find_neighbours
from models.evaluation.reference import QUICK
from models.families.mhvae.model import MHVAE
from models.objective import estimate, importance_weighted_bound, terms
from models.precision import OWNERS, double, exact, quick
from models.sources.in_memory import measured
from models.sources.pictures import own_pictures
from models.training.loop import TrainState, train
from models.training.run import preview
from models.training.schedule import TrainConfig
from tests.devices.small import CONV
from tests.models.tiny import tiny_images, tiny_model

IMAGES = tiny_images(6)


@pytest.fixture(autouse=True)
def switch(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where torch knows CUDA."""
    monkeypatch.setattr(precision, "_switch", precision._Switch(OWNERS))


def setting() -> tuple[str, ...]:
    return tuple(owner.fp32_precision for owner in OWNERS)


EXACT, QUICK_ONE = ("ieee",) * 3, ("tf32",) * 3


def test_measuring_wins_and_what_was_found_comes_back() -> None:
    found = setting()
    assert found not in (EXACT, QUICK_ONE)  # torch's own: on for convolutions alone
    with quick():
        assert setting() == QUICK_ONE
        with exact():
            assert setting() == EXACT
            with quick():
                assert setting() == EXACT
        assert setting() == QUICK_ONE
    assert setting() == found
    with pytest.raises(ValueError, match="inside"), exact():
        raise ValueError("inside")
    assert setting() == found


def test_a_thread_that_draws_changes_nothing_of_one_that_measures() -> None:
    found, seen = setting(), {}
    measuring, drawn = threading.Event(), threading.Event()

    def measure() -> None:
        with exact():
            measuring.set()
            drawn.wait(60)
            seen["measuring"] = setting()

    thread = threading.Thread(target=measure)
    with quick():
        thread.start()
        measuring.wait(60)
        with quick():
            seen["drawing"] = setting()
        drawn.set()
        thread.join()
        seen["alone again"] = setting()
    assert seen == {"measuring": EXACT, "drawing": EXACT, "alone again": QUICK_ONE}
    assert setting() == found


class Watched:
    """The settings under which a model's networks were computed, forwards and backwards."""

    def __init__(self, model: nn.Module) -> None:
        self.seen: set[tuple[str, ...]] = set()
        self._hooks = [module.register_forward_hook(self._note) for module in model.modules()]

    def _note(self, _module: nn.Module, _inputs: object, output: Any) -> None:
        self.seen.add(setting())
        if isinstance(output, Tensor) and output.requires_grad:
            output.register_hook(lambda _gradient: self.seen.add(setting()))


@pytest.fixture(scope="module")
def opened() -> Checkpoint:
    card: dict[str, object] = {}
    return measured("tiny", Path("tiny"), tiny_model(), IMAGES, card, "0" * 16, QUICK)


@pytest.fixture
def watched(opened: Checkpoint) -> Iterator[Watched]:
    found = Watched(opened.model)
    yield found
    for hook in found._hooks:
        hook.remove()


def as_seen(checkpoint: Checkpoint) -> Tensor:
    return (torch.from_numpy(IMAGES).movedim(-1, 1) > 127).float()


MEASURES: dict[str, Callable[[Checkpoint], object]] = {
    "terms on the page": lambda c: image_terms(c, IMAGES[0], draws=2),
    "the trace": lambda c: encode_image(c, IMAGES[0]),
    "estimate": lambda c: estimate(c.model, as_seen(c)),
    "bound": lambda c: importance_weighted_bound(c.model, as_seen(c), 2),
    "weights": lambda c: image_log_weights(c.model, as_seen(c)[0], 0, 2, 0),
    "mean terms": lambda c: mean_terms(c.model, as_seen(c), 1),
    "units": lambda c: units(c.model, as_seen(c)),
    "reach": lambda c: reach(c.model, as_seen(c), c.statistics.levels),
    "drift": lambda c: drift(c.model, as_seen(c), c.statistics.levels),
    "psnr": lambda c: psnr_of_each(c.model, as_seen(c)),
    "deletion": lambda c: delete_inactive(c.model, as_seen(c), c.statistics.levels, draws=1),
    "statistics": lambda c: level_statistics(c.model, IMAGES, None),
    "neighbours": lambda c: find_neighbours(c.model, IMAGES, IMAGES, 2),
    "pictures that a model is measured on": lambda c: own_pictures(c.model, 2),
}
PICTURES: dict[str, Callable[[Checkpoint], object]] = {
    "an edit": lambda c: edited(c),
    "the ladder": lambda c: list(ladder(c.model, traced(c), recipe_of(c), c.statistics)),
    "a sample": lambda c: sample_frame(c.model, 1),
    "its own noise": lambda c: with_own_noise(c.model, traced(c)),
    "a preview": lambda c: preview(c.model, IMAGES[:1]),
}


def traced(checkpoint: Checkpoint):
    with torch.no_grad():
        return checkpoint.model.embed(as_seen(checkpoint)[:1])


def recipe_of(checkpoint: Checkpoint):
    return zero_recipe(checkpoint.hash, image_hash(IMAGES[0]), checkpoint.model.depth)


def edited(checkpoint: Checkpoint) -> object:
    recipe = recipe_of(checkpoint).with_edit(Edit(2, "coordinate", 0, 1.0))
    return render(checkpoint.model, traced(checkpoint), recipe, checkpoint.statistics)


@pytest.mark.parametrize("name", MEASURES)
def test_numbers_are_measured_without_tf32(name: str, opened: Checkpoint, watched: Watched) -> None:
    with quick():  # somebody draws
        MEASURES[name](opened)
    assert watched.seen == {EXACT}


@pytest.mark.parametrize("name", PICTURES)
def test_pictures_are_drawn_with_tf32(name: str, opened: Checkpoint, watched: Watched) -> None:
    trace = traced(opened)  # at torch's own setting
    watched.seen.clear()
    assert trace.depth == 2
    with quick():
        PICTURES[name](opened)
    assert watched.seen == {QUICK_ONE}
    watched.seen.clear()
    if name not in ("an edit", "the ladder", "its own noise"):  # those encode here, undecided
        PICTURES[name](opened)
        assert watched.seen == {QUICK_ONE}


@pytest.mark.parametrize("asked", [False, True])
def test_a_training_has_tf32_where_it_asks_for_it(asked: bool) -> None:
    model = tiny_model().requires_grad_(True)
    config = TrainConfig(steps=1, batch_size=4, bf16=False, tf32=asked)
    state = TrainState(model, config)
    watched = Watched(model)
    assert len(list(train(state, IMAGES, config))) == 1
    assert watched.seen == {QUICK_ONE if asked else EXACT}


def test_doubles_are_on_the_cpu() -> None:
    found = double(torch.tensor([1.0]))
    assert (found.dtype, found.device.type) == (torch.float64, "cpu")


@torch.no_grad()
def test_densities_stay_in_float32_under_autocast() -> None:
    """Also of the fixed top, whose product is no network and is not rounded to bfloat16 either."""
    model: HierarchicalModel = MHVAE(replace(CONV, levels=((64,), (32,)), fixed_top=0.5)).eval()
    generator = torch.Generator().manual_seed(0)
    x = torch.rand((3, *model.image_shape), generator=generator)
    z = (x, torch.randn((3, 64), generator=generator), None)
    wanted = model.posterior(2, z)
    with torch.autocast("cpu", torch.bfloat16):
        found = model.posterior(2, z)
        parts = terms(model, x, draw_noise(model, 3, generator))
        densities = [
            model.posterior(1, z).entropy(), found.log_prob(torch.zeros(3, 32)),
            model.prior(1, (None, None, torch.zeros(3, 32))).entropy(), model.likelihood(z).mean,
            parts.rate, parts.reconstruction,
        ]  # fmt: skip
    assert torch.equal(found.mean, wanted.mean) and torch.equal(found.stddev, wanted.stddev)
    assert {value.dtype for value in (found.mean, found.stddev, *densities)} == {torch.float32}
