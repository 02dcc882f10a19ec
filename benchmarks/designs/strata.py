"""The explorer itself, as `python app.py` serves it, on one stamped model.

Two things are replaced: the reading of a checkpoint, and the memory of decoded pictures, which
is cut to the last few. A slider has 121 places, so that a drag of some seconds passes most of
them again, and pages that are dragged alike pass the same: with its usual memory the explorer
would show those without a decode, while the others decode every time.
"""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

from explorer import layout
from explorer.chains import Chains
from explorer.library import Library
from explorer.live import Live
from models.checkpoint import Checkpoint

REMEMBERED = 8  # enough for the picture under the hand and its ladder


def serve(checkpoint: Checkpoint, host: str, port: int) -> None:
    """Serve the page until the process ends."""

    def library(*arguments: Any, **_: Any) -> Library:
        return Library(*arguments, load=lambda source, device: checkpoint)

    live = partial(Live, chains=Chains(REMEMBERED, REMEMBERED))
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.object(layout, "Library", library),
        mock.patch.object(layout, "Live", live),
    ):
        bundled = Path(folder) / "bundled"
        (bundled / checkpoint.name).mkdir(parents=True)
        layout.launch(
            bundled=bundled,
            runs=Path(folder) / "runs",
            given=None,
            data=None,
            device="cpu",
            host=host,
            port=port,
            share=False,
            auth=None,
        )
