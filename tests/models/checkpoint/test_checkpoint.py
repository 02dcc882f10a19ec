"""Checkpoints: an exact round trip, and every way in which a folder can be wrong, by name."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.base import HierarchicalModel
from models.checkpoint.checkpoint import (
    Checkpoint,
    as_stored,
    load_checkpoint,
    load_model,
    pick_device,
    save_checkpoint,
)
from models.checkpoint.description import describe
from models.checkpoint.statistics import Statistics, level_statistics
from models.errors import BadInput
from models.families.autoencoder_kl.model import AutoencoderKL
from models.families.hvae.model import HVAE
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from models.families.vdm.model import VDM
from models.objective import terms
from models.storage.pretrained import Pretrained
from tests.models.small_hvae import random_hvae

CONFIG = MHVAEConfig(
    (3, 16, 16), "discretised_logistic", ((4, 4, 4), (3,)), NetworkConfig(8, 1, (6, 8), 2)
)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 16, 16, 3)).astype(np.uint8)


def statistics(model: HierarchicalModel) -> Statistics:
    active = tuple(torch.ones(level.channels, dtype=torch.bool) for level in model.levels)
    levels = level_statistics(model, pictures(8), active)
    return Statistics(levels, torch.tensor([-9.0, -8.0]), 8, -7.5, (0.5, -0.25))


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, HierarchicalModel]:
    torch.manual_seed(0)
    model = as_stored(MHVAE(CONFIG))
    folder = tmp_path_factory.mktemp("checkpoint") / "small"
    save_checkpoint(
        folder, "small", model, statistics(model), {"elbo_nats": -9.0}, {"source": "noise"},
        {"steps_done": 0}, pictures(50), "# small\n",
    )  # fmt: skip
    return folder, model


@pytest.fixture
def folder(original: tuple[Path, HierarchicalModel], tmp_path: Path) -> Path:
    return Path(shutil.copytree(original[0], tmp_path / "small"))


def test_a_round_trip_is_exact(original: tuple[Path, HierarchicalModel]) -> None:
    folder, model = original
    loaded = load_checkpoint(folder)
    assert isinstance(loaded, Checkpoint)
    assert loaded.model.config == CONFIG
    for key, value in model.state_dict().items():
        assert torch.equal(loaded.model.state_dict()[key], value), key
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert np.array_equal(loaded.examples, pictures(50)[:48])
    for ours, theirs in zip(statistics(model).levels, loaded.statistics.levels, strict=True):
        assert torch.equal(ours.std, theirs.std)
        assert torch.equal(ours.components, theirs.components)
    assert loaded.statistics.reference_rate == (0.5, -0.25)
    assert loaded.evaluation == {"elbo_nats": -9.0}
    assert len(loaded.hash) == 16
    assert load_checkpoint(folder).hash == loaded.hash


def test_half_precision_is_all_that_storing_costs() -> None:
    torch.manual_seed(1)
    model = MHVAE(CONFIG).eval()
    stored = as_stored(model)
    x = model.as_seen(torch.rand(2, 3, 16, 16))
    eps = (torch.empty(0), torch.randn(2, 4, 4, 4), torch.randn(2, 3))
    with torch.no_grad():
        torch.testing.assert_close(
            terms(stored, x, eps).elbo, terms(model, x, eps).elbo, rtol=2e-3, atol=0.1
        )
    again = as_stored(stored).state_dict()
    assert all(torch.equal(v, again[k]) for k, v in stored.state_dict().items())


def edit_config(**changes: object) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        for key, value in changes.items():
            if value is None:
                del config[key]
            else:
                config[key] = value
        (folder / "config.json").write_text(json.dumps(config))

    return edit


def edit_weights(change: Callable[[dict[str, torch.Tensor]], None]) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return edit


def drop(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["encoders.1.network.0.weight"]


def add(tensors: dict[str, torch.Tensor]) -> None:
    tensors["surprise"] = torch.zeros(2)


def reshape(tensors: dict[str, torch.Tensor]) -> None:
    tensors["decoder.raw_scale"] = torch.zeros(4, 1, 1)


def poison(tensors: dict[str, torch.Tensor]) -> None:
    tensors["decoder.raw_scale"][0] = torch.nan


def as_pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"x": torch.zeros(1)}, folder / "pytorch_model.bin")


def truncate(name: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return edit


NETWORK = {"width": 8, "blocks": 1, "channels": [6, 8], "patch": 2}


def write(name: str, content: str) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        (folder / name).write_text(content)

    return edit


def other_statistics(folder: Path) -> None:
    """Those of a model whose z_2 is smaller."""
    tensors = load_file(folder / "statistics.safetensors")
    shorter = {key: value[:2].contiguous() for key, value in tensors.items() if "z2." in key}
    save_file(tensors | shorter, folder / "statistics.safetensors")


SEEN_IN_THE_FILES = [
    (lambda f: (f / "config.json").unlink(), "^the checkpoint '.*' is incomplete: config.json is"),
    (lambda f: (f / "model.safetensors").unlink(), "incomplete: model.safetensors"),
    (lambda f: (f / "statistics.safetensors").unlink(), "statistics.safetensors is missing"),
    (lambda f: (f / "evaluation.json").unlink(), "^the checkpoint '.*' is incomplete: evaluation"),
    (lambda f: (f / "examples.png").unlink(), "examples.png is missing"),
    (as_pickle, "pickle.*pytorch_model.bin.*refused"),
    (truncate("config.json"), "config.json is not valid JSON"),
    (truncate("model.safetensors"), "model.safetensors is damaged"),
    (write("model.safetensors", ""), "model.safetensors is damaged"),
    (write("model.safetensors", "<html>not found</html>" * 9), "model.safetensors is damaged"),
    (truncate("statistics.safetensors"), "statistics.safetensors is damaged"),
    (other_statistics, r"z2.mean has shape \[2\], the model needs \[3\]"),
    (write("evaluation.json", "{"), "evaluation.json is not valid JSON"),
    (edit_config(format=2), "format 2.*update Strata"),
    (edit_config(format="new"), "format 'new'"),
    (edit_config(family="GAN"), "family 'GAN'"),
    (edit_config(temperature=1), "unknown temperature"),
    (edit_config(levels=None), "missing levels"),
    (edit_config(levels=[]), "T = 0"),
    (edit_config(levels=[[4, 4, 4], [0]]), "z_2.*at least 1"),
    (edit_config(levels=[[4, 4, 4], ["3"]]), "whole number"),
    (edit_config(network={**NETWORK, "depth": 3}), "unknown depth"),
]
SEEN_WHEN_IT_IS_BUILT = [
    (truncate("examples.png"), "examples.png"),
    (edit_config(network={**NETWORK, "width": 9}), r"has shape \[.*needs \["),
    (edit_weights(drop), "1 weights missing.*encoders.1.network.0.weight"),
    (edit_weights(add), "unexpected surprise"),
    (edit_weights(reshape), r"decoder.raw_scale has shape \[4, 1, 1\]"),
    (edit_weights(poison), "decoder.raw_scale holds NaN"),
]


@pytest.mark.parametrize(("damage", "says"), [*SEEN_IN_THE_FILES, *SEEN_WHEN_IT_IS_BUILT])
def test_what_is_wrong_is_named(folder: Path, damage: Callable[[Path], None], says: str) -> None:
    damage(folder)
    with pytest.raises(BadInput, match=says):
        load_checkpoint(folder)


@pytest.mark.parametrize("damage", [damage for damage, _ in SEEN_IN_THE_FILES])
def test_a_description_refuses_what_loading_does_in_the_same_words(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)
    with pytest.raises(BadInput) as described:
        describe(folder)
    with pytest.raises(BadInput) as loaded:
        load_checkpoint(folder)
    assert str(described.value) == str(loaded.value)


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "ran").encode() + b"'\ntR.")
    with pytest.raises(BadInput, match="pickle"):
        load_checkpoint(path)
    assert not (tmp_path / "ran").exists()


def test_a_missing_folder_and_devices(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no checkpoint folder"):
        load_checkpoint(tmp_path / "none")
    with pytest.raises(BadInput, match="device 'tpu' is unknown"):
        pick_device("tpu")
    assert pick_device("cpu") == torch.device("cpu")
    if not torch.cuda.is_available():
        with pytest.raises(BadInput, match="cuda.*not available"):
            pick_device("cuda")


OTHERS = [HVAE, VDM, AutoencoderKL]


@pytest.mark.parametrize("family", OTHERS, ids=lambda family: family.__name__)
def test_from_pretrained_refuses_another_family(folder: Path, family: type[Pretrained]) -> None:
    with pytest.raises(BadInput, match=f"family MHVAE, and {family.__name__}.from_pretrained"):
        family.from_pretrained(folder)
    assert type(load_model(folder)) is MHVAE


def test_every_family_opens_its_own(tmp_path: Path) -> None:
    random_hvae().save_pretrained(tmp_path / "hvae")
    assert type(HVAE.from_pretrained(tmp_path / "hvae")) is HVAE
    with pytest.raises(BadInput, match=r"family HVAE.*use HVAE.from_pretrained"):
        MHVAE.from_pretrained(tmp_path / "hvae")


def test_a_class_opens_what_is_of_its_family_as_itself(folder: Path) -> None:
    mine = type("Mine", (MHVAE,), {})
    assert type(mine.from_pretrained(folder)) is mine


def test_from_pretrained_and_save_pretrained_are_strict(folder: Path, tmp_path: Path) -> None:
    model = MHVAE.from_pretrained(folder)
    again = tmp_path / "again"
    model.save_pretrained(again)
    assert sorted(p.name for p in again.iterdir()) == ["config.json", "model.safetensors"]
    for key, value in MHVAE.from_pretrained(again).state_dict().items():
        assert torch.equal(value, model.state_dict()[key]), key
    edit_weights(drop)(again)
    with pytest.raises(BadInput, match="missing"):
        MHVAE.from_pretrained(again)
    as_pickle(again)
    with pytest.raises(BadInput, match="pickle"):
        MHVAE.from_pretrained(again)
