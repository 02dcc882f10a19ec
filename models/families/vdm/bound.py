"""The parts of a diffusion's bound in its second form, one stop at a time, and their limit.

    ELBO(x) = E log p(x|z_1)                                          reconstruction
            − Σ_{t<T} E KL( q(z_t|z_{t+1}, x) ‖ p(z_t|z_{t+1}) )      denoising matching
            − KL( q(z_T|x) ‖ p(z_T) )                                 prior matching

(Luo 2022, eq. 58; Kingma et al. 2021, sections 3.5 and 4). `objective.matched_terms_of` takes all
of them along a drawn chain, as of any model. Each depends on one z_t alone, which a diffusion draws
from x directly, so that training and the limit need no chain. Both KLs are closed:

    KL( q ‖ p ) = ½ (e^{γ_{t+1}−γ_t} − 1) ‖ε − ε̂‖²       p with the variance of q(z_t|z_{t+1}, x)

and with the larger variance of q(z_{t+1}|z_t), whose ratio to it is 1/r, r = σ_t²/σ_{t+1}²,

    KL( q ‖ p ) = ½ r (e^{γ_{t+1}−γ_t} − 1) ‖ε − ε̂‖² + ½ dim(x) (r − 1 − log r)

As the stops get dense the sum tends to ½ ∫ γ'(u) E‖ε − ε̂‖² du (Kingma et al., section 5),
from below for a denoiser that knows E[x|z_t].
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor

from models.families.vdm.diffusion import Diffusion
from models.families.vdm.gaussians import alpha_sigma, over_images, standard_kl


def continuous_bound(model: Diffusion, x: Tensor, u: Tensor, eps: tuple[Tensor, Tensor]) -> Tensor:
    """An unbiased one-draw estimate of the bound with infinitely many stops, `(B,)`, in nats.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        u: Where between the first stop and the last, `(B,)`, uniform in [0, 1).
        eps: Noise for the reconstruction and for z_u, both `(B, C, H, W)`.
    """
    first, last = model.stops[0], model.stops[-1]
    where = first + u * (last - first)
    rate = (last - first) * continuous_rate(model, x, eps[1], where)
    return reconstruction(model, x, eps[0]) - rate - prior_rate(model, x)


def reconstruction(model: Diffusion, x: Tensor, noise: Tensor) -> Tensor:
    """log p(x | z_1) with z_1 = α_1 x̃ + σ_1 noise, `(B,)`, in nats."""
    alpha, sigma = (over_images(value, x) for value in alpha_sigma(model.gammas()[0]))
    return model.likelihood((x, alpha * (2 * x - 1) + sigma * noise)).log_prob(x)


def prior_rate(model: Diffusion, x: Tensor) -> Tensor:
    """KL(q(z_T | x) ‖ N(0, I)), `(B,)`, in nats."""
    alpha, sigma = (over_images(value, x) for value in alpha_sigma(model.gammas()[-1]))
    return standard_kl(alpha * (2 * x - 1), sigma)


def denoising_rate(model: Diffusion, x: Tensor, noise: Tensor, u_s: Tensor, u_t: Tensor) -> Tensor:
    """KL(q(z_s | z_t, x) ‖ p(z_s | z_t)) with z_t = α_t x̃ + σ_t noise, `(B,)`, in nats.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        noise: With shape `(B, C, H, W)`.
        u_s: The cleaner stop, one number or one an image `(B,)`.
        u_t: The noisier stop, likewise.
    """
    gamma_s, gamma_t = model.schedule.gamma(u_s), model.schedule.gamma(u_t)
    error = noise_error(model, x, noise, u_t, gamma_t)
    weight = 0.5 * torch.expm1(gamma_t - gamma_s)
    if model.config.variance == "small":
        return weight.to(error) * error
    ratio = torch.sigmoid(gamma_s) / torch.sigmoid(gamma_t)
    wider = 0.5 * prod(model.image_shape) * (ratio - 1 - torch.log(ratio))
    return (ratio * weight).to(error) * error + wider.to(error)


def continuous_rate(
    model: Diffusion,
    x: Tensor,
    noise: Tensor,
    u: Tensor,
    curve: tuple[Tensor, Tensor] | None = None,
) -> Tensor:
    """½ γ'(u) ‖ε − ε̂(z_u)‖², `(B,)`, in nats per unit of u.

    Args:
        x: The image as the model sees it, with shape `(B, C, H, W)`.
        noise: With shape `(B, C, H, W)`.
        u: On the noise schedule, `(B,)`.
        curve: `model.schedule.curve(u)`, where it is known already.
    """
    gamma, slope = curve if curve is not None else model.schedule.curve(u)
    error = noise_error(model, x, noise, u, gamma)
    return 0.5 * slope.to(error) * error


def noise_error(model: Diffusion, x: Tensor, noise: Tensor, u: Tensor, gamma: Tensor) -> Tensor:
    """‖ε − ε̂(z_u)‖² = (α_u²/σ_u²) ‖x̃ − x̂(z_u)‖² of every image, `(B,)`; γ at u is given."""
    clean = 2 * x - 1
    alpha, sigma = (over_images(value, x) for value in alpha_sigma(gamma))
    time = model.schedule.time(u, gamma)
    guess = model.denoise(alpha * clean + sigma * noise, gamma, time)
    return ((alpha / sigma * (clean - guess)) ** 2).flatten(1).sum(1)
