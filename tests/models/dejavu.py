"""Three typefaces that Debian installs nearly everywhere, for the tests of glyphs."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import pytest

from models.data.glyphs.typefaces import Typeface

FOLDER = "usr/share/fonts/truetype/dejavu"
FILES = {
    "DejaVuSans.ttf": ("DejaVu Sans", "regular"),
    "DejaVuSans-Bold.ttf": ("DejaVu Sans", "bold"),
    "DejaVuSerif.ttf": ("DejaVu Serif", "regular"),
}
INSTALLED = pytest.mark.skipif(
    not all((Path("/") / FOLDER / name).is_file() for name in FILES),
    reason="Debian's fonts-dejavu-core is not installed",
)


def _entry(name: str) -> Typeface:
    family, weight = FILES[name]
    path = f"{FOLDER}/{name}"
    sha256 = hashlib.sha256((Path("/") / path).read_bytes()).hexdigest()
    return Typeface("fonts-dejavu-core", "2", "Vera", path, sha256, family, weight, "upright")


@cache
def three() -> tuple[Typeface, ...]:
    """Entries for all of `FILES`."""
    return tuple(map(_entry, FILES))
