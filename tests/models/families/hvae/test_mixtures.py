"""The mixture of logistics: it sums to one, follows the published loss, has its mean."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from models.families.hvae.mixtures import LogisticMixture
from tests.models.golden_vdvae import golden, golden_model, images

GRID = torch.arange(256, dtype=torch.float64) / 255
SCALES = (-7.0, -5.0, -3.0, -1.0, 1.0)


def one_pixel(log_scale: float | None = None, bits: int = 8) -> LogisticMixture:
    """Three components of one pixel, random; of one scale where it is given."""
    generator = torch.Generator().manual_seed(4)
    output = torch.randn((1, 30, 1, 1), generator=generator, dtype=torch.float64)
    colours = output[:, 3:].unflatten(1, (3, 3, 3))
    colours[:, :, 0] *= 0.4
    colours[:, :, 1] = colours[:, :, 1] - 3 if log_scale is None else log_scale
    return LogisticMixture.from_output(output, 3, bits)


def exact(p: LogisticMixture, *colours: Tensor) -> Tensor:
    """P of the first colours of a pixel, `(N,)`, from logistic distribution functions alone."""
    total = p.logits[0, :, 0, 0].softmax(0).expand(len(colours[0]), -1)
    v = [2 * colour[:, None] - 1 for colour in colours]
    coupling = p.coupling[0, :, :, 0, 0]
    for c in range(len(colours)):
        location = p.location[0, c, :, 0, 0].expand(len(v[0]), -1)
        if c == 1:
            location = location + coupling[0] * v[0]
        if c == 2:
            location = location + coupling[1] * v[0] + coupling[2] * v[1]
        scale = p.log_scale[0, c, :, 0, 0].exp()
        upper = torch.where(v[c] < 1, torch.sigmoid((v[c] + 1 / 255 - location) / scale), 1.0)
        lower = torch.where(v[c] > -1, torch.sigmoid((v[c] - 1 / 255 - location) / scale), 0.0)
        total = total * (upper - lower)
    return total.sum(dim=1)


def as_images(red: Tensor, green: Tensor, blue: Tensor) -> Tensor:
    return torch.stack(torch.broadcast_tensors(red, green, blue), dim=1)[:, :, None, None]


@pytest.mark.parametrize("part", ["plain", "widths"])
def test_the_published_loss(part: str) -> None:
    found, x = golden(part), images(part)
    bits = {"plain": 8, "widths": 5}[part]
    p = LogisticMixture.from_output(found["mixture"], found["mixture"].shape[1] // 10, bits)
    loss = -p.log_prob(x) / x[0].numel()
    torch.testing.assert_close(loss, found["nll_per_dim"], rtol=1e-5, atol=1e-5)
    own = golden_model(part).decoder.out_net(found["output"])
    torch.testing.assert_close(own.log_prob(x), p.log_prob(x), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("bits", [8, 5])
def test_the_published_loss_at_every_scale(bits: int) -> None:
    found = golden("mixture")
    p = LogisticMixture.from_output(found["output"], 4, bits)
    x = found["x"].float() / 255
    loss = -p.log_prob(x) / x[0].numel()
    torch.testing.assert_close(loss, found[f"nll_per_dim_{bits}"], rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("log_scale", SCALES)
def test_the_last_colour_sums_to_one_given_the_others(log_scale: float) -> None:
    p = one_pixel(log_scale)
    for red, green, _ in p.sample(torch.Size([6]))[:, 0, :, 0, 0]:
        before = exact(p, red[None], green[None])
        total = p.log_prob(as_images(red, green, GRID)).exp().sum() / before
        torch.testing.assert_close(total, torch.ones_like(total), rtol=0, atol=2e-4)


@pytest.mark.parametrize("log_scale", SCALES)
def test_every_value_has_its_mass(log_scale: float) -> None:
    """At pixels as they come, and at the two ends of the range, by an independent computation."""
    p = one_pixel(log_scale)
    x = p.sample(torch.Size([50]))[:, 0]
    x[:10, 2], x[10:20, 1], x[20:30, 0], x[30:40, 2] = 0, 1, 0, 1
    red, green, blue = x[:, :, 0, 0].unbind(1)
    masses = (exact(p, red), exact(p, red, green), exact(p, red, green, blue))
    given = (masses[0], masses[1] / masses[0], masses[2] / masses[1])
    likely = torch.stack(given).amin(dim=0) > 1e-3  # far from where the density stands in
    assert likely[40:].any() and (log_scale < -2 or likely[:40].any())
    found = p.log_prob(x)[likely]
    torch.testing.assert_close(found, masses[2][likely].log(), rtol=0, atol=1e-3)


def test_a_pixels_colours_sum_to_one() -> None:
    p = one_pixel(-4.0)
    total = exact(p, GRID).sum()
    assert abs(float(total) - 1) < 1e-12
    pairs = torch.cartesian_prod(GRID, GRID)
    assert abs(float(exact(p, *pairs.unbind(1)).sum()) - 1) < 1e-12


def test_pixels_are_independent_and_images_too() -> None:
    output = torch.randn(2, 20, 2, 3, generator=torch.Generator().manual_seed(1))
    x = torch.rand(2, 3, 2, 3, generator=torch.Generator().manual_seed(2)).mul(255).round() / 255
    total = LogisticMixture.from_output(output, 2).log_prob(x)
    alone = torch.zeros(2)
    for i in range(2):
        for j in range(3):
            pixel = LogisticMixture.from_output(output[:, :, i : i + 1, j : j + 1], 2)
            alone = alone + pixel.log_prob(x[:, :, i : i + 1, j : j + 1])
    torch.testing.assert_close(total, alone)
    assert LogisticMixture.from_output(output, 2).event_shape == (3, 2, 3)


@pytest.mark.parametrize("log_scale", SCALES)
def test_the_mean_of_red_is_its_expectation(log_scale: float) -> None:
    p = one_pixel(log_scale)
    expected = (exact(p, GRID) * GRID).sum()
    assert abs(p.mean[0, 0, 0, 0] - expected) < 0.15 / 255


def test_the_mean_of_every_colour_is_the_mean_of_samples() -> None:
    """Where no tail reaches the ends of the range; the picture is in [0, 1] everywhere."""
    p = one_pixel(-4.5)
    drawn = p.sample(torch.Size([40_000]))[:, 0, :, 0, 0]
    error = drawn.std(dim=0) / len(drawn) ** 0.5
    assert ((drawn.mean(dim=0) - p.mean[0, :, 0, 0]).abs() < 4 * error + 0.1 / 255).all()
    for bits in (8, 5):
        output = 9 * torch.randn(2, 30, 4, 4, generator=torch.Generator().manual_seed(0))
        picture = LogisticMixture.from_output(output, 3, bits).mean
        assert picture.shape == (2, 3, 4, 4) and picture.min() >= 0 and picture.max() <= 1
        assert picture.max() - picture.min() > 0.5


def test_samples_follow_it() -> None:
    """Red and green together, in 8×8 cells, and blue's share of large values given both."""
    p = one_pixel(-2.0)
    drawn = p.sample(torch.Size([100_000]))[:, 0, :, 0, 0]
    grey = (drawn * 255).round().long()
    torch.testing.assert_close(drawn, grey / 255.0, rtol=0, atol=1e-6, check_dtype=False)
    pairs = torch.cartesian_prod(GRID, GRID)
    mass = exact(p, *pairs.unbind(1)).view(8, 32, 8, 32).sum(dim=(1, 3)).flatten()
    cells = (grey[:, 0] // 32) * 8 + grey[:, 1] // 32
    share = torch.bincount(cells, minlength=64) / len(drawn)
    error = (mass * (1 - mass) / len(drawn)).sqrt()
    assert ((share - mass).abs() < 5 * error + 1e-5).all() and mass.max() < 0.5
    chosen = drawn[:3000].double()
    below = exact_blue_below(p, chosen[:, 0], chosen[:, 1])
    found = (chosen[:, 2] < 0.5).double()
    spread = (below * (1 - below)).sum().sqrt() / len(chosen)
    assert abs(found.mean() - below.mean()) < 4 * spread
    weighted = ((found - below) * (chosen[:, 1] - 0.5)).mean()
    assert abs(weighted) < 4 * spread


def exact_blue_below(p: LogisticMixture, red: Tensor, green: Tensor) -> Tensor:
    """P(blue < 1/2 | red, green), `(N,)`."""
    blue = GRID[:128].repeat_interleave(len(red))
    joint = exact(p, red.repeat(128), green.repeat(128), blue).view(128, -1).sum(dim=0)
    return joint / exact(p, red, green)


def test_five_bits_leave_the_lower_three_out() -> None:
    p = one_pixel(bits=5)
    x = 8 * torch.randint(0, 32, (20, 3, 1, 1), generator=torch.Generator().manual_seed(0))
    low = torch.randint(0, 8, x.shape, generator=torch.Generator().manual_seed(1))
    expected = p.log_prob(x.double() / 255)
    assert torch.equal(p.log_prob((x + low).double() / 255), expected)
    assert not torch.equal(p.log_prob(((x + 8).clamp(max=248)).double() / 255), expected)
    drawn = p.sample(torch.Size([500])) * 255
    assert torch.equal(drawn.round() % 8, torch.zeros_like(drawn)) and drawn.max() > 0


@pytest.mark.parametrize(
    ("location", "log_scale", "total"), [(0.0, -3.0, 1.0282), (0.0, -7.0, 1.0), (0.9, 0.0, 0.5301)]
)
def test_five_bits_do_not_quite_sum_to_one(location: float, log_scale: float, total: float) -> None:
    """The published computation as it is: its bins overlap, and white takes no tail."""
    one = torch.ones(1, 3, 1, 1, 1, dtype=torch.float64)
    p = LogisticMixture(one[:, 0] * 0, location * one, log_scale * one, 0 * one, bits=5)
    values = 8 * torch.arange(32) / 255
    x = torch.cartesian_prod(values, values, values).double()[:, :, None, None]
    assert abs(float(p.log_prob(x).exp().sum()) ** (1 / 3) - total) < 1e-4


def test_gradients_are_finite_at_every_scale() -> None:
    output = golden("mixture")["output"].clone().requires_grad_(True)
    x = golden("mixture")["x"].float() / 255
    (gradient,) = torch.autograd.grad(
        LogisticMixture.from_output(output, 4).log_prob(x).sum(), output
    )
    assert gradient.isfinite().all() and gradient.abs().max() > 0
