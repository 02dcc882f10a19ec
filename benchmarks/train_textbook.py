"""The same MHVAE as a textbook writes it in plain PyTorch, to measure the trainer against.

    −ELBO(x) = −log p(x|z_1) + Σ_{t<T} (log q(z_t|z_{t-1}) − log p(z_t|z_{t+1})) + KL(q(z_T|z_{T-1}) ‖ p(z_T))

One module a level, `torch.distributions`, Adam, a `DataLoader` over a `TensorDataset`, and the
loss read at every step. The networks have the layers and the sizes of `models.families.mhvae.networks.mlp`.
"""  # noqa: E501

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset


class ResidualBlock(nn.Module):
    """h + linear(silu(linear(norm(h))))."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width)
        )

    def forward(self, h: Tensor) -> Tensor:
        return h + self.layers(h)


def network(inputs: int, outputs: int, width: int, blocks: int) -> nn.Sequential:
    """A residual MLP from `(B, inputs)` to `(B, outputs)`."""
    return nn.Sequential(
        nn.Linear(inputs, width),
        *(ResidualBlock(width) for _ in range(blocks)),
        nn.LayerNorm(width),
        nn.SiLU(),
        nn.Linear(width, outputs),
    )


class Gaussian(nn.Module):
    """N(mean(h), std(h)²)."""

    def __init__(self, inputs: int, outputs: int, width: int, blocks: int) -> None:
        super().__init__()
        self.network = network(inputs, 2 * outputs, width, blocks)

    def forward(self, h: Tensor) -> Normal:
        mean, log_std = self.network(h).chunk(2, dim=1)
        return Normal(mean, log_std.exp())


class TextbookMHVAE(nn.Module):
    """A strictly Markov hierarchy over binary images.

    Args:
        pixels: Of an image, all channels counted.
        levels: Sizes of z_1 … z_T.
        width: Features of the hidden layers.
        blocks: Residual blocks of a network.
    """

    def __init__(self, pixels: int, levels: tuple[int, ...], width: int, blocks: int) -> None:
        super().__init__()
        below = (pixels, *levels[:-1])
        self.encoders = nn.ModuleList(
            Gaussian(inputs, outputs, width, blocks)
            for inputs, outputs in zip(below, levels, strict=True)
        )
        self.priors = nn.ModuleList(
            Gaussian(inputs, outputs, width, blocks)
            for inputs, outputs in zip(levels[1:], levels[:-1], strict=True)
        )
        self.decoder = network(levels[0], pixels, width, blocks)

    def forward(self, x: Tensor) -> Tensor:
        """−ELBO of binary images `(B, pixels)` in nats, averaged over the batch."""
        h, posteriors, z = 2 * x - 1, [], []
        for encoder in self.encoders:
            q = encoder(h)
            h = q.rsample()
            posteriors.append(q)
            z.append(h)
        loss = -Bernoulli(logits=self.decoder(z[0])).log_prob(x).sum(dim=1)
        for t, prior in enumerate(self.priors):
            p = prior(z[t + 1])
            loss = loss + (posteriors[t].log_prob(z[t]) - p.log_prob(z[t])).sum(dim=1)
        top = posteriors[-1]
        standard = Normal(torch.zeros_like(top.loc), torch.ones_like(top.scale))
        return (loss + kl_divergence(top, standard).sum(dim=1)).mean()


def steps(
    model: TextbookMHVAE, images: Tensor, batch_size: int, learning_rate: float
) -> Iterator[float]:
    """Train for ever; yields the loss of every step.

    Args:
        images: Grey values in [0, 1], float `(N, pixels)`; each batch draws its pixels anew.
    """
    device = next(model.parameters()).device
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    loader = DataLoader(TensorDataset(images), batch_size, shuffle=True, drop_last=True)
    while True:
        for (grey,) in loader:
            x = torch.bernoulli(grey.to(device))
            loss = model(x)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield loss.item()
