"""The objective, exactly (DESIGN section 2), in nats per image.

    ELBO(x) = E_q[ log p(x|z_1) ] − Σ_{t=1..T} rate_t
    rate_t  = E_q[ log q(z_t|z_{t-1}) − log p(z_t|z_{t+1}) ]   (t < T)
    rate_T  = E_q[ KL( q(z_T|z_{T-1}) ‖ p(z_T) ) ]

For t < T only the entropy of q may be taken in closed form: z_{t+1} was drawn from z_t,
so `KL(q(z_t|z_{t-1}) ‖ p(z_t|z_{t+1}))` with a sampled z_{t+1} estimates something else.
With inference from the top both see the same z_{>t}, and the closed KL is right at every level:

    rate_t  = E_q[ KL( q(z_t|x, z_{>t}) ‖ p(z_t|z_{>t}) ) ]

Where a Markov chain's own q can be read from the top in closed form, as a diffusion's, the bound
has a second exact form (Luo 2022, eq. 58; docs/theory.md): denoising matching in place of the
consistency terms, with the same ELBO but other rates.

    rate_t  = E_q[ KL( q(z_t|z_{t+1}, x) ‖ p(z_t|z_{t+1}) ) ]  (t < T)
    rate_T  = KL( q(z_T|x) ‖ p(z_T) )

The importance-weighted bound (Burda et al. 2015, eq. 8) is
`E log 1/K Σ_k w_k`, w_k = p(x, z^k) / q(z^k | x), from log-ratios at every level.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import Chain, HierarchicalModel, Noise, Stepwise, Trace, bottom_up, encode
from models.chain import draw_noise, prior_of
from models.gaussians import as_full, factor_of, repeated
from models.precision import exact


@dataclass(frozen=True)
class Terms:
    """The parts of the bound for each image of a batch, in nats.

    Args:
        reconstruction: log p(x | z_1), with shape `(B,)`.
        rate: rate_1 … rate_T, with shape `(B, T)`; below the top a rate may be negative.
    """

    reconstruction: Tensor
    rate: Tensor

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound, with shape `(B,)`; larger is better."""
        return self.reconstruction - self.rate.sum(dim=1)

    @property
    def loss(self) -> Tensor:
        """−ELBO averaged over the batch, a scalar."""
        return -self.elbo.mean()


def terms(model: HierarchicalModel, x: Tensor, eps: Noise) -> Terms:
    """An unbiased one-draw estimate of the terms, differentiable.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        eps: Noise by subscript, each `(B, *event)`.
    """
    return terms_of(model, encode(model, x, eps))


def terms_of(model: HierarchicalModel, trace: Trace) -> Terms:
    """The terms at a draw of q(z | x) that is known already."""
    rates = []
    for t in bottom_up(model.depth):
        q, p = trace.q(t), prior_of(model, trace, t)
        if t == model.depth or model.infers_top_down:
            rates.append(_gaussian_kl(q, p))
        else:
            rates.append(-q.entropy() - p.log_prob(trace.z[t]))
    return Terms(_log_likelihood(model, trace.z[0], trace.z), torch.stack(rates, dim=1))


def is_reversible(model: HierarchicalModel) -> bool:
    """Whether q can be read from the top in closed form, so that the bound has a second form."""
    x = torch.zeros((1, *model.image_shape)).to(model.like)
    return model.reverse_posterior(model.depth, x, (x, *(None for _ in model.levels))) is not None


def matched_terms_of(model: HierarchicalModel, trace: Trace) -> Terms:
    """The terms in the second form at a draw of q(z | x), of a model that `is_reversible`.

    Places are those of `terms_of`: rate_t for t < T is the denoising matching of z_t given
    z_{t+1}, rate_T the prior matching. The totals agree in expectation, the rates do not.
    """
    x, rates = trace.z[0], []
    for t in bottom_up(model.depth):
        q = model.reverse_posterior(t, x, trace.z)
        if q is None:
            raise ValueError(f"q(z_{t} | z_{t + 1}, x) of a {model.family} is not known")
        rates.append(_gaussian_kl(q, prior_of(model, trace, t)))
    return Terms(_log_likelihood(model, x, trace.z), torch.stack(rates, dim=1))


