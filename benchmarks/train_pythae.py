"""pythae's VAE under pythae's own `BaseTrainer`, to measure the trainer against (PyPI `pythae`).

Its encoder and decoder get networks of the layers and sizes of
`models.families.mhvae.networks.mlp`, by pythae's own way of passing in networks. Everything else is
pythae's default: Adam, the data as floats, no binarisation, the progress bar. Its mixed precision
is for CUDA only, and off for binary data.

This module is imported only where pythae is installed; it is no dependency of the project.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from pythae.data.datasets import BaseDataset  # pyright: ignore[reportMissingImports]
from pythae.models import VAE, VAEConfig  # pyright: ignore[reportMissingImports]
from pythae.models.base.base_utils import ModelOutput  # pyright: ignore[reportMissingImports]
from pythae.models.nn import BaseDecoder, BaseEncoder  # pyright: ignore[reportMissingImports]
from pythae.trainers import BaseTrainer, BaseTrainerConfig  # pyright: ignore[reportMissingImports]
from pythae.trainers.training_callbacks import (  # pyright: ignore[reportMissingImports]
    TrainingCallback,
)
from torch import Tensor

from benchmarks.train_textbook import network


class Encoder(BaseEncoder):
    """x ↦ mean and log variance of q(z | x)."""

    def __init__(self, pixels: int, latent: int, width: int, blocks: int) -> None:
        super().__init__()
        self.network = network(pixels, 2 * latent, width, blocks)

    def forward(self, x: Tensor) -> ModelOutput:
        mean, log_variance = self.network(x.flatten(1)).chunk(2, dim=1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """z ↦ the probabilities of the pixels."""

    def __init__(self, latent: int, shape: tuple[int, int, int], width: int, blocks: int) -> None:
        super().__init__()
        self.shape = shape
        self.network = network(latent, torch.Size(shape).numel(), width, blocks)

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(z).sigmoid().view(-1, *self.shape))


class _AfterStep(TrainingCallback):
    def __init__(self, done: Callable[[], None]) -> None:
        self.done = done

    def on_train_step_end(self, training_config: BaseTrainerConfig, **kwargs: object) -> None:
        self.done()


def build(shape: tuple[int, int, int], latent: int, width: int, blocks: int) -> VAE:
    """pythae's VAE of binary images `(C, H, W)` with our networks."""
    pixels = torch.Size(shape).numel()
    return VAE(
        VAEConfig(input_dim=shape, latent_dim=latent, reconstruction_loss="bce"),
        Encoder(pixels, latent, width, blocks),
        Decoder(latent, shape, width, blocks),
    )


def train(
    model: VAE,
    images: Tensor,
    batch_size: int,
    learning_rate: float,
    cuda: bool,
    folder: str,
    done: Callable[[], None],
) -> None:
    """Train until `done` raises.

    Args:
        images: Grey values in [0, 1], float `(N, C, H, W)`.
        folder: Where pythae may write.
        done: Called after every step.
    """
    config = BaseTrainerConfig(
        output_dir=folder, per_device_train_batch_size=batch_size, num_epochs=1_000_000,
        learning_rate=learning_rate, no_cuda=not cuda,
    )  # fmt: skip
    dataset = BaseDataset(images, torch.zeros(len(images)))
    trainer = BaseTrainer(model, dataset, training_config=config, callbacks=[_AfterStep(done)])
    trainer.train()
