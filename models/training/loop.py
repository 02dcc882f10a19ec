"""Training as one flat generator: `train` yields a frozen record for every step.

The loss of a step is −ELBO under the recipes against collapse that the configuration asks for
(`recipes.py`), or the importance-weighted bound (`weighted.py`), in nats per image.

Every random choice is a function of (seed, step) alone, so a resumed run is the run that
never stopped, bit for bit on the CPU.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from models.base import HierarchicalModel
from models.errors import BadInput
from models.objective import Terms
from models.pixels import see, to_float
from models.precision import exact, quick
from models.seeds import choices, stream
from models.training.processes import ALONE, Processes
from models.training.recipes import batch_loss, steered, step_noise
from models.training.schedule import TrainConfig, kl_weight, learning_rate, samples_at
from models.training.weighted import held


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
    """What training changes: the weights, their average, the optimiser, the step, the curve."""

    def __init__(self, model: HierarchicalModel, config: TrainConfig) -> None:
        self.model = model
        self.ema = copy.deepcopy(model).requires_grad_(False).eval()
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay,
            betas=(0.9, 0.99), fused=True,
        )  # fmt: skip
        self.log_weights = torch.zeros(model.depth)  # of the rates, steered by rate targets
        self.step = 0
        self.open_row = torch.zeros(0, dtype=torch.float64)  # kept for metrics.csv (metrics.py)


def train(
    state: TrainState, images: np.ndarray, config: TrainConfig, processes: Processes = ALONE
) -> Iterator[StepRecord]:
    """Train until `config.steps`, yielding after every step.

    Args:
        state: Where to start; updated in place, consistent at every yield.
        images: Training images, uint8 with shape `(N, H, W, C)`.
        config: How to train; `free_bits` and `rate_targets` have one entry a level.
        processes: Those that share every batch; each runs this same loop, and each gets the same
            records and the same weights.

    Raises:
        BadInput: The batch is larger than the data or cannot be shared, or a recipe does not
            fit the model.
        Diverged: The loss or the gradient is not finite; the weights are as before the step.
    """
    model, optimizer = state.model, state.optimizer
    check_fit(model, images, config)
    processes.check_batch(config.batch_size)
    device = model.like.device
    parameters: list[Tensor] = list(model.parameters())
    averages: list[Tensor] = list(state.ema.parameters())
    pixels = math.prod(model.image_shape)
    precision = quick if config.tf32 else exact
    twin = held(model) if config.samples > 1 else model
    model.train()
    while state.step < config.steps:
        started = time.perf_counter()
        step = state.step

        # Draw the batch and its noise from (seed, step), and take this process's rows.
        generator = stream("training step", config.seed, step)
        x = see(model, draw_batch(images, step, config), generator)
        x = processes.share(x)
        samples = samples_at(step, config)
        eps = tuple(
            processes.share(part, samples) if len(part) else part
            for part in step_noise(model, config.batch_size, samples, generator)
        )

        with precision(), torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            loss, parts = batch_loss(
                model, twin, x, eps, step, config, state.log_weights, processes.mean
            )
        loss = loss / pixels

        # The gradient and the numbers of the whole batch; the numbers are read once.
        optimizer.zero_grad(set_to_none=True)
        with precision():
            loss.backward()
        gradients = [p.grad for p in parameters if p.grad is not None]
        numbers = step_numbers(loss, parts)
        processes.average([*gradients, numbers])
        total_norm = torch.nn.utils.get_total_norm(gradients)
        loss_value, *values, norm = torch.cat([numbers, total_norm.view(1)]).tolist()
        if not math.isfinite(norm) or not math.isfinite(loss_value):
            raise Diverged(
                f"training stopped at step {step + 1}: the loss or its gradient is not finite. "
                "The last saved checkpoint is kept; try a smaller learning rate."
            )

        # One step of AdamW; a gradient far below the limit is not multiplied by one.
        if norm > 0.99 * config.clip_norm:
            torch.nn.utils.clip_grads_with_norm_(parameters, config.clip_norm, total_norm)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, config)
        optimizer.step()

        # Average the weights; early on the average follows faster.
        decay = min(config.ema_decay, (1 + step) / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(averages, parameters, 1 - decay)  # pyright: ignore
        if config.rate_targets and samples == 1:
            rates = numbers[3:]
            state.log_weights = steered(state.log_weights, rates, config.rate_targets)
        state.step = step + 1
        yield record(state.step, config, values, norm, started)


@torch.no_grad()
def step_numbers(loss: Tensor, parts: Terms) -> Tensor:
    """Loss, and batch means of ELBO, reconstruction and rates, with shape `(3 + T,)`."""
    means = [loss, parts.elbo.mean(), parts.reconstruction.mean()]
    return torch.cat([torch.stack(means), parts.rate.mean(dim=0)])


def record(
    step: int, config: TrainConfig, values: Sequence[float], norm: float, started: float
) -> StepRecord:
    """The record of a step.

    Args:
        values: Batch means of the ELBO, the reconstruction and the rates, in nats.
        norm: Of the gradient.
        started: A `time.perf_counter` reading.
    """
    elbo, reconstruction, *rates = values
    return StepRecord(
        step=step,
        steps=config.steps,
        elbo_nats=elbo,
        reconstruction_nats=reconstruction,
        rate_nats=tuple(rates),
        beta=kl_weight(step - 1, config),
        learning_rate=learning_rate(step - 1, config),
        gradient_norm=norm,
        images_per_s=config.batch_size / (time.perf_counter() - started),
    )


def check_fit(model: HierarchicalModel, images: np.ndarray, config: TrainConfig) -> None:
    """Refuse a batch larger than the data, or a recipe for another number of levels."""
    if config.batch_size > len(images):
        raise BadInput(
            f"batch_size {config.batch_size} is larger than the data ({len(images)} training "
            f"images): choose a batch of at most {len(images)}, or give more images."
        )
    for name in ("free_bits", "rate_targets"):
        given = getattr(config, name)
        if given and len(given) != model.depth:
            raise BadInput(
                f"{name} has {len(given)} values for {model.depth} levels: "
                "give one value for each level, or a single one for all."
            )


def draw_batch(images: np.ndarray, step: int, config: TrainConfig) -> Tensor:
    """The batch of a step, `(B, C, H, W)` in [0, 1]: epochs are seeded permutations."""
    per_epoch = len(images) // config.batch_size
    epoch, position = divmod(step, per_epoch)
    order = epoch_order(len(images), config.seed, epoch)
    chosen = order[position * config.batch_size : (position + 1) * config.batch_size]
    return to_float(images[np.sort(chosen)])


@lru_cache(maxsize=2)
def epoch_order(count: int, seed: int, epoch: int) -> np.ndarray:
    """A permutation of `count` images that is a function of (seed, epoch)."""
    return choices("order", seed, epoch).permutation(count)


def steps_within(
    state: TrainState, images: np.ndarray, config: TrainConfig, seconds: float,
    processes: Processes = ALONE,
) -> int:  # fmt: skip
    """The number of steps that fit a time budget, from a short measurement on a copy.

    The copy is thrown away, so the run that follows is the same as one told its steps.
    """
    trial = TrainState(copy.deepcopy(state.model), config)
    stream = train(trial, images, replace(config, steps=1_000), processes)
    for _ in range(2):
        next(stream)  # the first steps are slower
    started, done = time.perf_counter(), 0

    def goes_on() -> bool:
        early = time.perf_counter() - started < min(3.0, 0.1 * seconds)
        return done < 5 or (early and done < 200)

    while processes.any(goes_on()):
        next(stream)
        done += 1
    steps = max(1, int(seconds * done / (time.perf_counter() - started)))
    return processes.from_main(steps)
