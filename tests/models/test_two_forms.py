"""The second exact form of the bound, of any model whose q can be read from the top: on a
linear-Gaussian chain, whose q(z_t | z_{t+1}, x) follows from its joint Gaussian, and on a toy of a
diffusion."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal

from models.base import Chain, HierarchicalModel, encode, known
from models.chain import draw_noise
from models.objective import both_forms, is_reversible, matched_terms_of, terms
from tests.models.diffusion_toys import draw_independent, grey, independent
from tests.models.joint import inferred
from tests.models.oracle import LinearGaussianChain
from tests.models.small_hvae import random_hvae
from tests.models.test_theory import MARKOV, elbo, mean_log_prior, reconstruction
from tests.models.tiny import tiny_model

DRAWS = 20_000


class Turned(LinearGaussianChain):
    """A chain that says what its q is from the top, for batches of one image."""

    def reverse_posterior(self, t: int, x: Tensor, z: Chain) -> Distribution:
        q = inferred(self, x[:1])
        if t == self.depth:
            mean, covariance = q.of((t,))
            return MultivariateNormal(mean.expand(len(x), -1), covariance)
        weight, bias, noise = q.conditional((t,), (t + 1,))
        return MultivariateNormal(known(z, t + 1) @ weight.T + bias, noise)


@MARKOV
def test_the_second_form_is_denoising_and_prior_matching(sizes: tuple[int, ...]) -> None:
    """Every rate is the divergence that the joint Gaussian gives in closed form, and the total that
    of the first form."""
    model = Turned(sizes, q_shift=0.3, q_scale=0.8)
    x = model.sample_images(1)
    q, top = inferred(model, x), model.depth
    with torch.no_grad():
        first, second = both_forms(
            model, x.expand(DRAWS, -1, -1, -1), draw_noise(model, DRAWS, generator())
        )
    exact = [-q.entropy((t,), (t + 1,)) - mean_log_prior(model, q, t) for t in range(1, top)]
    exact.append(-q.entropy((top,)) - mean_log_prior(model, q, top))
    close(second.rate, torch.stack(exact))
    close(second.reconstruction, reconstruction(model, q, x))
    for parts in (first, second):
        close(parts.elbo, elbo(model, q, x))
    assert float(second.rate.min()) >= 0
    assert float((first.rate - second.rate).mean(0).abs().max()) > 0.01


@MARKOV
def test_with_the_right_posterior_it_reaches_log_p(sizes: tuple[int, ...]) -> None:
    model = Turned(sizes)
    x = model.sample_images(1)
    with torch.no_grad():
        _, second = both_forms(
            model, x.expand(DRAWS, -1, -1, -1), draw_noise(model, DRAWS, generator())
        )
    close(second.elbo, model.log_evidence(x)[0])


def test_both_are_taken_at_one_draw_whose_priors_are_worked_out_once() -> None:
    """The first is `terms` to the bit, the reconstructions are one, and the denoiser runs T − 1
    times."""
    model, x = independent(6), draw_independent(3)
    eps, calls = draw_noise(model, 3, generator()), []
    model.network.register_forward_hook(lambda *_: calls.append(1))
    with torch.no_grad():
        first, second = both_forms(model, x, eps)
        assert len(calls) == 5
        alone = terms(model, x, eps)
    assert torch.equal(first.rate, alone.rate)
    assert torch.equal(first.reconstruction, alone.reconstruction)
    assert torch.equal(second.reconstruction, alone.reconstruction)


def test_who_has_a_second_form() -> None:
    reversible: list[HierarchicalModel] = [independent(3), grey(), Turned((3, 2, 4))]
    others: list[HierarchicalModel] = [
        tiny_model(), random_hvae(), LinearGaussianChain((3, 2, 4))
    ]  # fmt: skip
    assert [is_reversible(model) for model in reversible] == [True] * 3
    assert [is_reversible(model) for model in others] == [False] * 3


def test_a_model_without_one_is_refused() -> None:
    model = LinearGaussianChain((3, 2, 4))
    trace = encode(model, model.sample_images(2))
    with pytest.raises(ValueError, match=r"q\(z_1 \| z_2, x\)"):
        matched_terms_of(model, trace)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def close(draws: Tensor, exact: Tensor) -> None:
    """Means over draws, within four standard errors that are themselves small."""
    error = draws.std(0) / len(draws) ** 0.5
    assert bool(((draws.mean(0) - exact).abs() <= 4 * error + 1e-9).all())
    assert float(error.max()) < 0.06
