"""Up and down the chain: encode an image into a trace, decode a trace under policies.

Encoding is `base.encode`, or `HierarchicalModel.embed` for the trace that is edited; decoding
walks top down, s = T … 1, and takes z'_s from the level's policy, plus the user's offset δ_s
(for a family whose z_s sees all above it, read z'_{>s} for z'_{s+1}):

    keep      μ_p(z'_{s+1}) + σ_p(z'_{s+1})·ε_s + δ_s,  ε_s = (z_s − μ_p(z_{s+1})) / σ_p(z_{s+1})
    mean      μ_p(z'_{s+1}) + δ_s
    resample  μ_p(z'_{s+1}) + temperature·σ_p(z'_{s+1})·ξ + δ_s
    memory    as keep, with ε' = ρ·ε_s + √(1−ρ²)·temperature·ξ
    pin       z_s + δ_s
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import sqrt
from typing import cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import Chain, HierarchicalModel, Noise, Trace, Walk, bottom_up, noise, top_down
from models.gaussians import draw, whitened
from models.policy import Policy
from models.precision import quick


def draw_noise(
    model: HierarchicalModel, batch: int, generator: torch.Generator | None = None
) -> Noise:
    """One standard normal draw for every level, drawn on the CPU."""
    like = model.like
    drawn = (
        torch.randn((batch, *level.shape), generator=generator).to(like) for level in model.levels
    )
    return (torch.empty(0), *drawn)


@quick()  # as the decodes that it meets, so that the errors of both cancel
def with_own_noise(model: HierarchicalModel, trace: Trace) -> Trace:
    """A trace that carries the image's own detail ε_1 … ε_T, so that no decode works it out."""
    trace = replace(trace, z=cast(tuple[Tensor, ...], walk_of(trace.z)))
    own = {t: own_noise(model, trace, t) for t in top_down(model.depth)}
    return replace(trace, own=(torch.empty(0), *(own[t] for t in bottom_up(model.depth))))


def own_noise(model: HierarchicalModel, trace: Trace, t: int) -> Tensor:
    """ε_t = (z_t − μ_p(z_{t+1})) / σ_p(z_{t+1}) of the encoded image, `(B, *event)`.

    With a full covariance of p it is L⁻¹(z_t − μ_p(z_{t+1})).
    """
    if trace.own:
        return trace.own[t]
    p = prior_of(model, trace, t)
    return whitened(p, trace.z[t])


def prior_of(model: HierarchicalModel, trace: Trace, t: int) -> Distribution:
    """p(z_t | …) under the trace's own levels above t."""
    return trace.priors[t - 1] if trace.priors else model.prior(t, walk_of(trace.z))


def walk_of(z: Chain) -> Walk:
    """A walk of these entries; itself if it is one."""
    return z if isinstance(z, Walk) else Walk(z)


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
    *_, z = descent(model, trace, policies, offsets, temperature)
    return z


def descent(
    model: HierarchicalModel,
    trace: Trace,
    policies: Sequence[Policy],
    offsets: Mapping[int, Tensor] | None = None,
    temperature: float = 1.0,
) -> Iterator[tuple[Tensor, ...]]:
    """The work of `decode` in small steps: the chain after each level, z'_T first."""
    offsets = offsets or {}
    z, changed = Walk(trace.z), False
    for s in top_down(model.depth):
        policy, delta = policies[s - 1], offsets.get(s)
        value, changed = decode_level(model, trace, z, s, changed, policy, temperature)
        if delta is not None:
            value, changed = value + delta, True
        z = z.put(s, value)
        yield cast(tuple[Tensor, ...], z)


def decode_level(
    model: HierarchicalModel,
    trace: Trace,
    z: Chain,
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
        changed: Whether a level that z'_s depends on was moved or recomputed: z'_{s+1}, or any
            above s where the family is not Markov; False at the top.
    """
    if policy.kind == "pin" or (_keeps_all(policy) and not changed):
        return trace.z[s], changed and not model.is_markov
    p = model.prior(s, z)
    return draw(p, _noise_under(model, trace, s, policy, temperature)), True


def sample_chain(
    model: HierarchicalModel, seed: int, temperature: float = 1.0
) -> tuple[Tensor, ...]:
    """A chain from the prior, of one image: every level resampled with `seed`; entry 0 is empty."""
    like = model.like
    shapes = (model.image_shape, *(level.shape for level in model.levels))
    empty = Trace(tuple(torch.zeros((1, *shape)).to(like) for shape in shapes))
    return decode(model, empty, (Policy("resample", seed),) * model.depth, temperature=temperature)


def prior_samples(model: HierarchicalModel, count: int, seed: int = 0, size: int = 100) -> Tensor:
    """The likelihood's means of samples from the prior, `(count, C, H, W)` on the CPU.

    Sample i has the noise of seed + i, as when every level of the explorer is resampled with it.
    """
    found = []
    like = model.like
    for start in range(0, count, size):
        seeds = range(seed + start, seed + min(start + size, count))
        z = Walk([None] * (model.depth + 1))
        for t in top_down(model.depth):
            eps = torch.stack([noise(s, t, model.level(t).shape) for s in seeds]).to(like)
            p = model.prior(t, z)
            z = z.put(t, draw(p.expand((len(seeds),)), eps))
        found.append(model.likelihood(z).mean.cpu())
    return torch.cat(found)


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
