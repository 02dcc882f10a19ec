"""The mixture of discretised logistics with coupled colours (Salimans et al. 2017, PixelCNN++).

On the scale v = 2x − 1 of a pixel (v_r, v_g, v_b), with K components of weights π:

    p(x) = Σ_k π_k · P(v_r; μ_rk) · P(v_g; μ_gk + α_k v_r) · P(v_b; μ_bk + β_k v_r + γ_k v_g)
    P(v; μ) = σ((v + h − μ)/s) − σ((v − h − μ)/s)

s is the scale of the component and channel, h half the width of a bin; the first and the last
bin take the whole tail. Pixels are independent given the latents.

It follows the computation of OpenAI's published VDVAE code, and so differs from these formulas
in two places, both stated at `LogisticMixture.log_prob`.
"""

from __future__ import annotations

from math import log

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Categorical, Distribution
from torch.types import _size as Size

BITS = (8, 5)  # of a pixel, that a mixture may score
LOG_SCALE_LOW = -7.0
SMALLEST_MASS = 1e-5
NO_SHAPE = torch.Size()
CHANNEL = -4  # the dimension of the colours in `(…, 3, K, H, W)`


class LogisticMixture(Distribution):
    """A distribution over colour images `(3, H, W)` with pixels in [0, 1].

    Args:
        logits: log π up to a constant, `(B, K, H, W)`.
        location: μ on the scale −1 … 1, `(B, 3, K, H, W)`.
        log_scale: log s on the same scale, likewise; not below −7.
        coupling: α, β, γ in −1 … 1, likewise.
        bits: 8, or 5: then an image is scored by the 5 upper bits of its pixels, whose values are
            8k / 255, k = 0 … 31.
    """

    def __init__(
        self, logits: Tensor, location: Tensor, log_scale: Tensor, coupling: Tensor, bits: int = 8
    ) -> None:
        self.logits, self.location = logits, location
        self.log_scale, self.coupling = log_scale, coupling
        self.step = 2 ** (8 - bits)  # grey levels from one value of a pixel to the next
        self.half_bin = 1 / (2**bits - 1)
        event_shape = torch.Size((3, *logits.shape[-2:]))
        super().__init__(logits.shape[:-3], event_shape, validate_args=False)

    @classmethod
    def from_output(cls, output: Tensor, components: int, bits: int = 8) -> LogisticMixture:
        """From a network's output, `(B, 10·K, H, W)`.

        K logits come first, then for each colour K locations, K log scales and K couplings.
        """
        colours = output[..., components:, :, :].unflatten(-3, (3, 3, components))
        location, log_scale, coupling = colours.unbind(-4)
        return cls(
            output[..., :components, :, :],
            location,
            log_scale.clamp(min=LOG_SCALE_LOW),
            coupling.tanh(),
            bits,
        )

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(value) in nats, an image, `(B,)`; `value` lies on the grid k / 255.

        The published loss is −log_prob / (3·H·W). As there, a bin of mass below 1e-5 is scored by
        the density at its centre; the sum over the 256 values of a colour stays within 1e-4 of 1.

        As there, with 5 bits h is 1/31, while half the distance of two values is 4/127.5, and the
        last value does not take the tail. So bins overlap, and the sum over the 32 values is no
        1: up to 1.029 within the range (0.04 bits per dimension too good), down to 0.53 where the
        logistic reaches beyond white.
        """
        grid = self._grid(value).unsqueeze(-3)
        red, green, _ = grid.unbind(CHANNEL)
        mu_red, mu_green, mu_blue = self.location.unbind(CHANNEL)
        a, b, c = self.coupling.unbind(CHANNEL)
        located = torch.broadcast_tensors(mu_red, mu_green + a * red, mu_blue + b * red + c * green)
        centred = grid - torch.stack(located, dim=CHANNEL)
        inverse_scale = torch.exp(-self.log_scale)
        upper = inverse_scale * (centred + self.half_bin)
        lower = inverse_scale * (centred - self.half_bin)
        middle = inverse_scale * centred
        mass = torch.sigmoid(upper) - torch.sigmoid(lower)
        density = middle - self.log_scale - 2 * F.softplus(middle)
        inside = torch.where(
            mass > SMALLEST_MASS,
            torch.log(mass.clamp(min=1e-12)),
            density + log(2 * self.half_bin),
        )
        first, last = upper - F.softplus(upper), -F.softplus(lower)
        each = torch.where(grid < -0.999, first, torch.where(grid > 0.999, last, inside))
        joint = each.sum(dim=CHANNEL) + F.log_softmax(self.logits, dim=-3)
        return joint.logsumexp(dim=-3).sum(dim=(-2, -1))

    @property
    def mean(self) -> Tensor:
        """The picture to show, `(B, 3, H, W)`, in [0, 1].

        The components' means, weighted by π. A component's mean is that of its logistic with the
        tails gathered at the ends of the range; green's and blue's location is taken at the
        component's means of the colours before. For red that is E[x] up to the rounding to the
        grid, 0.15 / 255 at most; for the others also up to the bend that the ends put into it.
        """
        mu_red, mu_green, mu_blue = self.location.unbind(CHANNEL)
        a, b, c = self.coupling.unbind(CHANNEL)
        red = self._folded(0, mu_red)
        green = self._folded(1, mu_green + a * red)
        blue = self._folded(2, mu_blue + b * red + c * green)
        weights = self.logits.softmax(dim=-3).unsqueeze(CHANNEL)
        mixed = (weights * torch.stack([red, green, blue], dim=CHANNEL)).sum(dim=-3)
        return ((mixed + 1) / 2).clamp(0, 1)

    def sample(self, sample_shape: Size = NO_SHAPE) -> Tensor:
        """Draws on the grid, `(*sample_shape, B, 3, H, W)`, with torch's global generator."""
        shape = torch.Size(sample_shape)
        weights = self.logits.detach().movedim(-3, -1)
        drawn = Categorical(logits=weights, validate_args=False).sample(shape)
        picked = (
            drawn.unsqueeze(-3).unsqueeze(-3).expand(*drawn.shape[:-2], 3, 1, *drawn.shape[-2:])
        )
        location, scale, coupling = (
            each.detach().expand(*shape, *each.shape).gather(-3, picked).squeeze(-3)
            for each in (self.location, self.log_scale.exp(), self.coupling)
        )
        uniform = torch.rand_like(location).clamp(1e-6, 1 - 1e-6)
        v_red, v_green, v_blue = (location + scale * torch.logit(uniform)).unbind(-3)
        a, b, c = coupling.unbind(-3)
        red = self._rounded(v_red)
        green = self._rounded(v_green + a * red)
        blue = self._rounded(v_blue + b * red + c * green)
        return (torch.stack([red, green, blue], dim=-3) + 1) / 2

    def _grid(self, value: Tensor) -> Tensor:
        """Pixels as they are scored, on the scale −1 … 1."""
        grey = (255 * value).round()
        if self.step > 1:
            grey = (grey / self.step).floor() * self.step
        return (grey - 127.5) / 127.5

    def _rounded(self, v: Tensor) -> Tensor:
        """The nearest value of a pixel, on the scale −1 … 1."""
        steps = (127.5 * (v + 1) / self.step).round().clamp(0, 255 // self.step)
        return (steps * self.step - 127.5) / 127.5

    def _folded(self, channel: int, location: Tensor) -> Tensor:
        """Means of the components of one colour, `(B, K, H, W)`: −1 + ∫ P(v > u) du."""
        scale = self.log_scale.select(CHANNEL, channel).exp()
        top = (255 // self.step * self.step - 127.5) / 127.5
        above_low = F.softplus((location + 1) / scale)
        above_top = F.softplus((location - top) / scale)
        return scale * (above_low - above_top) - 1
