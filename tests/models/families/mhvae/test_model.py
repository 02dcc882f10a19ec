"""The MHVAE: shapes, strict Markov structure, no NaN, batch independence, bad configurations."""

from __future__ import annotations

import pytest
import torch

from models.base import encode
from models.chain import decode, draw_noise
from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.gaussians import LOG_STD_HIGH, LOG_STD_LOW, bounded_log_std
from models.objective import terms
from models.policy import KEEP

SMALL = NetworkConfig(width=16, blocks=1)
CONV = NetworkConfig(width=16, blocks=1, channels=(8, 12, 16), patch=4)
CONFIGS = {
    "vae": MHVAEConfig((1, 28, 28), "bernoulli", ((5,),), SMALL),
    "digits": MHVAEConfig((1, 28, 28), "bernoulli", ((9,), (5,), (3,)), SMALL),
    "five": MHVAEConfig((1, 28, 28), "discretised_logistic", ((9,), (5,), (4,), (3,), (2,)), SMALL),
    "conv": MHVAEConfig((3, 64, 64), "discretised_logistic", ((9,), (5,), (3,), (2,)), CONV),
    "odd": MHVAEConfig((1, 28, 28), "bernoulli", ((9,), (5,)), CONV),
    "spatial": MHVAEConfig(
        (3, 64, 64), "discretised_logistic", ((4, 16, 16), (6, 8, 8), (5, 4, 4), (7,)), CONV
    ),
    "convolutional": MHVAEConfig(
        (3, 32, 32), "discretised_logistic", ((4, 8, 8), (6, 4, 4), (5, 2, 2)), CONV
    ),
    "same side": MHVAEConfig((3, 32, 32), "discretised_logistic", ((2, 8, 8), (3, 8, 8)), CONV),
}
EVERY = pytest.mark.parametrize("name", CONFIGS)


def make(name: str) -> MHVAE:
    torch.manual_seed(0)
    return MHVAE(CONFIGS[name]).eval()


