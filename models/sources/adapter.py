"""A researcher's own model in the explorer: `app.py --adapter FILE.py:CLASS`.

The class is a `HierarchicalModel` that can be made without arguments and has a method
`images()`: test images, uint8 `(N, H, W, C)`, on which its axes are measured. It is checked by
calling it, so that what is wrong with it is said in its own words. `docs/adapter.md` shows one.

The file is run: it is the user's own code.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import torch

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import Checkpoint
from models.errors import BadInput
from models.evaluation.reference import CLOSE
from models.pixels import to_float
from models.sources.adapter_checks import PROBE, called, check_model, kind_of, note_density, said
from models.sources.in_memory import hash_of, measured

SPEC = re.compile(r"(.+\.py):([A-Za-z_]\w*)")
MEASURED = 512  # images at most that axes are measured on
METHODS = ("posterior", "prior", "likelihood", "images")
DOCS = "docs/adapter.md shows a whole one"


def is_adapter(source: object) -> bool:
    """Whether a source is FILE.py:CLASS."""
    return isinstance(source, str) and SPEC.fullmatch(source) is not None


def load_adapter(spec: str, device: str | torch.device = "cpu") -> Checkpoint:
    """The model of a class, measured, as if it came from a checkpoint folder.

    Args:
        spec: FILE.py:CLASS.

    Raises:
        BadInput: The file, the class or one of its methods is missing or fails, or a method gives
            what it should not; the message names it.
    """
    file, name = parse_spec(spec)
    model = made(import_file(file), name, file).to(device).requires_grad_(False).eval()
    images = checked_images(model, name)
    check_model(model, to_float(images[:PROBE]).to(device), name)
    card: dict[str, object] = {"title": f"the images of {name}"}
    known_by = hash_of(model, file.read_bytes())
    opened_as = Path(f"{file}:{name}")  # no folder: what a command is given
    return measured(name, opened_as, model, images[:MEASURED], card, known_by, CLOSE)


def own_images(checkpoint: Checkpoint) -> np.ndarray:
    """All images of a loaded class, uint8 `(N, H, W, C)`; BadInput as `load_adapter`."""
    return checked_images(checkpoint.model, checkpoint.name)


def parse_spec(spec: str) -> tuple[Path, str]:
    """File and class of FILE.py:CLASS."""
    found = SPEC.fullmatch(spec)
    if found is None:
        raise BadInput(
            f"--adapter {spec!r} cannot be read: write FILE.py:CLASS, as in own.py:Mine."
        )
    file = Path(found[1]).expanduser().resolve()
    if not file.is_file():
        raise BadInput(f"--adapter: there is no file '{found[1]}': check the path.")
    return file, found[2]


def import_file(file: Path) -> ModuleType:
    """Run a file as a module; what lies beside it can be imported by it."""
    spec = importlib.util.spec_from_file_location(f"strata_adapter_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise BadInput(f"--adapter: '{file}' cannot be run as Python.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    if str(file.parent) not in sys.path:
        sys.path.append(str(file.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # anything can happen in a foreign file
        raise BadInput(f"--adapter: '{file.name}' fails with {said(error)}.") from error
    return module


def made(module: ModuleType, name: str, file: Path) -> HierarchicalModel:
    """An object of the class, all methods there."""
    kind = getattr(module, name, None)
    if not isinstance(kind, type):
        classes = [n for n, v in vars(module).items()
                   if isinstance(v, type) and v.__module__ == module.__name__]  # fmt: skip
        raise BadInput(
            f"--adapter: '{file.name}' has no class {name}; it has {', '.join(classes) or 'none'}."
        )
    own = {attribute for base in kind.__mro__ if base is not HierarchicalModel
           for attribute in vars(base)}  # fmt: skip
    missing = [method for method in METHODS if method not in own]
    if missing:
        raise BadInput(f"{name} lacks {', '.join(missing)}: add it; {DOCS}.")
    if not issubclass(kind, HierarchicalModel):
        raise BadInput(f"{name} is no models.base.HierarchicalModel: derive it; {DOCS}.")
    try:
        model = kind()
    except Exception as error:
        raise BadInput(f"{name}() fails with {said(error)}.") from error
    if model.is_continuous:
        note_density(model)
    for attribute in ("image_shape", "levels", "eight_bit"):
        if not hasattr(model, attribute):
            raise BadInput(f"{name} has no {attribute} after __init__: set it; {DOCS}.")
    if not any(True for _ in (*model.parameters(), *model.buffers())):
        raise BadInput(
            f"{name} has no parameter and no buffer: register its tensors, so that it can be moved "
            "to a device."
        )
    return model


def checked_images(model: HierarchicalModel, name: str) -> np.ndarray:
    """What `images()` gives, checked."""
    channels, height, width = model.image_shape
    images = called(f"{name}.images()", cast(Any, model).images)
    wanted = f"uint8 (N, {height}, {width}, {channels}) with N of at least {PROBE}"
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        raise BadInput(f"{name}.images() gives {kind_of(images)}, not {wanted}.")
    if images.shape[1:] != (height, width, channels) or len(images) < PROBE:
        raise BadInput(f"{name}.images() has shape {images.shape}, not {wanted}.")
    return images
