"""The autoencoders of latent diffusion: a VAE whose latent is a map."""

from models.families.autoencoder_kl.config import AutoencoderKLConfig
from models.families.autoencoder_kl.model import AutoencoderKL

__all__ = ["AutoencoderKL", "AutoencoderKLConfig"]
