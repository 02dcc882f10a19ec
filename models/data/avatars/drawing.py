"""The avatars set: 64×64 RGB cartoon faces whose attributes are known.

Picture i of a seed is a function of (seed, i) alone, so N pictures are the first N of any
larger set, in whatever order or number of processes they are drawn. One uniform number is
spent on each attribute, in the order of `ATTRIBUTES`; beards are rarer under long hair, all
else is independent.

Drawings: Pablo Stanley (avataaars.com, blush.design), put together by `python_avatars`
(MIT) and rasterised by `resvg_py`. The same seed gives the same pixels on the same versions
of the two.
"""

from __future__ import annotations

import argparse
import colorsys
import io
import os
import sys
import zlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from importlib.metadata import version
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import python_avatars as pa
import resvg_py
from PIL import Image
from tqdm import tqdm

from models.data.avatars.parts import ATTRIBUTES, BEARD_SHARE, NO_COLOUR, SHORT_HAIR, TABLES, Table
from models.errors import BadInput
from models.seeds import choices
from models.storage.atomic import cache_folder

SIZE = 64
DRAWING = 1  # counts up when the same seed no longer gives the same picture

# The library's canvas is 264×280 with the face in the upper middle. This square holds every
# hair style below from its top to the collar.
_CANVAS = 'width="264px" height="280px" viewBox="0 0 264 280"'
_SQUARE = f'width="{SIZE}px" height="{SIZE}px" viewBox="10 0 244 244"'


@dataclass(frozen=True)
class _Face:
    """One face before it is drawn: a class per attribute, and the backdrop's two RGB ends."""

    chosen: dict[str, str]
    top: tuple[float, float, float]
    bottom: tuple[float, float, float]