def pictures(model: MHVAE, count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    return model.as_seen(torch.rand((count, *model.image_shape), generator=generator))


@EVERY
def test_shapes(name: str) -> None:
    model = make(name)
    x = pictures(model, 3)
    parts = terms(model, x, draw_noise(model, 3))
    assert parts.reconstruction.shape == (3,)
    assert parts.rate.shape == (3, model.depth)
    trace = encode(model, x)
    for level in model.levels:
        assert trace.z[level.index].shape == (3, *level.shape)
    assert model.likelihood(trace.z).mean.shape == x.shape


@EVERY
def test_every_weight_learns(name: str) -> None:
    model = make(name)
    terms(model, pictures(model, 2), draw_noise(model, 2)).loss.backward()
    still = [k for k, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    assert still == []


@EVERY
def test_it_is_strictly_markov(name: str) -> None:
    """q(z_t) sees z_{t-1} alone, p(z_t) sees z_{t+1} alone: no other entry is ever read."""
    model = make(name)
    full = encode(model, pictures(model, 2)).z
    for t in range(1, model.depth + 1):
        below: list[torch.Tensor | None] = [None] * (model.depth + 1)
        below[t - 1] = full[t - 1]
        q = model.posterior(t, tuple(below))
        assert torch.equal(q.mean, model.posterior(t, full).mean)
        above: list[torch.Tensor | None] = [None] * (model.depth + 1)
        if t < model.depth:
            above[t + 1] = full[t + 1]
        assert torch.equal(model.prior(t, tuple(above)).mean, model.prior(t, full).mean)
    only = [None, full[1], *[None] * (model.depth - 1)]
    assert torch.equal(model.likelihood(tuple(only)).mean, model.likelihood(full).mean)


@EVERY
@pytest.mark.parametrize("size", [1e3, 1e9, 1e18])
def test_no_input_makes_a_nan(name: str, size: float) -> None:
    model = make(name)
    x = pictures(model, 2)
    trace = encode(model, x)
    offsets = {t: torch.full(trace.z[t].shape, size) for t in range(1, model.depth + 1)}
    picture = model.likelihood(decode(model, trace, (KEEP,) * model.depth, offsets)).mean
    assert torch.isfinite(picture).all()
    for t in range(1, model.depth + 1):
        z = (*trace.z[: t - 1], trace.z[t - 1] * size, *trace.z[t:])
        q = model.posterior(t, z)
        assert torch.isfinite(q.mean).all() and (q.stddev > 0).all()


def test_log_std_is_bounded_and_smooth() -> None:
    raw = torch.tensor([-1e9, -50.0, -1e-3, 0.0, 1e-3, 50.0, 1e9], dtype=torch.float64)
    raw.requires_grad_()
    bounded = bounded_log_std(raw)
    assert bounded.min() >= -LOG_STD_LOW and bounded.max() <= LOG_STD_HIGH
    (slope,) = torch.autograd.grad(bounded.sum(), raw)
    assert slope[2:5].tolist() == pytest.approx([1, 1, 1], abs=1e-6)


def test_one_image_does_not_depend_on_its_batch_mates() -> None:
    """Beyond float summation order, which differs with the batch's shape."""
    model = make("conv")
    x = pictures(model, 4)
    together, alone = encode(model, x), encode(model, x[2:3])
    for a, b in zip(together.z, alone.z, strict=True):
        torch.testing.assert_close(a[2:3], b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"levels": ()}, "T = 0"),
        ({"levels": ((3,), (0,))}, "z_2"),
        ({"levels": ((3, 4),)}, "z_1"),
        ({"levels": ((4, 8, 8),)}, "convolutions"),
        ({"levels": ((9_000_000,),)}, "smaller"),
        ({"image_shape": (2, 28, 28)}, "1 or 3 channels"),
        ({"image_shape": (1, 28, 30)}, "equal sides"),
        ({"likelihood": "poisson"}, "poisson"),
        ({"network": NetworkConfig(width=0)}, "width"),
        ({"network": NetworkConfig(channels=(8,), patch=5)}, "patch 5"),
    ],
)
def test_bad_configurations_are_named(changes: dict, says: str) -> None:
    fields = {"image_shape": (1, 28, 28), "likelihood": "bernoulli", "levels": ((4,),)}
    with pytest.raises(BadInput, match=says):
        MHVAEConfig(**{**fields, **changes})


def test_a_convolutional_model_takes_other_sides_with_the_same_weights() -> None:
    model = make("convolutional")
    assert model.side_step == 16
    large = model.at_side(96)
    assert large.image_shape == (3, 96, 96)
    assert [level.shape for level in large.levels] == [(4, 24, 24), (6, 12, 12), (5, 6, 6)]
    assert model.at_side(32) is model
    for own, other in zip(model.parameters(), large.parameters(), strict=True):
        assert own.data_ptr() == other.data_ptr()
    x = pictures(large, 2)
    assert torch.isfinite(terms(large, x, draw_noise(large, 2)).elbo).all()


@torch.no_grad()
def test_a_moved_picture_moves_its_code_and_its_reconstruction() -> None:
    model = make("convolutional").at_side(256)
    x = pictures(model, 1)
    moved = x.roll((16, 32), dims=(2, 3))
    one, two = encode(model, x), encode(model, moved)
    for t, factor in ((1, 4), (2, 8), (3, 16)):
        back = two.z[t].roll((-16 // factor, -32 // factor), dims=(2, 3))
        inside = slice(96 // factor, 128 // factor)
        torch.testing.assert_close(back[..., inside, inside], one.z[t][..., inside, inside])
    first, second = (model.likelihood(trace.z).mean for trace in (one, two))
    back = second.roll((-16, -32), dims=(2, 3))
    torch.testing.assert_close(back[..., 96:128, 96:128], first[..., 96:128, 96:128])


def test_sides_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInput, match="multiples of 16"):
        make("convolutional").at_side(100)
    assert make("spatial").side_step is None  # its top is a vector
    with pytest.raises(BadInput, match="its own side 64 only"):
        make("spatial").at_side(128)
