"""From the options of a training to the architecture of an HVAE."""

from __future__ import annotations

import argparse

from models.command_line import Shape
from models.errors import BadInput
from models.families.hvae.config import HVAEConfig


def architecture(options: argparse.Namespace, shape: Shape) -> HVAEConfig:
    """The architecture that the options ask for; BadInput names one that cannot be used."""
    for name, text in (("enc", options.enc_blocks), ("dec", options.dec_blocks)):
        if not text:
            raise BadInput(
                f"--{name}-blocks is missing: an HVAE needs its layout, for 28×28 for instance "
                "--enc-blocks 28x2,28d2,14x2,14d2,7x2,7d7,1x1 --dec-blocks 1x1,7m1,14m7,28m14."
            )
    return HVAEConfig(
        shape, options.likelihood, options.enc_blocks, options.dec_blocks, options.width,
        options.zdim, options.widths, options.bottleneck, bound_log_std=True,
    )  # fmt: skip
