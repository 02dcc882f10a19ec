"""Denoisers that know the data exactly: the oracle of the diffusion family.

Data are M patterns with probabilities w_m, or binary pixels that are one with probability π:

    E[x̃ | z_t] = Σ_m softmax_m( log w_m − ‖z_t − α_t ṽ_m‖² / 2σ_t² ) ṽ_m        log p(x) = log w_x
    E[x̃ | z_t] = tanh( α_t z_t / σ_t² + ½ logit π )            log p(x) = Σ log π or log(1 − π)

so that with infinitely many stops the bound is log p(x), image by image. A pixel of the second
kind depends on its own noise alone, so an expectation is a sum over the nodes of a
one-dimensional quadrature, the same node at every pixel.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from models.base import Noise, bottom_up
from models.families.vdm.bound import denoising_rate, prior_rate, reconstruction
from models.families.vdm.config import VDMConfig
from models.families.vdm.model import VDM
from models.families.vdm.noise import Curve
from models.families.vdm.schedules import TIMES
from models.objective import Terms

CURVE = Curve("linear", -6.0, 8.0)
GREY_CURVE = Curve("linear", -15.0, 9.0)
ON = (0.9, 0.6, 0.35, 0.5)  # the probabilities of a one that pixels of `independent` have


class Exact(nn.Module):
    """A denoiser that is told the time of a curve, as the networks are.

    Args:
        curve: Between whose noise levels the time runs.
        prediction: What it predicts: "sample", "epsilon" or "v_prediction".
    """

    def __init__(self, curve: Curve, prediction: str) -> None:
        super().__init__()
        self.curve, self.prediction = curve, prediction

    def guess(self, z_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        """E[x̃ | z_t]."""
        raise NotImplementedError

    def forward(self, z_t: Tensor, time: Tensor) -> Tensor:
        assert time.shape == z_t.shape[:1]
        least, most = self.curve.gamma_min, self.curve.gamma_max
        gamma = (least + time / TIMES * (most - least)).view(-1, 1, 1, 1)
        alpha, sigma = torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt()
        guess = self.guess(z_t, alpha, sigma)
        if self.prediction == "epsilon":
            return (z_t - alpha * guess) / sigma
        if self.prediction == "v_prediction":
            return (alpha * z_t - guess) / sigma
        return guess


class Patterns(Exact):
    """Some patterns, pixels in [0, 1] `(M, C, H, W)`, with their probabilities `(M,)`."""

    def __init__(
        self, patterns: Tensor, weights: Tensor, curve: Curve = CURVE, prediction: str = "sample"
    ) -> None:
        super().__init__(curve, prediction)
        self.patterns = nn.Parameter(2 * patterns.double() - 1)
        self.log_weights = nn.Parameter(weights.double().log())

    def guess(self, z_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        squared = ((z_t[:, None] - alpha[:, None] * self.patterns) ** 2).flatten(2).sum(2)
        logits = self.log_weights - squared / (2 * sigma.view(-1, 1) ** 2)
        return torch.einsum("bm,mchw->bchw", torch.softmax(logits, 1), self.patterns)


class Pixels(Exact):
    """Binary pixels, each one with a probability of its own, `(C, H, W)`."""

    def __init__(self, on: Tensor, curve: Curve = CURVE, prediction: str = "sample") -> None:
        super().__init__(curve, prediction)
        self.logit = nn.Parameter(torch.logit(on.double()))

    def guess(self, z_t: Tensor, alpha: Tensor, sigma: Tensor) -> Tensor:
        return torch.tanh(alpha * z_t / sigma**2 + self.logit / 2)


class Grey(nn.Module):
    """Pixels that are k/255 with the same probabilities everywhere, `(256,)`."""

    def __init__(self, probabilities: Tensor, curve: Curve) -> None:
        super().__init__()
        self.log_weights = nn.Parameter(probabilities.double().log())
        self.curve = curve

    def forward(self, z_t: Tensor, time: Tensor) -> Tensor:
        least, most = self.curve.gamma_min, self.curve.gamma_max
        gamma = (least + time / 1000 * (most - least)).view(-1, 1, 1, 1, 1)
        values = torch.linspace(-1, 1, 256, dtype=z_t.dtype)
        alpha, sigma = torch.sigmoid(-gamma).sqrt(), torch.sigmoid(gamma).sqrt()
        logits = self.log_weights - (z_t[..., None] - alpha * values) ** 2 / (2 * sigma**2)
        return torch.softmax(logits, -1) @ values


def patterned(patterns: Tensor, weights: Tensor, stops: int = 8, prediction: str = "sample") -> VDM:
    """A diffusion in double precision that knows its patterns."""
    _, _, height, width = patterns.shape
    config = VDMConfig((1, height, width), "bernoulli", CURVE, stops, prediction)
    return VDM(config, Patterns(patterns, weights, CURVE, prediction)).double()


def on_probabilities(side: int) -> Tensor:
    """The probabilities of `ON`, each in a quarter of the rows, float64 `(1, side, side)`."""
    rows = torch.tensor(ON, dtype=torch.float64).repeat_interleave(side // len(ON))
    return rows.view(1, side, 1).expand(1, side, side)


def independent(
    stops: int = 8, side: int = 4, curve: Curve = CURVE, variance: str = "small"
) -> VDM:
    """A diffusion in double precision that knows its binary pixels are independent."""
    config = VDMConfig((1, side, side), "bernoulli", curve, stops, "sample", variance=variance)
    return VDM(config, Pixels(on_probabilities(side), curve)).double()


def grey_probabilities() -> Tensor:
    """Of the values of `grey`, not equal, `(256,)`."""
    return torch.softmax(torch.cos(torch.arange(256) / 20.0) * 1.5, 0).double()


def grey(stops: int = 3, side: int = 2, curve: Curve = GREY_CURVE) -> VDM:
    """A diffusion of 8-bit pixels in double precision that knows their probabilities."""
    config = VDMConfig((1, side, side), "discretised", curve, stops, "sample")
    return VDM(config, Grey(grey_probabilities(), curve)).double()


def draw_independent(count: int, side: int = 4, seed: int = 1) -> Tensor:
    """Images of `independent`, float64 `(count, 1, side, side)`."""
    generator = torch.Generator().manual_seed(seed)
    u = torch.rand((count, 1, side, side), generator=generator, dtype=torch.float64)
    return (u < on_probabilities(side)).double()


def log_independent(x: Tensor) -> Tensor:
    """log p(x) under `independent`, `(B,)`."""
    on = on_probabilities(x.shape[-1])
    return torch.where(x == 1, on, 1 - on).log().flatten(1).sum(1)


def noise_nodes(shape: tuple[int, ...], count: int = 128) -> tuple[Tensor, Tensor]:
    """Standard normal nodes, the same at every pixel, `(count, *shape)`, and weights `(count,)`."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    values = torch.from_numpy(nodes).view(-1, *(1 for _ in shape)).expand(count, *shape)
    return values, torch.from_numpy(weights / weights.sum())


def stop_terms(model: VDM, x: Tensor, eps: Noise) -> Terms:
    """The second form of the bound with every z_t drawn from x directly, not along the chain.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        eps: Noise by subscript, each `(B, C, H, W)`; that of z_1 is for the reconstruction.
    """
    u = model.places()
    rates = [
        denoising_rate(model, x, eps[t + 1], u[t - 1], u[t]) for t in bottom_up(model.depth - 1)
    ]
    rates.append(prior_rate(model, x))
    return Terms(reconstruction(model, x, eps[1]), torch.stack(rates, dim=1))


@torch.no_grad()
def expected_terms(model: VDM, x: Tensor) -> tuple[float, np.ndarray]:
    """E of the reconstruction and of the rates of `stop_terms` for one image `(1, C, H, W)`."""
    nodes, weights = noise_nodes(model.image_shape)
    eps = (torch.empty(0),) + (nodes,) * model.depth
    parts = stop_terms(model, x.expand(len(nodes), *x.shape[1:]), eps)
    return (weights @ parts.reconstruction).item(), (weights @ parts.rate).numpy()
