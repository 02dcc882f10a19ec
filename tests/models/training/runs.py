"""What small runs were asked."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.crash_plan import options_of
from models.data.load import Data
from models.training.asked import Run, new_run
from models.training.options import parse


def run_of(name: str, images: np.ndarray, *more: str) -> Run:
    """What a run of `crash_plan.RUNS` with some more options was asked."""
    options = parse([*options_of(name, *more), "--data=none", "--out=none"])
    return new_run(options, Data(images, images, {}, {}), torch.device("cpu"))
