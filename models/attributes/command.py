"""What each level means, in the words of the labels: `python -m models.attributes CHECKPOINT`.

A test picture with label y_a is encoded on the mean path; z_t … z_T are kept and every level
below t is drawn anew from p(z_s | z_{s+1}); the classifier c_a then looks at the decoded
picture x'. The share of an attribute a that survives at t is

    survival_a(t) = P( c_a(x') = y_a ),   t = 1 … T + 1

t = 1 keeps everything, so it is the reconstruction's agreement with the label; t = T + 1 keeps
nothing, so x' is a sample of the prior. Beside it stand the accuracy of the classifier on the
pictures themselves, which is all that could survive, and the chance that two test pictures
share a class, Σ_c P(y_a = c)².

Fresh noise is a function of (seed, level), the same for all pictures of a batch. So pictures
go in blocks, each with its own seeds, and the standard error is that of the mean of the
blocks. Realism is the classifier's mean confidence on samples of the prior, beside that on
reconstructions and on real test pictures: a picture that looks like none of the classes makes
it unsure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models.attributes.classifier import (
    CODE,
    Classifier,
    Labelled,
    cached_classifier,
    confidence,
    predicted,
)
from models.attributes.pictures import level_sheets
from models.base import HierarchicalModel, Trace, bottom_up
from models.chain import sample_chain
from models.checkpoint.checkpoint import load_checkpoint
from models.command_line import add_outputs, exit_status
from models.data.load import Data, load_data
from models.errors import BadInput
from models.evaluation.bounds import standard_error
from models.evaluation.redrawn import redrawn
from models.pixels import to_float
from models.report.attributes_section import FILE, table
from models.report.card import keep_measures
from models.storage.atomic import write_file
from models.storage.model_folder import to_json

BLOCK = 20  # pictures that share their noise
UNSURE = 0.05  # the quantile of real confidences below which a picture counts as odd


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error."""

    mean: float
    standard_error: float

    @staticmethod
    def of(values: Tensor) -> Estimate:
        """The mean of independent `values`, `(N,)`; one value has no known error (0)."""
        found = values.double().numpy()
        return Estimate(float(found.mean()), standard_error(found))

    def to_json(self) -> list[float]:
        return [round(self.mean, 6), round(self.standard_error, 6)]


def chance(labels: np.ndarray) -> float:
    """The chance that two pictures drawn from `labels` share a class: Σ_c p_c²."""
    shares = np.bincount(labels) / len(labels)
    return float((shares**2).sum())


