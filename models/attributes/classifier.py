"""A small classifier of labelled pictures: one trunk, one head per attribute.

It is a measuring instrument, not a model of the project: what it says of a decoded picture
tells which attributes survive in it (`models/attributes/command.py`). It learns from the training
part of the data alone and is judged on the test part.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor, nn
from tqdm import tqdm

from models.errors import BadInput
from models.pixels import to_float
from models.seeds import choices, seed_torch
from models.storage.atomic import cache_folder, write_file

CODE = 1  # counts up when the same data no longer gives the same classifier
Labels = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class ClassifierConfig:
    """How the classifier is built and trained.

    Args:
        channels: Channels of its four convolutions, each halving the side.
        width: Features of the layer that all heads read.
        epochs: Passes over the training pictures.
        batch_size: Pictures a step.
        learning_rate: Peak of the cosine schedule of AdamW.
        seed: Seed of the weights and of the order.
    """

    channels: tuple[int, int, int, int] = (32, 64, 96, 128)
    width: int = 256
    epochs: int = 6
    batch_size: int = 64
    learning_rate: float = 3e-3
    seed: int = 0


@dataclass(frozen=True)
class Labelled:
    """Pictures with known attributes.

    Args:
        images: uint8, `(N, H, W, C)`.
        labels: By attribute the class of each picture, int64 `(N,)`.
        classes: By attribute the number of its classes.
    """

    images: np.ndarray
    labels: Labels
    classes: Mapping[str, int] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A hash of pictures, labels and classes."""
        digest = hashlib.sha256(np.ascontiguousarray(self.images).tobytes())
        for name, label in self.labels.items():
            digest.update(f"{name} {self.classes[name]}".encode())
            digest.update(np.ascontiguousarray(label, np.int64).tobytes())
        return digest.hexdigest()[:16]


class Classifier(nn.Module):
    """Logits of every attribute from pictures `(B, C, H, W)` with pixels in [0, 1]."""

    def __init__(self, side: int, channels: int, classes: Labels | Mapping[str, int],
                 config: ClassifierConfig) -> None:  # fmt: skip
        super().__init__()
        layers: list[nn.Module] = []
        last = channels
        for kernel, wide in zip((5, 3, 3, 3), config.channels, strict=True):
            convolution = nn.Conv2d(last, wide, kernel, stride=2, padding=kernel // 2, bias=False)
            layers += [convolution, nn.BatchNorm2d(wide), nn.ReLU()]
            last, side = wide, -(-side // 2)
        features = last * side**2
        layers += [nn.Flatten(), nn.Linear(features, config.width, bias=False)]
        self.trunk = nn.Sequential(*layers, nn.BatchNorm1d(config.width), nn.ReLU())
        self.heads = nn.ModuleDict(
            {name: nn.Linear(config.width, int(count)) for name, count in classes.items()}
        )

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        features = self.trunk(2 * x - 1)
        return {name: head(features) for name, head in self.heads.items()}


def train_classifier(
    data: Labelled, config: ClassifierConfig, progress: bool = False
) -> Classifier:
    """A classifier fitted to `data`: the sum of the heads' cross-entropies, AdamW, a cosine.

    A function of (data, config) on one machine; torch's global generator is left as it was.

    Raises:
        BadInput: There are fewer pictures than one batch, or no labels.
    """
    count, side, _, channels = data.images.shape
    if not data.labels:
        raise BadInput("these pictures have no labels: attributes are known of avatars only.")
    if count < config.batch_size:
        raise BadInput(f"{count} pictures are too few to learn attributes from: give at least "
                       f"{config.batch_size}, for instance --data avatars.")  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        seed_torch("classifier weights", config.seed)
        model = Classifier(side, channels, data.classes, config)
    optimizer = torch.optim.AdamW(model.parameters(), config.learning_rate, weight_decay=1e-2)
    targets = {name: torch.from_numpy(np.asarray(label)) for name, label in data.labels.items()}
    steps = config.epochs * (count // config.batch_size)
    model.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    bar = tqdm(total=steps, desc="classifier", disable=not progress)
    for step, chosen in enumerate(_batches(count, config)):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * 0.5 * (1 + math.cos(math.pi * step / steps))
        logits = model(to_float(data.images[chosen]))
        loss = sum(F.cross_entropy(logits[name], targets[name][chosen]) for name in logits)
        optimizer.zero_grad(set_to_none=True)
        torch.as_tensor(loss).backward()
        optimizer.step()
        bar.update()
    bar.close()
    return model.requires_grad_(False).eval()


def _batches(count: int, config: ClassifierConfig) -> Iterator[np.ndarray]:
    """The indices of every step: whole batches of seeded permutations."""
    for epoch in range(config.epochs):
        order = choices("classifier order", config.seed, epoch).permutation(count)
        for start in range(0, count - config.batch_size + 1, config.batch_size):
            yield order[start : start + config.batch_size]


def cached_classifier(
    data: Labelled, config: ClassifierConfig | None = None, progress: bool = False
) -> Classifier:
    """`train_classifier`, kept in the user's cache folder after the first call.

    A cache that cannot be read is trained anew; one that cannot be written is done without.
    """
    config = config or ClassifierConfig()
    path = _cache_path(data, config)
    _, side, _, channels = data.images.shape
    try:
        model = Classifier(side, channels, data.classes, config)
        model.load_state_dict(load_tensors(path.read_bytes()))
        return model.requires_grad_(False).eval()
    except (OSError, SafetensorError, RuntimeError):  # none, or damaged
        model = train_classifier(data, config, progress)
    try:
        state = {name: value.contiguous() for name, value in model.state_dict().items()}
        write_file(path, save_tensors(state))
    except BadInput as error:
        tqdm.write(f"the classifier is not cached: {error}")
    return model


def _cache_path(data: Labelled, config: ClassifierConfig) -> Path:
    recipe = hashlib.sha256(repr(config).encode()).hexdigest()[:8]
    return cache_folder() / f"attributes-{CODE}-{recipe}-{data.key}.safetensors"


@torch.no_grad()
def probabilities(classifier: Classifier, pictures: Tensor) -> dict[str, Tensor]:
    """By attribute the probability of each class, `(B, classes)`, for pictures `(B, C, H, W)`."""
    parts = [classifier(batch) for batch in pictures.split(250)]
    return {
        name: torch.cat([part[name] for part in parts]).softmax(dim=1) for name in classifier.heads
    }


def predicted(classifier: Classifier, pictures: Tensor) -> dict[str, Tensor]:
    """By attribute the most probable class of each picture, int64 `(B,)`."""
    found = probabilities(classifier, pictures)
    return {name: probability.argmax(dim=1) for name, probability in found.items()}


def confidence(classifier: Classifier, pictures: Tensor) -> Tensor:
    """The largest probability of each attribute, averaged over the attributes, `(B,)`."""
    found = probabilities(classifier, pictures)
    return torch.stack([p.max(dim=1).values for p in found.values()]).mean(dim=0)
