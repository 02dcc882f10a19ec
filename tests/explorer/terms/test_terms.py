"""The terms of one image: seeded averages, and where they lie among the test images."""

from __future__ import annotations

import json
from math import log, sqrt
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch.distributions import Distribution

from explorer.library.library import Entry
from explorer.live import to_json
from explorer.render.encode import as_model_sees, encode_image
from explorer.terms.standard_errors import reference_errors
from explorer.terms.terms import all_divergences, explanation, image_terms, percentile, verdict_of
from models.base import Chain, encode
from models.chain import draw_noise
from models.checkpoint.checkpoint import Checkpoint
from models.objective import Terms, terms
from models.seeds import stream
from tests.explorer.toy import POSTERIOR_STD, Toy, toy_checkpoint
from tests.models.diffusion_toys import independent
from tests.models.small_hvae import random_hvae

GREY = toy_checkpoint()
BINARY = toy_checkpoint(likelihood="bernoulli")
COLOUR = toy_checkpoint(image_shape=(3, 4, 4))


def test_pixels_become_the_models_input_in_its_layout() -> None:
    x = as_model_sees(COLOUR.model, COLOUR.examples[0])
    assert x.shape == (1, 3, 4, 4)
    assert float(x[0, 2, 1, 3]) == pytest.approx(COLOUR.examples[0, 1, 3, 2] / 255)


def test_a_binary_model_sees_the_image_thresholded() -> None:
    x = as_model_sees(BINARY.model, BINARY.examples[0])
    assert set(x.unique().tolist()) == {0.0, 1.0}
    assert image_terms(BINARY, BINARY.examples[0]).bits_per_dim is None


def test_the_mean_path_and_seeded_samples() -> None:
    mean = encode_image(GREY, GREY.examples[0])
    posterior = mean.q(1)
    assert posterior is not None and torch.equal(mean.z[1], posterior.mean)
    one, again, other = (encode_image(GREY, GREY.examples[0], seed) for seed in (1, 1, 2))
    assert torch.equal(one.z[3], again.z[3])
    assert not torch.equal(one.z[3], other.z[3])
    spread = (one.z[1] - mean.z[1]).abs().max()
    assert 0 < float(spread) < 5 * POSTERIOR_STD


def single_draws(count: int, seed: int) -> list[Terms]:
    """The terms of the first test image, draw by draw."""
    x = as_model_sees(GREY.model, GREY.examples[0])
    generator = stream("terms", seed)
    return [terms(GREY.model, x, draw_noise(GREY.model, 1, generator)) for _ in range(count)]


def test_terms_average_their_draws() -> None:
    singles = single_draws(3, seed=4)
    found = image_terms(GREY, GREY.examples[0], draws=3, seed=4)
    expected = np.mean([float(single.elbo) for single in singles])
    assert found.elbo_nats == pytest.approx(expected, rel=1e-5)
    assert found.elbo_nats is not None and found.rate_nats is not None
    assert found.rate_nats[1] == pytest.approx(
        np.mean([float(single.rate[0, 1]) for single in singles]), rel=1e-4
    )
    assert found.draws == 3
    assert found.bits_per_dim == pytest.approx(-found.elbo_nats / 16 / log(2))


def test_every_term_has_its_standard_error_over_the_draws() -> None:
    singles = single_draws(5, seed=2)
    errors = image_terms(GREY, GREY.examples[0], draws=5, seed=2).errors
    assert errors is not None

    def by_hand(values: list[float]) -> float:
        mean = sum(values) / 5
        return sqrt(sum((v - mean) ** 2 for v in values) / 4 / 5)

    assert errors.elbo_nats == pytest.approx(by_hand([float(s.elbo) for s in singles]), rel=1e-4)
    reconstructions = [float(s.reconstruction) for s in singles]
    assert errors.reconstruction_nats == pytest.approx(by_hand(reconstructions), rel=1e-4)
    rates = [s.rate[0].tolist() for s in singles]
    for t in range(3):
        expected = by_hand([rate[t] for rate in rates])
        assert errors.rate_nats[t] == pytest.approx(expected, rel=1e-4) and expected > 0.01
    total = by_hand([sum(rate) for rate in rates])
    assert errors.total_rate_nats == pytest.approx(total, rel=1e-4)
    assert image_terms(GREY, GREY.examples[0], draws=1).errors is None


def test_the_test_sets_errors_are_over_its_images() -> None:
    """Of 101 reference ELBOs, evenly spread; of the parts as measured on 404 images."""
    measured = {
        "n_images": 404,
        "reconstruction_standard_error": 0.5,
        "rate_standard_error": [0.25, 0.1, 0.05],
    }
    errors = reference_errors(with_evaluation(GREY, measured))
    spread = np.linspace(-60, -10, 101).std(ddof=1)
    assert errors.elbo_nats == pytest.approx(spread / sqrt(101))
    assert errors.reconstruction_nats == pytest.approx(1.0)
    assert errors.rate_nats == pytest.approx((0.5, 0.2, 0.1))
    assert errors.total_rate_nats is None
    old = reference_errors(with_evaluation(GREY, {"n_images": 404}))
    assert (old.reconstruction_nats, old.rate_nats) == (None, (None, None, None))
    assert reference_errors(GREY).elbo_nats == errors.elbo_nats


