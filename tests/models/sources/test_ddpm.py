"""Published folders: written by diffusers itself, read as they are, refused where they differ."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from models.chain import decode
from models.errors import BadInput
from models.families.vdm.config import VDMConfig
from models.families.vdm.noise import Betas
from models.policy import KEEP
from models.sources.ddpm import load_ddpm, read_scheduler
from models.storage.diffusers_files import diffusers

UNET = {
    "sample_size": 8, "in_channels": 1, "out_channels": 1, "block_out_channels": (8, 16),
    "layers_per_block": 1, "norm_num_groups": 4, "attention_head_dim": 8, "dropout": 0.1,
    "down_block_types": ("DownBlock2D", "AttnDownBlock2D"),
    "up_block_types": ("AttnUpBlock2D", "UpBlock2D"),
}  # fmt: skip
WEIGHTS = "diffusion_pytorch_model.safetensors"


def publish(folder: Path, scheduler: str = "DDPMScheduler", **settings: Any) -> Path:
    """A tiny model as diffusers publishes it."""
    torch.manual_seed(0)
    package = diffusers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        unet = package.UNet2DModel(**UNET)
        for parameter in unet.parameters():
            parameter.data.mul_(1.5)  # so that its guess leaves [−1, 1]
        package.DDPMPipeline(unet, getattr(package, scheduler)(**settings)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish(tmp_path_factory.mktemp("published"), variance_type="fixed_small")


def copied(source: Path, target: Path) -> Path:
    for path in source.rglob("*"):
        if path.is_file():
            (target / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
            (target / path.relative_to(source)).write_bytes(path.read_bytes())
    return target


def edit(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; None removes one."""
    values = json.loads(path.read_text()) | changes
    kept = {k: v for k, v in values.items() if k not in changes or changes[k] is not REMOVED}
    path.write_text(json.dumps(kept))


REMOVED = object()


