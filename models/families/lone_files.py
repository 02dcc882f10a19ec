"""A file where a model's folder is asked for: what it is, and the command that opens it.

A file of weights alone does not say what model it is of. Its names and shapes do, as far as they
are those of a kind that is known here (`KINDS`); they are read without running anything.
"""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from models.errors import BadInput
from models.families.autoencoder_kl.config import DEFAULTS
from models.families.autoencoder_kl.shapes import ANCHOR, network_of
from models.families.hvae.hyper_parameters import (
    ALIASES,
    PUBLISHED,
    published_name,
    published_shapes,
)
from models.storage.state_dicts import OneModel, listed, place_of, read_leaves, read_model

OPEN = "python app.py --model"
TENSORS = (".safetensors", ".th", ".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pickle")
OWN_HPARAMS = "HPARAMS.json"
WEIGHTS_NAME = "diffusion_pytorch_model.safetensors"


def advice(path: Path) -> str:
    """What to give in place of a file, in a sentence or two with the command.

    Args:
        path: A file that is there.
    """
    if path.suffix == ".py":
        return _of_python(path)
    if path.suffix.lower() not in TENSORS:
        return (
            f"'{path}' is a file, and none of weights: give the diffusers folder or the checkpoint "
            "folder that holds it."
        )
    if (folder := _folder_of(path)) is not None:
        return f"'{path}' is one file of a model: give its whole folder,  {_opens(folder)}"
    try:
        leaves = read_leaves(path, "meta")
        for kind in KINDS:
            if place_of(leaves, kind.anchor) is not None:
                return kind.advice(path, read_model(path, kind.anchor, "meta"))
    except BadInput as error:
        return f"{error} What opens is a folder,  {OPEN} FOLDER"
    return (
        f"'{path}' is a file of weights alone, and its tensors are of no model that is known here "
        f"({listed(list(leaves))}). {READS}"
    )


def advice_in(folder: Path) -> str | None:
    """What to do about a folder without config.json that holds weights; None if it holds none.

    Of several files that of an average is taken, which published numbers are of.
    """
    found = sorted(path for path in folder.iterdir() if path.suffix.lower() in TENSORS)
    if not found or (folder / "config.json").exists():
        return None
    best = min(found, key=lambda path: "ema" not in re.split(r"[-_. ]", path.stem.lower()))
    return f"'{folder}' is no checkpoint folder, but holds weights: {advice(best)}"


@dataclass(frozen=True)
class Kind:
    """A model that is known by the names of its tensors.

    Args:
        anchor: A tensor that each of its kind has and no other.
        advice: What is said of the file that holds it.
    """

    anchor: str
    advice: Callable[[Path, OneModel], str]


def _vdvae(path: Path, found: OneModel) -> str:
    """By its shapes, or else by its name, a VDVAE has a published set of hyper-parameters."""
    shapes = {name: list(value.shape) for name, value in found.tensors.items()}
    fits = next((name for name, own in published_shapes().items() if own == shapes), None)
    said = next((n for word in _words(path.stem) if (n := published_name(word))), None)
    told = f"'{path}' holds the weights of a VDVAE"
    if fits is None:
        told += " that fit no published hyper-parameters"
        told += f", though its name says {said}" if said else ""
        told += f": write its own into {OWN_HPARAMS} (docs/models.md)" if not said else ""
    return f"{told}. {_convert(path, 'vdvae', '--hparams', fits or said or OWN_HPARAMS)}"


def _autoencoder(path: Path, found: OneModel) -> str:
    told = f"'{path}' holds the weights of an AutoencoderKL, without the config.json of its folder."
    if path.suffix.lower() != ".safetensors":
        return _diffusers(path, "an AutoencoderKL", "config.json")
    widths = network_of(found.tensors)["block_out_channels"]
    plain = all(width % DEFAULTS["norm_num_groups"] == 0 for width in widths)
    more = () if plain else ("--config", "config.json")
    return f"{told} {_convert(path, 'autoencoder-kl', *more)}"


