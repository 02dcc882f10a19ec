"""Recipes against collapse: the loss of a step, so that every level of the chain lives.

The plain loss is −ELBO, in nats per image. Trained so, a strictly Markov chain leaves its upper
levels dead. Each recipe is one change of the loss, off unless asked for, and measured in
docs/collapse.md:

    KL warm-up     β Σ_t rate_t,  β from 0 to 1          Bowman et al. 2016; Sønderby et al. 2016
    free bits      Σ_t max(mean rate_t, λ_t)             Kingma et al. 2016 (IAF), eq. 15
    rate targets   Σ_t w_t rate_t,  w_t steered so that  after Rezende & Viola 2018 (GECO) and
                   mean rate_t → the target of level t   Shao et al. 2020 (ControlVAE)
    greedy         level after level, those below held,  after Hinton et al. 2006, for a chain
                   then all together
    weighted       −L_K of K draws, DReG gradients       Burda et al. 2015; Tucker et al. 2019

Two more are parts of the architecture: normalisation inside the networks (`networks.NORMS`) and
a partly fixed encoder (`MHVAEConfig.fixed_top`).
"""

from __future__ import annotations

from collections.abc import Callable
from math import log

import torch
from torch import Tensor
from torch.distributions import Distribution, kl_divergence

from models.base import HierarchicalModel, Noise, Stepwise, bottom_up, known
from models.chain import draw_noise
from models.errors import BadInput
from models.gaussians import draw, gaussian
from models.objective import Terms, terms
from models.training.schedule import TrainConfig, greedy_level, kl_weight, samples_at
from models.training.weighted import weighted_terms

Mean = Callable[[Tensor], Tensor]
STEERING_GAIN = 0.01  # a rate that is off by its whole target changes log w_t by so much a step
LOG_WEIGHT_BOUND = log(20)


def step_noise(
    model: HierarchicalModel, batch: int, samples: int, generator: torch.Generator
) -> Noise:
    """What one step draws, each `(K·B, *)`: a draw of every level, or what the family asks for."""
    if isinstance(model, Stepwise):
        if samples > 1:
            raise BadInput(
                f"the importance-weighted objective needs every level of a draw, and a "
                f"{model.family} is trained on a part of them: train it with --samples 1."
            )
        return model.draw_step(batch, generator)
    return draw_noise(model, samples * batch, generator)


def batch_mean(values: Tensor) -> Tensor:
    """The mean over the batch, `(B, *)` to `(*)`, of a single process."""
    return values.mean(dim=0)


def batch_loss(
    model: HierarchicalModel,
    twin: HierarchicalModel,
    x: Tensor,
    eps: Noise,
    step: int,
    config: TrainConfig,
    log_weights: Tensor,
    mean: Mean = batch_mean,
) -> tuple[Tensor, Terms]:
    """The loss of a step under the recipes of `config`, in nats per image, and its terms.

    Args:
        twin: `weighted.held(model)`; read by the importance-weighted objective alone.
        x: The images as the model sees them, with shape `(B, C, H, W)`.
        eps: Noise by subscript, each `(K·B, *event)`.
        step: Steps done before this one.
        log_weights: log w_1 … log w_T, with shape `(T,)`; read with rate targets alone.
        mean: The mean over the whole batch of a step, `(B, *)` to `(*)`, whatever part of the
            batch this process has.
    """
    samples = samples_at(step, config)
    if samples > 1:
        return weighted_terms(model, twin, x, eps, samples)
    beta, level = kl_weight(step, config), greedy_level(step, config, model.depth)
    if level is not None:
        return greedy_loss(model, x, eps, level, config, beta, mean)
    parts = model.step_terms(x, eps) if isinstance(model, Stepwise) else terms(model, x, eps)
    rates = mean(parts.rate)
    if config.free_bits:
        rates = torch.maximum(rates, rates.new_tensor(config.free_bits))
    if config.rate_targets:
        rates = log_weights.to(rates).exp() * rates
    return beta * rates.sum() - mean(parts.reconstruction), parts


def steered(log_weights: Tensor, rates: Tensor, targets: tuple[float, ...]) -> Tensor:
    """log w_t after a step: an integral controller, w_t held within (1/20, 20).

    A level above its target gets dearer, one below it cheaper.

    Args:
        log_weights: log w_1 … log w_T, with shape `(T,)`.
        rates: Mean rates of the step in nats, `(T,)`.
        targets: The wanted rates in nats, z_1 first.
    """
    wanted = log_weights.new_tensor(targets)
    error = (rates.to(log_weights) - wanted) / wanted.clamp_min(1.0)
    moved = log_weights + STEERING_GAIN * error.clamp(-1, 1)
    return moved.clamp(-LOG_WEIGHT_BOUND, LOG_WEIGHT_BOUND)


def greedy_loss(
    model: HierarchicalModel,
    x: Tensor,
    eps: Noise,
    level: int,
    config: TrainConfig,
    beta: float,
    mean: Mean,
) -> tuple[Tensor, Terms]:
    """The loss that trains z_t alone, as the top of a chain that ends with it, p(z_t) = N(0, I).

    −E log p(z_{t−1} | z_t) + β·max(E KL(q(z_t | z_{t−1}) ‖ N(0, I)), λ_t), where z_{t−1} comes
    from the levels below as they are; with t = 1 it is the VAE's. Only q(z_t | z_{t−1}) and
    p(z_{t−1} | z_t) get gradients.

    Returns:
        The loss, and the terms of the chain that ends with z_t: the rates above it are zero.
    """
    z: list[Tensor | None] = [x] + [None] * model.depth
    entropies: list[Tensor] = []
    with torch.no_grad():
        for s in range(1, level):
            q = model.posterior(s, tuple(z))
            z[s] = draw(q, eps[s])
            entropies.append(q.entropy())
    q = model.posterior(level, tuple(z))
    z[level] = draw(q, eps[level])
    kl = kl_divergence(q, _standard(q))
    with torch.set_grad_enabled(level == 1):
        reconstruction = model.likelihood(tuple(z)).log_prob(x)
    below = reconstruction
    rates = [torch.zeros_like(kl) for _ in bottom_up(model.depth)]
    for s in range(1, level):
        with torch.set_grad_enabled(s == level - 1):
            below = model.prior(s, tuple(z)).log_prob(known(tuple(z), s))
        rates[s - 1] = (-entropies[s - 1] - below).detach()
    rates[level - 1] = kl
    kept = mean(kl)
    if config.free_bits:
        kept = kept.clamp_min(config.free_bits[level - 1])
    return beta * kept - mean(below), Terms(reconstruction, torch.stack(rates, dim=1))


def _standard(like: Distribution) -> Distribution:
    """N(0, I) with the shape of a batch of Gaussians."""
    zeros = torch.zeros_like(like.mean)
    return gaussian(zeros, zeros + 1, len(like.event_shape))
