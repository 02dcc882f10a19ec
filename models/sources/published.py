"""Where the folder of a published model is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from models.errors import BadInput
from models.families.lone_files import advice
from models.storage.diffusers_files import JSON, is_hub_id, snapshot


def locate(source: str | Path, **hub: Any) -> Path:
    """The local folder: itself, or the snapshot of a Hub id with its JSON (`with_weights`).

    Args:
        hub: Passed on to `huggingface_hub.snapshot_download` (revision, token, cache_dir, …).

    Raises:
        BadInput: There is no such folder or id, or the Hub is out of reach.
    """
    folder = Path(source).expanduser()
    if folder.is_file():
        raise BadInput(advice(folder))
    if folder.is_dir():
        return folder
    if is_hub_id(source):
        return snapshot(str(source), JSON, **hub)
    raise BadInput(f"there is no folder '{source}', and it is no Hub id of the form OWNER/NAME.")
