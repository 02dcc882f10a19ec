"""Values as the desk gets them: JSON-able, pictures as raw bytes or as PNG data URLs."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from explorer.guard.discretion import without_folders
from explorer.images import uploads
from explorer.images.opening import SPRITE_COUNT, Source
from explorer.images.png_state import data_url, encode_png, rgb, to_base64
from explorer.images.sides import own_side
from explorer.images.uploading import Taken, restored_ref
from explorer.live.requests import Json
from explorer.render.axes import Axis, LevelAxes
from explorer.render.frame import Frame
from explorer.render.groups import groups, is_grouped
from explorer.terms.standard_errors import TermErrors, reference_errors
from explorer.terms.terms import ImageTerms, all_divergences
from models.base import HierarchicalModel
from models.checkpoint.measures import read_measures
from models.errors import BadInput
from models.reading.pictures import Crop

if TYPE_CHECKING:
    from explorer.library.library import Entry
    from models.checkpoint.checkpoint import Checkpoint

SPRITE_COLUMNS = 12
MAX_PIXELS = 2**23  # letters of base64


def frame_json(frame: Frame) -> Json:
    """A frame as base64 of its raw RGB bytes, which a canvas paints without decoding a file."""
    height, width, _ = frame.pixels.shape
    return {"w": width, "h": height, "rgb": to_base64(rgb(frame.pixels).tobytes())}


def pixels_json(pixels: np.ndarray) -> Json:
    """8-bit pixels `(H, W, C)` as they are, for a page to keep."""
    return {"shape": list(pixels.shape), "data": to_base64(pixels.tobytes())}


def pixels_of(value: object) -> np.ndarray:
    """The pixels that `pixels_json` gave, 8-bit `(H, W, C)`.

    Raises:
        BadInput: If it is something else, or too much.
    """
    given = value if isinstance(value, Mapping) else {}
    shape, data = given.get("shape"), given.get("data")
    try:
        if not isinstance(shape, list) or not isinstance(data, str) or len(data) > MAX_PIXELS:
            raise ValueError
        height, width, channels = shape
        if channels not in (1, 3) or min(height, width) < 1:
            raise ValueError
        pixels = np.frombuffer(base64.b64decode(data, validate=True), np.uint8)
        return pixels.reshape(height, width, channels).copy()  # one that torch may write to
    except (TypeError, ValueError) as error:
        raise BadInput("the picture came back damaged - open it again") from error


def sprite_json(examples: np.ndarray) -> Json:
    """The first test images side by side in one PNG, so that the gallery is one request.

    Args:
        examples: 8-bit test images, with shape `(N, H, W, C)`.
    """
    shown = examples[:SPRITE_COUNT]
    count, height, width, channels = shown.shape
    rows = max(1, -(-count // SPRITE_COLUMNS))
    sheet = np.full((rows * height, SPRITE_COLUMNS * width, channels), 255, np.uint8)
    for n in range(count):
        top, left = n // SPRITE_COLUMNS * height, n % SPRITE_COLUMNS * width
        sheet[top : top + height, left : left + width] = shown[n]
    return {
        "count": count,
        "columns": SPRITE_COLUMNS,
        "w": width,
        "h": height,
        "png": data_url(encode_png(sheet)),
    }


def level_json(axes: LevelAxes) -> Json:
    """A level as the slider banks need it."""
    return {
        "t": axes.level,
        "size": axes.size,
        "map": list(axes.shape[1:]) or None,
        "dead": axes.dead,
        "fields": axes.has_fields,
        "local": axes.local_count,
        "markov": axes.is_markov,
        "axes": {
            "coordinate": [axis_json(axis) for axis in axes.coordinate],
            "component": [axis_json(axis) for axis in axes.component],
        },
    }


def groups_json(model: HierarchicalModel) -> list[list[int]] | None:
    """The subscripts of levels shown together, top first; None if each is shown on its own."""
    return [list(group) for group in groups(model)] if is_grouped(model) else None


def axis_json(axis: Axis) -> Json:
    """A slider."""
    return {"index": axis.index, "label": axis.label, "detail": axis.detail}


def terms_json(terms: ImageTerms) -> Json:
    """The terms of one image; all in nats but the bits per dimension and the PSNR, which a model
    without a likelihood has in their place."""
    return {
        "elbo": terms.elbo_nats,
        "reconstruction": terms.reconstruction_nats,
        "rate": None if terms.rate_nats is None else list(terms.rate_nats),
        "errors": None if terms.errors is None else _errors_json(terms.errors),
        "bits_per_dim": terms.bits_per_dim,
        "psnr_db": terms.psnr_db,
        "dimensions": terms.dimensions,
        "draws": terms.draws,
        "percentile": terms.percentile,
        "verdict": terms.verdict,
        "explanation": terms.explanation,
    }


def _errors_json(errors: TermErrors) -> Json:
    return {
        "elbo": errors.elbo_nats,
        "reconstruction": errors.reconstruction_nats,
        "rate": list(errors.rate_nats),
        "total_rate": errors.total_rate_nats,
        "group_rate": list(errors.group_rate_nats),
    }


def shadowed_json(reasons: Mapping[int, str]) -> Json:
    """Why the sliders of a level can do nothing, by its subscript."""
    return {str(level): reason for level, reason in reasons.items()}


def entry_json(entry: Entry) -> Json:
    """A model as the page's list of models needs it."""
    return {
        "id": entry.id,
        "title": entry.title,
        "summary": entry.summary,
        "group": entry.group,
        "error": entry.error and without_folders(entry.error),
    }


