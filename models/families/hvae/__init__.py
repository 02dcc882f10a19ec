"""The general hierarchical VAE, parameter for parameter a VDVAE."""

from models.families.hvae.config import HVAEConfig
from models.families.hvae.model import HVAE

__all__ = ["HVAE", "HVAEConfig"]
