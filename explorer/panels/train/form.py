"""What a person fills in to train a model becomes a plan, or an error that names the field.

The checks are the training's own: the options go through `models.train`, which builds the
same configuration that the run will have, so what it would refuse later is refused at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from explorer.images.decoding.pool import shared
from explorer.images.decoding.training_files import Pictures
from models.data.avatars.reading import MAX_AVATARS
from models.data.load import SIDES, Data
from models.errors import BadInput
from models.families.registry import new_model
from models.likelihoods import LIKELIHOODS
from models.training.asked import new_run
from models.training.loop import check_fit
from models.training.options import parse

MAX_WEIGHTS = 100_000_000
MAX_TEXT = 200
MAX_NAME = 40
OWN_SIDE = 64  # what a blank image size is checked as
DATA_NAMES = {"avatars": "faces", "upload": "pictures", "given": "model"}


@dataclass(frozen=True)
class Form:
    """The fields of the Train page as they were filled in; a number left blank is None."""

    data: str | None
    faces: float | None
    files: tuple[str, ...]
    name: str
    image_size: float | None
    levels: str
    likelihood: str | None
    free_bits: str
    rate_targets: str
    kl_warmup: float | None
    budget: str | None
    minutes: float | None
    steps: float | None
    width: float | None
    blocks: float | None
    conv: str
    patch: float | None
    batch: float | None
    learning_rate: float | None


@dataclass(frozen=True)
class Plan:
    """A training that can be started.

    Args:
        name: What the model is called.
        data: What `--data` names; empty if `pictures` are to be copied into the run.
        pictures: Uploaded files, checked.
        arguments: The other options of `models.train`.
        notices: What was decided on the person's behalf.
    """

    name: str
    data: str
    pictures: Pictures | None
    arguments: tuple[str, ...]
    notices: tuple[str, ...] = ()


@dataclass(frozen=True)
class StartingPoint:
    """Values to begin from, with a name and one line on what to expect."""

    title: str
    about: str
    values: Mapping[str, Any]


QUICK = "quick"
STARTING_POINTS: Mapping[str, StartingPoint] = {
    QUICK: StartingPoint(
        "Quick look, 3 minutes",
        "Small colour pictures, 32×32, three levels: soon shows whether data and levels work.",
        {"image_size": 32, "levels": "32,16,8", "likelihood": "discretised_logistic",
         "free_bits": "6,4,4", "rate_targets": "", "kl_warmup": 0.2, "budget": "minutes",
         "minutes": 3, "width": 128, "blocks": 1, "conv": "48,64", "patch": 4, "batch": 64,
         "learning_rate": 1e-3},
    ),
    "careful": StartingPoint(
        "With care, 20 minutes",
        "Colour pictures, 64×64, four levels of the sizes of the bundled avatars.",
        {"image_size": 64, "levels": "56,40,24,12", "likelihood": "discretised_logistic",
         "free_bits": "10,6,6,6", "rate_targets": "", "kl_warmup": 0.2, "budget": "minutes",
         "minutes": 20, "width": 256, "blocks": 1, "conv": "64,96,128", "patch": 4, "batch": 32,
         "learning_rate": 1e-3},
    ),
    "binary": StartingPoint(
        "Black and white, 10 minutes",
        "Digits, letters, drawings: 28×28, three levels, networks without convolutions.",
        {"image_size": 28, "levels": "50,25,12", "likelihood": "bernoulli", "free_bits": "5",
         "rate_targets": "", "kl_warmup": 0.1, "budget": "minutes", "minutes": 10, "width": 300,
         "blocks": 2, "conv": "", "patch": 4, "batch": 256, "learning_rate": 2e-3},
    ),
    "vae": StartingPoint(
        "A plain VAE, 3 minutes",
        "Colour, 32×32, one level: to see what the levels above add.",
        {"image_size": 32, "levels": "48", "likelihood": "discretised_logistic",
         "free_bits": "0", "rate_targets": "", "kl_warmup": 0.2, "budget": "minutes",
         "minutes": 3, "width": 128, "blocks": 1, "conv": "48,64", "patch": 4, "batch": 64,
         "learning_rate": 1e-3},
    ),
}  # fmt: skip


def plan_training(form: Form, given: str | None, session: str = "") -> Plan:
    """The plan that a form asks for.

    Args:
        form: The fields; `files` are paths that the server itself stored.
        given: The data named on the app's command line, if any.
        session: Whose form it is.

    Raises:
        BadInput: A field cannot be used; the message names it.
    """
    name = form.name.strip()
    if len(name) > MAX_NAME or not name.isprintable():
        raise BadInput(f"Name: use at most {MAX_NAME} plain characters, such as my-faces.")
    options = _options(form)
    data, pictures, train_images = _data(form, given, session)
    batch = whole("Batch", form.batch, 1, 65_536)
    notices: tuple[str, ...] = ()
    if train_images is not None and batch > train_images:
        notices = (
            f"The data leave {train_images} pictures to train on, so a step takes "
            f"{train_images} of them instead of {batch}.",
        )
        batch = train_images
    options.append(f"--batch={batch}")
    check_options(options, train_images)
    return Plan(name or DATA_NAMES[form.data or ""], data, pictures, tuple(options), notices)


def check_options(options: list[str], train_images: int | None) -> None:
    """Build the run and its model without memory for either, so that each may refuse.

    Raises:
        BadInput: An option is out of range or does not fit the others.
    """
    try:
        parsed = parse([*options, "--data=checked", "--out=checked"])
        side = parsed.image_size or OWN_SIDE
        count = train_images or parsed.batch
        images = np.broadcast_to(np.zeros((), np.uint8), (count, side, side, 3))
        run = new_run(parsed, Data(images, images[:1], {}, {}), torch.device("cpu"))
        with torch.device("meta"):
            model = new_model(run.family, run.model)
    except BadInput:
        raise
    except (ValueError, OverflowError, TypeError, RuntimeError) as error:
        raise BadInput(
            "Levels, Free bits, Rate targets or Feature maps hold a number that cannot be used: "
            "write numbers with commas between them, such as 64,32,16."
        ) from error
    check_fit(model, images, run.training)
    weights = sum(parameter.numel() for parameter in model.parameters())
    if weights > MAX_WEIGHTS:
        raise BadInput(
            f"Levels and Width: the model would have {weights / 1e6:,.0f} million weights, and "
            f"at most {MAX_WEIGHTS // 10**6} million are trained from the page. Make the levels, "
            "the width or the image smaller."
        )


def whole(label: str, value: object, low: int, high: int) -> int:
    """A whole number of a field, or BadInput that names the field."""
    number = decimal(label, value, low, high)
    if number != int(number):
        raise BadInput(f"{label} is {number:g}: give a whole number from {low:,} to {high:,}.")
    return int(number)


def decimal(label: str, value: object, low: float, high: float) -> float:
    """A number of a field, or BadInput that names the field."""
    if value is None or value == "":
        raise BadInput(f"{label} is empty: give a number from {low:,g} to {high:,g}.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadInput(f"{label} is {value}: give a number from {low:,g} to {high:,g}.")
    return float(value)


def _options(form: Form) -> list[str]:
    """The options of `models.train` but for the data, the batch and the folder."""
    for label, text in (
        ("Levels", form.levels), ("Free bits", form.free_bits),
        ("Rate targets", form.rate_targets), ("Feature maps", form.conv),
    ):  # fmt: skip
        if len(text) > MAX_TEXT:
            raise BadInput(f"{label} is too long: write a few numbers, such as 64,32,16.")
    if form.likelihood not in LIKELIHOODS:
        raise BadInput("Likelihood is not chosen: choose one of the two.")
    options = [
        f"--levels={form.levels}",
        f"--likelihood={form.likelihood}",
        f"--free-bits={form.free_bits.strip() or '0'}",
        f"--rate-targets={form.rate_targets.strip()}",
        f"--kl-warmup={decimal('KL warm-up', form.kl_warmup, 0, 1)}",
        f"--width={whole('Width', form.width, 1, 4096)}",
        f"--blocks={whole('Blocks', form.blocks, 1, 64)}",
        f"--conv={form.conv}",
        f"--patch={whole('Patch', form.patch, 1, 64)}",
        f"--lr={decimal('Learning rate', form.learning_rate, 1e-8, 1)}",
    ]
    if form.image_size is not None:
        options.append(f"--image-size={whole('Image size', form.image_size, *SIDES)}")
    if form.budget == "steps":
        return [*options, f"--steps={whole('Steps', form.steps, 1, 10_000_000)}"]
    return [*options, f"--minutes={decimal('Minutes', form.minutes, 0.05, 10_080)}"]


def _data(form: Form, given: str | None, session: str) -> tuple[str, Pictures | None, int | None]:
    """What `--data` is, uploaded pictures, and how many there are to train on, if known."""
    if form.data == "avatars":
        faces = whole("Number of faces", form.faces, 20, MAX_AVATARS)
        return f"avatars:{faces}", None, min(faces - 1, round(0.95 * faces))
    if form.data == "upload":
        pictures = shared().check([Path(file) for file in form.files], session)
        return "", pictures, pictures.count - max(1, round(0.1 * pictures.count))
    if form.data == "given" and given:
        path = Path(given).expanduser()
        return str(path.resolve()) if path.exists() else given, None, None
    raise BadInput("Pictures: choose what to train on.")


FIELDS = tuple(field.name for field in fields(Form))
