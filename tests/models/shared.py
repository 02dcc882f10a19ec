"""What the processes of a shared training run in a test: `-m tests.models.shared FOLDER`.

Every process writes what it saw of each case to `FOLDER/CASE-RANK.npz`.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.training.loop import TrainState, train
from models.training.processes import ALONE, Processes, join_processes
from models.training.schedule import TrainConfig

BERNOULLI = MHVAEConfig((1, 8, 8), "bernoulli", ((6,), (3,)), NetworkConfig(width=16, blocks=1))
EIGHT_BIT = replace(BERNOULLI, likelihood="discretised_logistic")
PLAIN = TrainConfig(
    steps=30, batch_size=16, learning_rate=5e-3, warmup_steps=3, kl_warmup=0.0, bf16=False, seed=5
)
# The mean rate of z_1 is now below and now above 4 nats, and always lower in the blank half.
CLAMPED = replace(PLAIN, free_bits=(4.0, 1.0))
CASES: dict[str, tuple[MHVAEConfig, TrainConfig]] = {
    "clamped": (BERNOULLI, CLAMPED),
    "eight_bit": (EIGHT_BIT, CLAMPED),
    "weighted": (BERNOULLI, replace(PLAIN, samples=3, weighted_from=0.5)),
    "targets": (BERNOULLI, replace(PLAIN, rate_targets=(9.0, 1.0))),
    "greedy": (BERNOULLI, replace(CLAMPED, greedy=0.8)),
    "clipped": (BERNOULLI, replace(PLAIN, clip_norm=0.05)),
}


class Apart(Processes):
    """Processes that clamp the mean of their own rows: the error that the tests look for."""

    def mean(self, values: Tensor) -> Tensor:
        return values.mean(dim=0)


def half_blank() -> np.ndarray:
    """Blank pictures and then varied ones, uint8 `(64, 8, 8, 1)`.

    A batch is sorted by index, so the first of two processes gets more of the blank ones.
    """
    images = np.zeros((64, 8, 8, 1), np.uint8)
    images[32:] = 255 * np.random.default_rng(0).integers(0, 2, (32, 8, 8, 1))
    return images


def run_case(name: str, processes: Processes = ALONE) -> dict[str, np.ndarray]:
    """The records of every step, and the weights and averages in the end."""
    model, config = CASES[name]
    torch.manual_seed(config.seed)
    state = TrainState(MHVAE(model), config)
    records = list(train(state, half_blank(), config, processes))
    curve = [(r.elbo_nats, r.reconstruction_nats, *r.rate_nats, r.gradient_norm) for r in records]
    both = [*state.model.parameters(), *state.ema.parameters(), state.log_weights]
    return {
        "curve": np.array(curve),
        "weights": torch.cat([p.detach().flatten() for p in both]).numpy(),
    }


def agreements(processes: Processes) -> dict[str, np.ndarray]:
    """What the processes agree on, where each says something else."""
    rank = processes.rank
    try:
        processes.check_same("step", rank)
    except BadInput as error:
        refused = "do not have the same step" in str(error)
    else:
        refused = False
    processes.check_same("step", 3)
    flags = [processes.any(rank == 1), processes.any(False), processes.from_main(rank) == 0]
    return {"agreed": np.array([*flags, refused])}


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    processes = join_processes(torch.device("cpu"))
    apart = Apart(processes.device, processes.rank, processes.count)
    found = {name: run_case(name, processes) for name in CASES}
    found |= {"apart": run_case("clamped", apart), "agreements": agreements(processes)}
    for name, arrays in found.items():
        np.savez(folder / f"{name}-{processes.rank}.npz", **arrays)  # pyright: ignore
    processes.part()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
