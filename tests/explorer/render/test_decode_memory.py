"""Only what changed is computed, and no picture is another one for it."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch
from torch.distributions import Distribution

from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.render.decode_memory import Chains
from explorer.render.frame import Frame, picture
from explorer.render.render import decoded, ladder, render
from models.base import Chain, HierarchicalModel, Trace, encode
from models.chain import decode, draw_noise, with_own_noise
from models.checkpoint.checkpoint import load_checkpoint
from models.checkpoint.statistics import Statistics
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.policy import KINDS, Policy
from tests.explorer.toy import Toy, offsets, toy_statistics, toy_trace
from tests.running import ROOT

MODEL_HASH = "0123456789abcdef"
IMAGES = ("00000000000000aa", "00000000000000bb")
DEPTH = 3


def mhvae() -> MHVAE:
    """A small network with levels of both shapes."""
    torch.manual_seed(0)
    network = NetworkConfig(width=16, blocks=1, channels=(8, 8), patch=2)
    config = MHVAEConfig((3, 8, 8), "discretised_logistic", ((4, 4, 4), (6,), (3,)), network)
    return MHVAE(config).requires_grad_(False).eval()


class Counted(HierarchicalModel):
    """A model that writes down what is asked of it, such as "prior 2"."""

    def __init__(self, model: HierarchicalModel) -> None:
        super().__init__()
        self.image_shape, self.levels = model.image_shape, model.levels
        self.eight_bit = model.eight_bit
        self.model = model
        self.asked: list[str] = []

    def as_seen(self, x: torch.Tensor) -> torch.Tensor:
        return self.model.as_seen(x)

    def posterior(self, t: int, z: Chain) -> Distribution:
        self.asked.append(f"posterior {t}")
        return self.model.posterior(t, z)

    def prior(self, t: int, z: Chain) -> Distribution:
        self.asked.append(f"prior {t}")
        return self.model.prior(t, z)

    def likelihood(self, z: Chain) -> Distribution:
        self.asked.append("likelihood")
        return self.model.likelihood(z)

    def taken(self) -> list[str]:
        """What was asked since the last call."""
        asked, self.asked = self.asked, []
        return asked


@pytest.fixture(params=["linear", "network", "digits"])
def model(request: pytest.FixtureRequest) -> HierarchicalModel:
    if request.param == "digits":
        return load_checkpoint(ROOT / "checkpoints" / "digits").model
    return Toy() if request.param == "linear" else mhvae()


def traces_of(model: HierarchicalModel) -> dict[tuple[str, int | None], Trace]:
    """Two images, each along the mean path and as a posterior sample."""
    found: dict[tuple[str, int | None], Trace] = {}
    for n, image in enumerate(IMAGES):
        mean_path = toy_trace(model, seed=n)
        eps = draw_noise(model, 1, torch.Generator().manual_seed(n))
        found[image, None] = mean_path
        found[image, 5] = encode(model, mean_path.z[0], eps)
    return found


def random_recipe(dice: random.Random) -> Recipe:
    """Any recipe over a few values, so that parts of it come up again and again."""
    policies = tuple(
        Policy(dice.choice(KINDS), dice.choice((0, 7)), dice.choice((0.0, 0.5, 1.0)))
        for _ in range(DEPTH)
    )
    axes = {
        (dice.randint(1, DEPTH), dice.choice(("coordinate", "component")), dice.randint(0, 1))
        for _ in range(dice.randint(0, 3))
    }
    edits = tuple(Edit(*axis, dice.choice((-1.5, 0.25, 3.0))) for axis in axes)
    return Recipe(
        MODEL_HASH, dice.choice(IMAGES), policies, edits,
        dice.choice((0.0, 0.7, 1.0)), dice.choice((None, 5)),
    )  # fmt: skip


def changed_a_little(recipe: Recipe, dice: random.Random) -> Recipe:
    """What a person does next: another slider, another policy, or everything anew."""
    other, level = random_recipe(dice), dice.randint(1, DEPTH)
    nexts = [
        other,
        recipe,
        replace(recipe, temperature=other.temperature),
        replace(recipe, encode_seed=other.encode_seed),
        recipe.with_policy(level, other.policy(level)),
        *(recipe.with_edit(edit) for edit in other.edits),
    ]
    return dice.choice(nexts)


def plain(
    model: HierarchicalModel, trace: Trace, recipe: Recipe, statistics: Statistics
) -> tuple[torch.Tensor, ...]:
    """The decode with nothing remembered at all."""
    moved = offsets(model, statistics, recipe)
    return decode(model, trace, recipe.policies, moved, recipe.temperature)


def same(one: Frame, other: Frame) -> bool:
    return bool((one.pixels == other.pixels).all())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("sizes", [(4_096, 1_024), (5, 2)], ids=["roomy", "tight"])
def test_nothing_remembered_changes_a_bit(
    model: HierarchicalModel, sizes: tuple[int, int], seed: int
) -> None:
    dice, chains = random.Random(seed), Chains(*sizes)
    traces, statistics = traces_of(model), toy_statistics(model)
    filled = {key: with_own_noise(model, trace) for key, trace in traces.items()}
    recipe = random_recipe(dice)
    for _ in range(150):
        key = (recipe.image, recipe.encode_seed)
        expected = plain(model, traces[key], recipe, statistics)
        trace = dice.choice((traces[key], filled[key]))
        found = decoded(model, trace, recipe, statistics, chains)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True)), recipe
        if dice.random() < 0.5:
            frame = render(model, trace, recipe, statistics, chains)
            assert same(frame, picture(model, expected)), recipe
        if dice.random() < 0.3:
            rungs = ladder(model, trace, recipe, statistics, chains)
            bare = ladder(model, traces[key], recipe, statistics)
            assert all(same(a.frame, b.frame) for a, b in zip(rungs, bare, strict=True)), recipe
        recipe = changed_a_little(recipe, dice)


def test_an_edit_runs_the_chain_below_it_and_nothing_twice(model: HierarchicalModel) -> None:
    """The priors t − 1 … 1 and one likelihood; no encode, no own detail, no level above."""
    counted, statistics, chains = Counted(model), toy_statistics(model), Chains()
    trace = with_own_noise(counted, toy_trace(counted))
    recipe = zero_recipe(MODEL_HASH, IMAGES[0], DEPTH)
    for t in (3, 2, 1):
        recipe = recipe.with_edit(Edit(t, "coordinate", 0, 1.0))
    render(counted, trace, recipe, statistics, chains)
    counted.taken()
    for n, t in enumerate((3, 2, 1, 1, 2, 3)):
        recipe = recipe.with_edit(Edit(t, "coordinate", 1, (n + 1) / 8))
        render(counted, trace, recipe, statistics, chains)
        assert counted.taken() == [*(f"prior {s}" for s in range(t - 1, 0, -1)), "likelihood"], t
        render(counted, trace, recipe, statistics, chains)
        assert counted.taken() == []


def test_the_first_edit_of_an_image_runs_only_what_lies_below_it(
    model: HierarchicalModel,
) -> None:
    counted, statistics = Counted(model), toy_statistics(model)
    trace = with_own_noise(counted, toy_trace(counted))
    zero = zero_recipe(MODEL_HASH, IMAGES[0], DEPTH)
    counted.taken()
    for t in (1, 2, 3):
        render(counted, trace, zero.with_edit(Edit(t, "component", 0, 1.0)), statistics)
        assert counted.taken() == [*(f"prior {s}" for s in range(t - 1, 0, -1)), "likelihood"]


def test_a_trace_without_its_own_detail_works_it_out(model: HierarchicalModel) -> None:
    counted, statistics = Counted(model), toy_statistics(model)
    trace = toy_trace(counted)
    recipe = zero_recipe(MODEL_HASH, IMAGES[0], DEPTH).with_edit(Edit(2, "coordinate", 0, 1.0))
    counted.taken()
    render(counted, trace, recipe, statistics)
    assert counted.taken() == ["prior 1", "prior 1", "likelihood"]


def test_the_ladder_after_a_picture_decodes_nothing_again(model: HierarchicalModel) -> None:
    counted, statistics, chains = Counted(model), toy_statistics(model), Chains()
    trace = with_own_noise(counted, toy_trace(counted))
    recipe = zero_recipe(MODEL_HASH, IMAGES[0], DEPTH).with_edit(Edit(3, "coordinate", 0, 1.0))
    render(counted, trace, recipe, statistics, chains)
    counted.taken()
    list(ladder(counted, trace, recipe, statistics, chains))
    # Rung 3 takes the means of z_2 and z_1, rung 2 that of z_1; rung 1 is the picture itself.
    assert counted.taken() == ["prior 2", "prior 1", "likelihood", "prior 1", "likelihood"]
    lower = recipe.with_edit(Edit(2, "coordinate", 0, 1.0))
    list(ladder(counted, trace, lower, statistics, chains))
    # Rung 3 stands; an edit of z_2 changes those of z_2 and z_1.
    assert counted.taken() == ["prior 1", "prior 1", "likelihood", "likelihood"]


def test_a_seed_that_no_policy_reads_changes_nothing(model: HierarchicalModel) -> None:
    counted, statistics, chains = Counted(model), toy_statistics(model), Chains()
    trace = toy_trace(counted)
    policies = (Policy("keep"), Policy("mean"), Policy("mean"))
    recipe = Recipe(MODEL_HASH, IMAGES[0], policies)
    render(counted, trace, recipe, statistics, chains)
    counted.taken()
    other = replace(recipe.with_policy(2, Policy("mean", 9, 0.5)), temperature=0.3)
    render(counted, trace, other, statistics, chains)
    assert counted.taken() == []
    render(counted, trace, other.with_policy(1, Policy("resample", 9)), statistics, chains)
    assert counted.taken() == ["prior 1", "likelihood"]


def test_a_model_measured_again_is_not_taken_for_the_old_one(model: HierarchicalModel) -> None:
    """Its weights, and so its hash, stay; the σ of its sliders does not."""
    trace, chains = toy_trace(model), Chains()
    recipe = zero_recipe(MODEL_HASH, IMAGES[0], DEPTH).with_edit(Edit(2, "coordinate", 0, 2.0))
    for seed in (1, 2):
        statistics = toy_statistics(model, seed)
        found = decoded(model, trace, recipe, statistics, chains)
        expected = plain(model, trace, recipe, statistics)
        assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_threads_may_share_what_is_known() -> None:
    model = mhvae()
    traces, statistics, chains = traces_of(model), toy_statistics(model), Chains(12, 4)
    recipes = [random_recipe(random.Random(n)) for n in range(40)]

    def work(seed: int) -> bool:
        dice = random.Random(seed)
        right = True
        for _ in range(40):
            recipe = dice.choice(recipes)
            trace = traces[recipe.image, recipe.encode_seed]
            found = render(model, trace, recipe, statistics, chains)
            expected = picture(model, plain(model, trace, recipe, statistics))
            right = right and same(found, expected)
        return right

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
