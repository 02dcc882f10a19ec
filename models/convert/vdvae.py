"""OpenAI's published VDVAE checkpoints (Child 2020) as models of ours.

A published `.th` file is a state dict, saved by `torch.save`. Its names and shapes are those of an
`HVAE` with the same hyper-parameters, so that the tensors are taken over as they are, wherever in
the file a training has put them (`state_dicts.py`).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from models.convert.folder import Origin, command_of, name_of, write_checkpoint
from models.convert.folder import add_arguments as add_shared
from models.errors import BadInput
from models.families.hvae.config import MIXTURE, HVAEConfig
from models.families.hvae.hyper_parameters import SAY, hyper_parameters
from models.families.hvae.model import HVAE
from models.storage.diffusers_files import sha256_of
from models.storage.state_dicts import listed, read_model

HELP = "OpenAI's VDVAE: a state dict (.th, .pt, .safetensors) for CIFAR-10, ImageNet or FFHQ"
ANCHOR = "encoder.in_conv.weight"  # what each of them has
FIVE_BITS = (
    "Its pixels are scored by their 5 upper bits, as in the published code, where the bins of a "
    "pixel overlap and the last takes no tail. So its density is none that sums to 1: up to 1.029 "
    "within the range (0.04 bits per dimension too good), down to 0.53 where a component reaches "
    "beyond white. Compare its nats and bits with those of this likelihood alone."
)


def check_tensors(expected: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Refuse tensors that are missing, extra, of another shape or not finite, naming them."""
    problems = {
        "missing": [key for key in expected if key not in found],
        "not expected": [key for key in found if key not in expected],
        "of another shape": [
            f"{key} {list(found[key].shape)} instead of {list(value.shape)}"
            for key, value in expected.items()
            if key in found and found[key].shape != value.shape
        ],
        "without finite real numbers": [key for key, value in found.items() if not real(value)],
    }
    told = [f"{len(keys)} {what}: {listed(keys)}" for what, keys in problems.items() if keys]
    if told:
        raise BadInput(
            f"the tensors do not fit the hyper-parameters: {'; '.join(told)}. Check --hparams."
        )


def real(value: Tensor) -> bool:
    """Whether it is a plain tensor of finite real numbers."""
    plain = value.layout == torch.strided and value.is_floating_point()
    return plain and bool(value.isfinite().all())


def converted(path: Path, hparams: str | HVAEConfig) -> HVAE:
    """The model of a file, frozen, in single precision on the CPU.

    Args:
        hparams: As `hyper_parameters` reads it, or the configuration itself.

    Raises:
        BadInput: The file or the hyper-parameters cannot be used; the message says why.
    """
    config = hyper_parameters(hparams).config if isinstance(hparams, str) else hparams
    return fitted(config, read_model(path, ANCHOR).tensors)


def fitted(config: HVAEConfig, tensors: Mapping[str, Tensor]) -> HVAE:
    """The model of a configuration with these weights; `converted` says what it is like."""
    with torch.device("meta"):
        model = HVAE(config)
    check_tensors(model.state_dict(), tensors)
    own = {key: value.float().contiguous() for key, value in tensors.items()}
    model.load_state_dict(own, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def notes_of(config: HVAEConfig) -> tuple[str, ...]:
    """What has to be known of the density of such models."""
    return (FIVE_BITS,) if config.likelihood == MIXTURE and config.pixel_bits == 5 else ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="the published state dict")
    parser.add_argument("--hparams", required=True, help=SAY)
    add_shared(parser)


def run(options: argparse.Namespace) -> None:
    asked, found = hyper_parameters(options.hparams), read_model(options.file, ANCHOR)
    notes = (f"Hyper-parameters: {options.hparams}.", asked.note, found.note)
    arguments = ["vdvae", str(options.file), "--hparams", options.hparams]
    origin = Origin(
        title="a state dict of OpenAI's VDVAE code (Child 2020)",
        source=options.file.name,
        sha256=sha256_of([options.file]),
        command=command_of(options, arguments),
        notes=(*filter(None, notes), *notes_of(asked.config)),
    )
    model = fitted(asked.config, found.tensors)
    write_checkpoint(
        options.out, name_of(options), model, origin, data=options.data, images=options.images
    )
