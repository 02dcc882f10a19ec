"""Published autoencoders as they are: a folder in the layout of `diffusers`, or a Hub id.

    config.json                           the network; "_class_name": "AutoencoderKL"
    diffusion_pytorch_model.safetensors   its weights

or both in `vae/` of a whole pipeline, of which nothing else is fetched or read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from models.autoencoder_kl.config import AutoencoderKLConfig
from models.autoencoder_kl.model import AutoencoderKL
from models.diffusers_files import (
    JSON,
    WEIGHTS,
    check_class,
    is_hub_id,
    load_network,
    locate,
    part,
    read_json,
    snapshot,
)

CLASS = "AutoencoderKL"


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
    own = {key: value for key, value in values.items() if not key.startswith("_")}
    config = AutoencoderKLConfig.of(own)
    model = AutoencoderKL(config, load_network(CLASS, folder))
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return model.requires_grad_(False).eval()


def network_folder(source: str | Path, **hub: Any) -> Path:
    """The local folder of the network; of a Hub repository, fetched without its other parts."""
    folder = part(locate(source, JSON, **hub), "vae")
    if is_hub_id(source):
        place = "vae/" if folder.name == "vae" else ""
        patterns = (f"{place}config.json", f"{place}{WEIGHTS}.safetensors",
                    f"{place}{WEIGHTS}-*-of-*.safetensors")  # fmt: skip
        folder = part(snapshot(str(source), (*JSON, *patterns), **hub), "vae")
    return folder
