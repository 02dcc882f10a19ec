"""Checkpoints of others become checkpoint folders of ours:

    python -m models.convert vdvae FILE --hparams cifar10 --out DIR [--name NAME] [--data SPEC]
    python -m models.convert ddpm FOLDER_OR_HUB_ID --out DIR
    python -m models.convert autoencoder-kl FOLDER_OR_HUB_ID_OR_FILE --out DIR [--config JSON]

Every source has a module of its own, `models/convert/NAME.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from models.command_line import exit_status
from models.convert import autoencoder_kl as convert_autoencoder_kl
from models.convert import ddpm as convert_ddpm
from models.convert import vdvae as convert_vdvae

HELP = "Make a checkpoint folder from a published checkpoint of another project."


@dataclass(frozen=True)
class Source:
    """What converts the checkpoints of one source, for this command line."""

    help: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], None]


SOURCES: Mapping[str, Source] = {
    "vdvae": Source(convert_vdvae.HELP, convert_vdvae.add_arguments, convert_vdvae.run),
    "ddpm": Source(convert_ddpm.HELP, convert_ddpm.add_arguments, convert_ddpm.run),
    "autoencoder-kl": Source(
        convert_autoencoder_kl.HELP,
        convert_autoencoder_kl.add_arguments,
        convert_autoencoder_kl.run,
    ),
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m models.convert", description=HELP)
    commands = parser.add_subparsers(dest="kind", required=True)
    for name, source in SOURCES.items():
        source.add_arguments(commands.add_parser(name, help=source.help))
    options = parser.parse_args(arguments)
    status = exit_status(SOURCES[options.kind].run, options)
    if status == 0:
        print(f"saved {options.out}: open it with  python app.py --model {options.out}")
    return status
