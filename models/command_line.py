"""What the commands that measure a checkpoint share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from models.errors import BadInput
from models.storage.atomic import plain


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