def stepped(scheduler: Any, output: Tensor, timestep: int, z: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of diffusers' own step, from its code: noise 0, then 1."""
    found = []
    for value in (0.0, 1.0):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "diffusers.schedulers.scheduling_ddpm.randn_tensor",
                lambda shape, value=value, **_: torch.full(shape, value, dtype=z.dtype),
            )
            found.append(scheduler.step(output, timestep, z).prev_sample)
    return found[0], found[1] - found[0]


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction", "sample"])
@pytest.mark.parametrize("clip", [True, False])
def test_a_step_is_diffusers_own_step(tmp_path: Path, prediction: str, clip: bool) -> None:
    """p(z_{t-1} | z_t) at consecutive timesteps, to 1e-5; their table in double precision."""
    folder = publish(tmp_path, clip_sample=clip, prediction_type=prediction)
    model = load_ddpm(folder, stops=1000).double()
    scheduler = diffusers().DDPMScheduler.from_pretrained(folder / "scheduler")
    betas = torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)
    scheduler.alphas_cumprod = torch.cumprod(1 - betas, 0)
    unet = diffusers().UNet2DModel.from_pretrained(folder / "unet").eval().double()
    generator, clipped = torch.Generator().manual_seed(1), 0.0
    for timestep in (1, 2, 77, 500, 998, 999):
        z = torch.randn((2, 1, 8, 8), generator=generator, dtype=torch.float64)
        with torch.no_grad():
            output = unet(z, timestep).sample
        mean, std = stepped(scheduler, output, timestep, z)
        p = model.prior(timestep, (None,) * (timestep + 1) + (z,))  # z_t is timestep t − 1
        torch.testing.assert_close(p.mean, mean, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(p.stddev, std, rtol=1e-5, atol=1e-7)
        clipped = max(clipped, float(model.denoised(timestep + 1, z).abs().max()))
    assert (clipped <= 1) == clip


@pytest.mark.parametrize("variance", ["fixed_small", "fixed_small_log", "fixed_large"])
@pytest.mark.parametrize("betas", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_every_variance_and_schedule_is_diffusers_own(
    tmp_path: Path, variance: str, betas: str
) -> None:
    """In their own single precision, which leaves three digits of the first 1 − ᾱ."""
    folder = publish(tmp_path, variance_type=variance, beta_schedule=betas)
    model = load_ddpm(folder, stops=1000)
    scheduler = diffusers().DDPMScheduler.from_pretrained(folder / "scheduler")
    alpha_bar = torch.sigmoid(-model.gammas()).float()
    torch.testing.assert_close(alpha_bar, scheduler.alphas_cumprod, rtol=1e-3, atol=1e-7)
    for timestep in (20, 400, 900):
        z = torch.randn((1, 1, 8, 8), generator=torch.Generator().manual_seed(2))
        p = model.prior(timestep, (None,) * (timestep + 1) + (z,))
        _, std = stepped(scheduler, z, timestep, z)
        torch.testing.assert_close(p.stddev, std, rtol=1e-3, atol=1e-6)


def test_it_is_a_hierarchy_like_any_other(published: Path) -> None:
    model = load_ddpm(published, stops=6)
    assert (model.family, model.depth, model.image_shape) == ("VDM", 6, (1, 8, 8))
    assert model.times()[[0, -1]].tolist() == [0, 999]
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    x = model.as_seen(torch.rand((1, 1, 8, 8)))
    trace = model.embed(x)
    z = decode(model, trace, (KEEP,) * 6)
    assert all(torch.equal(a, b) for a, b in zip(z, trace.z, strict=True))
    assert (model.likelihood(z).mean - x).abs().max() < 0.03
    assert load_ddpm(published, "bernoulli").likelihood_name == "Bernoulli"


def test_a_cosine_is_opened_at_stops_that_show_something(published: Path, tmp_path: Path) -> None:
    model = load_ddpm(publish(tmp_path, beta_schedule="squaredcos_cap_v2"))
    assert model.depth == 10 and model.times()[0] == 0 and model.times()[-1] == 994
    assert int((torch.exp(-model.gammas()) < 0.0015).sum()) == 2
    again = VDMConfig.from_json(json.loads(json.dumps(model.config.to_json())))
    assert again == model.config and again.depth == 10
    assert load_ddpm(published).config.stops == 10


def test_the_first_folders_on_the_hub_load_too(published: Path, tmp_path: Path) -> None:
    """Files at the root, attention weights under their older names, few keys in the configs."""
    wanted = load_ddpm(published)
    unet, scheduler = published / "unet", published / "scheduler"
    older = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    weights = {}
    for key, value in load_file(unet / WEIGHTS).items():
        for new, old in older.items():
            key = key.replace(f".{new}.", f".{old}.")
        weights[key] = value
    assert any(".proj_attn." in key for key in weights)
    save_file(weights, tmp_path / WEIGHTS, {"format": "pt"})
    known = json.loads((unet / "config.json").read_text())
    kept = ("_class_name", *UNET, "freq_shift", "flip_sin_to_cos")
    (tmp_path / "config.json").write_text(json.dumps({k: known[k] for k in kept}))
    settings = json.loads((scheduler / "scheduler_config.json").read_text())
    few = ("_class_name", "beta_end", "beta_schedule", "beta_start", "num_train_timesteps")
    first = {k: settings[k] for k in few} | {"trained_betas": None, "tensor_format": "pt"}
    (tmp_path / "scheduler_config.json").write_text(json.dumps(first))
    (tmp_path / "diffusion_pytorch_model.bin").write_bytes(b"never opened")
    found = load_ddpm(tmp_path)
    assert replace(found.config, unet=wanted.config.unet) == wanted.config
    z = torch.randn((1, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    assert torch.equal(found.denoised(3, z), wanted.denoised(3, z))


def test_a_ddim_scheduler_has_the_same_noise(tmp_path: Path) -> None:
    model = load_ddpm(publish(tmp_path, "DDIMScheduler", set_alpha_to_one=False))
    assert model.config.schedule == Betas()
    assert (model.config.variance, model.config.clip) == ("small", 1.0)


# What is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"_class_name": "PNDMScheduler"}, "'PNDMScheduler' is unknown"),
        ({"prediction_type": "flow"}, "prediction_type 'flow' is unknown"),
        ({"beta_schedule": "sigmoid"}, "beta_schedule 'sigmoid' is unknown"),
        ({"variance_type": "learned_range"}, "variance_type 'learned_range'"),
        ({"variance_type": "fixed_large_log"}, "variance_type 'fixed_large_log'"),
        ({"thresholding": True}, "thresholding is set"),
        ({"rescale_betas_zero_snr": True}, "rescale_betas_zero_snr is set"),
        ({"trained_betas": [0.1, 0.2]}, "trained_betas is set"),
        ({"use_karras_sigmas": True}, "use_karras_sigmas is not known here"),
        ({"num_train_timesteps": "1000"}, "'1000' should be a whole number"),
        ({"beta_end": None}, "scheduler_config.json: "),
    ],
)
def test_a_scheduler_that_is_not_known_is_named(changes: dict[str, Any], named: str) -> None:
    settings = {"_class_name": "DDPMScheduler", "_diffusers_version": "0.42.1"}
    assert read_scheduler(settings)["clip"] == 1.0
    with pytest.raises(BadInput, match=named):
        read_scheduler(settings | changes)


Damage = Callable[[Path], object]


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        (lambda f: edit(f / "unet/config.json", encoder_hid_dim=4), "encoder_hid_dim is no part"),
        (lambda f: edit(f / "unet/config.json", num_class_embeds=10), "class-conditional"),
        (lambda f: edit(f / "unet/config.json", _class_name="UNet2DConditionModel"),
         "'UNet2DConditionModel' is unknown"),
        (lambda f: edit(f / "unet/config.json", sample_size=REMOVED), "sample_size None"),
        (lambda f: edit(f / "unet/config.json", sample_size=9), "9 is no multiple of 2"),
        (lambda f: edit(f / "unet/config.json", in_channels=4), "in_channels 4"),
        (lambda f: edit(f / "unet/config.json", layers_per_block=2), "weights"),
        (lambda f: edit(f / "unet/config.json", block_out_channels=[8, 32]), "weights"),
        (lambda f: edit(f / "model_index.json", _class_name="StableDiffusionPipeline"),
         "'StableDiffusionPipeline' is unknown"),
        (lambda f: edit(f / "model_index.json", vae=["diffusers", "AutoencoderKL"]), "vae"),
        (lambda f: (f / "scheduler/scheduler_config.json").unlink(), "scheduler_config.json' is"),
        (lambda f: (f / "unet/config.json").write_text("{"), "cannot be read as JSON"),
        (lambda f: (f / "unet/config.json").write_text("[]"), "must hold a JSON object"),
        (lambda f: (f / "unet" / WEIGHTS).write_bytes(b"1234567890"), "weights cannot be read"),
        (lambda f: (f / "unet" / WEIGHTS).unlink(), "no weights in"),
    ],
)  # fmt: skip
def test_a_folder_that_is_not_as_it_should_be_is_named(
    published: Path, tmp_path: Path, damage: Damage, named: str
) -> None:
    folder = copied(published, tmp_path)
    damage(folder)
    with pytest.raises(BadInput, match=named):
        load_ddpm(folder)


