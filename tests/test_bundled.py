"""The bundled models: what their cards claim, and that the claims are those of the weights."""

from __future__ import annotations

import json

import pytest
import torch

from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from models.evaluation.measures import mean_terms, psnr_of_each
from models.pixels import to_float
from models.report.card import nats
from tests.running import ROOT

MB = 1_000_000
NAMES = ("avatars", "digits", "fashion", "photos")
SIBLINGS = ("digits-vae", "digits-mhvae", "digits-hvae", "digits-vdm")


@pytest.fixture(scope="module", params=(*NAMES, *SIBLINGS))
def bundled(request: pytest.FixtureRequest) -> Checkpoint:
    return load_checkpoint(ROOT / "checkpoints" / request.param)


def seen_examples(bundled: Checkpoint) -> torch.Tensor:
    """The 48 test images a checkpoint carries, seen as an upload is."""
    return bundled.model.as_seen(to_float(bundled.examples))


def test_they_are_small() -> None:
    sizes = [path.stat().st_size for path in (ROOT / "checkpoints").rglob("*") if path.is_file()]
    assert max(sizes) <= 10 * MB
    assert sum(sizes) <= 60 * MB


def test_every_level_lives(bundled: Checkpoint) -> None:
    measured = json.loads((bundled.path / "evaluation.json").read_text())
    assert len(measured["active_units"]) == bundled.model.depth
    if bundled.name in NAMES:
        assert min(measured["active_units"]) >= 4
    assert min(measured["rate_nats"]) > 0.1
    assert min(measured["reach"]) >= (0.15 if bundled.name.startswith("digits") else 0.05)
    counted = [int(level.active.sum()) for level in bundled.statistics.levels]
    assert counted == measured["active_units"]


def test_the_card_says_what_was_measured(bundled: Checkpoint) -> None:
    measured = json.loads((bundled.path / "evaluation.json").read_text())
    card = (bundled.path / "README.md").read_text()
    bound = "−ELBO, infinitely many stops" if "two_forms" in measured else "−ELBO"
    assert f"| {bound} | {nats(-measured['elbo_nats'])} " in card
    rows = zip(measured["rate_nats"], measured["active_units"], measured["reach"], strict=True)
    for t, (rate, active, reach) in enumerate(rows, start=1):
        assert f"| z_{t} | {rate:.2f} | {active} | {reach:.3f} |" in card
    assert f"--preset {bundled.name}" in card


def test_limits_of_each() -> None:
    def measured(name: str) -> dict:
        return json.loads((ROOT / "checkpoints" / name / "evaluation.json").read_text())

    assert -measured("digits")["elbo_nats"] <= 86.5
    assert measured("digits")["n_images"] == 10_000
    assert measured("avatars")["psnr_db"] >= 30.5
    assert min(measured("avatars")["reach"]) >= 0.08
    assert measured("avatars")["bits_per_dim"] > 0
    depths = {name: len(measured(name)["reach"]) for name in NAMES}
    assert depths == {"avatars": 4, "digits": 3, "fashion": 3, "photos": 3}
    assert measured("photos")["psnr_db"] >= 36


def test_the_weights_do_on_their_examples_what_the_card_says(bundled: Checkpoint) -> None:
    """48 test images stand for the set: the mean ELBO within four standard errors of it."""
    x = seen_examples(bundled)
    reconstruction, rate = mean_terms(bundled.model, x, draws=8)
    elbo = reconstruction - rate.sum(1)
    reference = bundled.statistics.reference_elbo
    error = float(reference.std()) / len(elbo) ** 0.5
    assert abs(float(elbo.mean()) - float(reference.mean())) < 4 * error
    if bundled.model.eight_bit:
        measured = json.loads((bundled.path / "evaluation.json").read_text())
        each = psnr_of_each(bundled.model, x)
        error = float(each.std()) / len(each) ** 0.5
        assert abs(float(each.mean()) - measured["psnr_db"]) < 4 * error


def test_the_siblings_are_of_one_size_and_saw_the_same_digits() -> None:
    """Parameters within 10 % of one another: what differs is the family."""
    every = [load_checkpoint(ROOT / "checkpoints" / name) for name in SIBLINGS]
    sizes = [sum(p.numel() for p in one.model.parameters()) for one in every]
    assert max(sizes) <= 1.1 * min(sizes)
    assert [one.model.family for one in every] == ["MHVAE", "MHVAE", "HVAE", "VDM"]
    assert [one.model.depth for one in every] == [1, 3, 6, 10]
    assert len({json.dumps(one.card["sha256"]) for one in every}) == 1
    for one in every:
        measured = json.loads((one.path / "evaluation.json").read_text())
        assert measured["n_images"] == 1000
