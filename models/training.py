"""Training as one flat generator: `train` yields a frozen record for every step.

The loss of a batch, in nats per image:

    −mean log p(x|z_1) + β · Σ_t max(mean rate_t, λ_t)

or, from the share `weighted_from` of the steps on, if `samples` K is above 1, the negative
importance-weighted bound of K draws, with DReG gradients (`weighted.py`), β = 1 and no free bits.

β rises from 0 to 1 over the KL warm-up (Bowman et al. 2016; Sønderby et al. 2016), λ_t are
the free bits of a level, in nats on the batch mean (Kingma et al. 2016, IAF, eq. 15). They
keep the upper levels of a Markov chain alive; both can be switched off.

Every random choice is a function of (seed, step) alone, so a resumed run is the run that
never stopped, bit for bit on the CPU.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from models.base import HierarchicalModel
from models.chain import draw_noise
from models.errors import BadInput
from models.objective import Terms, terms
from models.weighted import held, weighted_terms


@dataclass(frozen=True)
class TrainConfig:
    """All that fixes how a model is trained.

    Args:
        steps: Optimiser steps in all.
        batch_size: Images a step.
        learning_rate: Peak of the cosine schedule.
        warmup_steps: Steps over which the learning rate rises from zero.
        kl_warmup: Share of the steps over which β rises from 0 to 1; 0 switches it off.
        free_bits: λ_1 … λ_T in nats; zeros switch them off.
        weight_decay: AdamW's decoupled weight decay.
        clip_norm: Largest norm of the gradient, in nats per pixel; larger ones are scaled down.
        ema_decay: Decay of the averaged weights, which are the ones kept.
        seed: Seed of the order, the noise and the binarisation.
        bf16: Whether matrix products run in bfloat16.
        samples: K, the draws of the importance-weighted objective; 1 leaves it out.
        weighted_from: Share of the steps after which it takes over.

    Raises:
        BadInput: A field is out of range; the message names it.
    """

    steps: int
    batch_size: int = 256
    learning_rate: float = 2e-3
    warmup_steps: int = 200
    kl_warmup: float = 0.2
    free_bits: tuple[float, ...] = ()
    weight_decay: float = 1e-4
    clip_norm: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    bf16: bool = True
    samples: int = 1
    weighted_from: float = 0.5

    def __post_init__(self) -> None:
        ranges = {
            "steps": (1, 100_000_000), "batch_size": (1, 65_536), "learning_rate": (1e-8, 1.0),
            "warmup_steps": (0, 10_000_000), "kl_warmup": (0.0, 1.0), "weight_decay": (0.0, 10.0),
            "clip_norm": (1e-6, 1e9), "ema_decay": (0.0, 0.999999), "seed": (0, 2**31 - 1),
            "samples": (1, 1_000), "weighted_from": (0.0, 1.0),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"{name} is {value}: give a number from {low} to {high}.")
        if any(not 0 <= bits <= 10_000 for bits in self.free_bits):
            raise BadInput(f"free_bits {list(self.free_bits)}: each must be from 0 to 10000 nats.")


@dataclass(frozen=True)
class StepRecord:
    """What one step did.

    Args:
        step: Steps done, from 1.
        steps: Steps in all.
        elbo_nats: Batch mean of the ELBO before the step, in nats per image.
        reconstruction_nats: Batch mean of log p(x | z_1).
        rate_nats: Batch means of rate_1 … rate_T.
        beta: Weight of the rates in the loss.
        learning_rate: The step's learning rate.
        gradient_norm: Norm before clipping, in nats per pixel.
        images_per_s: Throughput of this step.
    """

    step: int
    steps: int
    elbo_nats: float
    reconstruction_nats: float
    rate_nats: tuple[float, ...]
    beta: float
    learning_rate: float
    gradient_norm: float
    images_per_s: float


class Diverged(BadInput):
    """Training met a number that is not finite; the last good checkpoint stands."""


class TrainState:
    """What training changes: the weights, their average, the optimiser and the step."""

    def __init__(self, model: HierarchicalModel, config: TrainConfig) -> None:
        self.model = model
        self.ema = copy.deepcopy(model).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay,
            betas=(0.9, 0.99), fused=True,
        )  # fmt: skip
        self.step = 0


def train(state: TrainState, images: np.ndarray, config: TrainConfig) -> Iterator[StepRecord]:
    """Train until `config.steps`, yielding after every step.

    Args:
        state: Where to start; updated in place, consistent at every yield.
        images: Training images, uint8 with shape `(N, H, W, C)`.
        config: How to train; `free_bits` has one entry a level.

    Raises:
        BadInput: The batch is larger than the data, or `free_bits` does not fit the model.
        Diverged: The loss or the gradient is not finite; the weights are as before the step.
    """
    model, optimizer = state.model, state.optimizer
    check_fit(model, images, config)
    device = next(model.parameters()).device
    floor = torch.tensor(config.free_bits or (0.0,) * model.depth, device=device)
    parameters: list[Tensor] = list(model.parameters())
    averages: list[Tensor] = list(state.ema.parameters())
    pixels = math.prod(model.image_shape)
    twin = held(model) if config.samples > 1 else model
    model.train()
    while state.step < config.steps:
        started = time.perf_counter()
        step = state.step

        # Draw the batch and its noise from (seed, step).
        generator = torch.Generator().manual_seed(config.seed * 2_000_003 + step)
        x = draw_batch(images, step, config, generator).to(device)
        x = see(model, x, generator)
        samples = samples_at(step, config)
        eps = draw_noise(model, samples * len(x), generator)

        # The loss: the ELBO with free bits on the batch mean, or the importance-weighted bound.
        beta = kl_weight(step, config)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            if samples > 1:
                loss, parts = weighted_terms(model, twin, x, eps, samples)
            else:
                parts = terms(model, x, eps)
                rates = parts.rate.mean(dim=0)
                kept = torch.maximum(rates, floor) if config.free_bits else rates
                loss = beta * kept.sum() - parts.reconstruction.mean()
        loss = loss / pixels

        # One step of AdamW, refused if anything is not finite.
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, config.clip_norm))
        if not math.isfinite(norm) or not math.isfinite(loss.item()):
            raise Diverged(
                f"training stopped at step {step + 1}: the loss or its gradient is not finite. "
                "The last saved checkpoint is kept; try a smaller learning rate."
            )
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        optimizer.step()

        # Average the weights; early on the average follows faster.
        decay = min(config.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1 - decay)  # pyright: ignore
        state.step = step + 1
        yield record(state.step, config, parts, beta, norm, started)


def record(
    step: int, config: TrainConfig, parts: Terms, beta: float, norm: float, started: float
) -> StepRecord:
    """The record of a step from its terms; `started` is a `time.perf_counter` reading."""
    return StepRecord(
        step=step,
        steps=config.steps,
        elbo_nats=parts.elbo.mean().item(),
        reconstruction_nats=parts.reconstruction.mean().item(),
        rate_nats=tuple(parts.rate.mean(dim=0).tolist()),
        beta=beta,
        learning_rate=learning_rate(step - 1, config),
        gradient_norm=norm,
        images_per_s=len(parts.rate) / (time.perf_counter() - started),
    )


def check_fit(model: HierarchicalModel, images: np.ndarray, config: TrainConfig) -> None:
    """Refuse a batch larger than the data, or free bits for another number of levels."""
    if config.batch_size > len(images):
        raise BadInput(
            f"batch_size {config.batch_size} is larger than the data ({len(images)} training "
            f"images): choose a batch of at most {len(images)}, or give more images."
        )
    if config.free_bits and len(config.free_bits) != model.depth:
        raise BadInput(
            f"free_bits has {len(config.free_bits)} values for {model.depth} levels: "
            "give one value for each level, or a single one for all."
        )


def learning_rate(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then a cosine down to zero."""
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    span = max(1, config.steps - config.warmup_steps)
    progress = min(1.0, (step - config.warmup_steps) / span)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def kl_weight(step: int, config: TrainConfig) -> float:
    """β: a straight line from 0 to 1 over the first `kl_warmup` of the steps, then 1."""
    span = config.kl_warmup * config.steps
    return min(1.0, step / span) if span > 0 else 1.0


