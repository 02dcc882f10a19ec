"""What a file leaves open is decided by its reader, and the page is told."""

from __future__ import annotations

import numpy as np
from PIL import Image

from explorer.images.decoding.reading import read
from explorer.images.uploading import take
from explorer.images.uploads import UploadStore
from explorer.live.to_json import taken_json
from tests.models.picture_samples import saved

STACK = [Image.fromarray(np.full((20, 30), value, np.uint16)) for value in (900, 400)]


def test_what_was_decided_in_reading_is_told_to_the_page() -> None:
    store = UploadStore()
    data = saved(STACK[0], "TIFF", save_all=True, append_images=STACK[1:])
    answer = taken_json(take(store, read(data, "stack.tif")), None)
    assert answer["notices"] == [
        "The file holds several pictures, and this is the first.",
        "Its numbers do not say what white is: 0 is shown as black and 1023 as white, by those "
        "that it uses.",
    ]
    assert store.get(str(answer["key"])) is not None


def test_a_plain_picture_needs_no_remark() -> None:
    data = saved(Image.new("RGB", (20, 30)), "PNG")
    assert taken_json(take(UploadStore(), read(data, "x.png")), None)["notices"] == []
