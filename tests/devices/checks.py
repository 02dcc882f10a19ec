"""What is asked of a model on a device: each check gives numbers, the same on every device."""

from __future__ import annotations

import copy
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from explorer.images.uploads import image_hash
from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.render.decode_memory import Chains
from explorer.render.encode import encode_image
from explorer.render.render import ladder, render, sample_frame
from explorer.terms.terms import image_terms
from models.base import HierarchicalModel, Trace, bottom_up, encode
from models.chain import draw_noise, with_own_noise
from models.checkpoint.checkpoint import Checkpoint
from models.checkpoint.statistics import std_along
from models.data.load import Data
from models.evaluation.reference import Effort
from models.evaluation.suite import Asked, measure
from models.objective import (
    both_forms,
    estimate,
    importance_weighted_bound,
    is_reversible,
    log_weight,
    terms,
)
from models.pixels import to_float
from models.policy import MEAN, Policy
from models.sources.in_memory import measured
from models.training.loop import TrainState, train
from models.training.run import RunFiles, Spent, load_state, preview, save_state
from models.training.schedule import TrainConfig
from tests.devices.small import images_for

Numbers = list[np.ndarray]
DRAWS = 2
FEW = Effort(draws=DRAWS, batch=8, counts_units=False)
CARD: dict[str, Any] = {"title": "noise", "source": "noise", "sha256": "0" * 64}


def plain(tensors: Iterable[Tensor]) -> Numbers:
    """Tensors of any device as arrays."""
    return [tensor.detach().cpu().numpy() for tensor in tensors]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(7)


def seen(model: HierarchicalModel) -> Tensor:
    """Two images as the model sees them, on its device."""
    images = to_float(images_for(model, 2)).to(model.like.device)
    return model.as_seen(images)


def checkpoint_of(model: HierarchicalModel) -> Checkpoint:
    """The model, measured where it is."""
    return measured("small", Path("small"), model, images_for(model), CARD, "0" * 16, FEW)


@torch.no_grad()
def models(model: HierarchicalModel) -> Numbers:
    """The mean path, a draw, the trace that is edited; the terms in every form, the bounds."""
    x, eps = seen(model), draw_noise(model, 2, seeded())
    edited = with_own_noise(model, model.embed(x[:1]))
    found = [*encode(model, x).z, *encode(model, x, eps).z, *edited.z, *edited.own]
    if not model.has_likelihood:
        return plain(found)
    parts = [terms(model, x, eps), estimate(model, x, seeded())]
    if is_reversible(model):
        parts += both_forms(model, x, eps)
    found += [part for one in parts for part in (one.reconstruction, one.rate)]
    found += [log_weight(model, x, eps), importance_weighted_bound(model, x, 3, seeded(), rows=4)]
    return plain(found)


BASE = TrainConfig(steps=2, batch_size=4, warmup_steps=0, bf16=False, clip_norm=1e-3)


def training(model: HierarchicalModel) -> Numbers:
    """In bfloat16, under free bits."""
    return trained(model, replace(BASE, free_bits=(0.5,) * model.depth, bf16=True))


def recipes(model: HierarchicalModel) -> Numbers:
    """The other ways to train."""
    chosen: list[dict[str, Any]] = [
        {"rate_targets": (0.5,) * model.depth, "tf32": True},
        {"samples": 2, "weighted_from": 0.0},
        {"greedy": 0.9},
    ]
    return [found for one in chosen for found in trained(model, replace(BASE, **one))]


def trained(model: HierarchicalModel, config: TrainConfig) -> Numbers:
    """A step, saved and taken up again, one more, and the preview."""
    images = images_for(model)
    state = TrainState(copy.deepcopy(model).requires_grad_(True), config)
    found = [next(train(state, images, config))]
    again = TrainState(copy.deepcopy(model).requires_grad_(True), config)
    with TemporaryDirectory() as folder:
        files = RunFiles(Path(folder))
        files.folder.mkdir()
        save_state(files, state, Spent())
        load_state(files, again)
    assert again.step == 1
    found += train(again, images, config)
    picture = Image.open(io.BytesIO(preview(state.ema, images[:1])))
    records = [np.array([r.elbo_nats, r.reconstruction_nats, *r.rate_nats]) for r in found]
    return [*records, np.asarray(picture)]


