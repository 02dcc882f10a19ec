"""The library: real checkpoint folders, broken ones, changed ones, and a bounded cache."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.library import Library
from models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.errors import BadInput
from models.mhvae import MHVAE, MHVAEConfig
from models.networks import NetworkConfig
from models.statistics import Statistics, level_statistics


def save(folder: Path, seed: int) -> None:
    """A real checkpoint of a very small model, untrained."""
    torch.manual_seed(seed)
    network = NetworkConfig(width=8, blocks=1, channels=(), patch=1)
    model = MHVAE(MHVAEConfig((1, 8, 8), "bernoulli", ((4,), (2,)), network))
    images = np.random.default_rng(seed).integers(0, 256, (20, 8, 8, 1), dtype=np.uint8)
    active = tuple(torch.ones(level.channels, dtype=torch.bool) for level in model.levels)
    levels = level_statistics(model, images, active)
    statistics = Statistics(levels, torch.linspace(-60, -40, 20), 8, -45.0, (2.0, 1.0))
    save_checkpoint(folder, folder.name, model, statistics, {}, {}, {}, images, "a card")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("made")
    for seed, name in enumerate(("digits", "avatars", "first", "own")):
        save(folder / name, seed)
    return folder


@pytest.fixture
def folders(made: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A folder of bundled models and a folder of runs."""
    for name in ("digits", "avatars"):
        shutil.copytree(made / name, tmp_path / "checkpoints" / name)
    shutil.copytree(made / "first", tmp_path / "runs" / "first")
    return tmp_path / "checkpoints", tmp_path / "runs"


