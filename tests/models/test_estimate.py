"""The terms that a model is shown with: of a diffusion, those of infinitely many stops."""

from __future__ import annotations

import torch

from models.chain import draw_noise
from models.objective import estimate, terms
from tests.models.diffusion_toys import draw_independent, independent, log_independent
from tests.models.tiny import tiny_model


def test_of_a_diffusion_it_averages_to_the_bound_of_infinitely_many_stops() -> None:
    """The toy knows its data exactly, so that bound is log p(x) but for the ends of its schedule;
    at its own eight stops it is nats lower."""
    model, x = independent(), draw_independent(6)
    many = x.repeat(300, 1, 1, 1)
    found = estimate(model, many, torch.Generator().manual_seed(0)).elbo.view(300, 6)
    error = found.std(0) / 300**0.5
    assert bool(((found.mean(0) - log_independent(x)).abs() < 4 * error + 0.05).all())
    eight = terms(model, many, draw_noise(model, len(many), torch.Generator().manual_seed(0)))
    assert bool((eight.elbo.view(300, 6).mean(0) < found.mean(0) - 1).all())


def test_each_image_of_a_batch_has_parts_of_its_own_all_over_the_schedule() -> None:
    """Every level below the top gets about its share of the rate in one estimate already."""
    model, x = independent(), draw_independent(5)
    rate = estimate(model, x, torch.Generator().manual_seed(1)).rate
    assert rate.shape == (5, model.depth)
    assert bool(((rate[:, :-1] > 0).sum(1) >= model.depth - 3).all())


def test_of_other_families_it_is_one_draw() -> None:
    model = tiny_model()
    x = model.as_seen(torch.rand(3, *model.image_shape))
    found = estimate(model, x, torch.Generator().manual_seed(2))
    wanted = terms(model, x, draw_noise(model, 3, torch.Generator().manual_seed(2)))
    assert torch.equal(found.reconstruction, wanted.reconstruction)
    assert torch.equal(found.rate, wanted.rate)
