"""What exploring means (DESIGN section 3), claim by claim and bit by bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.render.frame import Frame, frame_of, picture
from explorer.render.render import decoded, ladder, render, sample_frame, shadowed
from models.base import HierarchicalModel, Trace, encode
from models.checkpoint.statistics import Statistics
from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.gaussians import gaussian
from models.policy import KINDS, Policy
from tests.explorer.toy import PRIOR_STD, Toy, toy_statistics, toy_trace

HASH = "0123456789abcdef"
Case = tuple[HierarchicalModel, Trace, Statistics]


def mhvae() -> MHVAE:
    """A small network with levels of both shapes, its weights as they were drawn."""
    torch.manual_seed(0)
    network = NetworkConfig(width=16, blocks=1, channels=(8, 8), patch=2)
    config = MHVAEConfig((3, 8, 8), "discretised_logistic", ((4, 4, 4), (6,), (3,)), network)
    return MHVAE(config).requires_grad_(False).eval()


@pytest.fixture(scope="module", params=["linear", "network"])
def case(request: pytest.FixtureRequest) -> Case:
    torch.set_num_threads(1)
    model = Toy() if request.param == "linear" else mhvae()
    return model, toy_trace(model), toy_statistics(model)


def zero(depth: int = 3) -> Recipe:
    return zero_recipe(HASH, HASH, depth)


def same(one: Frame, other: Frame) -> bool:
    return bool((one.pixels == other.pixels).all())


def edited(recipe: Recipe, level: int, sigma: float = 3.0) -> Recipe:
    return recipe.with_edit(Edit(level, "coordinate", 0, sigma)).with_edit(
        Edit(level, "component", 1, -sigma)
    )


def test_no_edit_and_keep_everywhere_is_the_reconstruction(case: Case) -> None:
    model, trace, statistics = case
    chain = decoded(model, trace, zero(), statistics)
    for t in (1, 2, 3):
        assert torch.equal(chain[t], trace.z[t])
    reconstruction = frame_of(model.likelihood(trace.z).mean)
    assert same(render(model, trace, zero(), statistics), reconstruction)


def test_every_level_changes_the_picture(case: Case) -> None:
    model, trace, statistics = case
    plain = decoded(model, trace, zero(), statistics)
    for t in (1, 2, 3):
        chain = decoded(model, trace, edited(zero(), t), statistics)
        before, after = model.likelihood(plain).mean, model.likelihood(chain).mean
        assert float((after - before).abs().max()) > 1e-4


def test_a_pinned_level_shadows_all_above_it(case: Case) -> None:
    model, trace, statistics = case
    for s in (1, 2):
        pinned = edited(zero().with_policy(s, Policy("pin")), s, 1.0)
        expected = decoded(model, trace, pinned, statistics)
        for t in range(s + 1, 4):
            moved = decoded(model, trace, edited(pinned, t), statistics)
            assert not torch.equal(moved[t], expected[t])
            for r in range(1, s + 1):
                assert torch.equal(moved[r], expected[r])
            assert same(picture(model, moved), picture(model, expected))
            assert t in shadowed(pinned, 3)


def test_what_is_shown_as_shadowed_is_so_and_nothing_else(case: Case) -> None:
    """Over every combination of policies, against the picture itself."""
    model, trace, statistics = case
    for kinds in itertools.product(KINDS, repeat=3):
        policies = tuple(Policy(kind, seed=5, rho=0.5) for kind in kinds)
        recipe = Recipe(HASH, HASH, policies)
        before = model.likelihood(decoded(model, trace, recipe, statistics)).mean
        for t in (1, 2, 3):
            moved = decoded(model, trace, edited(recipe, t), statistics)
            is_moved = not torch.equal(model.likelihood(moved).mean, before)
            assert is_moved != (t in shadowed(recipe, 3)), (kinds, t)


def test_the_reason_names_the_pinned_level() -> None:
    recipe = zero().with_policy(2, Policy("pin"))
    assert set(shadowed(recipe, 3)) == {3}
    assert shadowed(recipe, 3)[3].startswith("z₂ is pinned")
    both = recipe.with_policy(1, Policy("pin"))
    assert set(shadowed(both, 3)) == {2, 3}
    assert shadowed(both, 3)[3].startswith("z₁ is pinned")
    assert shadowed(zero().with_policy(2, Policy("resample")), 3) == {}


def test_an_edit_never_changes_what_lies_above_it(case: Case) -> None:
    model, trace, statistics = case
    for kind in KINDS:
        recipe = Recipe(HASH, HASH, (Policy(kind, seed=2, rho=0.3),) * 3)
        before = decoded(model, trace, recipe, statistics)
        for t in (1, 2, 3):
            after = decoded(model, trace, edited(recipe, t), statistics)
            for s in range(t + 1, 4):
                assert torch.equal(after[s], before[s])


def test_an_edit_adds_its_offset_under_every_policy(case: Case) -> None:
    model, trace, statistics = case
    for kind in KINDS:
        recipe = zero().with_policy(2, Policy(kind, seed=2, rho=0.3))
        before = decoded(model, trace, recipe, statistics)[2]
        moved = recipe.with_edit(Edit(2, "coordinate", 1, 2.0))
        after = decoded(model, trace, moved, statistics)[2]
        expected = torch.zeros_like(before)
        expected[:, 1] = 2.0 * statistics.levels[1].std[1]
        torch.testing.assert_close(after - before, expected, rtol=1e-5, atol=1e-5)


def test_keep_lets_the_details_of_the_image_ride_along(case: Case) -> None:
    """z'_1 against the formula, written down once more."""
    model, trace, statistics = case
    chain = decoded(model, trace, edited(zero(), 2), statistics)
    own, moved = model.prior(1, trace.z), model.prior(1, chain)
    eps = (trace.z[1] - own.mean) / own.stddev
    torch.testing.assert_close(chain[1], moved.mean + moved.stddev * eps)


