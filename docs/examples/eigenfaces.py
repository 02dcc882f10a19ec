"""Probabilistic PCA (Tipping & Bishop 1999) of the avatars' test images: a VAE in closed form."""

from pathlib import Path

import torch

from models.base import HierarchicalModel, Level, gaussian, known
from models.checkpoint.checkpoint import load_checkpoint
from models.likelihoods import DiscretisedLogistic


class Eigenfaces(HierarchicalModel):
    image_shape, levels, eight_bit = (3, 64, 64), (Level(1, (16,)),), True

    def __init__(self):
        super().__init__()
        x = torch.from_numpy(self.images()).permute(0, 3, 1, 2).flatten(1).double() / 255
        _, s, v = torch.linalg.svd(x - x.mean(0), full_matrices=False)
        variance, self.noise = s**2 / len(x), float((s[16:] ** 2).sum() / len(x) / x.shape[1])
        self.register_buffer("centre", x.mean(0).float())
        self.register_buffer("w", (v[:16].T * (variance[:16] - self.noise).sqrt()).float())

    def images(self):
        return load_checkpoint(Path(__file__).parents[2] / "checkpoints/avatars").examples

    def as_seen(self, x):
        return (x * 255).round() / 255

    def posterior(self, t, z):
        spread = self.w.square().sum(0) + self.noise
        mean = (known(z, 0).flatten(1) - self.centre) @ self.w / spread
        return gaussian(mean, (self.noise / spread).sqrt().expand_as(mean), 1)

    def prior(self, t, z):
        return gaussian(torch.zeros(16).to(self.w), torch.ones(16).to(self.w), 1)

    def likelihood(self, z):
        x = (self.centre + known(z, 1) @ self.w.T).unflatten(1, self.image_shape)
        scale = torch.full_like(x, 0.5513 * self.noise**0.5).log()  # s = σ √3 / π
        return torch.distributions.Independent(DiscretisedLogistic(x, scale), 3)