def sides_json(checkpoint: Checkpoint, offered: tuple[int, ...], now: int) -> Json | None:
    """The sides that an image can be opened at, in pixels; None if there is no choice."""
    if not offered:
        return None
    return {"own": own_side(checkpoint.model), "offered": list(offered), "now": now}


def suggestion_json(entry: Entry | None) -> Json | None:
    """Another model that the page suggests."""
    return None if entry is None else {"id": entry.id, "title": entry.title}


def model_json(entry: Entry, checkpoint: Checkpoint) -> Json:
    """What the page says of a model, with the test set's mean terms for comparison.

    Args:
        checkpoint: The model at its own side.
    """
    model: HierarchicalModel = checkpoint.model
    return {
        "id": entry.id,
        "hash": checkpoint.hash,
        "title": entry.title,
        "summary": entry.summary,
        "image_shape": list(model.image_shape),
        "family": model.family,
        "depth": model.depth,
        "test": _reference_json(checkpoint),
    }


def _reference_json(checkpoint: Checkpoint) -> Json:
    """Mean terms of the test images, seen as uploads are; they add up to the ELBO shown.

    "divergences" says whether every rate is one, or only that of the top.
    """
    if not checkpoint.model.has_likelihood:
        return {"elbo": None, "psnr_db": read_measures(checkpoint.evaluation).psnr_db}
    statistics = checkpoint.statistics
    reconstruction, rate = statistics.reference_reconstruction, statistics.reference_rate
    return {
        "elbo": reconstruction - sum(rate),
        "reconstruction": reconstruction,
        "rate": list(rate),
        "errors": _errors_json(reference_errors(checkpoint)),
        "images": len(statistics.reference_elbo),
        "divergences": all_divergences(checkpoint.model),
    }


def taken_json(taken: Taken, model_id: str | None) -> Json:
    """What the page learns of a file; `model_id` names the model of the state it carried."""
    notices, state = list(taken.notices), None
    if taken.restored is not None:
        recipe, source = taken.restored.recipe, taken.restored.source
        state = {
            "recipe": recipe.to_dict(),
            "model_id": model_id,
            "source_key": source.key,
            "ref": restored_ref(taken.restored).to_dict(),
        }
        if model_id is None:
            notices.append(
                f"This picture was saved with the model {recipe.model}, which is not here - "
                "it is opened as a plain picture."
            )
    upload = taken.upload
    return {
        "key": upload.key,
        "width": upload.width,
        "height": upload.height,
        "notices": notices,
        "state": state,
    }


def source_json(source: Source, checkpoint: Checkpoint) -> Json | None:
    """The whole upload for the page's crop box; None for an image that was no upload."""
    if source.upload is None:
        return None
    return {
        "key": source.upload.key,
        "png": data_url(uploads.preview_png(source.upload)),
        "width": source.upload.width,
        "height": source.upload.height,
        "crop": uploads.crop_to_json(source.ref.crop or Crop(0.0, 0.0, 1.0)),
        "invert": bool(source.ref.invert),
        "suggest_invert": source.suggest_invert,
        "grey": checkpoint.model.image_shape[0] == 1,
    }