def test_memory_1_is_keep_and_memory_0_is_resample_bit_for_bit(case: Case) -> None:
    model, trace, statistics = case
    for level in (1, 2, 3):
        for rho, kind in ((1.0, "keep"), (0.0, "resample")):
            for base in (zero(), edited(zero(), 3)):
                memory = base.with_policy(level, Policy("memory", 11, rho))
                other = base.with_policy(level, Policy(kind, 11))
                one = decoded(model, trace, memory, statistics)
                two = decoded(model, trace, other, statistics)
                assert all(torch.equal(a, b) for a, b in zip(one[1:], two[1:], strict=True))


def test_temperature_0_resamples_the_mean(case: Case) -> None:
    model, trace, statistics = case
    cold = Recipe(HASH, HASH, (Policy("resample", 3),) * 3, temperature=0.0)
    mean = Recipe(HASH, HASH, (Policy("mean"),) * 3)
    assert same(render(model, trace, cold, statistics), render(model, trace, mean, statistics))


def test_resampling_every_level_draws_from_the_prior() -> None:
    """The moments of z'_1, whose exact law under the linear prior is Gaussian."""
    model = Toy()
    trace, statistics = toy_trace(model), toy_statistics(model)
    draws = 4_000
    rows = []
    for seed in range(draws):
        recipe = Recipe(HASH, HASH, (Policy("resample", seed),) * 3)
        rows.append(torch.cat([z.flatten() for z in decoded(model, trace, recipe, statistics)[1:]]))
    expected = joint_prior_covariance(model)
    check_moments(torch.stack(rows).double(), torch.zeros(len(expected)).double(), expected)


def test_resampling_one_level_draws_from_its_conditional() -> None:
    model = Toy()
    trace, statistics = toy_trace(model), toy_statistics(model)
    chains = [
        decoded(
            model, trace, edited(zero(), 3).with_policy(2, Policy("resample", seed)), statistics
        )
        for seed in range(4_000)
    ]
    rows = [chain[2][0] for chain in chains]
    p = model.prior(2, chains[0])
    variance = torch.diag(p.stddev[0].double() ** 2)
    check_moments(torch.stack(rows).double(), p.mean[0].double(), variance)


def joint_prior_covariance(model: Toy) -> Tensor:
    """Cov(z_1, z_2, z_3) by propagating the generative equations as one matrix."""
    a1, a2 = model.down[1].double(), model.down[2].double()
    std = PRIOR_STD
    n1, n2, n3 = a1.shape[0], a1.shape[1], a2.shape[1]
    # (z_1, z_2, z_3) = M (e_1, e_2, e_3) with independent standard normal e.
    m = torch.zeros((n1 + n2 + n3,) * 2, dtype=torch.float64)
    m[:n1, :n1], m[:n1, n1 : n1 + n2] = std * torch.eye(n1), std * a1
    m[:n1, n1 + n2 :] = a1 @ a2
    m[n1 : n1 + n2, n1 : n1 + n2], m[n1 : n1 + n2, n1 + n2 :] = std * torch.eye(n2), a2
    m[n1 + n2 :, n1 + n2 :] = torch.eye(n3)
    return m @ m.T