def draw_avatars(
    count: int, seed: int = 0, processes: int | None = None, progress: bool = False
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The first `count` faces of a seed.

    Args:
        count: The number of pictures N, at least 1.
        seed: Picture i depends on (seed, i) and on nothing else.
        processes: How many processes draw; by default two where that pays.
        progress: Whether to show a bar on stderr.

    Returns:
        Pictures, uint8 with shape `(N, 64, 64, 3)`, and per attribute the index of the class in
        `ATTRIBUTES`, int64 with shape `(N,)`.

    Raises:
        BadInput: If `count` or `seed` is out of range.
    """
    if count < 1 or seed < 0:
        raise BadInput(f"avatars: count {count}, seed {seed} - give a count ≥ 1 and a seed ≥ 0")
    step = 100
    parts = [(seed, start, min(start + step, count)) for start in range(0, count, step)]
    if processes is None:
        processes = 2 if count >= 600 and (os.cpu_count() or 1) > 1 else 1
    pictures = np.empty((count, SIZE, SIZE, 3), np.uint8)
    labels = np.empty((count, len(ATTRIBUTES)), np.int64)
    with tqdm(total=count, unit="face", disable=not progress) as bar:
        for (_, start, stop), (part, classes) in zip(parts, _drawn(parts, processes), strict=True):
            pictures[start:stop], labels[start:stop] = part, classes
            bar.update(stop - start)
    return pictures, {name: labels[:, k].copy() for k, name in enumerate(ATTRIBUTES)}


def cached_avatars(
    count: int, seed: int = 0, progress: bool = False
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """`draw_avatars`, kept as an .npz in the user's cache folder after the first call.

    Shapes and errors as `draw_avatars`. A cache that cannot be read is drawn anew, one that
    cannot be written is done without.
    """
    path = _cache_path(count, seed)
    try:
        return read_avatars(path)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile, zlib.error):  # none, or damaged
        pass
    pictures, labels = draw_avatars(count, seed, progress=progress)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_avatars(path, pictures, labels)
    except OSError as error:
        print(f"avatars are not cached: {error}", file=sys.stderr)
    return pictures, labels


def save_avatars(path: Path, pictures: np.ndarray, labels: dict[str, np.ndarray]) -> None:
    """Write the .npz that `read_avatars` reads, atomically: the old file or the whole new one."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    named = {f"label_{name}": label for name, label in labels.items()}
    try:
        with unfinished.open("wb") as file:
            np.savez_compressed(file, images=pictures, **named)  # pyright: ignore[reportArgumentType]
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def read_avatars(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Pictures and labels of an .npz of `save_avatars`."""
    with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
        return file["images"], {name: file[f"label_{name}"] for name in ATTRIBUTES}


def _cache_path(count: int, seed: int) -> Path:
    libraries = f"pa{version('python_avatars')}-resvg{version('resvg_py')}"
    return cache_folder() / f"avatars-{DRAWING}-{count}-{seed}-{libraries}.npz"


def _drawn(
    parts: list[tuple[int, int, int]], processes: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The parts in order, drawn here or by a pool."""
    done = 0
    if processes > 1:
        # Spawned, not forked: a fork of a process that runs torch's threads can hang.
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            try:
                for part in pool.map(_draw_part, parts):
                    yield part
                    done += 1
            except BrokenProcessPool:  # e.g. the caller's script has no __main__ guard
                pass
    yield from map(_draw_part, parts[done:])


def _draw_part(part: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    seed, start, stop = part
    faces = [_face(choices("avatar", seed, i)) for i in range(start, stop)]
    classes = [[ATTRIBUTES[name].index(face.chosen[name]) for name in ATTRIBUTES] for face in faces]
    return np.stack([_draw(face) for face in faces]), np.array(classes, np.int64)


def _face(rng: np.random.Generator) -> _Face:
    chosen: dict[str, str] = {}
    for name, table in TABLES.items():
        chosen[name] = _pick(rng.random(), _beard_table(chosen) if name == "beard" else table)
    if chosen["hair"] == "bald" and chosen["beard"] == "none":
        chosen["hair_colour"] = NO_COLOUR
    hue, saturation, value = rng.random(), 0.10 + 0.20 * rng.random(), 0.86 + 0.10 * rng.random()
    return _Face(
        chosen,
        top=colorsys.hsv_to_rgb(hue, saturation * 0.85, value + 0.04),
        bottom=colorsys.hsv_to_rgb(hue, saturation * 1.15, value - 0.04),
    )


def _beard_table(chosen: dict[str, str]) -> Table:
    share = BEARD_SHARE["short" if chosen["hair"] in SHORT_HAIR else "long"]
    total = sum(weight for _, weight in TABLES["beard"].values())
    return {
        name: (part, 1 - share if name == "none" else share * weight / total)
        for name, (part, weight) in TABLES["beard"].items()
    }


def _pick(uniform: float, table: Table) -> str:
    """The class at this quantile of the table's weights."""
    edges = list(accumulate(weight for _, weight in table.values()))
    index = int(np.searchsorted(edges, uniform * edges[-1], side="right"))
    return list(table)[min(index, len(edges) - 1)]


def _draw(face: _Face) -> np.ndarray:
    """The face on its backdrop, uint8 with shape `(64, 64, 3)`."""
    png = resvg_py.svg_to_bytes(svg_string=_svg(face.chosen), skip_system_fonts=True)
    with Image.open(io.BytesIO(bytes(png))) as image:
        drawn = np.asarray(image.convert("RGBA"), np.float64)
    alpha = drawn[..., 3:] / 255
    down = np.linspace(0, 1, SIZE)[:, None, None]
    backdrop = 255 * (np.array(face.top) * (1 - down) + np.array(face.bottom) * down)
    return np.rint(alpha * drawn[..., :3] + (1 - alpha) * backdrop).astype(np.uint8)


def _svg(chosen: dict[str, str]) -> str:
    part = {
        name: TABLES[name][choice][0] for name, choice in chosen.items() if choice in TABLES[name]
    }
    hair_colour = part.get("hair_colour", "#000000")
    # Every field is given: the library fills what is missing from the global `random`.
    avatar = pa.Avatar(
        style=pa.AvatarStyle.TRANSPARENT,
        background_color="#FFFFFF",
        top=pa.HairType[part["hair"]],  # pyright: ignore[reportArgumentType]
        hat_color=pa.ClothingColor.HEATHER,
        eyebrows=pa.EyebrowType[part["eyebrows"]],
        eyes=pa.EyeType[part["eyes"]],
        nose=pa.NoseType.DEFAULT,
        mouth=pa.MouthType[part["mouth"]],
        facial_hair=pa.FacialHairType[part["beard"]],
        skin_color=part["skin"],
        hair_color=hair_colour,
        facial_hair_color=hair_colour,
        accessory=pa.AccessoryType[part["glasses"]],
        clothing=pa.ClothingType[part["clothing"]],
        clothing_color=part["clothing_colour"],
        shirt_graphic=pa.ClothingGraphic.NONE,
        shirt_text="",
        title="",
    )
    svg = avatar.render()
    if _CANVAS not in svg:
        raise RuntimeError(
            "python_avatars changed its canvas - use the version in requirements.txt"
        )
    return svg.replace(_CANVAS, _SQUARE, 1)


def contact_sheet(pictures: np.ndarray, columns: int = 16, scale: int = 1) -> Image.Image:
    """The pictures `(N, H, W, 3)` in rows of `columns`, each pixel `scale` wide."""
    count, height, width, _ = pictures.shape
    rows = -(-count // columns)
    sheet = np.full((rows * columns, height, width, 3), 255, np.uint8)
    sheet[:count] = pictures
    grid = sheet.reshape(rows, columns, height, width, 3).swapaxes(1, 2)
    image = Image.fromarray(grid.reshape(rows * height, columns * width, 3))
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def main(arguments: Iterable[str] | None = None) -> None:
    """Draw a set to an .npz, and a contact sheet of its first faces."""
    parser = argparse.ArgumentParser(prog="python -m models.avatars", description=main.__doc__)
    parser.add_argument("--count", type=int, default=20_000, help="pictures (default: 20000)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="the .npz to write; default: the cache folder")
    parser.add_argument("--sheet", type=Path, help="a PNG of the first 192 faces")
    options = parser.parse_args(None if arguments is None else list(arguments))
    try:
        if options.out is None:
            pictures, labels = cached_avatars(options.count, options.seed, progress=True)
        else:
            pictures, labels = draw_avatars(options.count, options.seed, progress=True)
            save_avatars(options.out, pictures, labels)
        if options.sheet is not None:
            contact_sheet(pictures[:192]).save(options.sheet)
    except (BadInput, OSError) as error:
        parser.exit(2, f"{error}\n")
