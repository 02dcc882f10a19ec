"""OpenAI's published VDVAE checkpoints (Child 2020) as models of ours.

A published `.th` file is a state dict, saved by `torch.save`. Its names and shapes are those of an
`HVAE` with the same hyper-parameters, so that the tensors are taken over as they are. The file is
read with `weights_only=True`: a pickle that holds anything but tensors is refused unread.
"""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from models.convert.folder import Origin, command_of, name_of, write_checkpoint
from models.convert.folder import add_arguments as add_shared
from models.diffusers_files import sha256_of
from models.errors import BadInput
from models.hvae.config import MIXTURE, HVAEConfig
from models.hvae.model import HVAE

HELP = "OpenAI's VDVAE: a .th state dict for CIFAR-10, ImageNet or FFHQ"
PREFIX = "module."  # what a model wrapped for several GPUs puts before every name
FIVE_BITS = (
    "Its pixels are scored by their 5 upper bits, as in the published code, where the bins of a "
    "pixel overlap and the last takes no tail. So its density is none that sums to 1: up to 1.029 "
    "within the range (0.04 bits per dimension too good), down to 0.53 where a component reaches "
    "beyond white. Compare its nats and bits with those of this likelihood alone."
)
NAMED = 8  # tensors that a message names before it counts the rest


def published(
    side: int, enc_blocks: str, dec_blocks: str, shift: float, scale: float, width: int = 512
) -> HVAEConfig:
    """A published configuration: the encoder reads (x + shift) / scale, in grey levels of 255."""
    return HVAEConfig(
        (3, side, side), MIXTURE, enc_blocks, dec_blocks, width,
        shift=shift / 255, scale=255 / scale,
    )  # fmt: skip


# The hyper-parameters and the constants of the input are those of the published code.
_FFHQ256 = published(
    256,
    "256x3,256d2,128x8,128d2,64x12,64d2,32x17,32d2,16x7,16d2,8x5,8d2,4x5,4d4,1x4",
    "1x2,4m1,4x3,8m4,8x4,16m8,16x9,32m16,32x21,64m32,64x13,128m64,128x7,256m128",
    shift=-112.8666757481,
    scale=69.84780273,
)
PUBLISHED: Mapping[str, HVAEConfig] = {
    "cifar10": published(
        32,
        "32x11,32d2,16x6,16d2,8x6,8d2,4x3,4d4,1x3",
        "1x1,4m1,4x2,8m4,8x5,16m8,16x10,32m16,32x21",
        shift=-120.63838,
        scale=64.16736,
        width=384,
    ),
    "imagenet32": published(
        32,
        "32x15,32d2,16x9,16d2,8x8,8d2,4x6,4d4,1x6",
        "1x2,4m1,4x4,8m4,8x9,16m8,16x19,32m16,32x40",
        shift=-116.2373,
        scale=69.37404,
    ),
    "imagenet64": published(
        64,
        "64x11,64d2,32x20,32d2,16x9,16d2,8x8,8d2,4x7,4d4,1x5",
        "1x2,4m1,4x3,8m4,8x7,16m8,16x15,32m16,32x31,64m32,64x12",
        shift=-115.92961967,
        scale=69.37404,
    ),
    # The encoder reads all 8 bits, the likelihood scores the 5 upper ones.
    "ffhq256": replace(_FFHQ256, pixel_bits=5),
    "ffhq1024": replace(
        _FFHQ256,
        image_shape=(3, 1024, 1024),
        enc_blocks="1024x1,1024d2,512x3,512d2,256x5,256d2,128x7,128d2,64x10,64d2,32x14,32d2,"
        "16x7,16d2,8x5,8d2,4x5,4d4,1x4",
        dec_blocks="1x2,4m1,4x3,8m4,8x4,16m8,16x9,32m16,32x20,64m32,64x14,128m64,128x7,256m128,"
        "256x2,512m256,1024m512",
        width=16,
        custom_width_str="512:32,256:64,128:512,64:512,32:512,16:512,8:512,4:512,1:512",
        num_mixtures=2,
        shift=-0.4387,
        scale=1 / 0.2743,
    ),
}


