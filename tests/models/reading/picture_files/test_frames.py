"""Every frame of a file is a picture, composed as it is shown, and their sum is bounded."""

from __future__ import annotations

import io
import itertools
import threading
import warnings

import numpy as np
import pytest
from PIL import Image, ImageFile, ImageSequence

from models.errors import BadInput
from models.reading.picture_files import frames
from models.reading.pictures import open_first, open_frames, open_picture
from tests.models.deep_samples import Order, tiff
from tests.models.picture_samples import BLUE, RED, WHITE, assert_near, halves, png, saved

GREEN = (0, 255, 0)
COLOURS = (RED, BLUE, GREEN)


def animation(form: str) -> bytes:
    first, *rest = (Image.new("RGB", (8, 6), colour) for colour in COLOURS)
    extra = {"lossless": True} if form == "WEBP" else {}
    return saved(first, form, save_all=True, append_images=rest, **extra)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF"])
def test_every_frame_is_a_picture(form: str) -> None:
    shown = [frame.pixels for frame in open_frames(animation(form))]
    assert [(p.shape, p.dtype) for p in shown] == [((6, 8, 3), np.uint8)] * 3
    for pixels, colour in zip(shown, COLOURS, strict=True):
        assert_near(pixels[3, 4], colour, 6 if form in ("AVIF", "HEIF") else 0)


@pytest.mark.parametrize("form", ["GIF", "WEBP", "PNG", "TIFF", "AVIF", "HEIF"])
def test_the_first_of_several_is_said_to_be_one(form: str) -> None:
    opened = open_first(animation(form))
    assert opened.has_more
    assert np.array_equal(np.asarray(opened.image), next(open_frames(animation(form))).pixels)
    assert not open_first(saved(halves(), form)).has_more


@pytest.mark.parametrize("form", ["JPEG", "BMP", "JPEG2000", "ICO", "PPM"])
def test_other_formats_hold_one_picture(form: str) -> None:
    options = {"sizes": [(8, 8), (16, 16)]} if form == "ICO" else {}
    data = saved(halves(16, 16), form, **options)
    assert len(list(open_frames(data))) == 1 and not open_first(data).has_more


def test_the_maps_behind_a_photo_are_no_pictures() -> None:
    """Phones store depth or brightness as a second picture of a JPEG (MPO)."""
    buffer = io.BytesIO()
    halves().save(buffer, "MPO", save_all=True, append_images=[Image.new("RGB", (16, 8), RED)])
    assert len(list(open_frames(buffer.getvalue()))) == 1
    assert not open_first(buffer.getvalue()).has_more


@pytest.mark.parametrize("disposal", [1, 2, 3])
@pytest.mark.parametrize("form", ["GIF", "PNG"])
def test_partial_frames_are_laid_over_what_is_there(form: str, disposal: int) -> None:
    """Left, restored to the background, or to what was before: as Pillow composes them."""
    base = Image.new("RGBA", (8, 8), (*RED, 255))
    dots = []
    for place in (1, 5):
        dot = Image.new("RGBA", (8, 8))
        dot.paste((*BLUE, 255), (place, 1, place + 2, 3))
        dots.append(dot)
    method = disposal if form == "GIF" else disposal - 1
    data = saved(base, form, save_all=True, append_images=dots, disposal=method)
    with Image.open(io.BytesIO(data)) as image:
        expected = []
        for frame in ImageSequence.Iterator(image):
            canvas = Image.new("RGBA", image.size, "white")
            canvas.alpha_composite(frame.convert("RGBA"))
            expected.append(np.asarray(canvas.convert("RGB")))
    shown = [frame.pixels for frame in open_frames(data)]
    assert len(shown) == len(expected) == 3
    assert all(np.array_equal(*pair) for pair in zip(shown, expected, strict=True))
    assert_near(shown[2][2, 6], BLUE, 0)


def test_a_stack_of_16_bits_keeps_its_numbers() -> None:
    stack = np.random.default_rng(0).integers(0, 4096, (4, 5, 6, 1)).astype(np.uint16)
    orders: tuple[Order, ...] = ("<", ">")
    for order in orders:
        shown = [frame.pixels for frame in open_frames(tiff(*stack, order=order))]
        assert np.array_equal(shown, stack)


def test_pages_of_other_sizes_and_depths() -> None:
    pages = [np.full((4, 6, 3), 7, np.uint8), np.full((2, 3, 1), 900, np.uint16)]
    pages.append(np.full((5, 5, 1), 0.5, np.float32))
    shown = [frame.pixels for frame in open_frames(tiff(*pages))]
    assert [p.dtype for p in shown] == [p.dtype for p in pages]
    assert all(np.array_equal(*pair) for pair in zip(shown, pages, strict=True))


@pytest.mark.parametrize("kind", [1, 4, 5])
def test_smaller_copies_and_masks_of_a_tiff_are_no_pictures(kind: int) -> None:
    pages = [np.full((4, 4, 3), value, np.uint8) for value in (10, 20, 30)]
    data = tiff(*pages, later={254: (kind,)})
    assert [int(frame.pixels[0, 0, 0]) for frame in open_frames(data)] == [10]
    assert not open_first(data).has_more
    pages_of_a_book = tiff(*pages, later={254: (2,)})
    assert len(list(open_frames(pages_of_a_book))) == 3


