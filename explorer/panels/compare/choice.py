"""What a page compares: two to four models and one image, chosen by a person.

A choice comes from the page as JSON, and all of it may be missing:

    {"ids": ["digits", "fashion"], "image": {"kind": "example", "index": 3}, "seed": 0}

The first model gives the test pictures and fixes the shape of the image; beside it stand models
that take the same shape. `settled` makes of what was asked for what can be shown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from explorer.images.opening import Ref
from explorer.live.requests import Json
from explorer.recipe.recipe import MAX_SEED
from models.errors import BadInput

if TYPE_CHECKING:
    from explorer.library.library import Entry

FEWEST, MOST = 2, 4
# What is shown first: the first of these that is all there.
FAVOURED = (
    ("digits-vae", "digits-mhvae", "digits-hvae", "digits-vdm"),
    ("digits", "fashion"),
)
Shape = tuple[int, int, int]


@dataclass(frozen=True)
class Choice:
    """What is compared.

    Args:
        ids: The models, the first one first; empty leaves them open.
        ref: The image.
        seed: Seed of the first sample and of the first perturbed picture.
    """

    ids: tuple[str, ...] = ()
    ref: Ref = field(default_factory=lambda: Ref("example"))
    seed: int = 0

    @classmethod
    def parse(cls, value: object) -> Choice:
        """A choice from the page.

        Raises:
            BadInput: If it is none; the message names what is wrong.
        """
        if not isinstance(value, Mapping):
            raise BadInput("what is compared is no JSON object - reload the page")
        ids, image, seed = (value.get(key) for key in ("ids", "image", "seed"))
        if not isinstance(ids or [], list) or any(not isinstance(id, str) for id in ids or []):
            raise BadInput("the models to compare are no list of names - reload the page")
        if isinstance(seed, bool) or not isinstance(seed or 0, int):
            raise BadInput("the seed is no whole number - reload the page")
        ref = Ref("example") if image is None else Ref.parse(image)
        return cls(tuple(ids or ())[:MOST], ref, (seed or 0) % (MAX_SEED + 1))

    def to_json(self) -> Json:
        return {"ids": list(self.ids), "image": self.ref.to_dict(), "seed": self.seed}


@dataclass(frozen=True)
class Option:
    """A model that could be compared.

    Args:
        id: Its name towards the page.
        title: Its name for people.
        summary: One line on what it is.
        refused: Why it cannot stand beside the first model; None if it can.
    """

    id: str
    title: str
    summary: str
    refused: str | None = None


def options(entries: Sequence[Entry], first: str | None) -> tuple[Option, ...]:
    """Every model, with the reason where it cannot stand beside the first.

    Args:
        entries: The models in reach.
        first: The first model's id; None asks which can come first.
    """
    wanted = shapes_of(entries).get(first) if first is not None else None
    return tuple(
        Option(entry.id, entry.title, entry.summary, _refused(entry.image_shape, wanted))
        for entry in entries
    )


def settled(choice: Choice, entries: Sequence[Entry]) -> Choice:
    """The choice that can be shown: unknown models dropped, then those that do not fit the first.

    Where fewer than two are left, others that fit come beside them, in the order of the list.
    """
    shapes = shapes_of(entries)
    ids = [id for id in dict.fromkeys(choice.ids) if id in shapes] or _favoured(shapes)
    if not ids:
        return replace(choice, ids=())
    shape = shapes[ids[0]]
    fitting = [id for id in ids if shapes[id] == shape]
    others = [id for id in shapes if shapes[id] == shape and id not in fitting]
    return replace(choice, ids=(*fitting, *others[: max(0, FEWEST - len(fitting))])[:MOST])


def shapes_of(entries: Sequence[Entry]) -> dict[str, Shape]:
    """`(C, H, W)` of what each model takes that can be loaded, by id, in the order of the list."""
    return {entry.id: entry.image_shape for entry in entries if entry.image_shape is not None}


def shape_in_words(shape: Shape) -> str:
    """As "28×28 grey"."""
    channels, height, width = shape
    return f"{height}×{width} {'grey' if channels == 1 else 'colour'}"


def _favoured(shapes: Mapping[str, Shape]) -> list[str]:
    """The models to begin with: a favoured set, else the first that has another beside it."""
    for ids in FAVOURED:
        if all(id in shapes and shapes[id] == shapes[ids[0]] for id in ids):
            return list(ids)
    for id, shape in shapes.items():
        if list(shapes.values()).count(shape) >= FEWEST:
            return [id]
    return list(shapes)[:1]


def _refused(shape: Shape | None, wanted: Shape | None) -> str | None:
    if shape is None:
        return "cannot be loaded"
    return None if wanted in (None, shape) else f"takes {shape_in_words(shape)}"