def samples_at(step: int, config: TrainConfig) -> int:
    """How many draws the objective of a step takes."""
    return config.samples if step >= config.weighted_from * config.steps else 1


def draw_batch(
    images: np.ndarray, step: int, config: TrainConfig, generator: torch.Generator
) -> Tensor:
    """The batch of a step, `(B, C, H, W)` in [0, 1]: epochs are seeded permutations."""
    per_epoch = len(images) // config.batch_size
    epoch, position = divmod(step, per_epoch)
    order = epoch_order(len(images), config.seed, epoch)
    chosen = order[position * config.batch_size : (position + 1) * config.batch_size]
    return to_float(images[np.sort(chosen)])


@lru_cache(maxsize=2)
def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation of `count` images that is a function of (seed, epoch)."""
    return np.random.default_rng((seed, epoch)).permutation(count)


def to_float(images: np.ndarray) -> Tensor:
    """uint8 `(N, H, W, C)` as floats in [0, 1], `(N, C, H, W)`."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255


def see(model: HierarchicalModel, x: Tensor, generator: torch.Generator) -> Tensor:
    """Training images as the model sees them: a binary model gets a fresh draw of each pixel."""
    if model.eight_bit:
        return model.as_seen(x)
    return (torch.rand(x.shape, generator=generator).to(x.device) < x).to(x.dtype)


def steps_within(state: TrainState, images: np.ndarray, config: TrainConfig, seconds: float) -> int:
    """The number of steps that fit a time budget, from a short measurement on a copy.

    The copy is thrown away, so the run that follows is the same as one told its steps.
    """
    trial = TrainState(copy.deepcopy(state.model), config)
    stream = train(trial, images, replace(config, steps=1_000))
    for _ in range(2):
        next(stream)  # the first steps are slower
    started, done = time.perf_counter(), 0
    while done < 5 or (time.perf_counter() - started < min(3.0, 0.1 * seconds) and done < 200):
        next(stream)
        done += 1
    return max(1, int(seconds * done / (time.perf_counter() - started)))
