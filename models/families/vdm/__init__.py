"""The variational diffusion model: an MHVAE with a fixed linear-Gaussian encoder."""

from models.families.vdm.config import VDMConfig
from models.families.vdm.model import VDM

__all__ = ["VDM", "VDMConfig"]
