"""A file in place of a folder: the command that is named for it opens it."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.checkpoint.checkpoint import load_checkpoint
from models.convert.command import main
from models.errors import BadInput
from models.families.hvae.hyper_parameters import published_shapes
from models.families.lone_files import advice
from models.sources.open_any import load_any
from tests.models.golden_vdvae import CONFIGS, weights
from tests.models.published import publish_ddpm, publish_vae
from tests.running import ROOT

EXAMPLE = ROOT / "docs" / "examples" / "eigenfaces.py"


def run_named(said: str, out: Path, *more: str, **instead: str) -> None:
    """Run the conversion that a message names, into another folder."""
    words = shlex.split(re.findall(r"python -m models\.convert (.*)", said)[0])
    words = [instead.get(word.partition(".")[0], word) for word in words]
    words[words.index("--out") + 1] = str(out)
    assert main([*words, *more]) == 0


def wrapped(how: str) -> Any:
    """The tiny VDVAE as trainings save it."""
    tensors = weights("plain")
    zeros = {f"module.{key}": torch.zeros_like(value) for key, value in tensors.items()}
    return {
        "plain": tensors,
        "compiled": {f"_orig_mod.{k}": v for k, v in tensors.items()},
        "both": {f"module._orig_mod.{k}": v for k, v in tensors.items()},
        "inside": {k.replace("encoder.", "encoder._orig_mod."): v for k, v in tensors.items()},
        "lightning": {"state_dict": {f"model.{k}": v for k, v in tensors.items()}, "epoch": 3},
        "average": {"model_state_dict": zeros, "ema_model_state_dict": tensors, "step": 9},
        "nested": {"checkpoint": {"non_ema": zeros, "ema": {"module": tensors}}, "args": None},
        "swa": {"n_averaged": torch.tensor(3), **{f"module.{k}": v for k, v in tensors.items()}},
    }[how]


HOW = ("plain", "compiled", "both", "inside", "lightning", "average", "nested", "swa")


@pytest.mark.parametrize("how", HOW)
def test_a_vdvae_file_names_the_command_that_opens_it(how: str, tmp_path: Path) -> None:
    path, hparams = tmp_path / "my own.pt", tmp_path / "HPARAMS.json"
    torch.save(wrapped(how), path)
    hparams.write_text(json.dumps(CONFIGS["plain"].to_json()))
    with pytest.raises(BadInput, match="holds the weights of a VDVAE") as refused:
        load_any(path)
    assert "python app.py --model 'runs/my own'" in str(refused.value)
    run_named(str(refused.value), tmp_path / "out", "--images", "2", HPARAMS=str(hparams))
    stored = load_checkpoint(tmp_path / "out").model.state_dict()
    assert all(torch.equal(v, weights("plain")[k].half().float()) for k, v in stored.items())
    card = (tmp_path / "out" / "README.md").read_text()
    place = {"average": "ema_model_state_dict", "nested": "checkpoint.ema.module"}.get(how)
    assert place is None or f"Taken from “{place}”" in card


def test_safetensors_of_a_vdvae_are_converted_too(tmp_path: Path) -> None:
    path, hparams = tmp_path / "vd.safetensors", tmp_path / "HPARAMS.json"
    save_file(weights("plain"), path)
    hparams.write_text(json.dumps(CONFIGS["plain"].to_json()))
    run_named(advice(path), tmp_path / "out", "--images", "2", HPARAMS=str(hparams))
    assert load_checkpoint(tmp_path / "out").model.depth == CONFIGS["plain"].depth


@pytest.mark.parametrize("name", published_shapes())
def test_published_weights_are_known_by_their_shapes(name: str, tmp_path: Path) -> None:
    """Whatever the file is called; the published names also say which, where shapes do not."""
    path = tmp_path / "model.th"
    shapes = published_shapes()[name]
    with torch.device("meta"):
        found = {f"module.{key}": torch.empty(shape) for key, shape in shapes.items()}
    torch.save(found, path)
    assert f"models.convert vdvae {path} --hparams {name} --out runs/model\n" in advice(path)


@pytest.mark.parametrize(
    ("file", "hparams"),
    [
        ("ffhq256-iter-1700000-model-ema.th", "ffhq256"),
        ("ffhq_1024.pt", "ffhq1024"),
        ("i64-model.pth", "imagenet64"),
        ("cifar10-seed0.th", "cifar10"),
        ("mine.th", "HPARAMS.json"),
    ],
)
def test_the_name_of_a_file_tells_where_shapes_do_not(
    file: str, hparams: str, tmp_path: Path
) -> None:
    torch.save({"module.encoder.in_conv.weight": torch.zeros(4, 3, 3, 3)}, tmp_path / file)
    said = advice(tmp_path / file)
    assert f"--hparams {hparams} --out" in said
    assert "fit no published hyper-parameters" in said


def test_an_autoencoder_alone_is_built_from_its_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wide enough for the groups of diffusers' default, with attention in the middle alone."""
    monkeypatch.setattr("models.families.autoencoder_kl.shapes.LARGEST_SIDE", 16)
    folder = publish_vae(
        tmp_path / "vae", block_out_channels=(32, 32, 64), norm_num_groups=32,
        down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        scaling_factor=0.18215, sample_size=16,
    )  # fmt: skip
    whole, file = load_any(folder).model, tmp_path / "ft-mse.safetensors"
    (folder / "diffusion_pytorch_model.safetensors").rename(file)
    with pytest.raises(BadInput, match="holds the weights of an AutoencoderKL") as refused:
        load_any(file)
    run_named(str(refused.value), tmp_path / "out", "--images", "2")
    found = load_checkpoint(tmp_path / "out").model
    assert found.config.network == whole.config.network
    x = torch.rand((1, 3, 16, 16), generator=torch.Generator().manual_seed(0))
    q, wanted = found.at_side(16).posterior(1, (x,)), whole.at_side(16).posterior(1, (x,))
    torch.testing.assert_close(q.mean, wanted.mean, rtol=0.05, atol=0.02)
    assert "norm_num_groups 32, scaling_factor 0.18215" in (tmp_path / "out/README.md").read_text()


