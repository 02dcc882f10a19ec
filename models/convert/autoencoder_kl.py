"""Published autoencoders (a diffusers folder or a Hub id) as checkpoint folders of ours."""

from __future__ import annotations

import argparse
from pathlib import Path

from models.convert.folder import Origin, command_of, name_of, write_checkpoint
from models.convert.folder import add_arguments as add_shared
from models.errors import BadInput
from models.sources.autoencoder_kl import load_alone, load_autoencoder_kl, network_folder
from models.sources.open_any import AUTOENCODER_KL
from models.storage.diffusers_files import sha256_of, weights_files, weights_of

HELP = "an AutoencoderKL in the layout of diffusers, alone or in a pipeline: a folder or a Hub id"
NOTES = (
    "It has no likelihood of its own, so nothing about it is measured in nats.",
    "N(0, I) is its prior in form only: its latents are not distributed so, and what is resampled "
    "from the prior is no picture.",
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "source", metavar="FOLDER_OR_HUB_ID", help="the diffusers folder, or its safetensors alone"
    )
    parser.add_argument(
        "--config", type=Path, help="the config.json of a safetensors file alone (default: built "
        "from the shapes of its weights)",
    )  # fmt: skip
    add_shared(parser)


def run(options: argparse.Namespace) -> None:
    source, file = options.source, Path(options.source).expanduser()
    asked = ["autoencoder-kl", source]
    if file.is_file():
        model, told = load_alone(file, options.config)
        files, asked = [file], asked + (["--config", str(options.config)] if options.config else [])
    elif options.config is not None:
        raise BadInput("--config goes with a safetensors file alone: a folder has its own.")
    else:
        model, folder = load_autoencoder_kl(source), network_folder(source)
        files, told = weights_files(folder), weights_of(folder).note
    origin = Origin(
        title="an AutoencoderKL published for diffusers",
        source=file.name if file.is_file() else source,
        sha256=sha256_of(files),
        command=command_of(options, asked),
        notes=(*NOTES, *filter(None, [told])),
    )
    write_checkpoint(
        options.out, name_of(options), model, origin, AUTOENCODER_KL.draws, options.data,
        options.images,
    )  # fmt: skip
