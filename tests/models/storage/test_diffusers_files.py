"""Variants of published weights: whatever diffusers itself writes is read, and nothing twice."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.base import HierarchicalModel
from models.errors import BadInput
from models.sources.autoencoder_kl import load_autoencoder_kl
from models.sources.ddpm import load_ddpm
from models.sources.open_any import files_of, load_any
from models.storage.diffusers_files import diffusers
from models.storage.variants import WEIGHTS as W
from tests.models.published import WEIGHTS, publish_ddpm, publish_vae


@pytest.fixture(scope="module")
def vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_vae(tmp_path_factory.mktemp("vae"))


@pytest.fixture(scope="module")
def ddpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return publish_ddpm(tmp_path_factory.mktemp("ddpm"))


def republish(folder: Path, to: Path, variant: str, shards: bool, kind: str) -> Path:
    """The network of a folder as diffusers saves a variant of it."""
    kept = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(variant, torch.float32)
    network = getattr(diffusers(), kind).from_pretrained(folder).to(kept)
    size = "40KB" if shards else "10GB"
    network.save_pretrained(to, variant=variant or None, max_shard_size=size)
    assert len(list(to.glob("*.safetensors"))) > 1 or not shards
    return to


@pytest.mark.parametrize("shards", [False, True])
@pytest.mark.parametrize("variant", ["", "fp16", "bf16", "non_ema"])
def test_every_variant_opens_and_is_computed_in_single(
    variant: str, shards: bool, vae: Path, tmp_path: Path
) -> None:
    folder = republish(vae, tmp_path / "a.b" / "vae", variant, shards, "AutoencoderKL")
    model, whole = load_any(folder).model, load_autoencoder_kl(vae)
    kept = {"fp16": torch.float16, "bf16": torch.bfloat16}.get(variant, torch.float32)
    for key, value in whole.state_dict().items():
        assert torch.equal(model.state_dict()[key], value.to(kept).float())
    assert len(files_of(folder)) >= 2 + 2 * shards  # so that a change of any is seen


def test_a_pipeline_in_half_precision_opens(ddpm: Path, tmp_path: Path) -> None:
    pipeline = Path(shutil.copytree(ddpm, tmp_path / "ddpm"))
    (pipeline / "unet" / WEIGHTS).unlink()
    republish(ddpm / "unet", pipeline / "unet", "fp16", True, "UNet2DModel")
    half = {k: v.half().float() for k, v in load_ddpm(ddpm).state_dict().items()}
    found = load_ddpm(pipeline).state_dict()
    assert all(torch.equal(found[key], value) for key, value in half.items())


def test_shards_of_the_older_form_open_without_an_index(vae: Path, tmp_path: Path) -> None:
    folder = tmp_path / "v1.5"
    folder.mkdir()
    shutil.copy(vae / "config.json", folder)
    tensors = {k: v.half() for k, v in load_file(vae / WEIGHTS).items()}
    for i in (0, 1):
        part = dict(list(tensors.items())[i::2])
        save_file(part, folder / f"{W}-0000{i + 1}-of-00002.fp16.safetensors")
    assert load_autoencoder_kl(folder).depth == 1


# The Hub, in a folder -------------------------------------------------------------------------


class FakeHub:
    """Repositories in a folder; what is asked for is copied, and kept in mind."""

    def __init__(self, root: Path, cache: Path) -> None:
        self.root, self.cache = root, cache
        self.fetched: set[str] = set()

    def files(self, hub_id: str) -> list[str]:
        folder = self.root / hub_id
        return [p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()]

    def download(self, hub_id: str, allow_patterns: list[str], **_: Any) -> str:
        for name in self.files(hub_id):
            if any(fnmatch(name, pattern) for pattern in allow_patterns):
                self.fetched.add(name)
                target = self.cache / hub_id / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(self.root / hub_id / name, target)
        return str(self.cache / hub_id)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    import huggingface_hub

    fake = FakeHub(tmp_path / "hub", tmp_path / "cache")

    class Api:
        def __init__(self, **_: Any) -> None: ...

        def list_repo_files(self, hub_id: str, **_: Any) -> list[str]:
            return fake.files(hub_id)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fake.download)
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    return fake


@pytest.mark.parametrize(
    ("kind", "place", "load"),
    [("AutoencoderKL", "", load_any), ("AutoencoderKL", "vae/", load_any),
     ("UNet2DModel", "unet/", load_ddpm)],
)  # fmt: skip
def test_a_repository_is_fetched_without_its_other_weights(
    kind: str, place: str, load: Callable[[str], Any], vae: Path, ddpm: Path, hub: FakeHub
) -> None:
    source = vae if kind == "AutoencoderKL" else ddpm / "unet"
    target = hub.root / "some" / "repo" / place
    republish(source, target, "fp16", True, kind)
    republish(source, target, "bf16", False, kind)
    if place == "unet/":
        shutil.copytree(ddpm / "scheduler", hub.root / "some" / "repo" / "scheduler")
    other = hub.root / "some" / "repo" / "text_encoder" / "model.fp16.safetensors"
    other.parent.mkdir()
    other.write_bytes(b"heavy")
    found = load("some/repo")
    assert isinstance(getattr(found, "model", found), HierarchicalModel)
    heavy = {name for name in hub.fetched if name.endswith(".safetensors")}
    assert heavy and all(name.startswith(f"{place}{W}.fp16-") for name in heavy)
    republish(source, target, "", False, kind)
    hub.fetched.clear()
    load("some/repo")
    assert {n for n in hub.fetched if n.endswith(".safetensors")} == {f"{place}{WEIGHTS}"}


def test_an_index_that_names_a_missing_shard_is_no_matter(vae: Path, tmp_path: Path) -> None:
    """The files that are there are read, and the weights in them must be whole."""
    folder = republish(vae, tmp_path, "fp16", True, "AutoencoderKL")
    index = folder / f"{W}.safetensors.index.fp16.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"x": "nowhere.safetensors"}}))
    assert load_autoencoder_kl(folder).depth == 1
    sorted(folder.glob("*.safetensors"))[-1].unlink()
    with pytest.raises(BadInput, match="files that its weights are in"):
        load_autoencoder_kl(folder)
