"""Axes of a diffusion: cosines against their formula, local ones against the whole Jacobian."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.families.vdm.axes import Frequency, frequencies, local_axes, low_frequency_axes
from models.families.vdm.config import VDMConfig
from models.families.vdm.jacobian import Elementary, Jacobian, leading_directions
from models.families.vdm.model import VDM
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Curve
from tests.models.diffusion_toys import patterned

SHAPE = (1, 8, 8)


def untrained(clip: float | None = None) -> VDM:
    """A UNet with attention, laid out as loaded checkpoints are."""
    torch.manual_seed(0)
    unet = make_unet(SHAPE, (8, 16), layers=1)
    config = VDMConfig(SHAPE, "discretised", Curve("linear", -6.0, 5.0), 5, unet=unet, clip=clip)
    model = VDM(config).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return model.double().requires_grad_(False).eval()


def point(seed: int = 3) -> Tensor:
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whole_jacobian(model: VDM, t: int, z: Tensor) -> Tensor:
    """∂x̂/∂z_t row by row, by reverse mode and PyTorch's own operations, x̂ in [0, 1], `(64, 64)`."""
    free = z[None].clone().requires_grad_()
    output = model.denoised(t, free).flatten() / 2
    rows = [torch.autograd.grad(value, free, retain_graph=True)[0].flatten() for value in output]
    return torch.stack(rows)


# Low frequencies -------------------------------------------------------------------------------


@pytest.mark.parametrize(("shape", "count"), [((1, 4, 4), 16), ((3, 4, 4), 48), ((3, 8, 8), 10)])
def test_they_are_an_orthonormal_basis(shape: tuple[int, int, int], count: int) -> None:
    axes = low_frequency_axes(shape, count)
    assert axes.shape == (count, *shape)
    torch.testing.assert_close(axes.flatten(1) @ axes.flatten(1).T, torch.eye(count))


def test_they_are_the_dct() -> None:
    """DCT-II by its formula, at one frequency."""
    chosen = frequencies((1, 8, 8), 20).index(Frequency("luminance", 2, 1))
    y, x = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    wave = torch.cos(math.pi * 2 * (y + 0.5) / 8) * torch.cos(math.pi * (x + 0.5) / 8)
    found = low_frequency_axes((1, 8, 8), 20)[chosen, 0]
    torch.testing.assert_close(found, wave / wave.norm())


def test_the_lowest_come_first_and_luminance_before_colours() -> None:
    names = frequencies((3, 8, 8), 12)
    assert names[0] == Frequency("luminance", 0, 0)
    assert [f.colours for f in names[:3]] == ["luminance", "red–green", "yellow–blue"]
    assert [(f.vertical, f.horizontal) for f in names[::3]] == [(0, 0), (0, 1), (1, 0), (1, 1)]
    grey = low_frequency_axes((3, 8, 8), 1)[0]
    torch.testing.assert_close(grey, torch.full_like(grey, 1 / math.sqrt(192)))
    assert len(frequencies((1, 2, 2), 99)) == 4


# Local directions ------------------------------------------------------------------------------


@pytest.mark.parametrize("clip", [None, 0.6])
def test_they_are_the_singular_vectors_of_the_whole_jacobian(clip: float | None) -> None:
    model, z, t, count = untrained(clip), point(), 4, 4
    whole = whole_jacobian(model, t, z)
    left, values, right = torch.linalg.svd(whole)
    found = local_axes(model, t, z, count, blocks=12)
    torch.testing.assert_close(found.gains, values[:count], rtol=1e-6, atol=1e-9)
    for k in range(count):
        assert found.directions[k].shape == SHAPE
        for mine, theirs in ((found.directions[k], right[k]), (found.responses[k], left[:, k])):
            assert abs(float(mine.flatten() @ theirs)) == pytest.approx(1, abs=1e-4)
        response = found.responses[k].flatten()
        assert response[response.abs().argmax()] > 0
        moved = whole @ found.directions[k].flatten()
        torch.testing.assert_close(moved, found.gains[k] * response, rtol=0, atol=1e-4)


def test_few_blocks_come_near() -> None:
    model, z = untrained(), point()
    values = torch.linalg.svdvals(whole_jacobian(model, 4, z))[:4]
    found = local_axes(model, 4, z, 4)
    torch.testing.assert_close(found.gains, values, rtol=1e-3, atol=0)


