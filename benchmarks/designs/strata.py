"""The explorer itself, as `python app.py` serves it, on one stamped model.

Two things are replaced: the reading of a checkpoint, and the memory of decoded pictures, which
is cut to the last few. A slider has 121 places, so that a drag of some seconds passes most of
them again, and pages that are dragged alike pass the same: with its usual memory the explorer
would show those without a decode, while the others decode every time.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from explorer import serve as page
from explorer.library.library import Library
from explorer.live.server import Live
from explorer.panels.train.job import TrainingJob
from explorer.render.decode_memory import Chains
from models.checkpoint.checkpoint import Checkpoint

REMEMBERED = 8  # enough for the picture under the hand and its ladder


def serve(checkpoint: Checkpoint, host: str, port: int) -> None:
    """Serve the page until the process ends."""
    with tempfile.TemporaryDirectory() as folder:
        bundled, runs = Path(folder) / "bundled", Path(folder) / "runs"
        (bundled / checkpoint.name).mkdir(parents=True)
        runs.mkdir()
        library = Library(bundled, runs, load=lambda source, device: checkpoint)
        live = Live(library, Chains(REMEMBERED, REMEMBERED))
        page.serve(live, TrainingJob(runs), None, page.Place(host, port))
