"""What the commands share: options, numbers in them, and how a command ends."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from models.errors import BadInput
from models.storage.atomic import plain

Shape = tuple[int, int, int]  # (C, H, W) of the images


def add_outputs(parser: argparse.ArgumentParser) -> None:
    """The options on threads, and on where the measures go beside the terminal."""
    parser.add_argument("--threads", type=int, help="CPU threads (default: all)")
    parser.add_argument("--json", type=Path, help="also write the measures to this file")
    parser.add_argument(
        "--write", action="store_true", help="also keep them in the checkpoint and its model card"
    )


def exit_status(run: Callable[[argparse.Namespace], None], options: argparse.Namespace) -> int:
    """Run a command: 0, or 2 once bad input or a failed file operation has been said."""
    try:
        run(options)
    except (BadInput, OSError) as error:
        print(f"error: {plain(error)}", file=sys.stderr)
        return 2
    return 0


def parse_numbers(text: str, name: str) -> tuple[float, ...]:
    """Numbers from "5" or "10,6,6"."""
    try:
        return tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise BadInput(
            f"{name} '{text}' cannot be read: write numbers such as 5 or 10,6,6."
        ) from error


def channels_of(options: argparse.Namespace) -> tuple[int, ...]:
    """The channels of the feature maps that `--conv` names."""
    return tuple(int(c) for c in parse_numbers(options.conv, "--conv"))