def _unet(path: Path, found: OneModel) -> str:
    if any(".attn2." in name for name in found.tensors):
        return (
            f"'{path}' holds the weights of a UNet that is told a text, which no picture is drawn "
            f"from alone: it is not read here. {READS}"
        )
    return _diffusers(path, "a UNet2DModel", "config.json and scheduler_config.json")


def _diffusers(path: Path, what: str, beside: str) -> str:
    """Weights with diffusers' names: they open once the files that say what they are lie beside."""
    told = (
        f"'{path}' holds the weights of {what} alone, without {beside}, which say how it is built."
    )
    if path.suffix.lower() == ".safetensors":
        return (
            f"{told} Put it with those of its repository into a folder of their own, and open "
            f"that:\n  {OPEN} FOLDER"
        )
    save = (
        "import torch; from safetensors.torch import save_file; "
        f"save_file(torch.load({str(path)!r}, weights_only=True), {WEIGHTS_NAME!r})"
    )
    return (
        f"{told} Save it as safetensors, put that with those of its repository into a folder of "
        f"their own, and open it:\n  python -c {shlex.quote(save)}\n  {OPEN} FOLDER"
    )


def _original(path: Path, found: OneModel) -> str:
    code = (
        f"from diffusers import AutoencoderKL; "
        f"AutoencoderKL.from_single_file({str(path)!r}).save_pretrained('FOLDER')"
    )
    return (
        f"'{path}' holds an autoencoder with the names of the latent-diffusion code: diffusers "
        f"turns it into a folder, which opens:\n  python -c {shlex.quote(code)}\n  {OPEN} FOLDER"
    )


KINDS = (
    Kind("encoder.in_conv.weight", _vdvae),
    Kind(ANCHOR, _autoencoder),
    Kind("time_embedding.linear_1.weight", _unet),
    Kind("decoder.up.0.block.0.conv1.weight", _original),
)
READS = (
    f"What opens is a folder ({OPEN} FOLDER): a checkpoint of Strata, or an AutoencoderKL or a "
    "diffusion model in the layout of diffusers."
)


def _words(stem: str) -> list[str]:
    """Parts of a file's name, and pairs of neighbours: "ffhq_256-ema" has ffhq, ffhq_256, …"""
    parts = re.split(r"[-_. ]+", stem.lower())
    pairs = [f"{a}{b}" for a, b in pairwise(parts)]
    return [word for word in (*pairs, *parts) if word in PUBLISHED or word in ALIASES]


def _folder_of(path: Path) -> Path | None:
    """The model's folder that a file is part of; None where it lies alone."""
    folder = path.parent
    config = _json(folder / "config.json")
    if path.suffix.lower() != ".safetensors" or not {"_class_name", "family"} & config.keys():
        return None
    whole = folder.resolve().parent
    parts = any((whole / name).exists() for name in ("model_index.json", "scheduler"))
    return whole if folder.resolve().name in ("unet", "vae") and parts else folder


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _of_python(path: Path) -> str:
    """A file of Python is opened by one of its classes; it is read, not run."""
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
    except (SyntaxError, ValueError):
        body = []
    names = [node.name for node in body if isinstance(node, ast.ClassDef)] or ["CLASS"]
    command = shlex.quote(f"{path}:{names[-1]}")
    return (
        f"'{path}' is a file of Python: open a class of it with  python app.py --adapter {command}"
    )


def _convert(path: Path, kind: str, *more: str) -> str:
    """The commands that make a folder of a file and open that."""
    out = f"runs/{path.stem}"
    words = shlex.join([kind, str(path), *more, "--out", out])
    return (
        "Convert it once, and open what comes of it:\n"
        f"  python -m models.convert {words}\n  {_opens(Path(out))}"
    )


def _opens(folder: Path) -> str:
    return f"{OPEN} {shlex.quote(str(folder))}"
