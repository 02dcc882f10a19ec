"""A list of photographs like `models/data/photo_list.json`, and the folder that it speaks of."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.data import photographs as photos

PARTS = ("train", "train", "train", "held-out", "other")


def photograph(seed: int, width: int = 260, height: int = 180) -> Image.Image:
    """A smooth random picture with an edge, so that scale and place can be seen in it."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 13, 3), dtype=np.uint8))
    picture = np.array(coarse.resize((width, height), Image.Resampling.BICUBIC))
    picture[:, width // 2 :] //= 2
    return Image.fromarray(picture)


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()


def unpacked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the list and its photographs, and let `models.data.photographs` use them.

    Returns:
        What stands for FOLDER in photos:FOLDER; the cache is empty and in `folder` too.
    """
    root = folder / "unpacked"
    entries = []
    for seed, part in enumerate(PARTS):
        data = jpeg(photograph(seed))
        path = root / f"usr/share/backgrounds/{seed}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        entries.append({
            "package": f"package-{seed % 2}", "version": "1-1",
            "path": path.relative_to(root).as_posix(),
            "sha256": hashlib.sha256(data).hexdigest(), "author": f"author {seed}",
            "licence": "CC0-1.0", "title": f"picture {seed}", "part": part,
        })  # fmt: skip
    listed = folder / "photo_list.json"
    listed.write_text(json.dumps(entries))
    monkeypatch.setattr(photos, "LIST", listed)
    monkeypatch.setattr(photos, "COUNTS", {"train": 50, "held-out": 12})
    monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
    return root