def agreement(
    classifier: Classifier, pictures: Tensor, labels: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """By attribute whether the predicted class is the label, float `(B,)`."""
    found = predicted(classifier, pictures)
    return {name: (found[name] == labels[name]).float() for name in found}


def blocks(
    model: HierarchicalModel, data: Labelled, size: int = BLOCK
) -> Iterator[tuple[Trace, dict[str, Tensor]]]:
    """Traces on the mean path of `size` pictures each, with their labels."""
    for start in range(0, len(data.images), size):
        part = slice(start, start + size)
        x = model.as_seen(to_float(data.images[part]))
        labels = {name: torch.from_numpy(label[part]) for name, label in data.labels.items()}
        with torch.no_grad():
            trace = model.embed(x)
        yield trace, labels


def survival(
    model: HierarchicalModel, classifier: Classifier, data: Labelled, draws: int = 4
) -> dict[str, list[Estimate]]:
    """By attribute, for t = 1 … T + 1, the share of pictures whose label survives.

    Args:
        data: Labelled test pictures.
        draws: Redrawings of each picture; where nothing is redrawn one is enough.
    """
    shares: dict[str, list[list[Tensor]]] = {
        name: [[] for _ in range(model.depth + 1)] for name in classifier.heads
    }
    for block, (trace, labels) in enumerate(blocks(model, data)):
        for t in bottom_up(model.depth + 1):
            seeds = range(block * draws, block * draws + (1 if t == 1 else draws))
            found = [agreement(classifier, redrawn(model, trace, t, s), labels) for s in seeds]
            for name in shares:
                shares[name][t - 1].append(torch.stack([f[name].mean() for f in found]).mean())
    return {
        name: [Estimate.of(torch.stack(values)) for values in by_level]
        for name, by_level in shares.items()
    }


@torch.no_grad()
def realism(
    model: HierarchicalModel, classifier: Classifier, data: Labelled, samples: int
) -> dict[str, dict[str, Any]]:
    """The classifier's confidence on real pictures, reconstructions and samples.

    Of each kind: the mean confidence over pictures, and the share of pictures at least as
    sure as all but the least sure 5 % of the real ones.
    """
    x = model.as_seen(to_float(data.images))
    parts = [redrawn(model, trace, 1, 0) for trace, _ in blocks(model, data)]
    drawn = [model.likelihood(sample_chain(model, seed)).mean for seed in range(samples)]
    kinds = {"real": x, "reconstructions": torch.cat(parts), "samples": torch.cat(drawn)}
    found = {kind: confidence(classifier, pictures) for kind, pictures in kinds.items()}
    limit = torch.quantile(found["real"], UNSURE)
    return {
        kind: {
            "pictures": len(values),
            "confidence": Estimate.of(values).to_json(),
            "as_sure_as_real": Estimate.of((values >= limit).float()).to_json(),
        }
        for kind, values in found.items()
    }


def measure(
    model: HierarchicalModel, classifier: Classifier, data: Labelled, draws: int, samples: int
) -> dict[str, Any]:
    """All that attributes.json holds of a model; lists run t = 1 … T + 1."""
    labels = {name: torch.from_numpy(label) for name, label in data.labels.items()}
    right = agreement(classifier, to_float(data.images), labels)
    kept = survival(model, classifier, data, draws)
    return {
        "n_images": len(data.images),
        "draws": draws,
        "classifier_code": CODE,
        "attributes": {
            name: {
                "classes": data.classes[name],
                "chance": round(chance(data.labels[name]), 6),
                "classifier": Estimate.of(right[name]).to_json(),
                "survival": [estimate.to_json() for estimate in kept[name]],
            }
            for name in kept
        },
        "realism": realism(model, classifier, data, samples),
    }  # fmt: skip


def labelled(data: Data) -> tuple[Labelled, Labelled]:
    """The training and the test part of labelled data.

    Raises:
        BadInput: The data has no labels.
    """
    named = data.card.get("classes")
    if not data.labels or not isinstance(named, dict):
        raise BadInput("these pictures have no labelled attributes: give --data avatars.")
    classes = {name: len(named[name]) for name in data.labels}
    train = {name: parts[0] for name, parts in data.labels.items()}
    test = {name: parts[1] for name, parts in data.labels.items()}
    return Labelled(data.train, train, classes), Labelled(data.test, test, classes)


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m models.attributes", description=__doc__)
    parser.add_argument("checkpoint", help="a checkpoint folder")
    parser.add_argument("--data", required=True, help="labelled data, as for models.train: avatars")
    parser.add_argument("--draws", type=int, default=4, help="redrawings of each picture")
    parser.add_argument("--samples", type=int, default=1000, help="samples of the prior")
    add_outputs(parser)
    return exit_status(run, parser.parse_args(arguments))


def run(options: argparse.Namespace) -> None:
    """Measure as the command line asks."""
    if options.draws < 1 or options.samples < 2:
        raise BadInput("--draws must be at least 1, --samples at least 2.")
    if options.threads:
        torch.set_num_threads(options.threads)
    checkpoint = load_checkpoint(options.checkpoint)
    channels, side, _ = checkpoint.model.image_shape
    train, test = labelled(load_data(options.data, image_size=side, channels=channels))
    classifier = cached_classifier(train, progress=sys.stderr.isatty())
    measured = measure(checkpoint.model, classifier, test, options.draws, options.samples)
    result = {"model": checkpoint.hash, "data": options.data, **measured}
    print("\n".join(table(result)))
    if options.json:
        write_file(options.json, to_json(result))
    if options.write:
        keep_measures(checkpoint, FILE, result, level_sheets(checkpoint.model, test.images))
