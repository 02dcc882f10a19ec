"""The library: real checkpoint folders, broken ones, changed ones, and a bounded cache."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from explorer.library.library import Library
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from models.checkpoint.statistics import Statistics, level_statistics
from models.errors import BadInput
from models.families.mhvae.config import MHVAEConfig
from models.families.mhvae.model import MHVAE
from models.families.mhvae.networks import NetworkConfig
from tests.explorer.toy import toy_checkpoint
from tests.models.published import publish_ddpm
from tests.models.saved import save_small
from tests.running import ROOT

R = TypeVar("R")


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
def published(tmp_path: Path) -> Path:
    """A diffusion model as diffusers writes it."""
    return publish_ddpm(tmp_path / "elsewhere" / "published")


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


def test_listing_loads_nothing_and_choosing_loads_one(folders: tuple[Path, Path]) -> None:
    load = CountingLoad()
    library = Library(*folders, load=load)
    listed = library.entries()
    assert load.names == []
    assert all(entry.hash and entry.error is None for entry in listed)
    assert {entry.image_shape for entry in listed} == {(1, 8, 8)}
    entry, checkpoint = library.load("digits")
    assert load.names == ["digits"]
    assert entry == listed[1] == library.entries()[1] and checkpoint.hash == entry.hash
    assert library.id_of(checkpoint.hash) == "digits"


@contextmanager
def held_up(folders: tuple[Path, Path], name: str) -> Iterator[tuple[Library, threading.Event]]:
    """A library, and what lets the loading of one of its models end."""
    begun, gate = threading.Event(), threading.Event()

    def load(source: str | Path, device: str) -> Checkpoint:
        if Path(source).name == name:
            begun.set()
            assert gate.wait(60)
        return load_checkpoint(source, device)

    library = Library(*folders, load=load)
    try:
        yield library, begun
    finally:
        gate.set()


def test_preloading_lists_all_models_and_loads_the_first_beside(
    folders: tuple[Path, Path],
) -> None:
    with held_up(folders, "avatars") as (library, begun):
        library.preload()
        assert begun.wait(60)
        avatars, digits, _ = soon(library.entries)  # which nobody waits for
        assert avatars.hash and library.loaded(avatars.hash) is None
    assert library.default_id() == "avatars"
    assert library.loaded(avatars.hash) is not None
    assert digits.hash and library.loaded(digits.hash) is None


def test_a_model_in_use_does_not_wait_for_one_that_is_loaded(folders: tuple[Path, Path]) -> None:
    with held_up(folders, "digits") as (library, begun):
        _, avatars = library.load("avatars")
        threading.Thread(target=lambda: library.load("digits")).start()
        assert begun.wait(60)
        assert soon(lambda: library.load("avatars"))[1] is avatars
        assert soon(library.default_id) == "avatars"
        assert len(soon(library.entries)) == 3


def soon(call: Callable[[], R]) -> R:
    """What a call gives, which must not hang."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call).result(20)


LISTING = """
import json, sys, torch
from pathlib import Path
from explorer.library.library import Library
state = torch.get_rng_state()
entries = Library(Path(sys.argv[1]), Path(sys.argv[2])).entries()
print(json.dumps({
    "summaries": {entry.id: entry.summary for entry in entries},
    "errors": [entry.error for entry in entries if entry.error],
    "diffusers": "diffusers" in sys.modules,
    "drawn": not torch.equal(torch.get_rng_state(), state),
}))
"""


def test_the_bundled_models_and_a_diffusion_are_listed_without_building_one(
    tmp_path: Path,
) -> None:
    """A model that is built draws its first weights, from the random numbers of the process."""
    save_small(tmp_path, "diffusion")
    command = [sys.executable, "-c", LISTING, str(ROOT / "checkpoints"), str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout)
    assert told["errors"] == [] and not told["diffusers"] and not told["drawn"]
    assert told["summaries"]["avatars"] == "64×64 colour, 4 levels of 56/40/24/12"
    assert told["summaries"]["runs/diffusion"] == "8×8 grey, 3 levels of 1×8×8, 1×8×8, 1×8×8"


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


def other_weights(folder: Path) -> None:
    """A whole file with weights of another model."""
    save_file({"surprise": torch.zeros(2)}, folder / "model.safetensors")


def test_weights_that_do_not_fit_are_the_models_error_once_it_was_loaded(
    folders: tuple[Path, Path], made: Path
) -> None:
    other_weights(folders[0] / "digits")
    load = CountingLoad()
    library = Library(*folders, load=load)
    assert library.entries()[1].error is None
    for _ in range(2):
        with pytest.raises(BadInput, match="unexpected surprise"):
            library.load("digits")
    entry = library.entries()[1]
    assert entry.error is not None and "unexpected surprise" in entry.error
    assert (entry.hash, entry.image_shape, entry.summary) == (None, None, "")
    assert load.names == ["digits"]  # it is not tried again while its files stay
    shutil.copy(made / "digits" / "model.safetensors", folders[0] / "digits")
    assert library.entries()[1].error is None
    assert library.load("digits")[1].name == "digits"


def test_the_default_is_a_model_that_can_be_loaded(folders: tuple[Path, Path]) -> None:
    other_weights(folders[0] / "avatars")
    load = CountingLoad()
    library = Library(*folders, load=load)
    assert [library.default_id() for _ in range(3)] == ["digits"] * 3
    assert load.names == ["avatars", "digits"]
    assert library.entries()[0].error is not None


def test_an_unexpected_fault_hides_no_other_model(folders: tuple[Path, Path]) -> None:
    def load(source: str | Path, device: str) -> Checkpoint:
        if Path(source).name == "avatars":
            raise RuntimeError("secret")
        return load_checkpoint(source, device)

    library = Library(*folders, load=load)
    with pytest.raises(BadInput, match="the server's log"):
        library.load("avatars")
    first, second, _ = library.entries()
    assert first.error is not None and "secret" not in first.error
    assert second.error is None and library.default_id() == "digits"


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


def test_new_statistics_of_the_same_weights_are_read_too(
    folders: tuple[Path, Path], made: Path
) -> None:
    library = Library(*folders)
    _, old = library.load("digits")
    (folders[0] / "digits" / "evaluation.json").write_text('{"elbo_nats": -5.0}')
    assert library.load("digits")[1].evaluation == {"elbo_nats": -5.0}
    assert library.load("digits")[1].hash == old.hash


@pytest.mark.parametrize(
    "changed",
    [
        "model_index.json",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
        "scheduler/scheduler_config.json",
        "vae/config.json",
    ],
)
def test_a_published_folder_is_read_again_where_a_part_changed(
    published: Path, tmp_path: Path, changed: str
) -> None:
    load = CountingLoad()
    toy = toy_checkpoint()

    def measured(source: str | Path, device: str) -> Checkpoint:
        load.names.append(Path(source).name)
        return toy

    library = Library(tmp_path / "none", given=str(published), load=measured)
    assert library.load("given/published")[1] is toy
    assert library.entries()[0].hash == toy.hash
    assert load.names == ["published"]  # it had to be loaded to be listed, once
    (published / changed).parent.mkdir(exist_ok=True)
    with (published / changed).open("ab") as file:
        file.write(b" ")
    library.entries()
    library.load("given/published")
    assert load.names == ["published"] * 2


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
