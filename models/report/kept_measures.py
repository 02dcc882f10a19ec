"""Measures kept beside a checkpoint: a JSON file of its folder, tied to the weights it is of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models.storage.atomic import current

Facts = dict[str, Any]


def read_kept(folder: Path, name: str, weights: str) -> Facts | None:
    """The measures in a file of a folder; None if there are none of these weights.

    Args:
        weights: The checkpoint's hash; measures of a model that was there before do not count.
    """
    path = current(folder, name)
    if not path.is_file():
        return None
    facts = json.loads(path.read_text())
    return facts if facts["model"] == weights else None
