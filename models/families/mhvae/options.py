"""From the options of a training to the architecture of an MHVAE."""

from __future__ import annotations

import argparse

from models.command_line import Shape, channels_of
from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.networks import NetworkConfig


def parse_levels(text: str) -> tuple[tuple[int, ...], ...]:
    """Event shapes from "64,32,16" or "8x16x16,32", z_1 first."""
    try:
        return tuple(tuple(int(n) for n in part.split("x")) for part in text.split(",") if part)
    except ValueError as error:
        raise BadInput(
            f"levels '{text}' cannot be read: write sizes from z_1 up, such as 64,32,16; "
            "a map is written channels x height x width, such as 8x16x16."
        ) from error


def architecture(options: argparse.Namespace, shape: Shape) -> MHVAEConfig:
    """The architecture that the options ask for; BadInput names one that cannot be used."""
    network = NetworkConfig(
        options.width, options.blocks, channels_of(options), options.patch, options.norm,
        options.resize,
    )  # fmt: skip
    return MHVAEConfig(
        shape, options.likelihood, parse_levels(options.levels), network, options.fixed_top
    )
