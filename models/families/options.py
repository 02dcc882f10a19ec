"""From the options of a training to the architecture that they ask for, family by family."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping

from models.base import ModelConfig
from models.errors import BadInput
from models.families.hvae.config import HVAEConfig
from models.families.mhvae.model import MHVAEConfig
from models.families.mhvae.networks import NORMS, RESIZES, NetworkConfig
from models.families.vdm.config import VDMConfig
from models.families.vdm.network import make_unet
from models.families.vdm.noise import Curve
from models.families.vdm.schedules import CURVES
from models.likelihoods import LIKELIHOODS

Shape = tuple[int, int, int]
GROUPS = 8  # of the normalisation in a denoiser; every width is a multiple of it


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


def parse_levels(text: str) -> tuple[tuple[int, ...], ...]:
    """Event shapes from "64,32,16" or "8x16x16,32", z_1 first."""
    try:
        return tuple(tuple(int(n) for n in part.split("x")) for part in text.split(",") if part)
    except ValueError as error:
        raise BadInput(
            f"levels '{text}' cannot be read: write sizes from z_1 up, such as 64,32,16; "
            "a map is written channels x height x width, such as 8x16x16."
        ) from error


def parse_numbers(text: str, name: str) -> tuple[float, ...]:
    """Numbers from "5" or "10,6,6"."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise BadInput(
            f"{name} '{text}' cannot be read: write numbers such as 5 or 10,6,6."
        ) from error


def architecture(options: argparse.Namespace, shape: Shape) -> ModelConfig:
    """The architecture of `options.family` for images of a shape.

    Raises:
        BadInput: An option cannot be read or is out of range.
    """
    return ARCHITECTURES[options.family](options, shape)


def _channels(options: argparse.Namespace) -> tuple[int, ...]:
    return tuple(int(c) for c in parse_numbers(options.conv, "--conv"))


def _mhvae(options: argparse.Namespace, shape: Shape) -> MHVAEConfig:
    network = NetworkConfig(
        options.width, options.blocks, _channels(options), options.patch, options.norm,
        options.resize,
    )  # fmt: skip
    return MHVAEConfig(
        shape, options.likelihood, parse_levels(options.levels), network, options.fixed_top
    )


def _hvae(options: argparse.Namespace, shape: Shape) -> HVAEConfig:
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


def _vdm(options: argparse.Namespace, shape: Shape) -> VDMConfig:
    channels, ends = _channels(options), parse_numbers(options.gamma, "--gamma")
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


ARCHITECTURES: Mapping[str, Callable[[argparse.Namespace, Shape], ModelConfig]] = {
    "MHVAE": _mhvae, "HVAE": _hvae, "VDM": _vdm,
}  # fmt: skip