def with_evaluation(checkpoint: Checkpoint, measured: dict[str, object]) -> Checkpoint:
    return cast(Checkpoint, SimpleNamespace(**{**vars(checkpoint), "evaluation": measured}))


def test_the_page_is_told_the_errors_beside_the_terms() -> None:
    found = image_terms(GREY, GREY.examples[0])
    told = json.loads(json.dumps(to_json.terms_json(found)))
    assert told["elbo"] == found.elbo_nats and told["rate"] == list(found.rate_nats or ())
    assert found.errors is not None
    assert told["errors"]["rate"] == list(found.errors.rate_nats)
    assert told["errors"]["total_rate"] == found.errors.total_rate_nats
    assert (told["draws"], told["psnr_db"]) == (8, None)
    entry = Entry("toy", "bundled", "toy", "toy")
    test = json.loads(json.dumps(to_json.model_json(entry, GREY)))["test"]
    assert test["images"] == 101
    assert test["elbo"] == pytest.approx(test["reconstruction"] - sum(test["rate"]))
    assert test["divergences"] is False
    assert test["errors"]["elbo"] > 0 and test["errors"]["rate"] == [None] * 3


def test_which_families_have_divergences_at_every_level() -> None:
    assert all_divergences(random_hvae()) and all_divergences(independent(5))
    assert not all_divergences(GREY.model)


class Silent(Toy):
    """The toy without a likelihood: its pictures are all that can be measured."""

    has_likelihood = False

    def likelihood(self, z: Chain) -> Distribution:
        mean = super().likelihood(z).mean
        return cast(Distribution, SimpleNamespace(mean=mean))  # nothing that could score an image


def test_a_model_without_a_likelihood_has_a_ratio_and_no_terms() -> None:
    silent = with_evaluation(GREY, {"psnr_db": 31.5})
    silent = cast(Checkpoint, SimpleNamespace(**{**vars(silent), "model": Silent().eval()}))
    found = image_terms(silent, silent.examples[0])
    assert (found.elbo_nats, found.reconstruction_nats, found.rate_nats) == (None, None, None)
    assert (found.bits_per_dim, found.percentile, found.errors) == (None, None, None)
    assert found.verdict == "unknown" and "no likelihood of its own" in found.explanation
    x = as_model_sees(silent.model, silent.examples[0])
    picture = silent.model.likelihood(encode(silent.model, x).z).mean
    expected = -10 * np.log10(float((picture - x).square().mean()))
    assert found.psnr_db == pytest.approx(expected, rel=1e-5)
    told = json.loads(json.dumps(to_json.terms_json(found)))
    assert told["psnr_db"] == found.psnr_db and told["elbo"] is told["rate"] is None
    test = to_json.model_json(Entry("toy", "bundled", "toy", "toy"), silent)["test"]
    assert test == {"elbo": None, "psnr_db": 31.5}


def test_terms_are_the_same_each_time_with_as_many_draws_as_the_reference() -> None:
    torch.manual_seed(1)
    first = image_terms(GREY, GREY.examples[0])
    torch.manual_seed(2)
    assert image_terms(GREY, GREY.examples[0]) == first
    assert first.draws == GREY.statistics.reference_draws


def test_a_percentile_counts_ties_by_half() -> None:
    reference = torch.tensor([1.0, 2.0, 2.0, 3.0])
    assert percentile(0.0, reference) == 0
    assert percentile(2.0, reference) == 50
    assert percentile(2.5, reference) == 75
    assert percentile(4.0, reference) == 100


@pytest.mark.parametrize(
    ("percent", "verdict", "words"),
    [
        (0.0, "low", "all of the test images are likelier"),
        (2.4, "low", "97.6 % of the test images are likelier"),
        (2.5, "usual", "than 2 % of the test images"),
        (50.0, "usual", "than 50 % of the test images"),
        (97.5, "usual", "than 98 % of the test images"),
        (97.6, "high", "than 97.6 % of the test images"),
        (99.99, "high", "than 99.9 % of the test images"),
        (100.0, "high", "than all of the test images"),
    ],
)
def test_both_tails_are_flagged_and_explained(percent: float, verdict: str, words: str) -> None:
    assert verdict_of(percent) == verdict
    assert words in explanation(percent, verdict)


def test_a_verdict_says_nothing_of_the_reconstruction() -> None:
    """A strange image may be reconstructed faithfully: photos does so at 36 dB."""
    assert explanation(0.0, "low").endswith("how well it draws yours is for the eye to judge.")