def test_between_two_patterns_the_strongest_is_their_difference() -> None:
    """x̂ moves only along ṽ_1 − ṽ_2, and the gain is known: α/σ² w (1 − w) ‖ṽ_1 − ṽ_2‖²."""
    patterns = torch.zeros(2, 1, 8, 8)
    patterns[0, :, :, :4] = 1
    patterns[1, :, :3] = 1
    model = patterned(patterns, torch.tensor([0.5, 0.5]))
    t, between = 6, torch.zeros(SHAPE, dtype=torch.float64)
    gamma = model.gammas()[t - 1]
    alpha, variance = torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma)
    difference = (2 * (patterns[0] - patterns[1])).double()
    found = local_axes(model, t, between, 1)
    along = float((found.directions[0] * difference).sum() / difference.norm())
    assert abs(along) == pytest.approx(1, abs=1e-9)
    gain = float(alpha / variance * 0.25 * difference.norm() ** 2) / 2  # pixels, not x̃
    assert float(found.gains[0]) == pytest.approx(gain, rel=1e-9)


def test_the_same_seed_gives_the_same_bits_and_another_the_same_axes() -> None:
    model, z = untrained(), point()
    first, again = (local_axes(model, 4, place, 2, blocks=2) for place in (z, z[None]))
    assert torch.equal(first.directions, again.directions)
    other = local_axes(model, 4, z, 2, seed=5, blocks=2)
    assert (first.directions - other.directions).abs().max() > 0.01  # two blocks are not enough
    spread = torch.linspace(3, 1, 40, dtype=torch.float64) ** 3
    sharp = [leading_directions(lambda v: v * spread, spread, 3, seed)[0] for seed in (0, 5)]
    torch.testing.assert_close(*sharp, rtol=0, atol=1e-3)
    torch.testing.assert_close(sharp[0], torch.eye(40)[:3].double(), rtol=0, atol=1e-3)


def test_it_works_where_nothing_is_recorded() -> None:
    """In the modes in which a page computes, and in single precision."""
    model, z = untrained().float(), point().float()
    plain = local_axes(model, 4, z, 2, blocks=2)
    with torch.no_grad():
        assert torch.equal(local_axes(model, 4, z, 2, blocks=2).gains, plain.gains)
    with torch.inference_mode():
        held = model.embed(torch.zeros(1, *SHAPE)).z[4] * 0 + z
        found = local_axes(model, 4, held, 2, blocks=2)
    assert torch.equal(found.directions, plain.directions)
    assert plain.gains.dtype == torch.float32 and torch.isfinite(plain.directions).all()


def test_products_are_those_of_the_jacobian() -> None:
    model, z = untrained(), point()
    jacobian = Jacobian(lambda v: model.denoised(4, v) / 2, z.expand(3, *SHAPE).contiguous())
    rows = torch.randn((3, *SHAPE), generator=torch.Generator().manual_seed(0)).double()
    whole = whole_jacobian(model, 4, z)
    torch.testing.assert_close(jacobian.times(rows).flatten(1), rows.flatten(1) @ whole.T)
    torch.testing.assert_close(jacobian.transposed(rows).flatten(1), rows.flatten(1) @ whole)


def test_the_elementary_operations_are_the_fused_ones() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((2, 8, 3, 5), generator=generator).to(memory_format=torch.channels_last)
    weight, bias = torch.randn((2, 8), generator=generator)
    query, key, value = torch.randn((3, 2, 2, 7, 4), generator=generator)
    mask = torch.randn((7, 7), generator=generator)

    def both() -> tuple[Tensor, ...]:
        return (
            F.group_norm(x, 4, weight, bias, 1e-3),
            F.group_norm(x, 2),
            F.scaled_dot_product_attention(query, key, value),
            F.scaled_dot_product_attention(query, key, value, attn_mask=mask, scale=0.3),
        )

    fused = both()
    with Elementary():
        elementary = both()
        with pytest.raises(NotImplementedError):
            F.scaled_dot_product_attention(query, key, value, is_causal=True)
    for one, other in zip(fused, elementary, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    assert not all(torch.equal(a, b) for a, b in zip(fused, elementary, strict=True))


def test_more_than_there_are_is_all_of_them() -> None:
    matrix = torch.randn((4, 4), generator=torch.Generator().manual_seed(0)).double()
    found = leading_directions(lambda v: v @ matrix.T, torch.zeros(4).double(), 9)
    assert found[0].shape == (4, 4)
    torch.testing.assert_close(found[2], torch.linalg.svdvals(matrix))