def test_where_shapes_do_not_tell_the_command_asks_for_the_configuration(tmp_path: Path) -> None:
    folder = publish_vae(tmp_path / "vae")
    file = tmp_path / "small.safetensors"
    (folder / "diffusion_pytorch_model.safetensors").rename(file)
    said = advice(file)
    assert "--config config.json" in said
    out = tmp_path / "out"
    run_named(said, out, "--images", "2", config=str(folder / "config.json"))
    assert load_checkpoint(out).model.config.network["norm_num_groups"] == 4
    assert main(["autoencoder-kl", str(file), "--out", str(tmp_path / "no")]) == 2
    assert not (tmp_path / "no").exists()


def test_a_file_of_a_folder_names_the_folder_which_opens(tmp_path: Path) -> None:
    vae, ddpm = publish_vae(tmp_path / "vae"), publish_ddpm(tmp_path / "a ddpm")
    for file, folder in (
        (vae / "diffusion_pytorch_model.safetensors", vae),
        (ddpm / "unet" / "diffusion_pytorch_model.safetensors", ddpm),
        (ROOT / "checkpoints" / "digits" / "model.safetensors", ROOT / "checkpoints" / "digits"),
    ):
        with pytest.raises(BadInput, match="one file of a model") as refused:
            load_any(file)
        named = shlex.split(str(refused.value).split("--model ")[1])[0]
        assert Path(named) == folder
        assert load_any(named).examples.ndim == 4


def test_a_unet_alone_says_what_has_to_lie_beside_it(tmp_path: Path) -> None:
    source = publish_ddpm(tmp_path / "ddpm") / "unet" / "diffusion_pytorch_model.safetensors"
    file = tmp_path / "alone" / "any name.safetensors"
    file.parent.mkdir()
    tensors = load_file(source)
    save_file(tensors, file)
    assert "config.json and scheduler_config.json" in advice(file)
    for place in ("unet/config.json", "scheduler/scheduler_config.json"):
        (file.parent / Path(place).name).write_bytes((tmp_path / "ddpm" / place).read_bytes())
    assert load_any(file.parent).model.family == "VDM"
    told = tmp_path / "told.safetensors"
    save_file({**tensors, "down.attn2.to_q.weight": torch.zeros(1)}, told)
    assert "is told a text" in advice(told)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ours.pt", "of no model that is known here (net.weight)"),
        ("code.pt", "is a pickle of more than plain tensors"),
        ("cut.safetensors", "damaged or no safetensors file"),
        ("ldm.ckpt", "AutoencoderKL.from_single_file"),
        ("vae.bin", "save_file(torch.load("),
        ("notes.txt", "a file, and none of weights"),
    ],
)
def test_any_other_file_is_said_for_what_it_is(name: str, says: str, tmp_path: Path) -> None:
    path, contents = tmp_path / name, {
        "ours.pt": {"net.weight": torch.zeros(1)},
        "code.pt": {"net": torch.nn.Linear(1, 1)},
        "ldm.ckpt": {"state_dict": {
            "first_stage_model.decoder.up.0.block.0.conv1.weight": torch.zeros(1)}},
        "vae.bin": {"decoder.up_blocks.0.resnets.0.conv1.weight": torch.zeros(1)},
    }  # fmt: skip
    if name in contents:
        torch.save(contents[name], path)
    else:
        path.write_bytes(b"12345678 no header")
    with pytest.raises(BadInput) as refused:
        load_any(path)
    assert says in str(refused.value)


def test_a_folder_that_holds_weights_alone_names_the_command_too(tmp_path: Path) -> None:
    """Of a model and its average the average; a folder without any stays what it was."""
    for name in ("imagenet32-iter-1-model.th", "imagenet32-iter-1-model-ema.th"):
        torch.save({"encoder.in_conv.weight": torch.zeros(1)}, tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="is no checkpoint folder, but holds weights") as refused:
        load_any(tmp_path)
    assert f"vdvae {tmp_path}/imagenet32-iter-1-model-ema.th --hparams" in str(refused.value)
    with pytest.raises(BadInput, match="config.json is missing"):
        load_any(tmp_path / "empty")


def test_a_file_of_python_names_its_class(tmp_path: Path) -> None:
    assert f"--adapter {EXAMPLE}:Eigenfaces" in advice(EXAMPLE)
    (tmp_path / "broken.py").write_text("class")
    assert "broken.py:CLASS" in advice(tmp_path / "broken.py")
