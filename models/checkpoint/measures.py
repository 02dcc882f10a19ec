"""evaluation.json, declared: what a model was measured at (docs/evaluation.md).

A measure that was not taken is None. What an earlier version wrote is brought to what is written
now by `migrated`, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from models.storage.declared import Declared, read_declared

FILE = "evaluation.json"
REMEDY = "Measure it again with `python -m models.evaluate … --write`, or take its own file back."
HEADLINE = {"k": "k", "images": "nll_images", "nll_nats": "nll_nats",
            "standard_error": "nll_standard_error"}  # fmt: skip
LISTS = ("bounds", "bounds_on_deep_images")  # with an entry for every K

Floats = Annotated[tuple[float, ...], Field(strict=False)]
Integers = Annotated[tuple[int, ...], Field(strict=False)]


class BoundMeasures(Declared):
    """The importance-weighted bound at K draws, nats per image.

    `half_draws_error` is how far the mean would move with other draws (docs/evaluation.md); an
    earlier version took it by the delta method, which is too small.
    """

    k: int
    images: int
    nll_nats: float
    standard_error: float | None = None
    half_draws_error: float | None = None
    delta_method_error: float | None = None
    effective_draws: float | None = None
    bits_per_dim: float | None = None


class FormMeasures(Declared):
    """One exact form of the bound, nats per image; what the levels below the top cost differs."""

    elbo_nats: float
    elbo_standard_error: float
    reconstruction_nats: float
    prior_matching_nats: float
    std_over_draws_nats: float | None = None
    bits_per_dim: float | None = None


class LogRatios(FormMeasures):
    """The first form, from below."""

    consistency_nats: float


class Matched(FormMeasures):
    """The second form, from the top; and what both tend to."""

    denoising_matching_nats: float


class TwoForms(Declared):
    """Both forms at the same draws, and what they tend to."""

    log_ratios: LogRatios
    matched: Matched
    difference_nats: float
    difference_standard_error: float
    variance_ratio: float | None = None
    limit: Matched | None = None


class WithoutInactive(Declared):
    """What −ELBO does without the inactive units, level by level and in all."""

    deleted: Integers
    elbo_nats_before: float
    elbo_nats_after: float
    difference_nats: float
    difference_standard_error: float
    moved: bool
    nats_of_deleted: Floats


class NeighbourMeasures(Declared):
    """How near samples and references come to the training set."""

    samples: int
    tests: int
    distance_samples: float
    distance_tests: float
    distance_reconstructions: float
    ratio_to_tests: float
    ratio_to_tests_error: float
    ratio_to_reconstructions: float
    ratio_to_reconstructions_error: float
    copies_samples: int
    copies_tests: int


class AskedMeasures(Declared):
    """What a full evaluation was asked (`models.evaluation.suite.Asked`)."""

    images: int | None
    k: Integers
    limit: int | None
    deep: int
    deep_images: int
    draws: int
    samples: int
    seed: int


class Measures(Declared):
    """All that was measured of a model; lists run z_1 … z_T, means are over the test images."""

    elbo_nats: float | None = None
    elbo_standard_error: float | None = None
    reconstruction_nats: float | None = None
    reconstruction_standard_error: float | None = None
    rate_nats: Floats | None = None
    rate_standard_error: Floats | None = None
    active_units: Integers | None = None
    active_units_burda: Integers | None = None
    reach: Floats | None = None
    drift_sigma: Annotated[tuple[float | None, ...], Field(strict=False)] | None = None
    n_images: int | None = None
    draws: int | None = None
    seed: int | None = None
    bits_per_dim: float | None = None
    psnr_db: float | None = None
    psnr_standard_error: float | None = None
    without_inactive: WithoutInactive | None = None
    neighbours: NeighbourMeasures | None = None
    two_forms: TwoForms | None = None
    bounds: Annotated[tuple[BoundMeasures, ...], Field(strict=False)] = ()
    bounds_on_deep_images: Annotated[tuple[BoundMeasures, ...], Field(strict=False)] = ()
    nll_nats: float | None = None
    nll_standard_error: float | None = None
    k: int | None = None
    nll_images: int | None = None
    asked: AskedMeasures | None = None
    model: str | None = None
    test_set: str | None = None


def read_measures(found: Mapping[str, Any], where: str = FILE) -> Measures:
    """The measures in the object of an evaluation.json of any version.

    Raises:
        BadInput: It holds what is no measure, or one of another type.
    """
    return read_declared(Measures, migrated(found), where, REMEDY)


def migrated(found: Mapping[str, Any]) -> dict[str, Any]:
    """The object of an evaluation.json of any version as this one writes it.

    An earlier version had the largest K alone, without a list; another called the error of the
    draws by the delta method a Monte Carlo error. What is no list of objects stays, to be refused.
    """
    result = dict(found)
    if "bounds" not in result and result.get("nll_nats") is not None:
        result["bounds"] = [{name: result.get(key) for name, key in HEADLINE.items()}]
    for key in LISTS:
        listed = result.get(key)
        if isinstance(listed, list):
            result[key] = [_renamed(bound) for bound in listed]
    return result


def _renamed(bound: object) -> object:
    if not isinstance(bound, Mapping) or "monte_carlo_error" not in bound:
        return bound
    names = {"monte_carlo_error": "delta_method_error"}
    return {names.get(key, key): value for key, value in bound.items()}
