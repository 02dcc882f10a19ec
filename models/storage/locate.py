"""Where a model's folder is: on this machine, or a copy of the Hub's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from models.errors import BadInput


def locate(path: str | Path, **hub: Any) -> Path:
    """The local folder of a checkpoint: itself, or the download of a Hub id `OWNER/NAME`.

    Args:
        hub: Passed on to `huggingface_hub.snapshot_download` (revision, token, …).
    """
    folder = Path(path).expanduser()
    if folder.is_file():
        raise BadInput(f"'{folder}' is a file: give the folder that it is a part of.")
    if folder.is_dir():
        return folder
    if re.fullmatch(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*", str(path)):
        return download(str(path), **hub)
    raise BadInput(f"there is no checkpoint folder '{path}': check the path.")


def download(hub_id: str, **hub: Any) -> Path:
    """The local copy of a Hub repository; only data files are fetched, never a pickle."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(
            hub_id, allow_patterns=["*.json", "*.safetensors", "examples.png", "README.md"], **hub
        ))  # fmt: skip
    except Exception as error:  # the hub raises many kinds, all of which mean the same here
        raise BadInput(
            f"'{hub_id}' is no local folder, and the Hugging Face Hub could not give it "
            f"({type(error).__name__}): check the name and the network."
        ) from error
