"""The variational diffusion model: an MHVAE with a fixed linear-Gaussian encoder."""

from models.vdm.config import VDMConfig
from models.vdm.model import VDM

__all__ = ["VDM", "VDMConfig"]
