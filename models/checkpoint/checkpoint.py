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

import hashlib
import io
import json
import re
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
from models.checkpoint.statistics import Statistics
from models.errors import BadInput
from models.families.registry import new_model, read_family
from models.storage.atomic import read_folder, write_folder
from models.storage.model_folder import BARE, COMMON, FORMAT, NOT_MEASURED, Stored, open_stored

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


def load_checkpoint(path: str | Path, device: str | torch.device = "cpu") -> Checkpoint:
    """The checkpoint in a folder, or of a Hub id.

    Raises:
        BadInput: The folder is missing, incomplete, of another format, or its weights do not
            fit; the message names what is wrong. `NotMeasured` if it waits for its measures.
    """
    stored = open_stored(locate(path))
    config = stored.config()
    stored.check_measured(config)
    model = parse_model(stored, config).to(device)
    return Checkpoint(
        name=str(config["name"]),
        path=stored.folder,
        model=model,
        statistics=stored.statistics(model.levels),
        evaluation=stored.json("evaluation.json"),
        card=config["data"],
        training=config["training"],
        hash=weights_hash(stored.content("model.safetensors")),
        examples=read_examples(stored.content("examples.png"), model.image_shape),
    )


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
        "evaluation.json": to_json(evaluation),
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
        "evaluation.json": to_json(evaluation),
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


def config_json(
    name: str, model: HierarchicalModel, card: dict, training: dict
) -> dict[str, object]:
    """What config.json holds."""
    return {
        "format": FORMAT, "family": model.family, "name": name,
        **model.config.to_json(), "data": card, "training": training,
    }  # fmt: skip


def load_model(folder: Path) -> HierarchicalModel:
    """The frozen model of a folder that has config.json and model.safetensors, on the CPU."""
    stored = open_stored(folder, BARE)
    return parse_model(stored, stored.config())


def save_model(folder: Path, model: HierarchicalModel) -> None:
    """Write the two files of a bare model, both or neither."""
    write_folder(folder, {
        "config.json": to_json(config_json(folder.resolve().name, model, {}, {})),
        "model.safetensors": save_tensors(stored_weights(model)),
    })  # fmt: skip


def parse_model(stored: Stored, config: dict[str, Any]) -> HierarchicalModel:
    """The frozen model of stored files and their checked config.json."""
    tensors = stored.tensors("model.safetensors")
    return build(config["family"], parse_config(config), tensors)


def stored_weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The weights as they are stored: half precision keeps a model under 10 MB."""
    return {k: v.detach().cpu().half().contiguous() for k, v in model.state_dict().items()}


def as_stored(model: HierarchicalModel) -> HierarchicalModel:
    """The model that a loader will get back: through half precision, frozen, on the CPU."""
    return build(model.family, model.config, stored_weights(model))


def weights_hash(weights: bytes) -> str:
    return hashlib.sha256(weights).hexdigest()[:16]


def to_json(value: object) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode()


def locate(path: str | Path, **hub: Any) -> Path:
    """The local folder of a checkpoint: itself, or the download of a Hub id `OWNER/NAME`.

    Args:
        hub: Passed on to `huggingface_hub.snapshot_download` (revision, token, …).
    """
    folder = Path(path).expanduser()
    if folder.is_file():
        # It knows the models of others, and so this module.
        from models.sources.lone_files import advice

        raise BadInput(advice(folder))
    if folder.is_dir():
        return folder
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", str(path)):
        return download(str(path), **hub)
    raise BadInput(f"there is no checkpoint folder '{path}': check the path.")


def download(hub_id: str, **hub: Any) -> Path:
    """The local copy of a Hub repository; only data files are fetched, never a pickle."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(
            hub_id, allow_patterns=["*.json", "*.safetensors", "examples.png", "README.md"], **hub
        ))  # fmt: skip
    except Exception as error:  # the hub raises many kinds, all of which mean the same here
        raise BadInput(
            f"'{hub_id}' is no local folder, and the Hugging Face Hub could not give it "
            f"({type(error).__name__}): check the name and the network."
        ) from error


def parse_config(config: dict) -> ModelConfig:
    """The architecture from a checked config.json."""
    own = {key: value for key, value in config.items() if key not in COMMON}
    return read_family(config["family"], own)


def build(
    family: str, architecture: ModelConfig, tensors: dict[str, torch.Tensor]
) -> HierarchicalModel:
    """A frozen model with these weights; names and shapes must match exactly, values be finite."""
    model = new_model(family, architecture)
    expected = model.state_dict()
    check_tensors({k: tuple(v.shape) for k, v in expected.items()}, tensors)
    model.load_state_dict({k: v.float() for k, v in tensors.items()}, strict=True)
    # Convolutions of one picture are faster so: a decode by 8 % (docs/inference.md).
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    return model.requires_grad_(False).eval()


def check_tensors(shapes: dict[str, tuple[int, ...]], tensors: dict[str, torch.Tensor]) -> None:
    """Refuse weights that do not belong to the architecture, naming the first of each kind."""
    missing = [k for k in shapes if k not in tensors]
    extra = [k for k in tensors if k not in shapes]
    if missing or extra:
        named = [f"missing {k}" for k in missing[:3]] + [f"unexpected {k}" for k in extra[:3]]
        raise BadInput(
            f"model.safetensors does not fit config.json ({len(missing)} weights missing, "
            f"{len(extra)} unexpected): {', '.join(named)}."
        )
    for key, tensor in tensors.items():
        if tuple(tensor.shape) != shapes[key]:
            raise BadInput(
                f"model.safetensors does not fit config.json: {key} has shape "
                f"{list(tensor.shape)}, the architecture needs {list(shapes[key])}."
            )
        if not torch.isfinite(tensor).all():
            raise BadInput(f"model.safetensors: {key} holds NaN or infinite weights; train again.")


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
