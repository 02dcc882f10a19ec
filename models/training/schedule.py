"""How a model is trained, as one frozen value, and what of it depends on the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.errors import BadInput


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
        tf32: Whether what is in float32 may be multiplied in TF32, on a GPU that has it.
        samples: K, the draws of the importance-weighted objective; 1 leaves it out.
        weighted_from: Share of the steps after which it takes over.
        rate_targets: Wanted rates of z_1 … z_T in nats, steered by their weights; empty: off.
        greedy: Share of the steps in which the levels are trained one after the other.

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
    tf32: bool = False
    samples: int = 1
    weighted_from: float = 0.5
    rate_targets: tuple[float, ...] = ()
    greedy: float = 0.0

    def __post_init__(self) -> None:
        ranges = {
            "steps": (1, 100_000_000), "batch_size": (1, 65_536), "learning_rate": (1e-8, 1.0),
            "warmup_steps": (0, 10_000_000), "kl_warmup": (0.0, 1.0), "weight_decay": (0.0, 10.0),
            "clip_norm": (1e-6, 1e9), "ema_decay": (0.0, 0.999999), "seed": (0, 2**31 - 1),
            "samples": (1, 1_000), "weighted_from": (0.0, 1.0),
            "greedy": (0.0, 1.0),
        }  # fmt: skip
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise BadInput(f"{name} is {value}: give a number from {low} to {high}.")
        if any(not 0 <= bits <= 10_000 for bits in self.free_bits):
            raise BadInput(f"free_bits {list(self.free_bits)}: each must be from 0 to 10000 nats.")
        if any(not 0.1 <= rate <= 10_000 for rate in self.rate_targets):
            raise BadInput(
                f"rate_targets {list(self.rate_targets)}: each must be from 0.1 to 10000 nats."
            )
        if self.rate_targets and any(self.free_bits):
            raise BadInput("free_bits and rate_targets both set the rates: choose one of the two.")


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


def greedy_level(step: int, config: TrainConfig, depth: int) -> int | None:
    """The level that a step of greedy pre-training trains, from 1 up; None: all together."""
    span = config.greedy * config.steps
    return 1 + int(step * depth / span) if step < span else None
