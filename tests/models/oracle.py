"""A linear-Gaussian chain, whose every quantity has a closed form: the oracle of the objective.

    p(z_T) = N(0, I),  p(z_{t-1} | z_t) = N(A_t z_t + b_t, D_t),  t = T … 1,  z_0 = x

Its posterior is Markov, q(z_t | z_{t-1}) = N(K (z_{t-1} − …) + …, S), so with the right q the
ELBO is log p(x), in every single draw.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, MultivariateNormal

from models.base import Chain, HierarchicalModel, Level, bottom_up, known, top_down


class FlatImage(Distribution):
    """A Gaussian over vectors, read as a distribution over images `(1, 1, D)`."""

    def __init__(self, vector: MultivariateNormal) -> None:
        super().__init__(vector.batch_shape, validate_args=False)
        self.vector = vector

    def log_prob(self, value: Tensor) -> Tensor:
        return self.vector.log_prob(value.flatten(1))

    @property
    def mean(self) -> Tensor:
        return self.vector.mean.unflatten(1, (1, 1, -1))


class LinearGaussianChain(HierarchicalModel):
    """Dimensions `sizes[t]` of z_t, t = 0 … T; the posterior is exact up to `q_shift`, `q_scale`.

    Args:
        q_shift: Added to the mean of q at every level; 0 keeps it exact.
        q_scale: Factor on the standard deviation of q; 1 keeps it exact.
    """

    def __init__(
        self, sizes: tuple[int, ...], seed: int = 0, q_shift: float = 0.0, q_scale: float = 1.0
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)

        def random(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator, dtype=torch.float64)

        self.anchor = nn.Parameter(torch.zeros((), dtype=torch.float64))
        self.sizes, self.q_shift, self.q_scale = sizes, q_shift, q_scale
        self.image_shape = (1, 1, sizes[0])
        self.eight_bit = True
        self.levels = tuple(Level(t, (n,)) for t, n in enumerate(sizes) if t > 0)
        self.weight = [random(sizes[t - 1], sizes[t]) for t in bottom_up(self.depth)]
        self.bias = [random(sizes[t - 1]) for t in bottom_up(self.depth)]
        self.noise = [torch.diag(0.3 + random(sizes[t - 1]).abs()) for t in bottom_up(self.depth)]
        self.mean, self.covariance = self._marginals()

    def _marginals(self) -> tuple[list[Tensor], list[Tensor]]:
        """The prior's mean and covariance of z_0 … z_T."""
        means = [torch.zeros(n, dtype=torch.float64) for n in self.sizes]
        covariances = [torch.eye(n, dtype=torch.float64) for n in self.sizes]
        for t in top_down(self.depth):
            weight, bias, noise = self.weight[t - 1], self.bias[t - 1], self.noise[t - 1]
            means[t - 1] = weight @ means[t] + bias
            covariances[t - 1] = weight @ covariances[t] @ weight.T + noise
        return means, covariances

    def log_evidence(self, x: Tensor) -> Tensor:
        """log p(x) from the marginal covariance, `(B,)`."""
        exact = MultivariateNormal(self.mean[0], self.covariance[0])
        return exact.log_prob(x.flatten(1))

    def sample_images(self, count: int, seed: int = 1) -> Tensor:
        eps = torch.randn((count, self.sizes[0]), generator=torch.Generator().manual_seed(seed))
        factor = torch.linalg.cholesky(self.covariance[0])
        return (self.mean[0] + eps.double() @ factor.T).unflatten(1, (1, 1, -1))

    def as_seen(self, x: Tensor) -> Tensor:
        return x

    def posterior(self, t: int, z: Chain) -> Distribution:
        below = known(z, t - 1).flatten(1)
        cross = self.covariance[t] @ self.weight[t - 1].T
        gain = cross @ torch.linalg.inv(self.covariance[t - 1])
        mean = self.mean[t] + (below - self.mean[t - 1]) @ gain.T + self.q_shift
        spread = self.covariance[t] - gain @ cross.T
        return MultivariateNormal(mean, self.q_scale**2 * (spread + spread.T) / 2)

    def prior(self, t: int, z: Chain) -> Distribution:
        if t == self.depth:
            return MultivariateNormal(self.mean[t], self.covariance[t])
        return self._below(t + 1, known(z, t + 1))

    def likelihood(self, z: Chain) -> Distribution:
        return FlatImage(self._below(1, known(z, 1)))

    def _below(self, t: int, z_t: Tensor) -> MultivariateNormal:
        """p(z_{t-1} | z_t)."""
        return MultivariateNormal(z_t @ self.weight[t - 1].T + self.bias[t - 1], self.noise[t - 1])
