"""Likelihoods are distributions: they sum to one, and their mean is their mean."""

from __future__ import annotations

import pytest
import torch

from models.likelihoods import LIKELIHOODS, DiscretisedLogistic, bits_per_dim

GRID = torch.arange(256, dtype=torch.float64) / 255
LOCATIONS = torch.tensor([-0.3, 0.0, 0.001, 0.25, 0.5, 0.502, 0.9, 1.0, 1.7], dtype=torch.float64)
LOG_SCALES = torch.tensor([-7.0, -6.0, -4.5, -3.0, -1.0, 2.0], dtype=torch.float64)


def every_case() -> DiscretisedLogistic:
    location, log_scale = torch.meshgrid(LOCATIONS, LOG_SCALES, indexing="ij")
    return DiscretisedLogistic(location.reshape(-1, 1), log_scale.reshape(-1, 1))


def test_it_sums_to_one_over_the_256_values() -> None:
    total = every_case().log_prob(GRID).exp().sum(dim=1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=1e-12)


def test_it_sums_to_one_in_single_precision() -> None:
    case = every_case()
    single = DiscretisedLogistic(case.location.float(), case.log_scale.float())
    total = single.log_prob(GRID.float()).double().exp().sum(dim=1)
    torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=2e-4)


def test_each_bin_is_its_mass_by_integration() -> None:
    """Against the logistic's own distribution function, where that does not underflow."""
    location, scale = torch.tensor(0.4).double(), torch.tensor(0.05).double()
    edges = torch.cat([torch.tensor([-torch.inf]), GRID[1:] - 0.5 / 255, torch.tensor([torch.inf])])
    mass = torch.sigmoid((edges - location) / scale).diff()
    found = DiscretisedLogistic(location, scale.log()).log_prob(GRID).exp()
    torch.testing.assert_close(found, mass, rtol=1e-9, atol=1e-15)


def test_the_mean_is_the_expectation_to_a_fraction_of_a_grey_level() -> None:
    case = every_case()
    exact = (case.log_prob(GRID).exp() * GRID).sum(dim=1, keepdim=True)
    assert (case.mean - exact).abs().max() < 0.07 / 255


def test_samples_follow_it() -> None:
    torch.manual_seed(0)
    case = DiscretisedLogistic(torch.tensor([0.97]), torch.tensor([-3.0]))
    drawn = case.sample(torch.Size([200_000])).squeeze(1)
    mass = case.log_prob(GRID.float().unsqueeze(1)).exp().squeeze(1)
    counts = torch.bincount((drawn * 255).round().long(), minlength=256) / len(drawn)
    error = (mass * (1 - mass) / len(drawn)).sqrt()
    assert ((counts - mass).abs() < 5 * error + 1e-5).all()
    assert counts[255] > 0.2  # the end bin takes the whole tail


def test_bernoulli_sums_to_one_and_thresholds() -> None:
    family = LIKELIHOODS["bernoulli"]
    p = family(torch.tensor([[[[0.7]]]]), torch.zeros(()))
    both = [float(p.log_prob(torch.full((1, 1, 1, 1), v)).exp()) for v in (0.0, 1.0)]
    assert sum(both) == pytest.approx(1, abs=1e-6)
    assert both[1] == pytest.approx(float(p.mean), abs=1e-6)
    seen = family.as_seen(torch.tensor([0.0, 0.49, 0.51, 1.0]))
    assert seen.tolist() == [0, 0, 1, 1]


def test_gradients_stay_finite_far_from_the_data() -> None:
    output = torch.full((1, 1, 4, 4), 1e4, requires_grad=True)
    raw_scale = torch.full((1, 1, 1), -1e4, requires_grad=True)
    likelihood = LIKELIHOODS["discretised_logistic"](output, raw_scale)
    likelihood.log_prob(torch.zeros(1, 1, 4, 4)).sum().backward()
    for gradient in (output.grad, raw_scale.grad):
        assert gradient is not None
        assert torch.isfinite(gradient).all()


def test_bits_per_dim() -> None:
    # One bit on each of 2·2·3 numbers.
    assert bits_per_dim(12 * 0.6931471805599453, (3, 2, 2)) == pytest.approx(1)
