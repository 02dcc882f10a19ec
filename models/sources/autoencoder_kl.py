"""Published autoencoders as they are: a folder in the layout of `diffusers`, or a Hub id.

    config.json                           the network; "_class_name": "AutoencoderKL"
    diffusion_pytorch_model.safetensors   its weights

or both in `vae/` of a whole pipeline, of which nothing else is fetched or read. The weights may be
any variant (`models/storage/diffusers_files.py`), or a file alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from models.errors import BadInput
from models.families.autoencoder_kl.config import DEFAULTS, AutoencoderKLConfig
from models.families.autoencoder_kl.model import AutoencoderKL
from models.families.autoencoder_kl.shapes import ANCHOR, defaults_note, network_of
from models.families.lone_files import advice
from models.sources.published import locate
from models.storage.diffusers_files import (
    check_class,
    read_json,
    read_network,
    weights_files,
    with_weights,
)
from models.storage.state_dicts import read_model

CLASS = "AutoencoderKL"
GROUPS: int = DEFAULTS["norm_num_groups"]


def load_autoencoder_kl(source: str | Path, **hub: Any) -> AutoencoderKL:
    """The model of a diffusers folder or of a Hub id, frozen and in evaluation mode.

    Args:
        source: A folder, or `OWNER/NAME` on the Hub.
        hub: Passed on to `huggingface_hub.snapshot_download` (revision, token, cache_dir, …).

    Raises:
        BadInput: There is no such folder or id, the Hub is out of reach, the weights are a
            pickle, or something in the folder is not known here; the message names it.
    """
    folder = network_folder(source, **hub)
    values = read_json(folder / "config.json")
    check_class(folder / "config.json", values, (CLASS,))
    return _built(values, weights_files(folder))


def load_alone(file: Path, config: Path | None = None) -> tuple[AutoencoderKL, str]:
    """The model of a lone safetensors file with diffusers' names, and what is to be told of it.

    Args:
        config: Its config.json; without it the shapes of the weights tell it (`shapes.py`).

    Raises:
        BadInput: The file is damaged, of another kind, or does not fit.
    """
    if file.suffix.lower() != ".safetensors":
        raise BadInput(advice(file))
    if config is not None:
        values = read_json(config)
        check_class(config, values, (CLASS,))
        return _built(values, [file]), ""
    values = network_of(read_model(file, ANCHOR, "meta").tensors)
    if odd := [width for width in values["block_out_channels"] if width % GROUPS]:
        raise BadInput(
            f"'{file}': its {odd[0]} channels do not go into the {GROUPS} groups of diffusers' "
            "default, so that its own config.json is needed: give it with --config."
        )
    return _built(values, [file]), defaults_note()


def _built(values: Mapping[str, Any], files: Sequence[Path]) -> AutoencoderKL:
    own = {key: value for key, value in values.items() if not key.startswith("_")}
    model = AutoencoderKL(AutoencoderKLConfig.of(own), read_network(CLASS, values, files))
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return model.requires_grad_(False).eval()


def network_folder(source: str | Path, **hub: Any) -> Path:
    """The local folder of the network; of a Hub repository, fetched without its other parts."""
    return with_weights(source, locate(source, **hub), "vae", **hub)