def test_weights_that_do_not_belong_or_are_no_numbers_are_named(
    published: Path, tmp_path: Path
) -> None:
    folder = copied(published, tmp_path)
    path = folder / "unet" / WEIGHTS
    weights = load_file(path)
    broken = weights | {"conv_in.bias": torch.full_like(weights["conv_in.bias"], torch.nan)}
    for changed, named in (
        ({k: v for k, v in weights.items() if k != "conv_in.bias"}, "missing conv_in.bias"),
        (weights | {"extra.weight": torch.zeros(1)}, "unexpected extra.weight"),
        (broken, "conv_in.bias holds NaN"),
    ):
        save_file(changed, path, {"format": "pt"})
        with pytest.raises(BadInput, match=named):
            load_ddpm(folder)


def test_a_pickle_is_refused(published: Path, tmp_path: Path) -> None:
    folder = copied(published, tmp_path)
    (folder / "unet" / WEIGHTS).unlink()
    pickle = folder / "unet" / "diffusion_pytorch_model.bin"
    pickle.write_bytes(b"cos\nsystem\n(S'touch opened'\ntR.")
    with pytest.raises(BadInput, match=r"only a pickle \(diffusion_pytorch_model.bin\)"):
        load_ddpm(folder)
    with pytest.raises(BadInput, match="is a pickle"):
        load_ddpm(pickle)
    with pytest.raises(BadInput, match="give the diffusers folder"):
        load_ddpm(folder / "model_index.json")
    with pytest.raises(BadInput, match="no folder"):
        load_ddpm(tmp_path / "nowhere")


# The Hub ---------------------------------------------------------------------------------------

NOWHERE = "http://127.0.0.1:9"  # nothing listens there


def test_without_a_network_it_says_so_and_where_the_cache_is(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="there is no network") as refused:
        load_ddpm("google/ddpm-cifar10-32", cache_dir=str(tmp_path), endpoint=NOWHERE)
    assert str(tmp_path) in str(refused.value)


def test_the_default_cache_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(BadInput, match="local cache") as refused:
        load_ddpm("google/ddpm-cifar10-32")
    assert str(tmp_path / "cache") in str(refused.value)


def test_what_is_in_the_cache_needs_no_network(published: Path, tmp_path: Path) -> None:
    """The Hub's own layout of its cache, with a revision that is there."""
    storage, commit = tmp_path / "models--someone--tiny", "a" * 40
    (storage / "refs").mkdir(parents=True)
    (storage / "refs" / "main").write_text(commit)
    copied(published, storage / "snapshots" / commit)
    model = load_ddpm("someone/tiny", cache_dir=str(tmp_path), endpoint=NOWHERE)
    assert model.config == load_ddpm(published).config
