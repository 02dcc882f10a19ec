"""Published folders become measured checkpoints, recognised by their files."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.library.library import Library
from explorer.library.ready import load_ready
from explorer.recipe.recipe import Edit, zero_recipe
from explorer.render.encode import encode_image
from explorer.render.frame import picture
from explorer.render.render import render
from explorer.terms.terms import image_terms
from models.checkpoint.checkpoint import load_checkpoint
from models.checkpoint.statistics import Statistics
from models.data.load import Data
from models.errors import BadInput
from models.evaluation.reference import CLOSE, statistics_of
from models.evaluation.suite import Asked, measure
from models.pixels import to_float
from models.sources.in_memory import measured
from models.sources.open_any import AUTOENCODER_KL, DDPM, kind_of, load_any
from models.sources.pictures import (
    OWN_TITLE,
    SYNTHETIC_TITLE,
    affordable,
    pictures_for,
    smooth_pictures,
)
from tests.models.published import copied, edit, in_cache, publish_ddpm, publish_vae
from tests.models.small_hvae import COLOUR, random_hvae
from tests.running import ROOT


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_vae(tmp_path_factory.mktemp("vae"))


@pytest.fixture(scope="module")
def ddpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_ddpm(tmp_path_factory.mktemp("ddpm"))


def test_an_autoencoder_opens_on_synthetic_pictures(vae: Path) -> None:
    found = load_any(vae)
    assert (found.name, found.path) == (vae.name, vae)
    assert found.card == {"title": SYNTHETIC_TITLE}
    assert found.examples.shape == (16, 16, 16, 3) and found.evaluation == {}
    # σ and the mean of each channel, against the posteriors themselves.
    q = found.model.posterior(1, (found.model.as_seen(to_float(found.examples)),))
    level = found.statistics.levels[0]
    variance = q.mean.var((0, 2, 3), correction=0) + q.stddev.square().mean((0, 2, 3))
    torch.testing.assert_close(level.std, variance.sqrt(), rtol=1e-4, atol=0.0)
    torch.testing.assert_close(level.mean, q.mean.mean((0, 2, 3)), rtol=0.0, atol=1e-4)
    assert torch.isfinite(level.nats).all()
    assert len(found.statistics.reference_elbo) == found.statistics.reference_draws == 0


def test_nothing_of_it_is_told_in_nats(vae: Path) -> None:
    found = load_any(vae)
    told = image_terms(found, found.examples[0])
    assert told.elbo_nats is None and told.psnr_db is not None
    empty = Statistics.from_tensors(found.statistics.to_tensors(), ((2, 4, 4),))
    assert len(empty.reference_elbo) == 0
    broken = found.statistics.to_tensors() | {"reference.draws": torch.tensor(3)}
    with pytest.raises(BadInput, match="reference terms"):
        Statistics.from_tensors(broken, ((2, 4, 4),))
    data = Data(found.examples, found.examples, {}, {})
    with pytest.raises(BadInput, match="has no likelihood of its own"):
        measure(found, data, Asked())


def test_images_that_are_given_take_the_place_of_synthetic_ones(vae: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)
    found = load_any(vae, images=images)
    assert np.array_equal(found.examples, images)
    assert found.card != load_any(vae).card and found.hash == load_any(vae).hash


def test_a_diffusion_model_opens_on_its_own_pictures(
    ddpm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.sources.pictures.PICTURES", 5)
    found = load_any(ddpm)
    assert found.model.family == "VDM" and found.card == {"title": OWN_TITLE}
    assert found.examples.shape == (5, 8, 8, 1)
    assert len(np.unique(found.examples.reshape(5, -1), axis=0)) == 5  # a seed for each
    assert len(found.statistics.reference_elbo) == 5
    assert image_terms(found, found.examples[0]).elbo_nats is not None


def test_a_model_is_known_by_its_weights_and_its_configuration(vae: Path, tmp_path: Path) -> None:
    assert load_any(vae).hash == load_any(copied(vae, tmp_path)).hash
    edit(tmp_path / "copy" / "config.json", scaling_factor=0.5)
    assert load_any(vae).hash != load_any(tmp_path / "copy").hash
    other = publish_vae(tmp_path / "other", latent_channels=3)
    assert load_any(vae).hash != load_any(other).hash


def test_folders_are_recognised_by_their_files(vae: Path, ddpm: Path, tmp_path: Path) -> None:
    assert kind_of(vae) is AUTOENCODER_KL
    assert kind_of(ddpm) is DDPM
    (ddpm / "model_index.json").rename(tmp_path / "index")  # it may be missing
    assert kind_of(ddpm) is DDPM
    assert kind_of(ddpm / "unet") is DDPM
    (tmp_path / "index").rename(ddpm / "model_index.json")
    pipeline = tmp_path / "pipeline"
    copied(vae, pipeline).rename(pipeline / "vae")
    assert kind_of(pipeline) is AUTOENCODER_KL
    index = {"_class_name": "StableDiffusionPipeline", "vae": ["diffusers", "AutoencoderKL"]}
    (pipeline / "model_index.json").write_text(json.dumps(index))
    assert kind_of(pipeline) is AUTOENCODER_KL
    assert load_any(pipeline).hash == load_any(vae).hash
    assert kind_of(ROOT / "checkpoints" / "digits") is None
    assert kind_of(tmp_path / "nowhere") is None


def test_what_is_not_known_is_named(vae: Path, tmp_path: Path) -> None:
    folder = copied(vae, tmp_path)
    edit(folder / "config.json", _class_name="VQModel")
    with pytest.raises(BadInput, match="'VQModel' is unknown: Strata reads UNet2DModel"):
        load_any(folder)
    (folder / "model_index.json").write_text('{"_class_name": "MusicPipeline", "vae": [null]}')
    with pytest.raises(BadInput, match="'MusicPipeline' is unknown"):
        load_any(folder)
    with pytest.raises(BadInput, match="there is no checkpoint folder"):
        load_any(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="config.json is missing"):
        load_any(tmp_path / "empty")
    (tmp_path / "empty" / "config.json").write_text("{")
    with pytest.raises(BadInput, match="not valid JSON"):
        load_any(tmp_path / "empty")


def test_a_hub_id_is_recognised_by_its_json(
    vae: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    in_cache(vae, tmp_path, "someone", "vae")
    found = load_any("someone/vae")
    assert (found.name, found.hash) == ("someone/vae", load_any(vae).hash)
    in_cache(ROOT / "checkpoints" / "digits", tmp_path, "someone", "digits")
    assert load_any("someone/digits").name == "digits"
    with pytest.raises(BadInput, match="local cache"):
        load_any("someone/else")


def test_the_explorer_opens_a_published_folder(vae: Path, tmp_path: Path) -> None:
    library = Library(tmp_path, given=str(vae), load=load_ready)
    entry, checkpoint = library.load(f"given/{vae.name}")
    assert checkpoint.model.family == "AutoencoderKL" and entry.takes_any
    assert entry.error is None and "16×16 to 256×256 colour" in entry.summary
    model, statistics = checkpoint.model, checkpoint.statistics
    trace = encode_image(checkpoint, checkpoint.examples[0])
    recipe = zero_recipe(checkpoint.hash, "0" * 16, depth=1)
    plain = render(model, trace, recipe, statistics).pixels
    assert np.array_equal(plain, picture(model, trace.z).pixels)
    for kind in ("coordinate", "component"):
        moved = render(model, trace, recipe.with_edit(Edit(1, kind, 0, 3.0)), statistics).pixels
        assert moved.shape == plain.shape and not np.array_equal(moved, plain)


def test_a_folder_of_ours_is_what_it_was() -> None:
    folder = ROOT / "checkpoints" / "digits"
    assert load_any(folder).hash == load_checkpoint(folder).hash


# Pictures and measures -------------------------------------------------------------------------


def test_fewer_pictures_are_affordable_where_they_are_large() -> None:
    assert [affordable(side) for side in (8, 64, 128, 256, 1024)] == [16, 16, 8, 4, 4]
    images, card = pictures_for(random_hvae(COLOUR), draws=True, count=3)
    assert images.shape == (3, 8, 8, 3) and card == {"title": OWN_TITLE}
    again, _ = pictures_for(random_hvae(COLOUR), draws=True, count=2)
    assert np.array_equal(images[:2], again)


def test_synthetic_pictures_are_smooth_varied_and_always_the_same() -> None:
    images = smooth_pictures((3, 32, 32), 8)
    assert images.shape == (8, 32, 32, 3) and images.dtype == np.uint8
    assert np.array_equal(images[:2], smooth_pictures((3, 32, 32), 2))
    x = images.astype(float)
    between = np.abs(np.diff(x, axis=1)).mean()
    assert 0.5 < between < 0.3 * np.abs(x - x[::-1]).mean()  # neighbours are alike
    assert (x.std(axis=(1, 2)) > 5).all()  # nothing is flat
    assert len(np.unique(images.reshape(8, -1), axis=0)) == 8
    assert smooth_pictures((1, 8, 8), 2).shape == (2, 8, 8, 1)


def test_any_model_is_measured(tmp_path: Path) -> None:
    """Quickly, or with more draws; the terms of the reference add up to its ELBO."""
    model = random_hvae(COLOUR)
    images, card = pictures_for(model, draws=True, count=6)
    found = measured("own", tmp_path, model, images, card, "0" * 16)
    assert len(found.statistics.levels) == model.depth
    assert found.statistics.reference_draws == 1
    close = statistics_of(model, images, replace(CLOSE, batch=3, counts_units=False))
    assert close.reference_draws == 8 and len(close.reference_elbo) == 6
    assert abs(float(close.reference_elbo.mean()) - (
        close.reference_reconstruction - sum(close.reference_rate)
    )) < 1e-2  # fmt: skip
