"""Where a source becomes a `Checkpoint`: a folder of ours, or a published model as it is.

    model_index.json, or config.json with `_class_name`   a model of diffusers
    FILE.py:CLASS                                         a class of the user's own
    anything else                                         a checkpoint folder of ours

A published model comes without images and without statistics: it is measured on a few pictures,
and its data card says which. `FOREIGN` is the only list of what is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from models.checkpoint.description import Description, describe
from models.errors import BadInput
from models.families.lone_files import advice_in
from models.sources.adapter import is_adapter, load_adapter
from models.sources.autoencoder_kl import load_autoencoder_kl
from models.sources.ddpm import PIPELINES, load_ddpm
from models.sources.in_memory import hash_of, measured
from models.sources.pictures import (
    pictures_for,
)
from models.storage.atomic import current
from models.storage.diffusers_files import JSON, is_hub_id, read_json, snapshot
from models.storage.model_folder import FILES, to_json

GIVEN_TITLE = "pictures given by hand"
PLACES = ("", "unet", "vae", "scheduler")  # of the files of a published model
PUBLISHED = ("model_index.json", "config.json", "scheduler_config.json", "*.safetensors*")


@dataclass(frozen=True)
class Foreign:
    """A kind of published model.

    Args:
        title: What it is called.
        load: The frozen model of a folder or a Hub id, on the CPU.
        draws: Whether its prior knows what pictures look like, so that they can be its own.
    """

    title: str
    load: Callable[..., HierarchicalModel]
    draws: bool


DDPM = Foreign("diffusion model", load_ddpm, draws=True)
AUTOENCODER_KL = Foreign("Kullback–Leibler autoencoder", load_autoencoder_kl, draws=False)
FOREIGN: Mapping[str, Foreign] = {
    "UNet2DModel": DDPM,
    **dict.fromkeys(PIPELINES, DDPM),
    "AutoencoderKL": AUTOENCODER_KL,
}


def load_any(
    source: str | Path, device: str | torch.device = "cpu", images: np.ndarray | None = None
) -> Checkpoint:
    """The checkpoint of a folder or of a Hub id, whatever kind it is.

    Args:
        source: A checkpoint folder of ours or a diffusers folder; `OWNER/NAME` on the Hub, of
            which JSON and safetensors are fetched; or FILE.py:CLASS (`models/sources/adapter.py`).
        images: What a published model is measured on, uint8 `(N, H, W, C)`; without them pictures
            of its own, or synthetic ones. A folder of ours has its own statistics.

    Raises:
        BadInput: It is missing, out of reach, or of a kind that is not known here.
    """
    if isinstance(source, str) and is_adapter(source):
        return load_adapter(source, device)
    kind = kind_of(source)
    if kind is None:
        folder = Path(source).expanduser()
        whole = not folder.is_dir() or current(folder, "config.json").is_file()
        if not whole and (said := advice_in(folder)) is not None:
            raise BadInput(said)
        return load_checkpoint(source, device)
    return load_foreign(kind, source, device, images)


def describe_any(source: str | Path) -> Description | None:
    """What the files of a folder of ours tell; None where a source has to be loaded to be known.

    Raises:
        BadInput: As `describe`, or it is a published model of a class that is not known here.
    """
    if isinstance(source, str) or not current(source, "config.json").is_file():
        return None
    return describe(source) if kind_of(source) is None else None


def files_of(folder: Path) -> list[Path]:
    """The files that a model in a folder is loaded from, of whatever kind it is, sorted."""
    found = {path for name in FILES if (path := current(folder, name)).is_file()}
    for place in (folder / name for name in PLACES if (folder / name).is_dir()):
        found.update(path for pattern in PUBLISHED for path in place.glob(pattern))
    return sorted(found)


def load_foreign(
    kind: Foreign,
    source: str | Path,
    device: str | torch.device = "cpu",
    images: np.ndarray | None = None,
) -> Checkpoint:
    """A published model, measured."""
    model = kind.load(source).to(device)
    card: dict[str, object] = {"title": GIVEN_TITLE}
    if images is None:
        images, card = pictures_for(model, kind.draws)
    folder = Path(source).expanduser()
    name = folder.resolve().name if folder.exists() else str(source)
    known_by = hash_of(model, to_json(model.config.to_json()))
    return measured(name, folder, model, images, card, known_by)


def kind_of(source: str | Path) -> Foreign | None:
    """What a source is, by its files; None for what is not a published model of others.

    Raises:
        BadInput: It is one, of a class that is not known here; or the Hub is out of reach.
    """
    folder = snapshot(str(source), JSON) if is_hub_id(source) else Path(source).expanduser()
    if not folder.is_dir():
        return None
    index = folder / "model_index.json"
    if index.is_file():
        return _kind_of_pipeline(index, read_json(index))
    places = (folder, folder / "unet", folder / "vae")
    found = ((place / "config.json", _class_name(place / "config.json")) for place in places)
    for path, name in found:
        if name is not None:
            return _known(path, name)
    return None


def _kind_of_pipeline(path: Path, index: Mapping[str, Any]) -> Foreign:
    """A pipeline that is known, or the autoencoder that another one has."""
    name, vae = index.get("_class_name"), index.get("vae")
    if name not in FOREIGN and isinstance(vae, list) and vae[-1:] == ["AutoencoderKL"]:
        return AUTOENCODER_KL
    return _known(path, name)


def _known(path: Path, name: object) -> Foreign:
    if isinstance(name, str) and name in FOREIGN:
        return FOREIGN[name]
    raise BadInput(
        f"{path}: _class_name {name!r} is unknown: Strata reads {', '.join(FOREIGN)}, and "
        "pipelines with an AutoencoderKL in vae/."
    )


def _class_name(path: Path) -> object:
    """The `_class_name` of a config.json; None where it is none of diffusers'."""
    try:
        values = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None  # said by who reads it as a checkpoint of ours
    return values.get("_class_name") if isinstance(values, dict) else None
