"""No file of a visitor is decoded in the server itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageFile

from explorer.images.png_state import encode_png, save_png
from explorer.images.uploads import image_hash
from explorer.library.library import Library
from explorer.live.server import Live
from explorer.panels.train.form import plan_training
from explorer.panels.train.panel import form_of
from explorer.recipe.recipe import Recipe
from models.policy import Policy
from tests.explorer.training import SMALL
from tests.models.picture_samples import halves, saved


@pytest.fixture(autouse=True)
def _not_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """To unpack a picture in this process fails, but for the PNGs that it made itself."""
    own = ImageFile.ImageFile.load

    def load(image: ImageFile.ImageFile) -> object:
        assert image.format == "PNG" and max(image.size) <= 16, "decoded in the server"
        return own(image)

    monkeypatch.setattr(ImageFile.ImageFile, "load", load)


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "HEIF"])
def test_an_upload(form: str, tmp_path: Path) -> None:
    live = Live(Library(tmp_path))
    try:
        taken = asyncio.run(live.take(saved(halves(64, 32), form), "holiday"))
    finally:
        live.close()
    assert (taken.upload.width, taken.upload.height) == (64, 32)


def test_a_saved_picture(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    recipe = Recipe("0" * 16, image_hash(pixels), (Policy(),))
    data = save_png(pixels, recipe.to_json(), "{}", encode_png(pixels), 8)
    live = Live(Library(tmp_path))
    try:
        restored = asyncio.run(live.take(data, "strata.png")).restored
        assert restored is not None and restored.recipe == recipe
        assert np.array_equal(live.pixels(recipe.image), pixels)
    finally:
        live.close()


def test_pictures_to_train_on(tmp_path: Path) -> None:
    files = []
    for number in range(3):
        files.append(str(tmp_path / f"{number}.jpg"))
        Path(files[-1]).write_bytes(saved(halves(64, 64), "JPEG"))
    plan = plan_training(form_of({**SMALL, "data": "upload", "files": files}), None)
    assert plan.pictures is not None and plan.pictures.count == 3
