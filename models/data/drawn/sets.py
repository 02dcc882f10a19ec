"""A set whose pictures are drawn: each is a function of (seed, number) alone.

So N pictures are the first N of any larger set, in whatever order or number of processes they are
drawn. What draws one picture is the set's own; here it is drawn N times, kept and read again.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from tqdm import tqdm

from models.errors import BadInput
from models.storage.atomic import cache_folder

Picture = tuple[np.ndarray, list[int]]
Pictures = tuple[np.ndarray, dict[str, np.ndarray]]


@dataclass(frozen=True)
class DrawnSet:
    """What a drawn set is.

    Attributes:
        name: As in a spec and in the names of files.
        shape: `(H, W, C)` of a picture.
        attributes: Per label the names of its classes.
        draw: From (seed, number) one picture, uint8 `(H, W, C)`, and its class of each
            attribute in order; a module's function or a partial of one, for other processes.
        drawing: Counts up when the same seed no longer gives the same picture.
        packages: The packages that draw; pictures of other versions of them may differ.
        origin: What else the pictures come from, as a few letters and digits; empty if nothing.
        most: How many pictures there are; None where there is no end.
    """

    name: str
    shape: tuple[int, int, int]
    attributes: Mapping[str, tuple[str, ...]]
    draw: Callable[[int, int], Picture]
    drawing: int
    packages: tuple[str, ...]
    origin: str = ""
    most: int | None = None

    def facts(self, seed: int = 0) -> dict[str, object]:
        """What a data card says of how the pictures were drawn."""
        versions = {package: version(package) for package in self.packages}
        return {"seed": seed, "version": self.drawing, **versions}


def draw_set(
    drawn: DrawnSet, count: int, seed: int = 0, processes: int | None = None, progress: bool = False
) -> Pictures:
    """The first `count` pictures of a seed.

    Args:
        count: The number of pictures N, at least 1.
        seed: Picture i depends on (seed, i) and on nothing else.
        processes: How many processes draw; by default two where that pays.
        progress: Whether to show a bar on stderr.

    Returns:
        Pictures, uint8 with shape `(N, H, W, C)`, and per attribute the index of the class in
        its names, int64 with shape `(N,)`.

    Raises:
        BadInput: If `count` or `seed` is out of range.
    """
    if count < 1 or seed < 0:
        raise BadInput(
            f"{drawn.name}: count {count}, seed {seed} - give a count ≥ 1 and a seed ≥ 0"
        )
    if drawn.most is not None and count > drawn.most:
        raise BadInput(
            f"{drawn.name}: count {count} - there are {drawn.most} pictures, ask for no more"
        )
    step = 100
    parts = [(start, min(start + step, count)) for start in range(0, count, step)]
    if processes is None:
        processes = 2 if count >= 600 and (os.cpu_count() or 1) > 1 else 1
    draw = partial(_draw_part, drawn.draw, seed)
    pictures = np.empty((count, *drawn.shape), np.uint8)
    labels = np.empty((count, len(drawn.attributes)), np.int64)
    with tqdm(total=count, unit="picture", disable=not progress) as bar:
        for (start, stop), (part, classes) in zip(
            parts, _drawn(draw, parts, processes), strict=True
        ):
            pictures[start:stop], labels[start:stop] = part, classes
            bar.update(stop - start)
    return pictures, {name: labels[:, k].copy() for k, name in enumerate(drawn.attributes)}


def cached_set(drawn: DrawnSet, count: int, seed: int = 0, progress: bool = False) -> Pictures:
    """`draw_set`, kept as an .npz in the user's cache folder after the first call.

    Shapes and errors as `draw_set`. A cache that cannot be read is drawn anew, one that cannot be
    written is done without.
    """
    path = _cache_path(drawn, count, seed)
    try:
        return read_set(path, tuple(drawn.attributes))
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):  # none, or damaged
        pass
    pictures, labels = draw_set(drawn, count, seed, progress=progress)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_set(path, pictures, labels)
    except OSError as error:
        print(f"{drawn.name} are not cached: {error}", file=sys.stderr)
    return pictures, labels


def save_set(path: Path, pictures: np.ndarray, labels: Mapping[str, np.ndarray]) -> None:
    """Write the .npz that `read_set` reads, atomically: the old file or the whole new one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    named = {f"label_{name}": label for name, label in labels.items()}
    try:
        with unfinished.open("wb") as file:
            np.savez_compressed(file, images=pictures, **named)  # pyright: ignore[reportArgumentType]
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_set(path: Path, names: tuple[str, ...]) -> Pictures:
    """Pictures and the named labels of an .npz of `save_set`."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return file["images"], {name: file[f"label_{name}"] for name in names}


def _cache_path(drawn: DrawnSet, count: int, seed: int) -> Path:
    made_by = [f"{package}{version(package)}" for package in drawn.packages]
    made_by += [drawn.origin] if drawn.origin else []
    name = f"{drawn.name}-{drawn.drawing}-{count}-{seed}-{'-'.join(made_by)}.npz"
    return cache_folder() / name


def _drawn(
    draw: Callable[[tuple[int, int]], tuple[np.ndarray, np.ndarray]],
    parts: list[tuple[int, int]],
    processes: int,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The parts in order, drawn here or by a pool."""
    done = 0
    if processes > 1:
        # Spawned, not forked: a fork of a process that runs torch's threads can hang.
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            try:
                for part in pool.map(draw, parts):
                    yield part
                    done += 1
            except BrokenProcessPool:  # e.g. the caller's script has no __main__ guard
                pass
    yield from map(draw, parts[done:])


def _draw_part(
    draw: Callable[[int, int], Picture], seed: int, part: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    pictures, classes = zip(*(draw(seed, number) for number in range(*part)), strict=True)
    return np.stack(pictures), np.array(classes, np.int64)
