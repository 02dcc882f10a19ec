"""Up and down the chain: encode an image into a trace, decode a trace under policies.

Encoding walks bottom up and draws z_t from q(z_t | z_{t-1}); decoding walks top down,
s = T … 1, and takes z'_s from the level's policy, plus the user's offset δ_s:

    keep      μ_p(z'_{s+1}) + σ_p(z'_{s+1})·ε_s + δ_s,  ε_s = (z_s − μ_p(z_{s+1})) / σ_p(z_{s+1})
    mean      μ_p(z'_{s+1}) + δ_s
    resample  μ_p(z'_{s+1}) + temperature·σ_p(z'_{s+1})·ξ + δ_s
    memory    as keep, with ε' = ρ·ε_s + √(1−ρ²)·temperature·ξ
    pin       z_s + δ_s
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import sqrt

import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import HierarchicalModel, Noise, Trace, bottom_up, draw, known, noise, top_down
from models.policy import Policy


def encode(
    model: HierarchicalModel,
    x: Tensor,
    eps: Noise | None = None,
    first: Distribution | None = None,
) -> Trace:
    """The trace of an image.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        eps: Noise by subscript, each `(B, *event)`; without it the mean path is taken,
            where z_t is the mean of q(z_t | z_{t-1}).
        first: q(z_1 | x) where it is known already, which no draw changes.
    """
    z: list[Tensor | None] = [x] + [None] * model.depth
    posteriors: list[Distribution] = []
    for t in bottom_up(model.depth):
        q = first if t == 1 and first is not None else model.posterior(t, tuple(z))
        posteriors.append(q)
        z[t] = q.mean if eps is None else draw(q, eps[t])
    return Trace(tuple(known(tuple(z), t) for t in range(len(z))), tuple(posteriors))


def draw_noise(
    model: HierarchicalModel, batch: int, generator: torch.Generator | None = None
) -> Noise:
    """One standard normal draw for every level, drawn on the CPU."""
    like = next(model.parameters())
    drawn = (
        torch.randn((batch, *level.shape), generator=generator).to(like) for level in model.levels
    )
    return (torch.empty(0), *drawn)


def with_own_noise(model: HierarchicalModel, trace: Trace) -> Trace:
    """A trace that carries the image's own detail ε_1 … ε_T, so that no decode works it out."""
    own = (own_noise(model, trace, t) for t in bottom_up(model.depth))
    return replace(trace, own=(torch.empty(0), *own))


def own_noise(model: HierarchicalModel, trace: Trace, t: int) -> Tensor:
    """ε_t = (z_t − μ_p(z_{t+1})) / σ_p(z_{t+1}) of the encoded image, `(B, *event)`."""
    if trace.own:
        return trace.own[t]
    p = model.prior(t, trace.z)
    return (trace.z[t] - p.mean) / p.stddev


def decode(
    model: HierarchicalModel,
    trace: Trace,
    policies: Sequence[Policy],
    offsets: Mapping[int, Tensor] | None = None,
    temperature: float = 1.0,
) -> tuple[Tensor, ...]:
    """The decoded chain z'_1 … z'_T, at its subscripts; entry 0 is the source image.

    Args:
        trace: The encoded image; its batch is the batch of the result.
        policies: The policy of z_1 … z_T, bottom first. Fresh noise is a function of
            (seed, level) alone, so every image of a batch gets the same ξ.
        offsets: δ_s by subscript, each broadcastable to `(B, *event)`; a missing one is zero.
        temperature: Scale of the fresh noise of `resample` and `memory`.
    """
    offsets = offsets or {}
    z, changed = list(trace.z), False
    for s in top_down(model.depth):
        policy, delta = policies[s - 1], offsets.get(s)
        z[s], changed = decode_level(model, trace, tuple(z), s, changed, policy, temperature)
        if delta is not None:
            z[s], changed = z[s] + delta, True
    return tuple(z)


def decode_level(
    model: HierarchicalModel,
    trace: Trace,
    z: tuple[Tensor, ...],
    s: int,
    changed: bool,
    policy: Policy,
    temperature: float,
) -> tuple[Tensor, bool]:
    """One step down the chain: z'_s before its offset, and whether it was recomputed.

    A level that nothing has moved is taken from the trace itself and not recomputed, since
    the round trip through ε is not exact in floats: with no offset and `keep` everywhere
    the decode is the reconstruction, bit for bit.

    Args:
        z: The chain, decoded down to z'_{s+1}.
        changed: Whether z'_{s+1} was moved or recomputed; False at the top.
    """
    if policy.kind == "pin" or (_keeps_all(policy) and not changed):
        return trace.z[s], False
    p = model.prior(s, z)
    return draw(p, _noise_under(model, trace, s, policy, temperature)), True


def sample_chain(
    model: HierarchicalModel, seed: int, temperature: float = 1.0
) -> tuple[Tensor, ...]:
    """A chain from the prior, of one image: every level resampled with `seed`; entry 0 is empty."""
    like = next(model.parameters())
    shapes = (model.image_shape, *(level.shape for level in model.levels))
    empty = Trace(tuple(torch.zeros((1, *shape)).to(like) for shape in shapes))
    return decode(model, empty, (Policy("resample", seed),) * model.depth, temperature=temperature)


def _keeps_all(policy: Policy) -> bool:
    return policy.kind == "keep" or (policy.kind == "memory" and policy.rho == 1.0)


def _noise_under(
    model: HierarchicalModel, trace: Trace, s: int, policy: Policy, temperature: float
) -> Tensor:
    """The ε' that a policy feeds to level s, with shape `(B, *event)`."""
    z = trace.z[s]
    if policy.kind == "mean":
        return torch.zeros_like(z)
    if _keeps_all(policy):
        return own_noise(model, trace, s)
    fresh = temperature * noise(policy.seed, s, tuple(z.shape[1:])).to(z).expand_as(z)
    if policy.kind == "resample" or policy.rho == 0.0:
        return fresh
    return policy.rho * own_noise(model, trace, s) + sqrt(1 - policy.rho**2) * fresh
