"""What a run was asked, and what may be another when it goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.crash_plan import options_of, squares
from models.errors import BadInput
from models.training.asked import Run, check_unchanged, continued, read_run
from models.training.options import build_parser, parse
from models.training.run import RunFiles
from models.training.schedule import greedy_level, kl_weight, learning_rate, samples_at
from tests.models.training.runs import run_of

CPU = torch.device("cpu")
IMAGES = squares(9)


def asked(*more: str) -> Run:
    return run_of("MLP", IMAGES, "--free-bits=1", *more)


def goes_on(run: Run, *options: str) -> None:
    check_unchanged(run, parse(["--resume", "--out=none", *options]), CPU)


def test_a_run_is_read_back_as_it_was(tmp_path: Path) -> None:
    files, run = RunFiles(tmp_path), asked("--rate-targets=3,2", "--free-bits=0", "--minutes=3")
    files.folder.mkdir()
    files.spec.write_bytes(run.to_json())
    assert read_run(files) == run
    files.spec.write_bytes(b"\xff{")
    with pytest.raises(BadInput, match="cannot be read"):
        read_run(files)
    with pytest.raises(BadInput, match="no run in"):
        read_run(RunFiles(tmp_path / "none"))


@pytest.mark.parametrize("same", [
    [], options_of("MLP"), ["--free-bits=1"], ["--free-bits=1,1"], ["--free-bits=1.0"],
    ["--levels=6, 3"], ["--image-size=16"], ["--precision=auto"], ["--seed=0"],
    ["--steps=90", "--data=elsewhere", "--name=other", "--threads=3", "--save-every=9"],
])  # fmt: skip
def test_what_says_the_same_or_may_change_passes(same: list[str]) -> None:
    run = asked()
    bf16 = torch.cpu._is_avx512_bf16_supported() and "--precision=auto" in same
    goes_on(replace(run, options={**run.options, "precision": "bf16"}) if bf16 else run, *same)


@pytest.mark.parametrize(("other", "says"), [
    (["--levels=6,4"], "--levels is 6,3, not 6,4"),
    (["--levels=nonsense"], "--levels is 6,3, not nonsense"),
    (["--free-bits=1,2"], "--free-bits is 1, not 1,2"),
    (["--rate-targets=3"], "--rate-targets is not set, not 3"),
    (["--batch=16", "--lr=0.5"], "--batch is 8, not 16; --lr is 0.001, not 0.5"),
    (["--image-size=32"], "--image-size is 16, not 32"),
    (["--precision=bf16"], "--precision is fp32, not bf16"),
    (["--preset=digits"], "--preset is not set, not digits"),
    (["--family=VDM"], "--family is MHVAE, not VDM"),
    (["--seed=1"], "--seed is 0, not 1"),
    (["--conv=8,8"], "--conv is not set, not 8,8"),
])  # fmt: skip
def test_what_cannot_change_is_refused_by_its_name(other: list[str], says: str) -> None:
    with pytest.raises(BadInput) as refused:
        goes_on(asked(), *other)
    assert says in str(refused.value)
    assert "What may change is --data, --steps, --minutes, --name" in str(refused.value)


def test_every_option_is_held_or_free() -> None:
    """One that is added later cannot be ignored: it is part of what a run keeps, or named free."""
    names = set(vars(build_parser().parse_args(["--out=x"])))
    free = {"data", "steps", "minutes", "name", "device", "threads", "save_every", "out", "resume"}
    assert names - free == set(asked().options)


def test_a_run_from_before_its_options_were_kept_takes_none() -> None:
    old = replace(asked(), options={})
    goes_on(old, "--steps=90", "--data=elsewhere")
    with pytest.raises(BadInput, match="--levels is not known, since an older Strata began"):
        goes_on(old, "--levels=6,3")


def test_a_run_with_more_steps_keeps_what_is_over() -> None:
    run = asked("--steps=100", "--greedy=0.1", "--kl-warmup=0.3", "--samples=4",
                "--weighted-from=0.6")  # fmt: skip
    longer = continued(run, 250)
    before, after = run.training, longer.training
    assert after.steps == 250
    assert json.loads(longer.to_json())["training"]["steps"] == 250
    for step in (0, 9, 10, 29, 30, 59, 60, 99):
        assert kl_weight(step, after) == pytest.approx(kl_weight(step, before))
        assert samples_at(step, after) == samples_at(step, before)
        assert greedy_level(step, after, 2) == greedy_level(step, before, 2)
    assert kl_weight(249, after) == 1 and samples_at(249, after) == 4
    rates = [learning_rate(step, after) for step in range(100, 250)]
    assert rates[0] > 0.5 * before.learning_rate and np.all(np.diff(rates) < 0)
    assert continued(run, 100) == run
    with pytest.raises(BadInput, match=r"has 100 steps.*ask for 99.*only become longer"):
        continued(run, 99)
