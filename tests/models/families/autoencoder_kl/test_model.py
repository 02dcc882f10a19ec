"""Autoencoders of latent diffusion: written by diffusers itself, read as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.base import noise
from models.chain import decode
from models.errors import BadInput
from models.families.autoencoder_kl.model import AutoencoderKL, AutoencoderKLConfig
from models.objective import terms
from models.policy import KEEP
from models.sources.autoencoder_kl import load_autoencoder_kl
from models.storage.diffusers_files import diffusers
from tests.models.published import VAE, WEIGHTS, copied, edit, in_cache, publish_vae

NOWHERE = "http://127.0.0.1:9"  # nothing listens there


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_vae(tmp_path_factory.mktemp("vae"))


def some_images(side: int = 16) -> Tensor:
    return torch.rand((2, 3, side, side), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("shift", "side"), [(None, 16), (0.3, 16), (None, 24)])
@torch.no_grad()
def test_it_encodes_and_decodes_as_diffusers_does(
    tmp_path: Path, shift: float | None, side: int
) -> None:
    """At the model's own side and at another one."""
    folder = publish_vae(tmp_path, shift_factor=shift)
    model = load_autoencoder_kl(folder).at_side(side)
    theirs = diffusers().AutoencoderKL.from_pretrained(folder).eval()
    x = model.as_seen(some_images(side))
    q, wanted = model.posterior(1, (x, None)), theirs.encode(2 * x - 1).latent_dist
    moved, scale = shift or 0.0, 0.7
    torch.testing.assert_close(q.mean, (wanted.mean - moved) * scale, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(q.stddev, wanted.std * scale, rtol=1e-5, atol=1e-7)
    z = 2 * noise(0, 1, (2, *model.level(1).shape))
    picture = theirs.decode(z / scale + moved).sample / 2 + 0.5
    torch.testing.assert_close(
        model.likelihood((x, z)).mean, picture.clamp(0, 1), rtol=1e-5, atol=1e-5
    )
    assert (picture < 0).any() or (picture > 1).any()  # so the clamp is seen to work


def test_it_is_a_hierarchy_of_one_level_without_nats(published: Path) -> None:
    model = load_autoencoder_kl(published)
    assert (model.family, model.depth, model.image_shape) == ("AutoencoderKL", 1, (3, 16, 16))
    assert model.level(1).shape == (2, 4, 4)
    assert not model.has_likelihood and model.side_step == 4
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    x = model.as_seen(some_images())
    trace = model.embed(x)
    z = decode(model, trace, (KEEP,))
    assert torch.equal(z[1], trace.z[1])
    prior = model.prior(1, (None, None))
    torch.testing.assert_close(prior.mean, torch.zeros(2, 4, 4))
    torch.testing.assert_close(prior.stddev, torch.ones(2, 4, 4))
    picture = model.likelihood(z)
    assert picture.mean.shape == (2, 3, 16, 16) and picture.batch_shape == (2,)
    with pytest.raises(BadInput, match="has no likelihood"):
        picture.log_prob(x)
    with pytest.raises(BadInput, match="has no likelihood"):
        terms(model, x, (torch.empty(0), torch.zeros_like(trace.z[1])))


def test_another_side_shares_the_weights(published: Path) -> None:
    model = load_autoencoder_kl(published)
    wide = model.at_side(32)
    assert wide.image_shape == (3, 32, 32) and wide.level(1).shape == (2, 8, 8)
    assert all(a is b for a, b in zip(wide.parameters(), model.parameters(), strict=True))
    assert model.at_side(16) is model and not wide.training
    with pytest.raises(BadInput, match="multiples of 4"):
        model.at_side(18)


def test_its_config_goes_through_json(published: Path) -> None:
    model = load_autoencoder_kl(published)
    values = json.loads(json.dumps(model.config.to_json()))
    again = AutoencoderKL(AutoencoderKLConfig.from_json(values))
    again.load_state_dict(model.state_dict())
    x = some_images()
    with torch.no_grad():
        torch.testing.assert_close(again.posterior(1, (x,)).mean, model.posterior(1, (x,)).mean)
    for change, named in (
        ({"extra": 1}, "unknown extra"),
        ({"network": 3}, "network must be"),
        ({"image_shape": "3"}, "cannot be read"),
        ({"image_shape": [3, 18, 18]}, "multiple of 4"),
        ({"image_shape": [1, 16, 16]}, r"give \[3, side, side\]"),
    ):
        with pytest.raises(BadInput, match=named):
            AutoencoderKLConfig.from_json(values | change)
    with pytest.raises(BadInput, match="missing network"):
        AutoencoderKLConfig.from_json({"image_shape": [3, 16, 16]})


@pytest.mark.parametrize(
    ("size", "side"), [(1024, 256), (16, 16), ([64, 64], 64), (18, 16), (2, 4)]
)
def test_the_side_is_that_of_the_samples_up_to_256(size: Any, side: int) -> None:
    assert AutoencoderKLConfig.of(VAE | {"sample_size": size}).image_shape == (3, side, side)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"use_tiling": True}, "use_tiling is not known here"),
        ({"latents_mean": [0.0, 0.1]}, "latents_mean is set"),
        ({"scaling_factor": 0}, "scaling_factor is 0"),
        ({"scaling_factor": "0.1"}, "scaling_factor is '0.1'"),
        ({"shift_factor": True}, "shift_factor is True"),
        ({"in_channels": 4, "out_channels": 4}, "4 channels in"),
        ({"out_channels": 1}, "3 channels in and 1 out"),
        ({"latent_channels": 0}, "latent_channels is 0"),
        ({"norm_num_groups": 3}, "norm_num_groups 3 does not divide"),
        ({"block_out_channels": []}, "block_out_channels"),
        ({"down_block_types": ["DownEncoderBlock2D"]}, "down_block_types needs one entry"),
        ({"up_block_types": ["UpDecoderBlock2D", "Spade", "UpDecoderBlock2D"]}, "'Spade'"),
        ({"sample_size": [16, 32]}, "no side of a square"),
        ({"_class_name": "VQModel"}, "'VQModel' is unknown"),
        ({"block_out_channels": [8, 16, 32]}, "weights"),
    ],
)
def test_a_config_that_cannot_be_honoured_is_named(
    published: Path, tmp_path: Path, changes: dict[str, Any], named: str
) -> None:
    folder = copied(published, tmp_path)
    edit(folder / "config.json", **changes)
    with pytest.raises(BadInput, match=named):
        load_autoencoder_kl(folder)


