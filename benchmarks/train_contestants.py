"""The trainers that are compared, each in a process of its own, driven step by step.

    python -m benchmarks.train_contestants NAME SETUP

SETUP is a `Setup` as JSON. The process trains; after a few steps to warm up it says that it is
ready on its standard output, then answers every line `N` with the time of N more steps, and an
empty or missing line with its peak of memory.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import TextIO

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from benchmarks import train_textbook
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.training.loop import TrainState, train
from models.training.schedule import TrainConfig

SHAPE = (1, 28, 28)
PIXELS = 784
WARM_UP = 5
LEARNING_RATE = 1e-3
FOR_EVER = 1_000_000
SIDES = {"cpu": 1024, "cuda": 8192}  # of the square matrices whose product is timed

Done = Callable[[], None]


@dataclass(frozen=True)
class Setup:
    """What all contestants have in common.

    Args:
        levels: Sizes of z_1 … z_T.
        bf16: Whether our trainer computes its matrix products in bfloat16.
        width: Features of the hidden layers.
        blocks: Residual blocks of a network.
        batch: Images a step.
        images: Training images, as many as MNIST has.
        device: Where to train.
        threads: Processor threads.
    """

    levels: tuple[int, ...]
    bf16: bool
    width: int = 300
    blocks: int = 2
    batch: int = 256
    images: int = 60_000
    device: str = "cpu"
    threads: int = 1

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Setup:
        values = json.loads(text)
        return Setup(**values | {"levels": tuple(values["levels"])})


class Enough(Exception):
    """The contestant is to end."""


def pictures(count: int) -> np.ndarray:
    """Soft spots on black, about as bright as MNIST, uint8 `(N, 28, 28, 1)`."""
    generator = torch.Generator().manual_seed(0)
    images = np.empty((count, *SHAPE[1:], 1), np.uint8)
    for start in range(0, count, 1000):  # in parts, so that making them sets no peak of memory
        part = images[start : start + 1000]
        coarse = torch.rand((len(part), 1, 7, 7), generator=generator).pow(6)
        fine = F.interpolate(coarse, size=SHAPE[1:], mode="bilinear")
        part[:] = (255 * fine).byte().permute(0, 2, 3, 1).numpy()
    return images


def grey(count: int) -> Tensor:
    """The same pictures as the others take them: floats in [0, 1], `(N, 1, 28, 28)`."""
    return torch.from_numpy(pictures(count)).permute(0, 3, 1, 2).float().div_(255)


def strata_state(setup: Setup) -> tuple[TrainState, TrainConfig]:
    """Our model and how it is trained, free bits and all."""
    config = TrainConfig(
        steps=FOR_EVER, batch_size=setup.batch, learning_rate=LEARNING_RATE,
        free_bits=(4.0,) * len(setup.levels), bf16=setup.bf16,
    )  # fmt: skip
    network = NetworkConfig(setup.width, setup.blocks)
    model = MHVAE(MHVAEConfig(SHAPE, "bernoulli", tuple((n,) for n in setup.levels), network))
    return TrainState(model.to(setup.device), config), config


def strata(setup: Setup, done: Done) -> None:
    """The loop of `models.training.loop`."""
    state, config = strata_state(setup)
    for _ in train(state, pictures(setup.images), config):
        done()


def textbook(setup: Setup, done: Done) -> None:
    """The textbook's loop."""
    model = train_textbook.TextbookMHVAE(PIXELS, setup.levels, setup.width, setup.blocks)
    images = grey(setup.images).flatten(1)
    for _ in train_textbook.steps(model.to(setup.device), images, setup.batch, LEARNING_RATE):
        done()


def pythae(setup: Setup, done: Done) -> None:
    """pythae's trainer and its VAE, which has one level."""
    from benchmarks import train_pythae

    model = train_pythae.build(SHAPE, setup.levels[0], setup.width, setup.blocks)
    with tempfile.TemporaryDirectory() as folder:
        train_pythae.train(model, grey(setup.images), setup.batch, LEARNING_RATE,
                           setup.device == "cuda", folder, done)  # fmt: skip


def products(setup: Setup, done: Done) -> None:
    """Nothing but large matrix products, in float32 or bfloat16: what the machine can do."""
    a = torch.randn(2, SIDES[setup.device], SIDES[setup.device], device=setup.device)
    a = a.bfloat16() if setup.bf16 else a
    while True:
        torch.mm(a[0], a[1])
        done()


CONTESTANTS: dict[str, Callable[[Setup, Done], None]] = {
    "strata": strata, "textbook": textbook, "pythae": pythae, "products": products
}  # fmt: skip


def flops_of_product(device: str) -> int:
    """Floating-point operations of one product of `products`."""
    return 2 * SIDES[device] ** 3


def flops_of_step(setup: Setup) -> int:
    """Floating-point operations of the matrix products of one step of ours, back and forth."""
    state, config = strata_state(replace(setup, device="cpu", bf16=False))
    with FlopCounterMode(display=False) as counter:
        next(train(state, pictures(setup.batch), config))
    return counter.get_total_flops()


class Meter:
    """Lets a contestant run as many steps as it is told, and says how long they took."""

    def __init__(self, orders: Iterator[str], answers: TextIO, device: str) -> None:
        self._orders, self._answers, self._device = orders, answers, device
        self._left, self._warm = WARM_UP, False
        self._started = (0.0, 0.0)

    def __call__(self) -> None:
        self._left -= 1
        if self._left:
            return
        if self._device == "cuda":
            torch.cuda.synchronize()
        now = (time.perf_counter(), time.process_time())
        wall_s, cpu_s = (b - a for a, b in zip(self._started, now, strict=True))
        self.say({"wall_s": wall_s, "cpu_s": cpu_s} if self._warm else {"ready": True})
        order = next(self._orders, "").strip()
        if not order:
            raise Enough
        self._left, self._warm = int(order), True
        self._started = (time.perf_counter(), time.process_time())

    def say(self, answer: dict[str, float]) -> None:
        """One line for whoever measures."""
        print(json.dumps(answer), file=self._answers, flush=True)


def peaks_mb(device: str) -> dict[str, float]:
    """The most memory this process has held, in MB: its own, and on the GPU."""
    unit = 1 if sys.platform == "darwin" else 1024
    peaks = {"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6}
    if device == "cuda":
        peaks["cuda_mb"] = torch.cuda.max_memory_allocated() / 1e6
    return peaks


def main(name: str, setup: Setup) -> None:
    # What the contestants print goes where errors go.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    torch.set_num_threads(setup.threads)
    torch.manual_seed(0)
    meter = Meter(iter(sys.stdin), answers, setup.device)
    try:
        CONTESTANTS[name](setup, meter)
    except Enough:
        meter.say(peaks_mb(setup.device))


if __name__ == "__main__":
    main(sys.argv[1], Setup.from_json(sys.argv[2]))