def check_moments(rows: Tensor, mean: Tensor, covariance: Tensor) -> None:
    """Means and covariances, each within 5 standard errors, and not all far closer."""
    count = len(rows)
    scale = covariance.diagonal().sqrt()
    z_mean = (rows.mean(0) - mean) / scale * count**0.5
    centred = rows - mean
    error = centred.T @ centred / count - covariance
    spread = (torch.outer(scale**2, scale**2) + covariance**2).sqrt() / count**0.5
    z_covariance = error / spread
    for z in (z_mean, z_covariance):
        assert float(z.abs().max()) < 5
        assert 0.05 < float((z**2).mean()) < 3


def test_a_picture_depends_on_its_inputs_alone(case: Case) -> None:
    model, trace, statistics = case
    other = toy_trace(model, seed=9)
    recipes = [
        edited(zero().with_policy(s, Policy(kind, seed, 0.4)), t)
        for s, t, seed, kind in itertools.product((1, 2), (1, 3), (0, 7), ("resample", "memory"))
    ]
    first = [render(model, trace, recipe, statistics) for recipe in recipes]
    torch.manual_seed(123)
    for recipe, expected in reversed(list(zip(recipes, first, strict=True))):
        render(model, other, recipe, statistics)
        torch.randn(3)
        assert same(render(model, trace, recipe, statistics), expected)


def test_another_seed_is_another_picture(case: Case) -> None:
    model, trace, statistics = case
    chains = [
        decoded(model, trace, zero().with_policy(2, Policy("resample", seed)), statistics)[2]
        for seed in (0, 1)
    ]
    assert not torch.equal(chains[0], chains[1])


def test_the_last_rung_is_the_full_decode_and_the_first_keeps_the_top_alone(case: Case) -> None:
    model, trace, statistics = case
    for recipe in (zero(), edited(edited(zero(), 3), 1), zero().with_policy(2, Policy("mean"))):
        rungs = list(ladder(model, trace, recipe, statistics))
        assert [rung.level for rung in rungs] == [3, 2, 1]
        assert same(rungs[-1].frame, render(model, trace, recipe, statistics))
        top = decoded(model, trace, recipe, statistics)[3]
        z2 = model.prior(2, (trace.z[0], None, None, top)).mean
        z1 = model.prior(1, (trace.z[0], None, z2, top)).mean
        expected = picture(model, (trace.z[0], z1, z2, top))
        assert same(rungs[0].frame, expected)


def test_a_ladder_of_one_level_is_the_decode() -> None:
    model = Toy(shapes=((3,),))
    trace, statistics = toy_trace(model), toy_statistics(model)
    recipe = edited(zero(1), 1)
    (rung,) = ladder(model, trace, recipe, statistics)
    assert same(rung.frame, render(model, trace, recipe, statistics))


def test_pixels_are_rounded_and_clamped() -> None:
    x = torch.tensor([-0.1, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 1.1]).reshape(1, 1, 2, 3)
    assert frame_of(x).pixels.flatten().tolist() == [0, 0, 0, 1, 255, 255]
    colour = torch.arange(12).reshape(1, 3, 2, 2) / 255
    assert frame_of(colour).pixels[0, 1].tolist() == [1, 5, 9]
    assert frame_of(colour).pixels.dtype == np.uint8


def test_a_batch_is_refused() -> None:
    model = Toy()
    trace = encode(model, torch.zeros(2, 1, 4, 4))
    with pytest.raises(ValueError, match="one image"):
        render(model, trace, zero(), toy_statistics(model))


class Wild(Toy):
    """A toy whose first prior bursts, as that of a broken model may."""

    def prior(self, t: int, z: tuple) -> torch.distributions.Distribution:
        if t != 1:
            return super().prior(t, z)
        mean = torch.full((1, *self.level(1).shape), torch.nan)
        return gaussian(mean, torch.ones_like(mean), 3)


def test_a_picture_that_is_not_finite_is_said_so() -> None:
    model = Wild()
    recipe = zero().with_policy(1, Policy("mean"))
    with pytest.raises(BadInput, match="no finite picture"):
        render(model, toy_trace(model), recipe, toy_statistics(model))


def test_samples_are_functions_of_the_seed(case: Case) -> None:
    model, _, _ = case
    assert same(sample_frame(model, 4), sample_frame(model, 4))
    assert not same(sample_frame(model, 4), sample_frame(model, 5))
    assert same(sample_frame(model, 4, 0.0), sample_frame(model, 5, 0.0))
