"""Checkpoint folders: load strictly, save atomically (DESIGN section 5).

    config.json              format, family, name, architecture, data card, how it was trained
    model.safetensors        the weights, stored in half precision and computed with in single
    statistics.safetensors   the aggregate posterior, for axes (models/checkpoint/statistics.py)
    evaluation.json          the measured numbers
    examples.png             test images, a sheet of EXAMPLE_COLUMNS a row
    README.md                the model card

A model is known by the hash of its weights. Pickles are never opened.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save as save_tensors

from models.base import HierarchicalModel, ModelConfig
from models.checkpoint.measures import FILE, migrated, read_measures
from models.checkpoint.statistics import Statistics, read_statistics
from models.errors import BadInput
from models.families.lone_files import advice
from models.families.registry import new_model, read_family
from models.storage.atomic import read_folder, write_folder
from models.storage.locate import locate
from models.storage.model_folder import (
    BARE,
    NOT_MEASURED,
    Stored,
    architecture_of,
    config_json,
    open_stored,
    to_json,
)
from models.storage.weights import load_weights, stored_weights, weights_hash

EXAMPLES, EXAMPLE_COLUMNS = 48, 12


@dataclass(frozen=True)
class Checkpoint:
    """A loaded model and all that belongs to it; shared between sessions, so never changed.

    Args:
        name: What it is called.
        path: Its folder; of a class of the user's own FILE.py:CLASS.
        model: In evaluation mode, without gradients.
        statistics: For axes and for comparison with the test set.
        evaluation: The measured numbers, as `models.evaluate` writes them.
        card: The data card.
        training: How it was trained.
        hash: The first 16 hex digits of the SHA-256 of its weights file.
        examples: Test images, uint8 `(N, H, W, C)`.
    """

    name: str
    path: Path
    model: HierarchicalModel
    statistics: Statistics
    evaluation: dict[str, object]
    card: dict[str, object]
    training: dict[str, object]
    hash: str
    examples: np.ndarray


def pick_device(name: str) -> torch.device:
    """The device called auto, cpu, cuda or mps.

    Raises:
        BadInput: It is unknown, or this machine has none.
    """
    available = {
        "cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(),
    }  # fmt: skip
    if name == "auto":
        return torch.device(next(n for n in ("cuda", "mps", "cpu") if available[n]))
    if name not in available:
        raise BadInput(f"device '{name}' is unknown: use auto, cpu, cuda or mps.")
    if not available[name]:
        raise BadInput(f"device '{name}' is not available on this machine: use auto or cpu.")
    return torch.device(name)


def locate_checkpoint(path: str | Path) -> Path:
    """As `locate`; of a file that is no folder it is said what to do with it."""
    file = Path(path).expanduser()
    if file.is_file():
        raise BadInput(advice(file))
    return locate(path)


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """The checkpoint in a folder, or of a Hub id.

    Raises:
        BadInput: The folder is missing, incomplete, of another format, or its weights do not
            fit; the message names what is wrong. `NotMeasured` if it waits for its measures.
    """
    stored = open_stored(locate_checkpoint(path))
    config = stored.config()
    stored.check_measured(config)
    model = parse_model(stored, config).to(device)
    return Checkpoint(
        name=str(config["name"]),
        path=stored.folder,
        model=model,
        statistics=read_statistics(stored, model.levels),
        evaluation=_evaluation(stored),
        card=config["data"],
        training=config["training"],
        hash=weights_hash(stored.content("model.safetensors")),
        examples=read_examples(stored.content("examples.png"), model.image_shape),
    )


def _evaluation(stored: Stored) -> dict[str, object]:
    """What evaluation.json holds, as this version would write it; refused if it does not fit."""
    evaluation = migrated(stored.json(FILE))
    read_measures(evaluation, f"the checkpoint '{stored.folder}': {FILE}")
    return evaluation


def _evaluation_json(evaluation: dict[str, Any]) -> bytes:
    """evaluation.json of new measures; refused where it could not be read again."""
    read_measures(evaluation)
    return to_json(evaluation)


def save_checkpoint(
    folder: Path,
    name: str,
    model: HierarchicalModel,
    statistics: Statistics,
    evaluation: dict[str, object],
    card: dict[str, object],
    training: dict[str, object],
    examples: np.ndarray,
    readme: str,
) -> None:
    """Write a checkpoint folder at once; a crash leaves the old one or this one.

    Args:
        examples: Test images, uint8 `(N, H, W, C)`; the first 48 are kept.
        readme: The model card.
    """
    write_folder(folder, {
        **_files_of(name, model, card, training, examples),
        "statistics.safetensors": save_tensors(statistics.to_tensors()),
        "evaluation.json": _evaluation_json(evaluation),
        "README.md": readme.encode(),
    })  # fmt: skip


def save_unmeasured(
    folder: Path,
    name: str,
    model: HierarchicalModel,
    card: dict[str, object],
    training: dict[str, object],
    examples: np.ndarray,
    readme: str,
) -> None:
    """Write a trained model before it is measured; as `save_checkpoint`, and it says so."""
    write_folder(folder, {
        **_files_of(name, model, card, training, examples),
        "statistics.safetensors": save_tensors({}),
        "evaluation.json": to_json(NOT_MEASURED),
        "README.md": readme.encode(),
    })  # fmt: skip


def update_measures(
    checkpoint: Checkpoint,
    statistics: Statistics,
    evaluation: dict[str, Any],
    readme: str,
    report: bytes | None = None,
) -> None:
    """Replace the measured numbers of a checkpoint, its model card and its report, all or none."""
    add_files(checkpoint, {
        "statistics.safetensors": save_tensors(statistics.to_tensors()),
        "evaluation.json": _evaluation_json(evaluation),
        "README.md": readme.encode(),
        **({} if report is None else {"report.html": report}),
    })  # fmt: skip


def add_files(checkpoint: Checkpoint, files: Mapping[str, bytes]) -> None:
    """Write what was found of a checkpoint into its folder, all or none.

    Raises:
        BadInput: The folder holds another model by now; its files stand.
    """

    def check() -> None:
        weights = read_folder(checkpoint.path, ["model.safetensors"]).get("model.safetensors")
        if weights is None or weights_hash(weights) != checkpoint.hash:
            raise BadInput(
                f"'{checkpoint.path}' holds another model than the one that was measured: a "
                "training has saved there meanwhile. Measure it again."
            )

    write_folder(checkpoint.path, files, check)


def _files_of(
    name: str, model: HierarchicalModel, card: dict, training: dict, examples: np.ndarray
) -> dict[str, bytes]:
    """What a checkpoint holds beside what is measured."""
    return {
        "config.json": to_json(config_json(name, model, card, training)),
        "model.safetensors": save_tensors(stored_weights(model)),
        "examples.png": examples_png(examples),
    }


def load_model(folder: Path) -> HierarchicalModel:
    """The frozen model of a folder that has config.json and model.safetensors, on the CPU."""
    stored = open_stored(folder, BARE)
    return parse_model(stored, stored.config())


def parse_model(stored: Stored, config: dict[str, Any]) -> HierarchicalModel:
    """The frozen model of stored files and their checked config.json."""
    model = new_model(config["family"], parse_config(config))
    return load_weights(model, stored.tensors("model.safetensors"))


def as_stored(model: HierarchicalModel) -> HierarchicalModel:
    """The model that a loader will get back: through half precision, frozen, on the CPU."""
    return load_weights(new_model(model.family, model.config), stored_weights(model))


def parse_config(config: dict[str, Any]) -> ModelConfig:
    """The architecture from a checked config.json."""
    return read_family(config["family"], architecture_of(config))


def examples_png(images: np.ndarray) -> bytes:
    """Test images as one PNG sheet, EXAMPLE_COLUMNS a row."""
    images = images[:EXAMPLES]
    count, height, width, channels = images.shape
    rows = -(-count // EXAMPLE_COLUMNS)
    sheet = np.zeros((rows * EXAMPLE_COLUMNS, height, width, channels), np.uint8)
    sheet[:count] = images
    sheet = sheet.reshape(rows, EXAMPLE_COLUMNS, height, width, channels).transpose(0, 2, 1, 3, 4)
    sheet = sheet.reshape(rows * height, EXAMPLE_COLUMNS * width, channels)
    picture = Image.fromarray(sheet if channels == 3 else sheet[..., 0])
    content = io.BytesIO()
    # The count is kept, since a last row may be part empty.
    info = PngInfo()
    info.add_text("count", str(count))
    picture.save(content, "PNG", optimize=True, pnginfo=info)
    return content.getvalue()


def read_examples(content: bytes, image_shape: tuple[int, int, int]) -> np.ndarray:
    """The reverse of `examples_png`."""
    channels, height, width = image_shape
    try:
        with Image.open(io.BytesIO(content)) as picture:
            count = int(picture.info.get("count", EXAMPLES))
            sheet = np.asarray(picture.convert("RGB" if channels == 3 else "L"))
        rows, columns = sheet.shape[0] // height, sheet.shape[1] // width
        tiles = sheet.reshape(rows, height, columns, width, channels).transpose(0, 2, 1, 3, 4)
        return tiles.reshape(-1, height, width, channels)[:count].copy()
    except (OSError, ValueError, AttributeError) as error:
        raise BadInput(
            "examples.png does not fit the model's image shape; save it again."
        ) from error
