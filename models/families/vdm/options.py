"""From the options of a training to the architecture of a diffusion."""

from __future__ import annotations

import argparse

from models.command_line import Shape, channels_of, parse_numbers
from models.errors import BadInput
from models.families.vdm.config import VDMConfig
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Curve

GROUPS = 8  # of the normalisation in a denoiser; every width is a multiple of it


def architecture(options: argparse.Namespace, shape: Shape) -> VDMConfig:
    """The architecture that the options ask for; BadInput names one that cannot be used."""
    channels, ends = channels_of(options), parse_numbers(options.gamma, "--gamma")
    if not channels or any(c % GROUPS for c in channels):
        raise BadInput(
            f"--conv '{options.conv}': a VDM needs channels for each resolution, multiples of "
            f"{GROUPS}, for instance 32,64."
        )
    if len(ends) != 2:
        raise BadInput(f"--gamma '{options.gamma}': give two numbers, for instance -13.3,5.")
    discretised = options.likelihood == "discretised_logistic"
    return VDMConfig(
        shape, "discretised" if discretised else options.likelihood,
        Curve(options.schedule, *ends), options.stops,
        unet=make_unet(shape, channels, options.blocks, attention=0),
    )  # fmt: skip
