"""From the options of a training to the architecture that they ask for, family by family."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from models.base import ModelConfig
from models.command_line import Shape
from models.families.hvae import options as hvae
from models.families.mhvae import options as mhvae
from models.families.mhvae.networks import NORMS, RESIZES
from models.families.vdm import options as vdm
from models.families.vdm.schedules import CURVES
from models.likelihoods import LIKELIHOODS


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that fix an architecture."""
    add = parser.add_argument
    add("--family", choices=sorted(ARCHITECTURES), default="MHVAE",
        help="MHVAE: strictly Markov (a VAE with one level); HVAE: each latent sees all above it; "
        "VDM: diffusion")  # fmt: skip
    add("--likelihood", choices=sorted(LIKELIHOODS), default="discretised_logistic")
    add("--levels", default="64,32,16", help="MHVAE: sizes of z_1,z_2,…: 64,32,16 or 8x16x16,32")
    add("--width", type=int, default=300, help="features of an MHVAE's MLPs, channels of an HVAE")
    add("--blocks", type=int, default=2, help="residual blocks, of a VDM a resolution")
    add("--conv", default="", help="channels of the feature maps, such as 64,96,128; of a VDM one "
        "a resolution; of an MHVAE empty: MLPs")  # fmt: skip
    add("--patch", type=int, default=4, help="side of the patches a convolutional MHVAE reads")
    add("--norm", choices=sorted(NORMS), default="layer", help="of an MHVAE: " + "; ".join(
        f"{name}: {what}" for name, what in NORMS.items()))  # fmt: skip
    add("--fixed-top", type=float, default=0.0, help="share of signal in an MHVAE's z_T, its "
        "encoder fixed and linear Gaussian as in diffusion; 0: learned")  # fmt: skip
    add(
        "--resize",
        choices=sorted(RESIZES),
        default="mean",
        help="how an MHVAE's feature maps "
        "change their side: " + "; ".join(f"{name}: {what}" for name, what in RESIZES.items()),
    )
    add("--enc-blocks", default="", help="HVAE: layout of the encoder, such as "
        "28x3,28d2,14x3,14d2,7x3,7d7,1x2")  # fmt: skip
    add("--dec-blocks", default="", help="HVAE: layout of the decoder, a latent a block, such as "
        "1x1,7m1,7x1,14m7,14x1,28m14")  # fmt: skip
    add("--widths", default="", help="HVAE: channels at some sides in place of --width, such as "
        "14:64,7:128,1:128")  # fmt: skip
    add("--zdim", type=int, default=16, help="HVAE: channels of every latent")
    add("--bottleneck", type=float, default=0.25, help="HVAE: channels inside a block, as a share")
    add("--stops", type=int, default=10, help="VDM: levels that the page shows")
    add("--schedule", choices=sorted(CURVES), default="linear", help="VDM: how the noise grows")
    add("--gamma", default="-13.3,5", help="VDM: −log SNR of z_1 and of z_T")


def architecture(options: argparse.Namespace, shape: Shape) -> ModelConfig:
    """The architecture of `options.family` for images of a shape.

    Raises:
        BadInput: An option cannot be read or is out of range.
    """
    return ARCHITECTURES[options.family](options, shape)


ARCHITECTURES: Mapping[str, Callable[[argparse.Namespace, Shape], ModelConfig]] = {
    "MHVAE": mhvae.architecture, "HVAE": hvae.architecture, "VDM": vdm.architecture,
}  # fmt: skip
