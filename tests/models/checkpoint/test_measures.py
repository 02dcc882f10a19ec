"""evaluation.json as it is declared: every version is read, and what is no measure is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from models.checkpoint.checkpoint import load_checkpoint, update_measures
from models.checkpoint.description import describe
from models.checkpoint.measures import BoundMeasures, Measures, migrated, read_measures
from models.errors import BadInput
from tests.models.tiny import tiny_checkpoint
from tests.running import ROOT

BUNDLED = sorted((ROOT / "checkpoints").glob("*/evaluation.json"))
BOUND: dict[str, Any] = {"k": 50, "images": 9, "nll_nats": 30.5, "standard_error": 0.25}


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.parent.name)
def test_what_is_bundled_is_read_and_is_of_this_version(path: Path) -> None:
    stored = json.loads(path.read_text())
    assert migrated(stored) == stored
    read = read_measures(stored).model_dump(mode="json", exclude_unset=True)
    assert read == stored


def test_nothing_was_measured_of_a_model_without_measures() -> None:
    assert read_measures({}) == Measures() and Measures().bounds == ()


def test_the_largest_k_alone_is_a_list_of_one_bound() -> None:
    old = {"k": 50, "nll_images": 9, "nll_nats": 30.5, "nll_standard_error": 0.25}
    assert read_measures(old).bounds == (BoundMeasures(**BOUND),)
    assert read_measures({**old, "bounds": []}).bounds == ()


def test_an_error_of_before_gets_the_name_of_what_it_is() -> None:
    for key in ("bounds", "bounds_on_deep_images"):
        old = {key: [{**BOUND, "monte_carlo_error": 0.0125}]}
        new = migrated(old)
        assert new == {key: [{**BOUND, "delta_method_error": 0.0125}]}
        (bound,) = getattr(read_measures(old), key)
        assert (bound.delta_method_error, bound.half_draws_error) == (0.0125, None)
        assert "monte_carlo_error" in old[key][0]  # what was given stays as it was


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"elbo_nats": "high"}, "elbo_nats is 'high', it should be a number"),
        ({"n_images": 2.5}, "n_images is 2.5, it should be a whole number"),
        ({"rate_nats": 3.0}, "rate_nats is 3.0, it should be a list"),
        ({"rate_nats": [1.0, None]}, r"rate_nats\[1\] is None, it should be a number"),
        ({"active_units": [True]}, r"active_units\[0\] is True, it should be a whole number"),
        ({"elbo": -3.0}, "elbo is unknown"),
        ({"bounds": [{**BOUND, "k": "many"}]}, r"bounds\[0\].k is 'many', it should be a whole"),
        ({"bounds": [{"k": 1, "images": 9}]}, r"bounds\[0\].nll_nats is missing"),
        ({"bounds": [7]}, r"bounds\[0\] is 7, it should be an object"),
        ({"bounds": {"k": 1}}, "bounds is .*, it should be a list"),
    ],
)
def test_what_is_no_measure_is_named_with_what_to_do(changes: dict, says: str) -> None:
    with pytest.raises(BadInput, match=f"^evaluation.json: {says}.*Measure it again"):
        read_measures(changes)


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    folder, _ = tiny_checkpoint(tmp_path, "bernoulli")
    before, checkpoint = (folder / "evaluation.json").read_bytes(), load_checkpoint(folder)
    with pytest.raises(BadInput, match="evaluation.json: surprise is unknown"):
        update_measures(checkpoint, checkpoint.statistics, {"surprise": 1.0}, "# tiny")
    assert (folder / "evaluation.json").read_bytes() == before


def test_a_checkpoint_with_such_a_file_is_refused_before_and_when_it_is_opened(
    tmp_path: Path,
) -> None:
    folder, _ = tiny_checkpoint(tmp_path, "bernoulli")
    (folder / "evaluation.json").write_text('{"elbo_nats": "high"}')
    for opened in (describe, load_checkpoint):  # before it is built, and as it is
        with pytest.raises(BadInput, match="tiny': evaluation.json: elbo_nats is 'high'"):
            opened(folder)
