"""A checkpoint folder beside its writers: a reader has one version whole, whoever writes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from models.checkpoint.checkpoint import (
    Checkpoint,
    load_checkpoint,
    save_unmeasured,
    update_measures,
)
from models.checkpoint.description import describe
from models.errors import BadInput
from models.storage.model_folder import FILES, NotMeasured, open_stored
from tests.models.tiny import TRAINING, tiny_checkpoint, tiny_images, tiny_model
from tests.running import ROOT

# Version after version of all files, or of the measures alone, as fast as the disk takes them.
WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
import torch
from models.checkpoint.checkpoint import load_checkpoint, save_checkpoint, update_measures

torch.set_num_threads(1)
folder, what = Path(sys.argv[1]), sys.argv[2]
one = load_checkpoint(folder)
print("writes", flush=True)
for version in range(1_000_000):
    statistics = replace(one.statistics, reference_reconstruction=float(version))
    facts, measured = {"version": version}, {"seed": version}
    if what == "measures":
        update_measures(one, statistics, measured, "")
        continue
    for value in one.model.parameters():
        value.fill_(version % 2048)
    save_checkpoint(folder, str(version), one.model, statistics, measured, facts, one.training,
                    one.examples, "")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tiny_checkpoint(tmp_path)[0]


@contextmanager
def writer(folder: Path, what: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", WRITER, str(folder), what]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writes\n"
        try:
            yield process
            assert process.poll() is None
        finally:
            process.kill()


def versions_in(checkpoint: Checkpoint) -> set[float]:
    """The versions that the parts of a checkpoint are of, modulo what the weights can say."""
    weight = next(checkpoint.model.parameters()).flatten()[0]
    said = (checkpoint.name, checkpoint.card["version"], checkpoint.evaluation["seed"],
            checkpoint.statistics.reference_reconstruction)  # fmt: skip
    return {float(weight)} | {float(str(version)) % 2048 for version in said}


def test_a_reader_beside_a_writer_has_one_version_whole(folder: Path) -> None:
    seen = set()
    with writer(folder, "all") as process:
        while "version" not in json.loads((folder / "config.json").read_text())["data"]:
            assert process.poll() is None
        for _ in range(60):
            found = versions_in(load_checkpoint(folder))
            assert len(found) == 1
            seen |= found
    assert len(seen) > 5  # it was written meanwhile


def test_who_writes_the_measures_is_a_writer_too(folder: Path) -> None:
    with writer(folder, "measures") as process:
        while not load_checkpoint(folder).evaluation:
            assert process.poll() is None
        for _ in range(60):
            found = load_checkpoint(folder)
            assert found.evaluation["seed"] == found.statistics.reference_reconstruction


def test_two_writers_take_turns(folder: Path) -> None:
    with writer(folder, "measures") as process, writer(folder, "measures"):
        while not load_checkpoint(folder).evaluation:
            assert process.poll() is None
        for _ in range(40):
            found = load_checkpoint(folder)
            assert found.evaluation["seed"] == found.statistics.reference_reconstruction


def test_measures_of_another_model_are_not_put_beside_this_one(folder: Path) -> None:
    """A training saved while the model before it was measured."""
    before = load_checkpoint(folder)
    model = tiny_model()
    for value in model.parameters():
        value.add_(1)
    save_unmeasured(folder, "new", model, {}, TRAINING, tiny_images(3), "")
    stored = open_stored(folder)
    with pytest.raises(BadInput, match="another model than the one that was measured"):
        update_measures(before, before.statistics, {"elbo_nats": -1.0}, "")
    assert open_stored(folder) == stored


def test_a_model_that_is_not_measured_says_what_measures_it(folder: Path) -> None:
    model = tiny_model()
    save_unmeasured(folder, "new", model, {"source": "bars"}, TRAINING, tiny_images(3), "# new\n")
    assert set(open_stored(folder).files) == set(FILES)
    for read in (load_checkpoint, describe):
        with pytest.raises(NotMeasured, match=r"not measured yet.*evaluate .*--write.*\(bars\)"):
            read(folder)
