"""What is read out of a visitor's files, and how it goes through a pipe.

The decode is that of `models.reading` and `explorer.images.uploads`; nothing is done differently
because it happens in another process, and no bit of the result is another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from explorer.images.decoding.messages import Head
from explorer.images.png_state import PictureState, read_state
from explorer.images.uploads import Upload, read_upload
from models.errors import BadInput


@dataclass(frozen=True, eq=False)
class Read:
    """A picture file, read.

    Attributes:
        upload: Its picture.
        state: What a picture saved by Strata carries, its fields not checked yet.
        refused: Why there is a state that cannot be used.
    """

    upload: Upload
    state: PictureState | None = None
    refused: str | None = None


def read(data: bytes, name: str) -> Read:
    """Decode a picture file, and the state that it carries.

    Raises:
        BadInput: It is no picture that can be read.
    """
    upload = read_upload(data, name)
    try:
        return Read(upload, read_state(data))
    except BadInput as error:
        return Read(upload, refused=str(error))


def packed(found: Read) -> tuple[Head, list[bytes]]:
    """What was read as a message."""
    upload, state = found.upload, found.state
    head: Head = {
        "key": upload.key,
        "name": upload.name,
        "mode": upload.image.mode,
        "shown": upload.image.size,
        "size": (upload.width, upload.height),
        "remarks": upload.remarks,
        "refused": found.refused,
    }
    if state is None:
        return head, [upload.image.tobytes()]
    kept = {"recipe_json": state.recipe_json, "ref_json": state.ref_json}
    head["state"] = {**kept, "shape": state.source.shape}
    return head, [upload.image.tobytes(), state.source.tobytes()]


def unpacked(head: Head, bodies: list[bytes]) -> Read:
    """What was read, out of a message."""
    image = Image.frombytes(head["mode"], tuple(head["shown"]), bodies[0])
    remarks = tuple(head["remarks"])
    width, height = head["size"]
    upload = Upload(head["key"], head["name"], image, width, height, remarks)
    state = head.get("state")
    if state is not None:
        source = np.frombuffer(bodies[1], np.uint8).reshape(state["shape"])
        state = PictureState(state["recipe_json"], state["ref_json"], source)
    return Read(upload, state, head["refused"])
