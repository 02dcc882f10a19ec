"""Training a diffusion: the terms of the bound from one stop an image, not from all of them.

    rate of the step drawn for an image · (T − 1)      unbiased for the sum of the T − 1 rates
    ½ γ'(u) ‖ε − ε̂‖² at one u an image                 the same for infinitely many stops

Images of a batch share one u_0 ~ U[0, 1), u_i = u_0 + i/B modulo 1 (Kingma et al. 2021,
Appendix I.1), so that a batch covers the schedule evenly. Each place of the rates holds what was
drawn there, so their means over batches are the rates of the levels, and every recipe that reads
`Terms` can be used. Gradients reach a learned schedule through the stops themselves.

The second form has the levels of the model in its places too: rate_t is the integral from stop t
to stop t + 1. So a model with the ten levels that a page shows is trained for no number of stops
in particular. The shape of a learned schedule drops out of the integral, and its gradient would
be noise alone: there it descends the variance of the estimate instead (Kingma et al. 2021,
section 5).
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.families.vdm.bound import continuous_rate, denoising_rate, prior_rate, reconstruction
from models.families.vdm.diffusion import Diffusion
from models.families.vdm.schedules import LearnedSchedule, as_like
from models.objective import Terms

SampledNoise = tuple[Tensor, Tensor]  # of the reconstruction and of the stop, both (B, C, H, W)


def draw_stops(
    model: Diffusion, batch: int, generator: torch.Generator | None = None
) -> tuple[SampledNoise, Tensor]:
    """What a step draws: the two noises, and u of every image, `(B,)`; drawn on the CPU."""
    shape, like = (2, batch, *model.image_shape), model.anchor
    first, stop = torch.randn(shape, generator=generator).to(like)
    u = (torch.rand((), generator=generator) + torch.arange(batch) / batch) % 1.0
    return (first, stop), u.to(like)


def sampled_terms(model: Diffusion, x: Tensor, eps: SampledNoise, u: Tensor) -> Terms:
    """An estimate of the terms at the model's stops, from one of them an image; differentiable.

    Args:
        x: The images as the model sees them, with shape `(B, C, H, W)`.
        eps: Noise of the reconstruction and of the stop, both `(B, C, H, W)`.
        u: Which step, `(B,)`, uniform in [0, 1).

    Returns:
        Terms whose rates are zero but for the step that was drawn and the prior matching; each
        `(B, T)`, unbiased for `objective.matched_terms_of`.
    """
    steps, places = model.depth - 1, as_like(model.places(), u)
    step = (u * steps).long().clamp(0, steps - 1)  # from stop step + 1 up to stop step + 2
    rate = steps * denoising_rate(model, x, eps[1], places[step], places[step + 1])
    return _terms(model, x, eps[0], step, rate)


def continuous_terms(model: Diffusion, x: Tensor, eps: SampledNoise, u: Tensor) -> Terms:
    """The same with infinitely many stops between the first and the last: `continuous_bound`.

    Args:
        x: The images as the model sees them, with shape `(B, C, H, W)`.
        eps: Noise of the reconstruction and of the stop, both `(B, C, H, W)`.
        u: Where between the first stop and the last, `(B,)`, uniform in [0, 1).
    """
    first, last = model.stops[0], model.stops[-1]
    where = first + u * (last - first)
    inner = as_like(model.places()[1:-1], u)
    step = torch.bucketize(where, inner, right=True)
    rate = (last - first) * _steadied_rate(model, x, eps[1], where)
    return _terms(model, x, eps[0], step, rate)


def _steadied_rate(model: Diffusion, x: Tensor, noise: Tensor, u: Tensor) -> Tensor:
    """`continuous_rate`, whose gradient to the shape of a learned schedule is that of a variance.

    With m the mean over the batch, the mean of r(u)/m is 1 whatever the shape, so of its variance
    only E r²/m² depends on it. Half of m times that has the gradient E (r/m − 1) ∇r, in nats.
    """
    schedule = model.schedule
    if not isinstance(schedule, LearnedSchedule) or (model.stops[0], model.stops[-1]) != (0, 1):
        return continuous_rate(model, x, noise, u)
    shape = schedule.shape(u)
    rate = continuous_rate(model, x, noise, u, schedule.of_shape(*shape))
    share = rate.detach() / rate.detach().mean() - 1
    for part in shape:
        if part.requires_grad:
            part.register_hook(lambda gradient: gradient * share)
    return rate


def _terms(model: Diffusion, x: Tensor, noise: Tensor, step: Tensor, rate: Tensor) -> Terms:
    below = rate.new_zeros(len(x), model.depth - 1).scatter(1, step[:, None], rate[:, None])
    rates = torch.cat([below, prior_rate(model, x)[:, None]], dim=1)
    return Terms(reconstruction(model, x, noise), rates)
