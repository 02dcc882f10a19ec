"""metrics.csv of a run: one row an interval, means over its steps.

A run that goes on drops the rows behind the step that it goes on from and fills up the row that
was open there, so that the file is that of a run that never stopped (all but `images_per_s`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models.errors import BadInput
from models.storage.atomic import append, write_file
from models.training.loop import StepRecord, TrainState
from models.training.run import RunFiles

ROWS = 1000  # over a whole run, about


@dataclass
class Metrics:
    """The rows of a run as they come.

    Args:
        files: Of the run.
        steps: Of the run.
        state: What is trained; it keeps the row that is open, so that it is saved with the
            weights: how many steps it has, and their sums, float64 `(5 + T,)`.
    """

    files: RunFiles
    steps: int
    state: TrainState

    def start(self, step: int) -> None:
        """Open the file for a run that has done `step` steps: later rows are dropped.

        Raises:
            BadInput: The file is damaged; it is left as it is.
        """
        kept = [_line(self.columns)]
        for line, row in _rows(self.files) if step else []:
            if list(row) != self.columns:
                raise _damaged(self.files)
            if row["step"] <= step:
                kept.append(line)
        write_file(self.files.metrics, "".join(kept).encode())

    @property
    def columns(self) -> list[str]:
        rates = [f"rate_{t}_nats" for t in range(1, self.state.model.depth + 1)]
        return ["step", "elbo_nats", "reconstruction_nats", *rates, "beta", "learning_rate",
                "gradient_norm", "images_per_s"]  # fmt: skip

    def add(self, record: StepRecord) -> None:
        """Take in a step, and write a row where one ends."""
        sums = torch.tensor([
            1.0, record.elbo_nats, record.reconstruction_nats, *record.rate_nats,
            record.gradient_norm, record.images_per_s,
        ], dtype=torch.float64)  # fmt: skip
        row = sums + self.state.open_row if len(self.state.open_row) else sums
        if record.step % max(1, self.steps // ROWS) == 0 or record.step == self.steps:
            append(self.files.metrics, _line(_values(row, record)).encode())
            row = torch.zeros(0, dtype=torch.float64)
        self.state.open_row = row


def read_metrics(files: RunFiles) -> list[dict[str, float]]:
    """The complete rows of metrics.csv, oldest first; none if there is no file yet.

    Raises:
        BadInput: The file is damaged.
    """
    return [row for _, row in _rows(files)]


def _rows(files: RunFiles) -> list[tuple[str, dict[str, float]]]:
    """Each row as it is written and by its columns; one that has no end yet is left out."""
    try:
        head, *lines = files.metrics.read_bytes().decode().split("\n")[:-1] or [""]
        names = head.rstrip("\r").split(",")
        if lines and names[0] != "step":
            raise ValueError("another file")
        return [(f"{line}\n", _numbers(names, line)) for line in lines]
    except FileNotFoundError:
        return []
    except ValueError as error:  # no UTF-8, or no numbers
        raise _damaged(files) from error


def _numbers(names: Sequence[str], line: str) -> dict[str, float]:
    values = line.rstrip("\r").split(",")
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _values(sums: Tensor, last: StepRecord) -> list[object]:
    """The row that ends with a step."""
    means = (sums[1:] / sums[0]).tolist()
    values = [*means[:-2], last.beta, last.learning_rate, *means[-2:]]
    return [last.step, *(float(f"{value:.6g}") for value in values)]


def _line(values: Sequence[object]) -> str:
    return ",".join(map(str, values)) + "\r\n"


def _damaged(files: RunFiles) -> BadInput:
    return BadInput(
        f"'{files.metrics}' is damaged or not UTF-8: move it away, and the run goes on with a new "
        "one. What was learned is untouched."
    )