def hyper_parameters(source: str) -> HVAEConfig:
    """A published configuration by its name, or that of a JSON file with the fields of one.

    Raises:
        BadInput: It is neither, or the file does not fit.
    """
    if source in PUBLISHED:
        return PUBLISHED[source]
    path = Path(source)
    if not path.is_file():
        raise BadInput(
            f"--hparams '{source}' is neither a published configuration nor a file: give one of "
            f"{', '.join(PUBLISHED)}, or a JSON file with the fields of HVAEConfig."
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"'{path}' is not valid JSON ({error}): check the file.") from error
    if not isinstance(values, dict):
        raise BadInput(f"'{path}' must hold a JSON object with the fields of HVAEConfig.")
    return HVAEConfig.from_json(values)


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """The tensors of a `.th` file by name, on the CPU, without the prefix of a wrapped model.

    Raises:
        BadInput: There is no such file, it holds anything but named tensors, or it is damaged.
    """
    if not path.is_file():
        raise BadInput(f"there is no file '{path}': check the path.")
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadInput(
            f"'{path}' is refused, since it does not read as plain tensors: it is damaged, or a "
            "pickle of something else, which can run code when it is opened. Copy it again, or "
            "save the model's state_dict() alone."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"'{path}' is damaged or no .th file: copy it again.") from error
    if not isinstance(found, dict) or not found:
        raise BadInput(f"'{path}' holds no state dict: save the model's state_dict() alone.")
    wrong = [str(key) for key, value in found.items() if not isinstance(value, Tensor)]
    if wrong:
        raise BadInput(f"'{path}' holds more than tensors: {listed(wrong)}; save those alone.")
    return {str(key).removeprefix(PREFIX): value for key, value in found.items()}


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


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def converted(path: Path, hparams: str | HVAEConfig) -> HVAE:
    """The model of a `.th` file, frozen, in single precision on the CPU.

    Args:
        hparams: As `hyper_parameters` reads it, or the configuration itself.

    Raises:
        BadInput: The file or the hyper-parameters cannot be used; the message says why.
    """
    config = hyper_parameters(hparams) if isinstance(hparams, str) else hparams
    found = read_state_dict(path)
    with torch.device("meta"):
        model = HVAE(config)
    check_tensors(model.state_dict(), found)
    tensors = {key: value.float().contiguous() for key, value in found.items()}
    model.load_state_dict(tensors, strict=True, assign=True)
    return model.requires_grad_(False).eval()


def write_converted(
    folder: Path,
    name: str,
    model: HVAE,
    source: Path,
    hparams: str,
    data: str | None = None,
    images: int | None = None,
    command: str | None = None,
) -> None:
    """Write the checkpoint folder of a converted model.

    Args:
        name: What the model is called.
        source: The file that it came from, for the model card.
        hparams: As given, likewise.
        data: What to measure it on, as for `models.train`; None: pictures that it draws itself.
        images: How many; see `models.convert.folder.write_checkpoint`.
        command: What converts it again, for the model card.
    """
    command = command or (
        f"python -m models.convert vdvae {source} --hparams {hparams} --out {folder}"
    )
    origin = Origin(
        title="a state dict of OpenAI's VDVAE code (Child 2020)",
        source=source.name,
        sha256=sha256_of([source]),
        command=command,
        notes=(f"Hyper-parameters: {hparams}.", *notes_of(model.config)),
    )
    write_checkpoint(folder, name, model, origin, data=data, images=images)


def notes_of(config: HVAEConfig) -> tuple[str, ...]:
    """What has to be known of the density of such models."""
    return (FIVE_BITS,) if config.likelihood == MIXTURE and config.pixel_bits == 5 else ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE.th", help="the published state dict")
    parser.add_argument(
        "--hparams", required=True, help=f"{', '.join(PUBLISHED)}, or a JSON file of the fields"
    )
    add_shared(parser)


def run(options: argparse.Namespace) -> None:
    model = converted(options.file, options.hparams)
    asked = ["vdvae", str(options.file), "--hparams", options.hparams]
    write_converted(
        options.out, name_of(options), model, options.file, options.hparams,
        options.data, options.images, command_of(options, asked),
    )  # fmt: skip
