"""The importance-weighted objective with doubly reparameterised gradients, for any chain.

    L_K = E log 1/K Σ_k w_k,    w_k = p(x, z^k) / q(z^k | x)          (Burda et al. 2015, eq. 8)

Its plain gradient in the parameters φ of q gets noisier as K grows (Rainforth et al. 2018). With
the normalised weights v_k = w_k / Σ_j w_j held fixed, DReG takes instead

    ∇_θ L_K = E Σ_k v_k  ∇_θ log w_k
    ∇_φ L_K = E Σ_k v_k² (∂ log w_k / ∂z^k) (∂z^k / ∂φ)       (Tucker et al. 2019, eq. 8)

where log w_k is a function of the draw z^k = (z_1 … z_T) alone: φ inside the densities of q is
held fixed, while q(z_t | z_{t−1}) still depends on z_{t−1} (Bauer & Mnih 2021, section 4). If q is
the true posterior log w_k does not depend on z^k and the gradient in φ is zero in every draw.
"""

from __future__ import annotations

import copy
from math import log

import torch
from torch import Tensor

from models.base import HierarchicalModel, Noise, bottom_up, encode, known
from models.errors import BadInput
from models.gaussians import gaussian, repeated
from models.objective import Terms


def held(model: HierarchicalModel) -> HierarchicalModel:
    """The same networks over the same numbers, whose parameters get no gradient.

    The copy reads the model's own storage, so it follows every optimiser step.
    """
    twin = copy.deepcopy(model)
    for own, source in zip(twin.parameters(), model.parameters(), strict=True):
        own.data = source.data
    return twin.requires_grad_(False)


def weighted_terms(
    model: HierarchicalModel, twin: HierarchicalModel, x: Tensor, eps: Noise, samples: int
) -> tuple[Tensor, Terms]:
    """The loss whose gradient is that of −L_K as above, and the terms of the draws.

    Args:
        twin: `held(model)`.
        x: The images as the model sees them, with shape `(B, C, H, W)`.
        eps: Noise by subscript, each `(K·B, *event)`: the K-th draw of all images comes last.
        samples: K.

    Returns:
        A scalar in nats, equal to −L_K of these draws averaged over the images; and
        reconstruction and rates averaged over the draws, without gradients, `(B,)` and `(B, T)`.
    """
    if model.infers_top_down:
        raise BadInput(
            f"the importance-weighted objective needs a q that goes bottom up, not that of a "
            f"{model.family}: train it with --samples 1."
        )
    first = repeated(model.posterior(1, (x,)), samples)
    many = x.repeat((samples,) + (1,) * (x.ndim - 1))
    trace = encode(model, many, eps, first)
    weight = torch.zeros(len(many), device=x.device)

    # The draws as the densities see them: on the way back each gradient is weighed once more.
    z = (many, *(_weighed(known(trace.z, t), weight) for t in bottom_up(model.depth)))
    reconstruction = model.likelihood(z).log_prob(many)
    rates = []
    for t in bottom_up(model.depth):
        q = _fixed(first) if t == 1 else twin.posterior(t, z)
        rates.append(q.log_prob(z[t]) - model.prior(t, z).log_prob(z[t]))
    rate = torch.stack(rates, dim=1)

    log_w = (reconstruction - rate.sum(dim=1)).view(samples, -1)
    share = log_w.detach().softmax(dim=0)
    weight.copy_(share.flatten())
    surrogate = (share * log_w).sum(dim=0).mean()
    bound = (log_w.detach().logsumexp(dim=0) - log(samples)).mean()
    # The value is the bound, the gradient that of the surrogate.
    loss = -(surrogate - surrogate.detach() + bound)
    parts = Terms(
        reconstruction.detach().view(samples, -1).mean(dim=0),
        rate.detach().view(samples, -1, model.depth).mean(dim=0),
    )
    return loss, parts


def _weighed(z: Tensor, weight: Tensor) -> Tensor:
    """The same values; their gradient is multiplied by `weight`, `(B,)`, as it is by then."""
    seen = z.view_as(z)
    if seen.requires_grad:
        seen.register_hook(lambda g: g * weight.to(g).view(-1, *(1,) * (g.ndim - 1)))
    return seen


def _fixed(q: torch.distributions.Distribution) -> torch.distributions.Distribution:
    """A Gaussian with the same numbers and no gradient."""
    if isinstance(q, torch.distributions.MultivariateNormal):
        return torch.distributions.MultivariateNormal(
            q.mean.detach(), scale_tril=q.scale_tril.detach()
        )
    return gaussian(q.mean.detach(), q.stddev.detach(), len(q.event_shape))
