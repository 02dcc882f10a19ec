"""Converted models: whole checkpoint folders, and a card that tells what they are."""

from __future__ import annotations

import hashlib
import json
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.base import encode
from models.checkpoint.checkpoint import load_checkpoint
from models.convert.command import main
from models.convert.vdvae import notes_of
from models.report.card import checkpoint_card
from models.sources.pictures import OWN_TITLE, SYNTHETIC_TITLE
from tests.models.golden_vdvae import CONFIGS, golden_model, images, weights
from tests.models.published import WEIGHTS, publish_ddpm, publish_vae


@pytest.fixture
def vdvae(tmp_path: Path) -> list[str]:
    """The command line that converts the tiny published model."""
    path, hparams = tmp_path / "tiny.th", tmp_path / "plain.json"
    torch.save(weights("plain"), path)
    hparams.write_text(json.dumps(CONFIGS["plain"].to_json()))
    return ["vdvae", str(path), "--hparams", str(hparams), "--out", str(tmp_path / "out")]


@pytest.fixture
def pictures(tmp_path: Path) -> str:
    """Data of 8×8 colour images."""
    drawn = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    path = tmp_path / "pictures.npz"
    np.savez(path, train=drawn[:30], test=drawn[30:])
    return str(path)


def test_a_converted_vdvae_opens_with_its_posteriors(vdvae: list[str], tmp_path: Path) -> None:
    """To half precision: its weights are rounded by 2^-11 of their size."""
    assert main([*vdvae, "--images", "3"]) == 0
    found = load_checkpoint(tmp_path / "out")
    assert (found.name, found.evaluation) == ("out", {})
    assert found.card == {"title": OWN_TITLE} and found.examples.shape == (3, 8, 8, 3)
    model, x = golden_model("plain"), images("plain")
    wanted, ours = encode(model, x), encode(found.model, x)
    for t in range(1, model.depth + 1):
        for a, b in ((ours.q(t).mean, wanted.q(t).mean), (ours.q(t).stddev, wanted.q(t).stddev)):
            torch.testing.assert_close(a, b, rtol=0.02, atol=0.01)
    rounded = {k: v.half().float() for k, v in weights("plain").items()}
    assert all(torch.equal(v, rounded[k]) for k, v in found.model.state_dict().items())


def test_its_card_tells_where_it_came_from(vdvae: list[str], tmp_path: Path) -> None:
    assert main([*vdvae, "--images", "3", "--name", "tiny one"]) == 0
    card = (tmp_path / "out" / "README.md").read_text()
    digest = hashlib.sha256((tmp_path / "tiny.th").read_bytes()).hexdigest()
    for told in (
        "# tiny one", "license: other", f"SHA-256 of the weights `{digest}`", "`tiny.th`",
        OWN_TITLE, "half precision", "--images 3", "Nothing: it was converted without test images",
    ):  # fmt: skip
        assert told in card, told
    assert "5 upper bits" not in card and "nats" not in card
    assert checkpoint_card(load_checkpoint(tmp_path / "out")) == card


def test_with_data_it_is_measured_on_those_images(
    vdvae: list[str], pictures: str, tmp_path: Path
) -> None:
    assert main([*vdvae, "--data", pictures, "--images", "6"]) == 0
    found = load_checkpoint(tmp_path / "out")
    measured, statistics = found.evaluation, found.statistics
    assert measured["n_images"] == len(statistics.reference_elbo) == 6
    elbo = measured["elbo_nats"]
    assert isinstance(elbo, float)
    assert abs(elbo - float(statistics.reference_elbo.mean())) < 1e-2
    assert measured["bits_per_dim"] == pytest.approx(-elbo / (3 * 64 * log(2)))
    test = np.load(pictures)["test"]
    assert np.array_equal(found.examples, test[:6])
    card = (tmp_path / "out" / "README.md").read_text()
    assert "On 6 test images" in card and "| z_5 |" in card
    assert "the first 6 training and 6 test images" in card
    assert checkpoint_card(found) == card


def test_the_density_of_five_bits_is_explained() -> None:
    (note,) = notes_of(CONFIGS["widths"])
    assert "5 upper bits" in note and "1.029" in note and "0.04 bits" in note
    assert notes_of(CONFIGS["plain"]) == ()


def test_an_autoencoder_becomes_a_folder(tmp_path: Path, pictures: str) -> None:
    source, out = publish_vae(tmp_path / "vae"), tmp_path / "out"
    assert main(["autoencoder-kl", str(source), "--out", str(out)]) == 0
    found = load_checkpoint(out)
    assert found.model.family == "AutoencoderKL" and found.evaluation == {}
    assert found.card == {"title": SYNTHETIC_TITLE} and len(found.examples) == 16
    assert found.statistics.reference_draws == 0
    card = (out / "README.md").read_text()
    assert hashlib.sha256((source / WEIGHTS).read_bytes()).hexdigest() in card
    assert "No likelihood" in card and "−ELBO" not in card
    # Pictures brought to its side, of which it has a PSNR and nothing in nats.
    folder = tmp_path / "files"
    folder.mkdir()
    for i, picture in enumerate(np.load(pictures)["train"]):
        Image.fromarray(picture).resize((20, 20)).save(folder / f"{i:02}.png")
    asked = ["--data", str(folder), "--images", "3"]
    assert main(["autoencoder-kl", str(source), "--out", str(out), *asked]) == 0
    found = load_checkpoint(out)
    assert found.examples.shape == (3, 16, 16, 3)
    assert found.evaluation["psnr_db"] and "elbo_nats" not in found.evaluation
    card = (out / "README.md").read_text()
    assert "PSNR" in card and "−ELBO" not in card and "rate (nats)" not in card


def test_a_diffusion_model_becomes_a_folder(tmp_path: Path) -> None:
    source, out = publish_ddpm(tmp_path / "ddpm"), tmp_path / "out"
    asked = ["ddpm", str(source), "--out", str(out), "--stops", "4", "--images", "2"]
    assert main(asked) == 0
    found = load_checkpoint(out)
    assert (found.model.family, found.model.depth) == ("VDM", 4)
    assert found.card == {"title": OWN_TITLE} and len(found.statistics.reference_elbo) == 2
    card = (out / "README.md").read_text()
    assert hashlib.sha256((source / "unet" / WEIGHTS).read_bytes()).hexdigest() in card
    assert "4 stops" in card


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (["--images", "1"], "--images is 1"),
        (["--data", "nowhere"], "there is no data at"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_written(
    vdvae: list[str], asked: list[str], named: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main([*vdvae, *asked]) == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_data_of_another_size_is_refused(
    vdvae: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wide.npz"
    np.savez(path, train=np.zeros((9, 16, 16, 3), np.uint8), test=np.zeros((9, 16, 16, 3), "u1"))
    code = main([*vdvae, "--data", str(path)])
    said = capsys.readouterr().err
    found = load_checkpoint(tmp_path / "out").examples.shape if code == 0 else None
    assert found == (9, 8, 8, 3) or "the model takes 8×8" in said


@pytest.mark.parametrize("kind", ["ddpm", "autoencoder-kl"])
def test_a_source_that_is_not_there_is_named(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([kind, str(tmp_path / "no"), "--out", str(tmp_path / "out")]) == 2
    assert "there is no folder" in capsys.readouterr().err
