"""The command line of a drawn set: `python -m models.avatars` and its kin."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from models.data.drawn.sets import DrawnSet, cached_set, draw_set, save_set
from models.errors import BadInput

SHEET = 192  # pictures of a contact sheet


def contact_sheet(pictures: np.ndarray, columns: int = 16, scale: int = 1) -> Image.Image:
    """The pictures `(N, H, W, C)` in rows of `columns`, each pixel `scale` wide."""
    count, height, width, channels = pictures.shape
    rows = -(-count // columns)
    sheet = np.full((rows * columns, height, width, channels), 255, np.uint8)
    sheet[:count] = pictures
    grid = sheet.reshape(rows, columns, height, width, channels).swapaxes(1, 2)
    flat = grid.reshape(rows * height, columns * width, channels)
    image = Image.fromarray(flat if channels == 3 else flat[..., 0])
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


Load = Callable[[argparse.Namespace], DrawnSet]


def run(
    name: str,
    count: int,
    load: Load,
    arguments: Sequence[str] | None = None,
    add: Callable[[argparse.ArgumentParser], object] = lambda parser: None,
) -> None:
    """Draw a set to an .npz, and a contact sheet of its first pictures.

    Args:
        count: How many pictures where none are asked for.
        load: The set, from the options.
        add: Adds options that only this set has.
    """
    parser = argparse.ArgumentParser(
        prog=f"python -m models.{name}",
        description="Draw a set to an .npz, and a contact sheet of its first pictures.",
    )
    parser.add_argument("--count", type=int, default=count, help=f"pictures (default: {count})")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, help="the .npz to write; default: the cache folder")
    parser.add_argument("--sheet", type=Path, help=f"a PNG of the first {SHEET} pictures")
    add(parser)
    options = parser.parse_args(arguments)
    try:
        _draw(load(options), options)
    except (BadInput, OSError) as error:
        parser.exit(2, f"{error}\n")


def _draw(drawn: DrawnSet, options: argparse.Namespace) -> None:
    if options.out is None:
        pictures, labels = cached_set(drawn, options.count, options.seed, progress=True)
    else:
        pictures, labels = draw_set(drawn, options.count, options.seed, progress=True)
        save_set(options.out, pictures, labels)
    if options.sheet is not None:
        contact_sheet(pictures[:SHEET]).save(options.sheet)
