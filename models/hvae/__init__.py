"""The general hierarchical VAE, parameter for parameter a VDVAE."""

from models.hvae.config import HVAEConfig
from models.hvae.model import HVAE

__all__ = ["HVAE", "HVAEConfig"]
