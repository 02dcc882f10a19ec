"""Published diffusion models (a diffusers folder or a Hub id) as checkpoint folders of ours."""

from __future__ import annotations

import argparse

from models.convert.folder import Origin, command_of, name_of, write_checkpoint
from models.convert.folder import add_arguments as add_shared
from models.sources.ddpm import load_ddpm
from models.sources.open_any import DDPM
from models.sources.published import locate
from models.storage.diffusers_files import sha256_of, weights_files, weights_of, with_weights

HELP = "a diffusion model (DDPM) in the layout of diffusers: a folder or a Hub id"
STOPS_NOTE = (
    "The levels are {0} stops on its noise schedule: with few stops the bound is looser and "
    "samples are coarser than those of all its timesteps."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("source", metavar="FOLDER_OR_HUB_ID", help="the diffusers folder")
    parser.add_argument("--stops", type=int, default=10, help="levels T (default: 10)")
    add_shared(parser)


def run(options: argparse.Namespace) -> None:
    model = load_ddpm(options.source, stops=options.stops)
    folder = with_weights(options.source, locate(options.source), "unet")
    asked = ["ddpm", options.source, "--stops", str(options.stops)]
    origin = Origin(
        title="a diffusion model published for diffusers",
        source=options.source,
        sha256=sha256_of(weights_files(folder)),
        command=command_of(options, asked),
        notes=(STOPS_NOTE.format(options.stops), *filter(None, [weights_of(folder).note])),
    )
    write_checkpoint(
        options.out, name_of(options), model, origin, DDPM.draws, options.data, options.images
    )