def both_forms(model: HierarchicalModel, x: Tensor, eps: Noise) -> tuple[Terms, Terms]:
    """`terms_of` and `matched_terms_of` at the same draw, whose priors are worked out once.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        eps: Noise by subscript, each `(B, *event)`.
    """
    trace = encode(model, x, eps)
    trace = replace(trace, priors=tuple(prior_of(model, trace, t) for t in bottom_up(model.depth)))
    return terms_of(model, trace), matched_terms_of(model, trace)


@exact()
def estimate(
    model: HierarchicalModel, x: Tensor, generator: torch.Generator | None = None
) -> Terms:
    """An unbiased estimate of the terms that a model is shown with, from noise drawn here.

    One draw of every level; of a family that is trained on a part of its levels at a time, as
    many parts as it has levels, spread evenly for each image, and so the bound that it is
    trained on (of a diffusion that of infinitely many stops).

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
    """
    batch = len(x)
    if not isinstance(model, Stepwise):
        return terms(model, x, draw_noise(model, batch, generator))
    many = x.repeat((model.depth,) + (1,) * (x.ndim - 1))
    parts = model.step_terms(many, model.draw_step(len(many), generator))
    return Terms(
        parts.reconstruction.view(model.depth, batch).mean(0),
        parts.rate.view(model.depth, batch, model.depth).mean(0),
    )


def log_weight(model: HierarchicalModel, x: Tensor, eps: Noise, evidence: Any = None) -> Tensor:
    """log p(x, z) − log q(z | x) of one draw, with shape `(B,)`: log-ratios at every level.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        eps: Noise by subscript, each `(B, *event)`.
        evidence: `model.evidence(x)` where it is known already.
    """
    trace = encode(model, x, eps, evidence)
    total = _log_likelihood(model, x, trace.z)
    for t in bottom_up(model.depth):
        z_t = trace.z[t]
        total = total + prior_of(model, trace, t).log_prob(z_t)
        total = total - trace.q(t).log_prob(z_t)
    return total


@exact()
@torch.no_grad()
def importance_weighted_bound(
    model: HierarchicalModel,
    x: Tensor,
    samples: int,
    generator: torch.Generator | None = None,
    rows: int = 4096,
) -> Tensor:
    """log 1/K Σ_k w_k for every image, with shape `(B,)`, in nats.

    Args:
        x: The images as the model sees them, with shape `(B, C, H, W)`.
        samples: K. With K = 1 it is an estimate of the ELBO.
        generator: Source of the noise, on the CPU.
        rows: At most so many (image, draw) pairs are in memory at once.
    """
    batch = x.shape[0]
    at_once = max(1, min(samples, rows // batch))
    evidence = model.evidence(x)
    bound = torch.full((batch,), -torch.inf, device=x.device, dtype=x.dtype)
    done = 0
    while done < samples:
        draws = min(at_once, samples - done)
        # Noise is drawn one sample k at a time, so that the bound does not depend on `rows`.
        eps = stacked([draw_noise(model, batch, generator) for _ in range(draws)])
        many = x.repeat((draws,) + (1,) * (x.ndim - 1))
        weights = log_weight(model, many, eps, repeated(evidence, draws)).view(draws, batch)
        bound = torch.logaddexp(bound, weights.logsumexp(dim=0))
        done += draws
    return bound - log(samples)


def stacked(draws: list[Noise]) -> Noise:
    """Several draws of noise as one of a larger batch."""
    return tuple(torch.cat(level) for level in zip(*draws, strict=True))


def _log_likelihood(model: HierarchicalModel, x: Tensor, z: Chain) -> Tensor:
    """log p(x | z) summed over pixels, with shape `(B,)`."""
    return model.likelihood(z).log_prob(x)


def _gaussian_kl(q: Distribution, p: Distribution) -> Tensor:
    """KL(q ‖ p) of two Gaussians, with shape `(B,)`, in nats."""
    p = p.expand(q.batch_shape)
    if factor_of(q) is not None or factor_of(p) is not None:
        q, p = as_full(q), as_full(p)
    return torch.distributions.kl_divergence(q, p)
