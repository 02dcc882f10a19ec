"""Published autoencoders (a diffusers folder or a Hub id) as checkpoint folders of ours."""

from __future__ import annotations

import argparse

from models.autoencoder_kl.folder import load_autoencoder_kl, network_folder
from models.convert.folder import Origin, command_of, name_of, write_checkpoint
from models.convert.folder import add_arguments as add_shared
from models.diffusers_files import sha256_of, weights_files
from models.foreign import AUTOENCODER_KL

HELP = "an AutoencoderKL in the layout of diffusers, alone or in a pipeline: a folder or a Hub id"
NOTES = (
    "It has no likelihood of its own, so nothing about it is measured in nats.",
    "N(0, I) is its prior in form only: its latents are not distributed so, and what is resampled "
    "from the prior is no picture.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FOLDER_OR_HUB_ID", help="the diffusers folder")
    add_shared(parser)


def run(options: argparse.Namespace) -> None:
    model = load_autoencoder_kl(options.source)
    origin = Origin(
        title="an AutoencoderKL published for diffusers",
        source=options.source,
        sha256=sha256_of(weights_files(network_folder(options.source))),
        command=command_of(options, ["autoencoder-kl", options.source]),
        notes=NOTES,
    )
    write_checkpoint(
        options.out, name_of(options), model, origin, AUTOENCODER_KL.draws, options.data,
        options.images,
    )  # fmt: skip
