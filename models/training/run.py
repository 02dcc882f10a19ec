"""A training run on disk: its state, metrics, previews and status, under `OUT/training/`.

    run.json              what was asked: data, options, architecture, configuration (asked.py)
    data.json             the data card: what was found, used and left out
    pictures.safetensors  which pictures, and how they are split (pictures.py)
    state.safetensors     weights, averages, optimiser, open row; the step in its metadata
    metrics.csv           one row an interval, means over its steps (metrics.py)
    preview.png           test images, their reconstructions, samples
    status.json           what the page shows: state, step, steps, eta_s, message
    process.json          the process that trains, locked as long as it does (owner.py)

The finished model is a checkpoint folder at `OUT` itself.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as save_tensors

from models.base import HierarchicalModel
from models.chain import sample_chain
from models.errors import BadInput
from models.pixels import sheet_png, to_float
from models.precision import quick
from models.storage.atomic import write_file
from models.training.loop import TrainState

PREVIEW_IMAGES = 8


@dataclass(frozen=True)
class RunFiles:
    """The files of a run in the folder `out`."""

    out: Path

    @property
    def folder(self) -> Path:
        return self.out / "training"

    @property
    def spec(self) -> Path:
        return self.folder / "run.json"

    @property
    def data(self) -> Path:
        return self.folder / "data.json"

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures.safetensors"

    @property
    def state(self) -> Path:
        return self.folder / "state.safetensors"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.csv"

    @property
    def preview(self) -> Path:
        return self.folder / "preview.png"

    @property
    def status(self) -> Path:
        return self.folder / "status.json"

    @property
    def lock(self) -> Path:
        return self.folder / "process.json"


@dataclass(frozen=True)
class Spent:
    """Time a run has taken over all its processes, in seconds."""

    wall_s: float = 0.0
    cpu_s: float = 0.0


def save_state(files: RunFiles, state: TrainState, spent: Spent) -> None:
    """Write all that training changes, at once."""
    tensors = {f"model.{k}": v for k, v in state.model.state_dict().items()}
    tensors |= {f"ema.{k}": v for k, v in state.ema.state_dict().items()}
    for index, slots in state.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{slot}": value for slot, value in slots.items()}
    tensors |= {"log_weights": state.log_weights, "open_row": state.open_row}
    metadata = {
        "step": str(state.step), "wall_s": str(spent.wall_s), "cpu_s": str(spent.cpu_s)
    }  # fmt: skip
    cpu = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    write_file(files.state, save_tensors(cpu, metadata))


def load_state(files: RunFiles, state: TrainState) -> Spent:
    """Bring `state` to where a run was saved, bit for bit.

    Raises:
        BadInput: There is no saved state, or it does not fit the run's model.
    """
    if not files.state.is_file():
        raise BadInput(f"there is nothing to resume in '{files.out}': train without --resume.")
    try:
        with safe_open(files.state, framework="pt") as stored:
            metadata = stored.metadata()
            tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        state.model.load_state_dict(_under("model.", tensors))
        state.ema.load_state_dict(_under("ema.", tensors))
        slots: dict[int, dict[str, torch.Tensor]] = {}
        for key, value in _under("optimizer.", tensors).items():
            index, slot = key.split(".")
            slots.setdefault(int(index), {})[slot] = value
        groups = state.optimizer.state_dict()["param_groups"]
        state.optimizer.load_state_dict({"state": slots, "param_groups": groups})
        _lay_out(state.optimizer)
        state.log_weights = tensors.get("log_weights", state.log_weights)
        state.open_row = tensors.get("open_row", state.open_row)
        state.step = int(metadata["step"])
        return Spent(float(metadata["wall_s"]), float(metadata["cpu_s"]))
    except (SafetensorError, RuntimeError, KeyError, ValueError) as error:
        raise BadInput(
            f"'{files.state}' is damaged or of another model: train again without --resume."
        ) from error


def _lay_out(optimizer: torch.optim.Optimizer) -> None:
    """Bring the moments to the order in memory of their weights, by which the optimiser goes."""
    for weight, slots in optimizer.state.items():
        for name, value in slots.items():
            if value.shape == weight.shape:
                slots[name] = torch.empty_like(weight, requires_grad=False).copy_(value)


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def write_status(files: RunFiles, state: str, message: str = "", **numbers: float) -> None:
    """What the page shows of a run.

    `state` is starting, running, finishing, done, stopped or failed.
    """
    status = {"state": state, "message": message, "at": time.time(), **numbers}
    write_file(files.status, json.dumps(status).encode())


@quick()
@torch.no_grad()
def preview(model: HierarchicalModel, images: np.ndarray) -> bytes:
    """A PNG of three rows: test images as seen, their reconstructions, samples of the prior.

    Args:
        images: Test images, uint8 `(N, H, W, C)`; the first eight are shown.
    """
    device = model.like.device
    x = model.as_seen(to_float(images[:PREVIEW_IMAGES]).to(device))
    reconstructions = model.likelihood(model.embed(x).z).mean
    samples = torch.cat(
        [model.likelihood(sample_chain(model, seed)).mean for seed in range(len(x))]
    )
    return sheet_png([x, reconstructions, samples])
