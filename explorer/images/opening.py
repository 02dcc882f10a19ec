"""Opening an image: from a reference to pixels, a trace and what the page shows of them.

A reference says where the image comes from, so that a reload or another model can open it
again:

    {"kind": "example", "index": n}                       the n-th test image of the model
    {"kind": "upload", "key": sha, "crop": …, "invert": …, "side": …}  a file that was uploaded
    {"kind": "sample", "seed": n, "side": …}              drawn from the model's prior
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from explorer.images.sides import MAX_SIDE, fitting_side, largest_side, offered_sides, takes_side
from explorer.images.uploads import Upload, crop_from_json, crop_to_json, image_hash
from explorer.recipe.recipe import MAX_SEED, Recipe, zero_recipe
from explorer.render.encode import encode_image
from explorer.render.frame import Frame, frame_of, picture
from models.base import HierarchicalModel, Trace
from models.chain import with_own_noise
from models.errors import BadInput
from models.reading.pictures import Crop

if TYPE_CHECKING:
    from models.checkpoint.checkpoint import Checkpoint
    from models.checkpoint.statistics import Statistics

SPRITE_COUNT = 48


@dataclass(frozen=True)
class Ref:
    """Where an image comes from, checked and complete.

    Args:
        kind: "example", "upload" or "sample".
        index: Which test image; of an example.
        key: Which upload; of an upload.
        crop: The part of the upload that the model sees; None for the default.
        invert: Whether light and dark are exchanged; None to let the model's data decide.
        seed: Seed of the noise; of a sample.
        side: The side in pixels that an upload is brought to, or a sample drawn at; None for
            the largest that an upload fills, and for the model's own of a sample.
    """

    kind: str
    index: int = 0
    key: str = ""
    crop: Crop | None = None
    invert: bool | None = None
    seed: int = 0
    side: int | None = None

    @classmethod
    def parse(cls, value: object) -> Ref:
        """A reference from JSON.

        Raises:
            BadInput: If it is none; the message names the field.
        """
        if not isinstance(value, Mapping):
            raise _bad("it is no JSON object")
        kind = value.get("kind")
        if kind == "example":
            return cls(kind, index=_whole("index", value.get("index"), MAX_SEED))
        side = value.get("side")
        if side is not None:
            side = _whole("side", side, MAX_SIDE)
        if kind == "sample":
            return cls(kind, seed=_whole("seed", value.get("seed"), MAX_SEED), side=side)
        if kind != "upload":
            raise _bad("kind must be example, upload or sample")
        key, invert = value.get("key"), value.get("invert")
        if not isinstance(key, str) or len(key) > 128:
            raise _bad("key must be the key of an upload")
        if invert is not None and not isinstance(invert, bool):
            raise _bad("invert must be true, false or null")
        crop = crop_from_json(value.get("crop"))
        return cls(kind, key=key, crop=crop, invert=invert, side=side)

    def to_dict(self) -> dict[str, object]:
        """The reference as JSON-able values."""
        if self.kind == "example":
            return {"kind": self.kind, "index": self.index}
        if self.kind == "sample":
            return {"kind": self.kind, "seed": self.seed, "side": self.side}
        crop = None if self.crop is None else crop_to_json(self.crop)
        return {
            "kind": self.kind,
            "key": self.key,
            "crop": crop,
            "invert": self.invert,
            "side": self.side,
        }


@dataclass(frozen=True, eq=False)
class Source:
    """An image at a size that a model takes.

    Args:
        pixels: 8-bit pixels, with shape `(H, W, C)`.
        ref: Where they come from, nothing but the side left open.
        upload: The whole picture, of an upload.
        suggest_invert: Whether the upload looks inverted to this model.
    """

    pixels: np.ndarray
    ref: Ref
    upload: Upload | None = None
    suggest_invert: bool = False


@dataclass(frozen=True, eq=False)
class Opened:
    """An image opened with a model; the work of the device.

    Args:
        trace: The mean path.
        seen: The image as the model sees it (thresholded, for a binary model).
        reconstruction: The picture of the unedited mean path.
    """

    trace: Trace
    seen: Frame
    reconstruction: Frame


@dataclass(frozen=True, eq=False)
class Encoded:
    """An image as a model has encoded it.

    Args:
        model: The model at the side of the image.
        trace: The image's.
        statistics: The scales and directions of the axes.
    """

    model: HierarchicalModel
    trace: Trace
    statistics: Statistics


def example_source(checkpoint: Checkpoint, ref: Ref) -> Source:
    """A test image of the model."""
    count = min(SPRITE_COUNT, len(checkpoint.examples))
    if ref.index >= count:
        raise _bad(f"index is {ref.index}, but this model shows {count} test images, from 0")
    return Source(checkpoint.examples[ref.index], ref)


def sides_of(checkpoint: Checkpoint, source: Source) -> tuple[int, ...]:
    """The sides that a person may choose from for an image; none if there is no choice."""
    model = checkpoint.model
    if model.side_step is None or source.ref.kind == "example":
        return ()
    largest = largest_side(model)
    if source.upload is not None:
        largest = fitting_side(model, min(source.upload.image.size))
    sides = {*offered_sides(model, largest), source.pixels.shape[0]}
    return tuple(sorted(sides)) if len(sides) > 1 else ()


def opened(checkpoint: Checkpoint, pixels: np.ndarray) -> Opened:
    """Encode and reconstruct an image; runs on the device."""
    trace = with_own_noise(checkpoint.model, encode_image(checkpoint, pixels))
    return Opened(
        trace=trace,
        seen=frame_of(trace.z[0]),
        reconstruction=picture(checkpoint.model, trace.z),
    )


def check_size(checkpoint: Checkpoint, pixels: np.ndarray) -> None:
    """Refuse an image that was made for a model of another size."""
    channels, own, _ = checkpoint.model.image_shape
    height, width, found = pixels.shape
    if found != channels or width != height or not takes_side(checkpoint.model, width):
        raise BadInput(
            f"the recipe's image is not of the size that its model takes ({own} × {own}, "
            f"{channels} channels) - open the image with this model"
        )


def fitting_recipe(checkpoint: Checkpoint, pixels: np.ndarray, recipe: Recipe | None) -> Recipe:
    """The given recipe if it belongs to this model and image, or the zero recipe.

    Raises:
        BadInput: If it belongs to others; the message names both.
    """
    name = image_hash(pixels)
    if recipe is None:
        return zero_recipe(checkpoint.hash, name, checkpoint.model.depth)
    if recipe.model != checkpoint.hash:
        raise BadInput(
            f"the recipe was made with the model {recipe.model}, but the one open is "
            f"{checkpoint.hash} ({checkpoint.name}) - open that model first"
        )
    if recipe.image != name:
        raise BadInput(
            f"the recipe was made on the image {recipe.image}, but the one open is {name} - "
            "open that image first, with the same crop and side"
        )
    return recipe


def _whole(name: str, value: object, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= high:
        raise _bad(f"{name} must be a whole number from 0 to {high}")
    return value


def _bad(problem: str) -> BadInput:
    return BadInput(f"the image reference cannot be used: {problem} - open the image again")
