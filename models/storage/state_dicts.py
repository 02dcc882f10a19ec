"""The tensors of one model out of a file of weights, however they were saved.

A file is a pickle of `torch.save`, read with `weights_only=True`, so that what could run code is
refused unread, or safetensors. It may hold a training: nested dicts, an optimizer, averages, and
names that DDP (`module.`), `torch.compile` (`_orig_mod.`) or a wrapper has lengthened. All of it
becomes one flat mapping of dotted names. The model is what lies beside its `anchor`, a tensor
that each model of its kind has: the anchor's name less itself is the place of all its tensors.
"""

from __future__ import annotations

import pickle
import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from models.errors import BadInput

DEEPEST = 8  # a pickle may hold a dict that holds itself
COMPILED = re.compile(r"(^|\.)_orig_mod(?=\.)")
NAMED = 8  # names that a message lists before it counts the rest


@dataclass(frozen=True)
class OneModel:
    """The tensors of a model in a file.

    Args:
        place: What stood before each of its names, "ema_model_state_dict.module."; or "".
        tensors: Without it.
    """

    place: str
    tensors: dict[str, Tensor]

    @property
    def note(self) -> str:
        """Where in the file it was, in a sentence; "" where it is the whole file."""
        return f"Taken from “{self.place.rstrip('.')}” in that file." if self.place else ""


def read_model(path: Path, anchor: str, device: str = "cpu") -> OneModel:
    """The tensors of the model in a file that has the tensor `anchor`.

    Args:
        device: "meta" for names and shapes alone.

    Raises:
        BadInput: There is no such file, it is damaged or a pickle of more than plain values, or
            it holds no such model.
    """
    leaves = read_leaves(path, device)
    place = place_of(leaves, anchor)
    if place is None:
        raise BadInput(
            f"'{path}' holds no tensor named {anchor}, but {listed(list(leaves))}: it is no model "
            "of this kind."
        )
    own = {key.removeprefix(place): value for key, value in leaves.items() if key.startswith(place)}
    if wrong := [key for key, value in own.items() if not isinstance(value, Tensor)]:
        raise BadInput(f"'{path}' holds more than tensors: {listed(wrong)}; save those alone.")
    return OneModel(place, own)


def place_of(names: Iterable[str], anchor: str) -> str | None:
    """What stands before the names of a model; None where its anchor is missing.

    Of several, as a training saves a model and its average, the average is taken: published
    numbers are of it.
    """
    found = [n.removesuffix(anchor) for n in names if f".{n}".endswith(f".{anchor}")]
    return min(found, key=lambda place: not _is_average(place), default=None)


def read_leaves(path: Path, device: str = "cpu") -> dict[str, Any]:
    """All that a file of weights holds, by dotted names, without `_orig_mod`.

    Raises:
        BadInput: As `read_model`.
    """
    if not path.is_file():
        raise BadInput(f"there is no file '{path}': check the path.")
    read = _read_safetensors if path.suffix.lower() == ".safetensors" else _read_pickle
    found = read(path, device)
    if not isinstance(found, dict) or not found:
        raise BadInput(f"'{path}' holds no state dict: save the model's state_dict() alone.")
    leaves: dict[str, Any] = {}
    for key, value in _flat(found):
        name = COMPILED.sub("", key).lstrip(".")
        if name in leaves:
            raise BadInput(f"'{path}' holds {name} compiled and not: save one of them.")
        leaves[name] = value
    return leaves


def listed(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _read_pickle(path: Path, device: str) -> object:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's remarks on old files
            return torch.load(path, map_location=device, weights_only=True)
    except pickle.UnpicklingError as error:
        raise BadInput(
            f"'{path}' is refused, since it is a pickle of more than plain tensors, which can run "
            "code when it is opened, or damaged. Copy it again, or save the model's state_dict() "
            "alone."
        ) from error
    except Exception as error:  # of a foreign file torch raises errors of any kind
        raise BadInput(f"'{path}' is damaged or no file of torch.save: copy it again.") from error


def _read_safetensors(path: Path, device: str) -> dict[str, Tensor]:
    try:
        with safe_open(path, "pt") as file:
            if device != "meta":
                return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            shapes = {key: file.get_slice(key).get_shape() for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise BadInput(f"'{path}' is damaged or no safetensors file: copy it again.") from error
    return {key: torch.empty(shape, device="meta") for key, shape in shapes.items()}


def _flat(value: Mapping[Any, Any], before: str = "", depth: int = 0) -> Iterable[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{before}{key}"
        if isinstance(inner, Mapping) and inner and depth < DEEPEST:
            yield from _flat(inner, f"{name}.", depth + 1)
        else:
            yield name, inner


def _is_average(place: str) -> bool:
    parts = set(re.split(r"[._]", place.lower()))
    return "ema" in parts and not parts & {"no", "non", "without"}
