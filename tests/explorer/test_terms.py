"""The terms of one image: seeded averages, and where they lie among the test images."""

from __future__ import annotations

from math import log

import numpy as np
import pytest
import torch

from explorer.terms import (
    as_model_sees,
    encode_image,
    explanation,
    image_terms,
    percentile,
    verdict_of,
)
from models.chain import draw_noise
from models.objective import terms
from tests.explorer.toy import POSTERIOR_STD, toy_checkpoint

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


def test_terms_average_their_draws() -> None:
    x = as_model_sees(GREY.model, GREY.examples[0])
    noise = draw_noise(GREY.model, 3, torch.Generator().manual_seed(4))
    singles = []
    for k in range(3):
        one = tuple(entry[k : k + 1] for entry in noise)
        singles.append(terms(GREY.model, x, one))
    found = image_terms(GREY, GREY.examples[0], draws=3, seed=4)
    expected = np.mean([float(single.elbo) for single in singles])
    assert found.elbo_nats == pytest.approx(expected, rel=1e-5)
    assert found.rate_nats[1] == pytest.approx(
        np.mean([float(single.rate[0, 1]) for single in singles]), rel=1e-4
    )
    assert found.draws == 3
    assert found.bits_per_dim == pytest.approx(-found.elbo_nats / 16 / log(2))


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
