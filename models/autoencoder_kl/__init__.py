"""The autoencoders of latent diffusion: a VAE whose latent is a map."""

from models.autoencoder_kl.config import AutoencoderKLConfig
from models.autoencoder_kl.model import AutoencoderKL

__all__ = ["AutoencoderKL", "AutoencoderKLConfig"]
