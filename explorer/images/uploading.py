"""A file from a person becomes an upload, an upload becomes an image at a model's size.

A PNG saved by Strata carries its recipe and its model-sized source. The source is then
taken as an upload of its own, so that the recipe's image is found again from its key.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from explorer.images import uploads
from explorer.images.decoding.reading import Read
from explorer.images.opening import Ref, Source
from explorer.images.png_state import PictureState, encode_png, save_png, visible_scale
from explorer.images.sides import check_side, fitting_side
from explorer.images.uploads import UnknownImage, Upload, UploadStore, image_hash
from explorer.recipe.recipe import Recipe
from explorer.render.frame import Frame
from models.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from models.checkpoint.checkpoint import Checkpoint


@dataclass(frozen=True, eq=False)
class Restored:
    """The state that a saved PNG carried, checked.

    Args:
        recipe: Its recipe.
        source: Its model-sized source, as an upload.
        pixels: The same as 8-bit pixels `(H, W, C)`; their hash is the recipe's image.
    """

    recipe: Recipe
    source: Upload
    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Taken:
    """A file that was taken: its picture, a state if it carried one, and what to tell."""

    upload: Upload
    restored: Restored | None = None
    notices: tuple[str, ...] = ()


def take(store: UploadStore, found: Read) -> Taken:
    """Keep the picture of a file that was read, and the source of a state that it carries.

    A state that cannot be used is told of; the picture itself is taken all the same.
    """
    upload = found.upload
    store.put(upload)
    try:
        if found.refused is not None:
            raise BadInput(found.refused)
        restored = None if found.state is None else _restored(found.state, upload.name)
    except BadInput as error:
        return Taken(upload, notices=(f"Opened as a plain picture: {error}", *upload.remarks))
    if restored is not None:
        store.put(restored.source)
    return Taken(upload, restored, upload.remarks)


def restored_ref(restored: Restored) -> Ref:
    """The reference that opens the source of a saved picture, exactly as it was."""
    return Ref("upload", key=restored.source.key, invert=False)


def upload_source(store: UploadStore, checkpoint: Checkpoint, ref: Ref) -> Source:
    """An upload at a size that a model takes; what the reference leaves open is decided.

    The side alone stays open where it was: it follows from the upload and the model.

    Raises:
        UnknownImage: If the upload is not here (any more).
        BadInput: If the model does not take the side that was asked for.
    """
    upload = store.get(ref.key)
    if upload is None:
        raise UnknownImage("this upload is not on the server (any more) - upload it again")
    side = fitting_side(checkpoint.model, min(upload.image.size)) if ref.side is None else ref.side
    check_side(checkpoint.model, side)
    shape = (checkpoint.model.image_shape[0], side, side)
    crop = uploads.clamp_crop(upload, shape, ref.crop)
    background = uploads.background_level(checkpoint.examples)
    suggested = uploads.suggest_invert(upload, shape, background, crop)
    # A colour model never inverts; what was decided for a grey one waits until one is back.
    grey = shape[0] == 1
    invert = suggested if grey and ref.invert is None else ref.invert
    return Source(
        pixels=uploads.to_model(upload, shape, crop, grey and bool(invert)),
        ref=replace(ref, crop=crop, invert=invert),
        upload=upload,
        suggest_invert=suggested,
    )


def saved_png(frame: Frame, recipe: Recipe, ref_json: str, source: np.ndarray) -> bytes:
    """A picture as a PNG, large enough to look at, with the state that made it."""
    height, width, _ = frame.pixels.shape
    scale = visible_scale(height, width)
    return save_png(frame.pixels, recipe.to_json(), ref_json, encode_png(source), scale)


def _restored(state: PictureState, name: str) -> Restored:
    recipe = Recipe.from_json(state.recipe_json)
    if recipe.image != image_hash(state.source):
        raise BadInput("the saved state in this PNG does not belong to its picture")
    source = uploads.read_upload(encode_png(state.source), f"the source of {name}")
    return Restored(recipe, source, state.source)
