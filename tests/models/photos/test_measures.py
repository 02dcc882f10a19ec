"""PSNR of photographs as uploads, and what the command prints and keeps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from models.base import encode
from models.data import photographs as photos
from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.photos.measures import decode_ms, measure, sides_of, uploads
from models.pixels import to_float
from models.reading.pictures import fit_square, open_picture
from models.report.photographs_section import photograph_section, read_photographs
from tests.models.photo_samples import unpacked


def small_model(levels: tuple[tuple[int, ...], ...] = ((4, 16, 16), (4, 8, 8))) -> MHVAE:
    torch.manual_seed(0)
    network = NetworkConfig(width=8, blocks=1, channels=(8, 8), patch=4)
    return MHVAE(MHVAEConfig((3, 64, 64), "discretised_logistic", levels, network)).eval()


def test_each_kind_at_each_side_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = unpacked(tmp_path, monkeypatch)
    model = small_model()
    found = measure(model, f"photos:{root}")["psnr"]
    # The photographs are 260 × 180, so none is large enough for 256.
    assert [(row["pictures"], row["side"], row["number"]) for row in found] == [
        ("crops of held-out photographs", 64, 12),
        ("held out, whole", 64, 1),
        ("held out, whole", 128, 1),
        ("another kind", 64, 1),
        ("another kind", 128, 1),
    ]
    photo = photos.photo_list(photos.OTHER)[0]
    pixels = fit_square(open_picture(root / photo.path), (3, 128, 128))
    x = to_float(pixels[None])
    sized = model.at_side(128)
    with torch.no_grad():
        picture = sized.likelihood(encode(sized, x).z).mean
    error = float((picture - x).square().mean())
    assert found[-1]["mean"] == pytest.approx(-10 * np.log10(error), abs=1e-4)
    assert found[-1]["lowest"] == found[-1]["mean"]


def test_uploads_are_never_enlarged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = unpacked(tmp_path, monkeypatch)
    fitted = uploads(photos.photo_list(photos.TRAIN), [root], (64, 180, 256))
    assert {side: pictures.shape for side, pictures in fitted.items()} == {
        64: (3, 64, 64, 3), 180: (3, 180, 180, 3),
    }  # fmt: skip


def test_sides_are_those_that_the_model_takes() -> None:
    assert sides_of(small_model()) == (64, 128, 256)
    assert sides_of(small_model(((4, 16, 16), (12,)))) == (64,)


def test_decoding_is_timed() -> None:
    model = small_model()
    clock, processor = decode_ms(model, 64, source=2)
    assert 0 < clock < 10_000 and 0 < processor < 10_000


def test_a_model_of_another_shape_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = unpacked(tmp_path, monkeypatch)
    grey = MHVAE(MHVAEConfig((1, 28, 28), "bernoulli", ((4,),), NetworkConfig(8, 1)))
    with pytest.raises(BadInput, match=r"\[1, 28, 28\]"):
        measure(grey, f"photos:{root}")


def test_the_card_names_the_numbers_of_these_weights_only(tmp_path: Path) -> None:
    row = {
        "pictures": "another kind", "side": 64, "number": 32,
        "mean": 31.234, "standard_error": 0.5, "lowest": 25.0,
    }  # fmt: skip
    (tmp_path / "photographs.json").write_text(json.dumps({"psnr": [row], "model": "abc"}))
    assert read_photographs(tmp_path, "other") is None
    facts = read_photographs(tmp_path, "abc")
    assert facts is not None
    section = photograph_section(facts, "photos")
    assert "| another kind | 64 | 32 | 31.23 ± 0.50 | 25.00 |" in section
    assert any("models.photos checkpoints/photos" in line for line in section)
    assert read_photographs(tmp_path / "none", "abc") is None
