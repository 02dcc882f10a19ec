"""The nearest training images of samples from the prior: is anything memorised?

A distance is the RMS difference of two pictures over pixels and channels, pixels in [0, 1]: the
L2 distance over the square root of their number. Samples are the likelihood's means; training
and test images are as they came, not binarised. Whoever asks whether a model hands out its
training images needs references, since a mean picture is smoother than any image:

    tests            held-out test images: how near an image that was never seen comes
    reconstructions  mean-path reconstructions of test images: as smooth as a sample is

`ratio` is the mean distance of the samples over that of a reference; far below 1 would say that
samples lie nearer to the training set than new images do. A `copy` is a picture whose nearest
training image is less than half as far as its 50 nearest are on average (after Carlini et al.
2023, "Extracting Training Data from Diffusion Models", section 5.1); it is counted for the
samples and for the test images.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from torch import Tensor

from models.base import HierarchicalModel
from models.chain import prior_samples
from models.evaluation.bounds import standard_error
from models.evaluation.measures import batches, seen_test_set
from models.pixels import to_float
from models.precision import exact

NEAREST = 50
SHARE_OF_A_COPY = 0.5
SHEET = 12  # samples kept as pictures


@dataclass(frozen=True)
class Nearest:
    """The nearest training images of some pictures.

    Args:
        distance: RMS differences, ascending, `(N, NEAREST)` or fewer columns.
        index: Rows of the training set, the same shape.
    """

    distance: np.ndarray
    index: np.ndarray

    @property
    def copies(self) -> np.ndarray:
        """Whether the nearest is far nearer than the others, bool `(N,)`."""
        return self.distance[:, 0] < SHARE_OF_A_COPY * self.distance.mean(1)


@dataclass(frozen=True)
class Neighbours:
    """Samples and references against the training set.

    Args:
        pictures: The first samples, `(S, C, H, W)`, for the sheet.
        samples, tests, reconstructions: Their nearest training images.
    """

    pictures: Tensor
    samples: Nearest
    tests: Nearest
    reconstructions: Nearest

    def to_json(self) -> dict[str, object]:
        of_samples, of_tests, of_smooth = (
            near.distance[:, 0] for near in (self.samples, self.tests, self.reconstructions)
        )
        to_tests, tests_error = ratio(of_samples, of_tests)
        to_smooth, smooth_error = ratio(of_samples, of_smooth)
        return {
            "samples": len(of_samples),
            "tests": len(of_tests),
            "distance_samples": float(of_samples.mean()),
            "distance_tests": float(of_tests.mean()),
            "distance_reconstructions": float(of_smooth.mean()),
            "ratio_to_tests": to_tests,
            "ratio_to_tests_error": tests_error,
            "ratio_to_reconstructions": to_smooth,
            "ratio_to_reconstructions_error": smooth_error,
            "copies_samples": int(self.samples.copies.sum()),
            "copies_tests": int(self.tests.copies.sum()),
        }


def ratio(a: np.ndarray, b: np.ndarray) -> tuple[float, float]:
    """The ratio of two independent means, and its standard error by the delta method."""
    found = a.mean() / b.mean()
    relative = sqrt((standard_error(a) / a.mean()) ** 2 + (standard_error(b) / b.mean()) ** 2)
    return float(found), float(found * relative)


@torch.no_grad()
def nearest(pictures: Tensor, train: np.ndarray, count: int = NEAREST, rows: int = 2000) -> Nearest:
    """The nearest images of `train`, uint8 `(M, H, W, C)`, to each picture `(N, C, H, W)`.

    Differences are taken about a mid-grey, in single precision, in parts of `rows` images, so
    that memory is bounded and an exact copy is found at a distance of (nearly) zero.
    """
    count = min(count, len(train))
    pixels = pictures[0].numel()
    flat = pictures.flatten(1).float() - 0.5
    norms = flat.double().square().sum(1)
    best = torch.full((len(flat), 0), torch.inf, dtype=torch.float64)
    index = torch.zeros((len(flat), 0), dtype=torch.long)
    for start in range(0, len(train), rows):
        part = to_float(train[start : start + rows]).flatten(1) - 0.5
        squares = norms[:, None] + part.double().square().sum(1) - 2 * (flat @ part.T).double()
        here = torch.arange(start, start + len(part)).expand(len(flat), -1)
        joined, rows_of = torch.cat([best, squares], 1), torch.cat([index, here], 1)
        best, order = joined.topk(min(count, joined.shape[1]), dim=1, largest=False)
        index = rows_of.gather(1, order)
    distance = (best.clamp_min(0) / pixels).sqrt()
    return Nearest(distance.numpy(), index.numpy())


@exact()
def find_neighbours(
    model: HierarchicalModel, train: np.ndarray, test: np.ndarray, count: int, seed: int = 0
) -> Neighbours:
    """`count` samples, and as many test images and reconstructions, against the training set.

    Args:
        train, test: uint8 `(N, H, W, C)`.
    """
    test = test[:count]
    samples = prior_samples(model, count, seed)
    seen = seen_test_set(model, test, seed)
    return Neighbours(
        samples[:SHEET],
        nearest(samples, train),
        nearest(to_float(test), train),
        nearest(reconstructions(model, seen), train),
    )


@torch.no_grad()
def reconstructions(model: HierarchicalModel, x: Tensor) -> Tensor:
    """The mean-path reconstructions of images as the model sees them, same shape, on the CPU."""
    return torch.cat([model.likelihood(model.embed(b).z).mean.cpu() for b in batches(x, model)])
