"""The files of a checkpoint folder, read as one version of it and checked by name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from models.base import HierarchicalModel
from models.errors import BadInput
from models.storage.atomic import read_folder, write_folder
from models.storage.variants import PICKLES
from models.storage.weights import stored_weights

FORMAT = 1
# What a checkpoint is loaded from; the first two are a model alone.
FILES = (
    "config.json", "model.safetensors", "statistics.safetensors", "evaluation.json", "examples.png",
)  # fmt: skip
BARE = FILES[:2]
COMMON = ("format", "family", "name", "data", "training")  # all other keys are the family's own
NOT_MEASURED: Mapping[str, Any] = {"measured": False}  # evaluation.json of a model that was saved


class NotMeasured(BadInput):
    """A model that was trained and saved, and whose measures are still to be taken."""


@dataclass(frozen=True)
class Stored:
    """Files of a checkpoint folder, all of one version.

    Args:
        folder: Where they lie.
        files: Their content by name; one that is missing is not there.
    """

    folder: Path
    files: Mapping[str, bytes]

    def content(self, name: str) -> bytes:
        """A file as it is."""
        if name in self.files:
            return self.files[name]
        pickled = sorted(p.name for p in self.folder.iterdir() if p.suffix.lower() in PICKLES)
        if name == "model.safetensors" and pickled:
            raise BadInput(
                f"'{self.folder}' holds its weights as a pickle ({pickled[0]}), which can run code "
                "when it is opened, so it is refused: convert it to model.safetensors."
            )
        raise BadInput(f"the checkpoint '{self.folder}' is incomplete: {name} is missing.")

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object."""
        content, where = self.content(name), f"the checkpoint '{self.folder}': {name}"
        try:
            value = json.loads(content)
        except ValueError as error:
            raise BadInput(f"{where} is not valid JSON ({error}).") from error
        if not isinstance(value, dict):
            raise BadInput(f"{where} must hold a JSON object.")
        return value

    def tensors(self, name: str) -> dict[str, torch.Tensor]:
        """A safetensors file."""
        content = self.content(name)
        try:
            return load_tensors(content)
        except (SafetensorError, ValueError, KeyError) as error:
            raise _damaged(name) from error

    def check_whole(self, name: str) -> None:
        """Refuse a safetensors file that is cut off or none, by its header and its length alone."""
        content = self.content(name)
        start = 8 + int.from_bytes(content[:8], "little")
        try:
            ends = [v["data_offsets"][1] for k, v in json.loads(content[8:start]).items()
                    if k != "__metadata__"]  # fmt: skip
            whole = start + max(ends, default=0) == len(content)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
            raise _damaged(name) from error
        if not whole:
            raise _damaged(name)

    def config(self) -> dict[str, Any]:
        """config.json, the keys of every family checked."""
        config = self.json("config.json")
        check_config(config)
        return config

    def check_measured(self, config: Mapping[str, Any]) -> None:
        """Refuse a model whose measures are still to be taken, with the command that does it."""
        evaluation = self.files.get("evaluation.json")
        if evaluation is None or self.json("evaluation.json") != NOT_MEASURED:
            return
        source = config["data"].get("source", "the data it was trained on")
        raise NotMeasured(
            f"'{self.folder}' holds a model that is trained, but not measured yet. Measure it with "
            f"`python -m models.evaluate {shlex.quote(str(self.folder))} --data DATA --write`, "
            f"where DATA is what it was trained on ({source})."
        )


def open_stored(folder: Path, names: Iterable[str] = FILES) -> Stored:
    """The files of a folder as they are at one moment, whoever writes it meanwhile."""
    return Stored(folder, read_folder(folder, tuple(names)))


def is_measured(folder: Path) -> bool:
    """Whether a folder holds a model with its measures, by these two files alone."""
    try:
        stored = open_stored(folder, ("config.json", "evaluation.json"))
        stored.check_measured(stored.config())
    except (BadInput, OSError):
        return False
    return True


def check_config(config: Mapping[str, Any]) -> None:
    """Refuse a config.json of another format or without what every family has, naming it."""
    version = config.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise BadInput(
            f"the checkpoint has format {version}, this Strata reads up to {FORMAT}: "
            "update Strata to open it."
        )
    missing = [key for key in COMMON if key not in config]
    if missing:
        raise BadInput(f"config.json: missing {', '.join(missing)}.")
    if version != FORMAT:
        raise BadInput(f"config.json: format {version!r} is unknown, expected {FORMAT}.")
    if not all(isinstance(config[k], dict) for k in ("data", "training")):
        raise BadInput("config.json: data and training must be JSON objects.")


def _damaged(name: str) -> BadInput:
    return BadInput(f"{name} is damaged or no safetensors file: copy it again.")


def architecture_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """What of a checked config.json is the family's own."""
    return {key: value for key, value in config.items() if key not in COMMON}


def config_json(
    name: str, model: HierarchicalModel, card: dict, training: dict
) -> dict[str, object]:
    """What config.json holds."""
    return {
        "format": FORMAT, "family": model.family, "name": name,
        **model.config.to_json(), "data": card, "training": training,
    }  # fmt: skip


def save_model(folder: Path, model: HierarchicalModel) -> None:
    """Write the two files of a bare model, both or neither."""
    write_folder(folder, {
        "config.json": to_json(config_json(folder.resolve().name, model, {}, {})),
        "model.safetensors": save_tensors(stored_weights(model)),
    })  # fmt: skip


def to_json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()
