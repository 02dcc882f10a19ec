"""The nearest training images: a planted copy is found, and honest pictures are not accused."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Distribution

from models.base import Chain
from models.evaluation.neighbours import Nearest, find_neighbours, nearest, ratio
from models.families.mhvae.model import MHVAE
from models.pixels import to_float
from tests.models.tiny import tiny_model

EIGHT_BIT = "discretised_logistic"


def pictures(count: int, seed: int, side: int = 8) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (count, side, side, 1), dtype=np.uint8)


class Said(Distribution):
    """A picture, as the mean of a distribution."""

    def __init__(self, mean: Tensor) -> None:
        super().__init__(mean.shape[:1], mean.shape[1:], validate_args=False)
        self.picture = mean

    @property
    def mean(self) -> Tensor:
        return self.picture


class Parrot(MHVAE):
    """Says a training image whenever the first number of z_1 is positive."""

    learned: Tensor

    def likelihood(self, z: Chain) -> Distribution:
        found = super().likelihood(z)
        first = z[1]
        assert first is not None
        said = self.learned[torch.arange(len(first)) % len(self.learned)]
        mean = torch.where((first[:, 0] > 0)[:, None, None, None], said, found.mean)
        return Said(mean)


@pytest.mark.parametrize("rows", [7, 50, 1000])
def test_nearest_by_brute_force(rows: int) -> None:
    train, asked = pictures(90, 0), pictures(11, 1)
    found = nearest(to_float(asked), train, count=5, rows=rows)
    difference = (asked[:, None] / 255.0 - train[None] / 255.0).reshape(11, 90, -1)
    distance = np.sqrt(np.square(difference).mean(2))
    order = distance.argsort(axis=1)[:, :5]
    assert np.array_equal(found.index, order)
    np.testing.assert_allclose(found.distance, np.take_along_axis(distance, order, 1), atol=1e-6)


def test_a_planted_copy_is_found() -> None:
    train = pictures(300, 0)
    asked = to_float(pictures(20, 1))
    asked[4] = to_float(train[123:124])[0]
    noisy = to_float(train[77:78])[0] + 0.02 * torch.randn(1, 8, 8)
    asked[9] = noisy.clamp(0, 1)
    found = nearest(asked, train)
    assert found.index[4, 0] == 123 and found.distance[4, 0] < 1e-3
    assert found.index[9, 0] == 77
    assert np.flatnonzero(found.copies).tolist() == [4, 9]


def test_a_model_that_memorised_is_told_from_one_that_did_not() -> None:
    train, test = pictures(200, 0), pictures(60, 1)
    honest = find_neighbours(tiny_model(EIGHT_BIT), train, test, 60).to_json()
    assert (honest["copies_samples"], honest["copies_tests"]) == (0, 0)
    parrot = Parrot(tiny_model(EIGHT_BIT).config)
    parrot.load_state_dict(tiny_model(EIGHT_BIT).state_dict())
    parrot.learned = to_float(train[:60])
    found = find_neighbours(parrot.requires_grad_(False).eval(), train, test, 60)
    facts = found.to_json()
    said = (found.samples.distance[:, 0] < 1e-3).sum()
    assert 15 < said < 45
    assert facts["copies_samples"] == said and facts["copies_tests"] == 0
    assert facts["samples"] == facts["tests"] == 60


def test_the_ratio_and_its_error_by_hand() -> None:
    found, error = ratio(np.array([1.0, 3.0]), np.array([3.0, 5.0]))
    assert found == pytest.approx(0.5)
    assert error == pytest.approx(0.5 * ((1 / 2) ** 2 + (1 / 4) ** 2) ** 0.5)


def test_a_small_training_set_has_fewer_neighbours() -> None:
    found = nearest(to_float(pictures(3, 1)), pictures(4, 0))
    assert found.distance.shape == (3, 4)
    assert not Nearest(found.distance, found.index).copies.any()
