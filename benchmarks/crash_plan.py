"""Small trainings of every family, layout of weights and recipe, by the options that ask so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

MLP = ["--levels=6,3", "--width=16", "--blocks=1"]
CONVOLUTIONS = ["--conv=8,12", "--patch=2", "--width=16", "--blocks=1"]
HVAE = ["--family=HVAE", "--likelihood=bernoulli", "--enc-blocks=16x1,16d4,4x1,4d4,1x1",
        "--dec-blocks=1x1,4m1,4x1,16m4,16x1", "--width=8", "--zdim=2"]  # fmt: skip
VDM = ["--family=VDM", "--conv=8,16", "--blocks=1", "--gamma=-4,8"]
RUNS: Mapping[str, Sequence[str]] = {
    "MLP": MLP,
    "binary": [*MLP, "--likelihood=bernoulli"],
    "bf16": [*MLP, *CONVOLUTIONS, "--precision=bf16"],
    "convolutions": ["--levels=6,3", *CONVOLUTIONS],
    "maps": ["--levels=3x8x8,3x2x2", *CONVOLUTIONS],
    "maps and a vector": ["--levels=3x4x4,5", *CONVOLUTIONS, "--resize=shuffle"],
    "HVAE": HVAE,
    "VDM": VDM,
    "rate targets": ["--levels=6,3", *CONVOLUTIONS, "--rate-targets=4,2"],
    "greedy": ["--levels=6,3", *CONVOLUTIONS, "--greedy=0.8"],
    "importance weights": ["--levels=6,3", *CONVOLUTIONS, "--samples=3", "--weighted-from=0.4"],
}


def options_of(name: str, *more: str) -> list[str]:
    """The options of a run, but for the data, the folder and how long it is."""
    fixed = ["--batch=8", "--device=cpu", "--threads=1", "--name=run"]
    precision = [] if name == "bf16" else ["--precision=fp32"]
    return [*RUNS[name], *fixed, *precision, *more]


def squares(count: int, seed: int = 0) -> np.ndarray:
    """Pictures of a coloured square each, uint8 `(count, 16, 16, 3)`; fewer are the first ones."""
    generator = np.random.default_rng(seed)
    images = np.full((count, 16, 16, 3), 30, np.uint8)
    for image in images:
        y, x = generator.integers(0, 9, 2)
        image[y : y + 7, x : x + 7] = generator.integers(60, 256, 3)
    return images


def squares_file(folder: Path, count: int = 48, tests: int = 12) -> str:
    """The same as an .npz with a test set."""
    images, path = squares(count + tests), folder / "squares.npz"
    np.savez(path, train=images[:count], test=images[count:])
    return str(path)