def measures(model: HierarchicalModel) -> Numbers:
    """What is measured of a model when it is opened, σ along any direction, the evaluation."""
    checkpoint, images = checkpoint_of(model), images_for(model)
    tensors = checkpoint.statistics.to_tensors()
    found = [tensors[key].float() for key in sorted(tensors)]
    if model.local_count:
        level = model.level(1)
        along = torch.eye(level.size)[:2].view(2, *level.shape).to(model.like.device)
        found.append(std_along(model, checkpoint.statistics, 1, along))
    if not model.has_likelihood:
        return plain(found)
    data = Data(images, images[:4], CARD, {})
    asked = Asked(k=(1, 3), deep=0, draws=DRAWS, samples=3)
    result = measure(checkpoint, data, asked, renew=True).result
    return [*plain(found), np.array(list(numbers_in(result)))]


def numbers_in(value: Any) -> Iterable[float]:
    """All numbers of a result, in its order."""
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from numbers_in(value[key])
    elif isinstance(value, list | tuple):
        for one in value:
            yield from numbers_in(one)
    elif isinstance(value, int | float):
        yield float(value)


@torch.inference_mode()
def page(model: HierarchicalModel) -> Numbers:
    """What the page asks for: the terms of an image, pictures, axes found at the image."""
    checkpoint, image = checkpoint_of(model), images_for(model)[0]
    trace = with_own_noise(model, encode_image(checkpoint, image))
    recipe = zero_recipe(checkpoint.hash, image_hash(image), model.depth)
    found = shown_terms(checkpoint, image)
    if model.local_count:
        chains = Chains()
        found.append(chains.local(model, trace, recipe, checkpoint.statistics, 1).rms.numpy())
        moved = recipe.with_edit(Edit(1, "local", 0, 2.0))
        found.append(render(model, trace, moved, checkpoint.statistics, chains).pixels)
    return found + drawn(checkpoint, trace, recipe)


def shown_terms(checkpoint: Checkpoint, image: np.ndarray) -> Numbers:
    """The terms of an image as the page shows them, or its PSNR."""
    found = image_terms(checkpoint, image, draws=3)
    if found.elbo_nats is None:
        return [np.array([found.psnr_db])]
    assert found.rate_nats is not None and found.errors is not None
    return [np.array([found.elbo_nats, *found.rate_nats, found.percentile, found.errors.elbo_nats])]


def drawn(checkpoint: Checkpoint, trace: Trace, recipe: Recipe) -> Numbers:
    """Pictures under an edit of each level and under each policy, the ladder, a sample."""
    model, statistics = checkpoint.model, checkpoint.statistics
    frames = []
    for t in bottom_up(model.depth):
        recipe = recipe.with_edit(Edit(t, "coordinate", 0, -1.0))
        edited = recipe.with_edit(Edit(t, "component", 0, 1.5))
        frames.append(render(model, trace, edited, statistics))
    kinds = [MEAN, Policy("resample", 3), Policy("memory", 3, 0.5), Policy("pin")]
    for policy in kinds if model.is_markov else kinds[:-1]:
        chosen = recipe.with_policy(model.depth, policy).with_policy(1, policy)
        frames.append(render(model, trace, chosen, statistics))
    frames += [rung.frame for rung in ladder(model, trace, recipe, statistics)]
    return [frame.pixels for frame in [*frames, sample_frame(model, 5)]]


CHECKS: Mapping[str, Callable[[HierarchicalModel], Numbers]] = {
    "models": models,
    "training": training,
    "recipes": recipes,
    "measures": measures,
    "page": page,
}


def applies(check: str, family: str) -> bool:
    """Whether a family is asked this: what is the same is asked once."""
    if check == "recipes":
        return family == "mlp"
    if family in ("vdm-betas", "hvae-mixture"):
        return check == "models"
    return family != "autoencoder-kl" or check != "training"