def test_a_config_without_its_blocks_is_named() -> None:
    with pytest.raises(BadInput, match="missing latent_channels"):
        AutoencoderKLConfig.of({k: v for k, v in VAE.items() if k != "latent_channels"})


def test_weights_that_cannot_be_used_are_named(published: Path, tmp_path: Path) -> None:
    folder = copied(published, tmp_path)
    path = folder / WEIGHTS
    weights = load_file(path)
    key = "encoder.conv_in.bias"
    for changed, named in (
        ({k: v for k, v in weights.items() if k != key}, f"missing {key}"),
        (weights | {"extra.weight": torch.zeros(1)}, "unexpected extra.weight"),
        (weights | {key: torch.full_like(weights[key], torch.nan)}, f"{key} holds NaN"),
    ):
        save_file(changed, path, {"format": "pt"})
        with pytest.raises(BadInput, match=named):
            load_autoencoder_kl(folder)
    path.write_bytes(b"1234567890")
    with pytest.raises(BadInput, match="weights cannot be read"):
        load_autoencoder_kl(folder)
    path.unlink()
    with pytest.raises(BadInput, match="no weights in .*: none"):
        load_autoencoder_kl(folder)
    pickle = folder / "diffusion_pytorch_model.bin"
    pickle.write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    with pytest.raises(BadInput, match=r"only a pickle \(diffusion_pytorch_model.bin\)"):
        load_autoencoder_kl(folder)
    with pytest.raises(BadInput, match="is a pickle"):
        load_autoencoder_kl(pickle)
    with pytest.raises(BadInput, match="no folder"):
        load_autoencoder_kl(tmp_path / "nowhere")
    (folder / "config.json").write_text("{")
    with pytest.raises(BadInput, match="cannot be read as JSON"):
        load_autoencoder_kl(folder)
    (folder / "config.json").unlink()
    with pytest.raises(BadInput, match="config.json' is missing"):
        load_autoencoder_kl(folder)


def test_the_hub_is_asked_for_the_autoencoder_alone(published: Path, tmp_path: Path) -> None:
    """From the Hub's cache, where there is no network; and what is said where there is none."""
    pipeline = tmp_path / "pipeline"
    copied(published, pipeline).rename(pipeline / "vae")
    in_cache(pipeline, tmp_path / "cache", "someone", "pipeline")
    hub = {"cache_dir": str(tmp_path / "cache"), "endpoint": NOWHERE}
    found = load_autoencoder_kl("someone/pipeline", **hub)
    assert found.config == load_autoencoder_kl(published).config
    with pytest.raises(BadInput, match="there is no network"):
        load_autoencoder_kl("someone/else", **hub)