def test_a_circle_of_pages_ends() -> None:
    data = bytearray(tiff(*(np.full((2, 2, 1), v, np.uint8) for v in (1, 2))))
    start = data[4:8]
    place = int.from_bytes(start, "little")
    count = int.from_bytes(data[place : place + 2], "little")
    second = int.from_bytes(data[place + 2 + 12 * count :][:4], "little")
    data[second + 2 + 12 * count : second + 6 + 12 * count] = start
    assert len(list(open_frames(bytes(data)))) == 2


def test_too_many_frames_end_in_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_FRAME_PIXELS", 100)
    taken = open_frames(animation("GIF"), "film.gif")
    assert len(list(itertools.islice(taken, 2))) == 2
    with pytest.raises(BadInput, match=r"the 3 first frames of film\.gif"):
        next(taken)
    assert open_picture(animation("GIF")).size == (8, 6)


def test_a_page_that_is_too_large_is_refused_by_its_header() -> None:
    small = np.zeros((2, 2, 1), np.uint8)
    taken = open_frames(tiff(small, small, later={256: (10_000,), 257: (9_000,)}), "x.tif")
    next(taken)
    with pytest.raises(BadInput, match=r"x\.tif unpacks to more than 80 million"):
        next(taken)


def test_a_damaged_frame_is_named() -> None:
    stack = np.random.default_rng(0).integers(0, 256, (3, 40, 40, 1)).astype(np.uint8)
    whole = tiff(*stack, packed=True)
    data = bytearray(whole)
    middle = whole.index(b"\x78\x9c", 1000)  # the second deflated strip
    data[middle + 20 : middle + 400] = bytes(380)
    with pytest.raises(BadInput, match=r"frame 2 of stack\.tif is cut off or damaged"):
        list(open_frames(bytes(data), "stack.tif"))
    first = open_first(bytes(data))
    assert first.has_more and np.array_equal(np.asarray(first.image), stack[0, ..., 0])


def test_a_stack_that_leads_nowhere_still_has_its_first_page() -> None:
    data = bytearray(tiff(np.full((2, 2, 1), 5, np.uint8)))
    data[-4:] = (2**31).to_bytes(4, "little")
    assert np.unique(np.asarray(open_picture(bytes(data)))).tolist() == [5]
    with pytest.raises(BadInput, match="frame 2"):
        list(open_frames(bytes(data)))


def test_a_picture_may_be_opened_between_two_frames() -> None:
    """The lock on decoding is not held while a frame is being used."""
    done = []

    def both() -> None:
        for frame in open_frames(animation("GIF")):
            done.append((frame, open_picture(saved(halves(), "PNG"))))

    thread = threading.Thread(target=both, daemon=True)
    thread.start()
    thread.join(30)
    assert len(done) == 3


def test_transparent_frames_lie_over_white() -> None:
    base = Image.new("RGBA", (4, 4))
    data = saved(base, "PNG", save_all=True, append_images=[Image.new("RGBA", (4, 4), (*RED, 255))])
    shown = [frame.pixels for frame in open_frames(data)]
    assert_near(shown[0][0, 0], WHITE, 0)
    assert_near(shown[1][0, 0], RED, 0)


def _noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))


@pytest.mark.parametrize("keep", [0.5, 0.9])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "PPM", "ICO", "TIFF"])
def test_a_truncated_file_is_refused(form: str, keep: float) -> None:
    data = saved(_noise(), form, **({"sizes": [(64, 64)]} if form == "ICO" else {}))
    open_picture(data)
    with pytest.raises(BadInput, match="cut off or damaged"):
        open_picture(data[: int(len(data) * keep)], "x")
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "AVIF", "JPEG2000", "ICO"])
def test_random_damage_gives_a_picture_or_bad_input(form: str) -> None:
    rng = np.random.default_rng(1)
    whole = bytearray(saved(halves(64, 64), form))
    for _ in range(40):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 8):
            data[place] = rng.integers(256)
        try:
            assert open_picture(bytes(data), "x").mode in ("L", "RGB")
        except BadInput as error:
            assert str(error).startswith("x ")


def test_warnings_neither_leak_nor_change(recwarn: pytest.WarningsRecorder) -> None:
    before = list(warnings.filters)
    with pytest.raises(BadInput):
        open_picture(png((10_000, 9_500, 8, 0), bytes(100)), "x")
    open_picture(png((2, 1, 8, 0), b"\0\1\2", (b"acTL", bytes(8))), "a broken APNG")
    assert list(warnings.filters) == before
    assert len(recwarn) == 0
    assert Image.MAX_IMAGE_PIXELS == 89_478_485


def test_many_threads_decode_at_once() -> None:
    data = saved(halves(), "PNG")
    before, results = list(warnings.filters), []
    work = [threading.Thread(target=lambda: results.append(open_picture(data))) for _ in range(16)]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert len({image.tobytes() for image in results}) == 1 and len(results) == 16
    assert list(warnings.filters) == before