class CountingLoad:
    """`load_checkpoint`, with a record of what was loaded."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, source: str | Path, device: str) -> Checkpoint:
        self.names.append(Path(source).name)
        return load_checkpoint(source, device)


def ids(library: Library) -> list[str]:
    return [entry.id for entry in library.entries()]


def test_bundled_come_first_with_avatars_in_front_then_runs(folders: tuple[Path, Path]) -> None:
    library = Library(*folders)
    assert ids(library) == ["avatars", "digits", "runs/first"]
    assert library.default_id() == "avatars"
    assert [entry.group for entry in library.entries()] == ["bundled", "bundled", "runs"]
    assert library.entries()[0].summary == "8×8 grey, 2 levels of 4/2"


def test_preloading_reads_every_model_once_and_beside(folders: tuple[Path, Path]) -> None:
    load, gate, done = CountingLoad(), threading.Event(), threading.Event()

    def gated(source: str | Path, device: str) -> Checkpoint:
        assert gate.wait(60)
        checkpoint = load(source, device)
        if len(load.names) == 3:
            done.set()
        return checkpoint

    library = Library(*folders, load=gated)
    library.preload()
    assert load.names == []  # it did not wait for them
    gate.set()
    assert done.wait(60)
    assert ids(library) == ["avatars", "digits", "runs/first"]
    assert sorted(load.names) == ["avatars", "digits", "first"]


def test_a_given_model_comes_before_all_and_is_the_default(
    folders: tuple[Path, Path], made: Path
) -> None:
    library = Library(*folders, given=str(made / "own"))
    assert ids(library)[0] == library.default_id() == "given/own"
    entry, checkpoint = library.load("given/own")
    assert (entry.group, checkpoint.name) == ("given", "own")


def test_a_model_is_loaded_frozen_and_once(folders: tuple[Path, Path]) -> None:
    load = CountingLoad()
    library = Library(*folders, load=load)
    _, first = library.load("digits")
    assert library.load("digits")[1] is first
    assert library.with_hash(first.hash) is first is library.loaded(first.hash)
    assert load.names == ["digits"]
    assert not first.model.training
    assert not any(p.requires_grad for p in first.model.parameters())


def test_an_unknown_id_is_refused_with_the_choices(folders: tuple[Path, Path]) -> None:
    library = Library(*folders)
    for id in ("nothing", "../digits", "runs/../avatars", str(folders[0] / "digits"), ""):
        with pytest.raises(BadInput, match="avatars, digits, runs/first"):
            library.load(id)


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (broken_config, "config.json"),
        (no_weights, "model.safetensors"),
        (cut_weights, "model.safetensors"),
        (empty, "config.json"),
    ],
)
def test_a_broken_folder_is_listed_with_its_error(
    folders: tuple[Path, Path], damage: object, reason: str
) -> None:
    assert callable(damage)
    damage(folders[0] / "avatars")
    library = Library(*folders)
    entry = library.entries()[0]
    assert entry.id == "avatars" and entry.error is not None and reason in entry.error
    assert library.default_id() == "digits"
    with pytest.raises(BadInput, match=reason):
        library.load("avatars")


def test_a_repaired_folder_works_again(folders: tuple[Path, Path], made: Path) -> None:
    broken_config(folders[0] / "avatars")
    library = Library(*folders)
    assert library.entries()[0].error is not None
    shutil.copy(made / "avatars" / "config.json", folders[0] / "avatars" / "config.json")
    assert library.entries()[0].error is None
    assert library.load("avatars")[1].name == "avatars"


def test_an_unexpected_fault_hides_no_other_model(folders: tuple[Path, Path]) -> None:
    def load(source: str | Path, device: str) -> Checkpoint:
        if Path(source).name == "avatars":
            raise RuntimeError("secret")
        return load_checkpoint(source, device)

    library = Library(*folders, load=load)
    first, second, _ = library.entries()
    assert first.error is not None and "secret" not in first.error
    assert second.error is None


def test_changed_files_are_read_again_and_the_old_model_stays_usable(
    folders: tuple[Path, Path],
) -> None:
    library = Library(*folders)
    _, old = library.load("runs/first")
    save(folders[1] / "first", seed=77)
    _, new = library.load("runs/first")
    assert new.hash != old.hash
    assert library.with_hash(old.hash) is old
    assert library.id_of(old.hash) is None
    assert library.id_of(new.hash) == "runs/first"


def test_a_touched_file_counts_as_changed(folders: tuple[Path, Path]) -> None:
    load = CountingLoad()
    library = Library(*folders, load=load)
    library.load("digits")
    os.utime(folders[0] / "digits" / "model.safetensors", ns=(1, 1))
    library.load("digits")
    assert load.names == ["digits", "digits"]


def test_runs_without_a_checkpoint_yet_are_not_listed(folders: tuple[Path, Path]) -> None:
    (folders[1] / "fresh").mkdir()
    (folders[1] / "fresh" / "metrics.csv").write_text("step\n")
    (folders[1] / "a file").write_text("")
    library = Library(*folders)
    assert ids(library) == ["avatars", "digits", "runs/first"]
    save(folders[1] / "fresh", seed=5)
    assert ids(library) == ["avatars", "digits", "runs/first", "runs/fresh"]


def test_no_folders_at_all_is_no_error(tmp_path: Path) -> None:
    library = Library(tmp_path / "none", tmp_path / "no runs")
    assert library.entries() == ()
    assert library.default_id() is None


def test_the_cache_is_bounded_and_a_model_comes_back(folders: tuple[Path, Path]) -> None:
    load = CountingLoad()
    library = Library(*folders, capacity=1, load=load)
    _, avatars = library.load("avatars")
    library.load("digits")
    assert library.loaded(avatars.hash) is None
    assert library.with_hash(avatars.hash).hash == avatars.hash
    assert load.names.count("avatars") == 2


def test_a_hash_from_elsewhere_is_refused_by_name(folders: tuple[Path, Path]) -> None:
    with pytest.raises(BadInput, match="1111111111111111.*--model"):
        Library(*folders).with_hash("1111111111111111")


def test_many_threads_load_a_model_once(folders: tuple[Path, Path]) -> None:
    load = CountingLoad()
    library = Library(*folders, load=load)
    found: list[Checkpoint] = []
    threads = [
        threading.Thread(target=lambda: found.append(library.load("avatars")[1])) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len({id(checkpoint) for checkpoint in found}) == 1
    assert load.names == ["avatars"]


def test_a_missing_given_model_is_listed_with_its_error(folders: tuple[Path, Path]) -> None:
    library = Library(*folders, given="no/such/folder")
    assert library.entries()[0].error is not None
    assert library.default_id() == "avatars"
