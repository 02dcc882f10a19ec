"""An upload becomes pixels: kept small, cut as chosen, inverted only where told."""

from __future__ import annotations

import hashlib
import io
import threading

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from explorer.images.uploads import (
    Upload,
    UploadStore,
    background_level,
    clamp_crop,
    crop_from_json,
    crop_to_json,
    default_crop,
    preview_png,
    read_upload,
    suggest_invert,
    to_model,
)
from models.errors import BadInput
from models.reading.pictures import Crop
from tests.models.deep_samples import DISPLAY_P3, rgb_profile
from tests.models.picture_samples import saved
from tests.running import ROOT

GREY, COLOUR = (1, 28, 28), (3, 64, 64)


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def upload_of(image: Image.Image, name: str = "x.png") -> Upload:
    return read_upload(png(image), name)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), np.uint8))


def digit(ink: int, paper: int, side: int = 280, stroke: int = 20) -> Image.Image:
    """A drawn 7."""
    image = Image.new("L", (side, side), paper)
    line = [(side * 0.3, side * 0.25), (side * 0.7, side * 0.25), (side * 0.45, side * 0.8)]
    ImageDraw.Draw(image).line(line, fill=ink, width=stroke)
    return image


# --- reading and keeping ---------------------------------------------------------------


def test_an_upload_knows_its_file_and_its_size() -> None:
    data = png(noise(300, 200))
    upload = read_upload(data, "holiday.png")
    assert upload.key == hashlib.sha256(data).hexdigest()[:32] and len(upload.key) == 32
    assert (upload.name, upload.width, upload.height) == ("holiday.png", 300, 200)
    assert np.array_equal(np.asarray(upload.image), np.asarray(noise(300, 200)))


@pytest.mark.parametrize(
    ("size", "kept"),
    [((2048, 1024), (1024, 512)), ((500, 3000), (256, 1536)), ((1024, 1024), (1024, 1024))],
)
def test_a_large_upload_is_kept_small(size: tuple[int, int], kept: tuple[int, int]) -> None:
    upload = upload_of(Image.new("RGB", size, (10, 200, 30)))
    assert (upload.width, upload.height) == size
    assert upload.image.size == kept
    assert upload.image.getextrema() == ((10, 10), (200, 200), (30, 30))


def test_an_upload_is_upright() -> None:
    stored = Image.new("RGB", (40, 20), (255, 0, 0))
    stored.paste((0, 0, 255), (20, 0, 40, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    stored.save(buffer, "JPEG", exif=exif, quality=95, subsampling=0)
    upload = read_upload(buffer.getvalue(), "phone.jpg")
    assert (upload.width, upload.height) == (20, 40)
    pixels = to_model(upload, (3, 20, 10), None, False).astype(int)
    assert np.abs(pixels[2, 5] - (255, 0, 0)).max() < 8
    assert np.abs(pixels[17, 5] - (0, 0, 255)).max() < 8


def test_what_is_no_picture_is_named() -> None:
    with pytest.raises(BadInput, match=r"^notes\.txt is not a picture"):
        read_upload(b"to do: buy milk", "notes.txt")


@pytest.mark.parametrize(
    ("pixels", "white", "remark"),
    [
        (np.array([[0, 2047, 4095]], np.uint16), 128, "0 is shown as black and 4095 as white"),
        (np.array([[0, 32_768, 65_535]], np.uint16), 128, None),
        (np.array([[-100, 0, 100]], np.int32), 128, "-100 is shown as black and 100 as white"),
        (np.array([[0.0, 0.5, 1.0]], np.float32), 128, "0 is shown as black and 1 as white"),
        (np.array([[0, 128, 255]], np.uint8), 128, None),
    ],
)
def test_a_deep_upload_is_scaled_by_what_it_uses_and_says_so(
    pixels: np.ndarray, white: int, remark: str | None
) -> None:
    upload = read_upload(saved(Image.fromarray(pixels), "TIFF"), "camera.tif")
    assert np.abs(np.asarray(upload.image)[0].astype(int) - [0, white, 255]).max() <= 1
    assert len(upload.remarks) == (remark is not None)
    assert remark is None or remark in upload.remarks[0]


def test_an_upload_says_that_it_is_the_first_of_several() -> None:
    first, second = Image.new("RGB", (20, 20), (255, 0, 0)), Image.new("RGB", (20, 20))
    data = saved(first, "GIF", save_all=True, append_images=[second])
    upload = read_upload(data, "film.gif")
    assert upload.image.getpixel((3, 3)) == (255, 0, 0)
    assert upload.remarks == ("The file holds several pictures, and this is the first.",)


def test_an_upload_says_what_its_colours_were() -> None:
    data = saved(noise(20, 20), "PNG", icc_profile=rgb_profile(DISPLAY_P3, 2.2, "of a phone"))
    upload = read_upload(data, "phone.png")
    assert upload.remarks == ("Its colours were converted from 'of a phone' to sRGB.",)
    assert not np.array_equal(np.asarray(upload.image), np.asarray(noise(20, 20)))
    assert upload_of(noise(20, 20)).remarks == ()


def _uploads(count: int, side: int = 10) -> list[Upload]:
    return [upload_of(noise(side, side, seed)) for seed in range(count)]


def test_the_store_forgets_what_was_used_longest_ago() -> None:
    a, b, c, d = _uploads(4)
    store = UploadStore(max_uploads=3)
    for upload in (a, b, c):
        store.put(upload)
    assert store.get(a.key) is a
    store.put(d)
    assert store.get(b.key) is None
    assert [store.get(x.key) for x in (a, c, d)] == [a, c, d]
    assert len(store) == 3 and store.get("unknown") is None


def test_the_store_is_bounded_in_bytes() -> None:
    uploads = _uploads(5, side=100)
    store = UploadStore(max_bytes=3 * 100 * 100 * 4)
    for upload in uploads:
        store.put(upload)
        store.put(upload)  # twice does not count twice
    assert [store.get(x.key) is not None for x in uploads] == [False, False, True, True, True]


def test_the_upload_at_hand_is_kept_however_large() -> None:
    a, b = _uploads(2, side=100)
    store = UploadStore(max_bytes=10)
    store.put(a)
    assert store.get(a.key) is a
    store.put(b)
    assert store.get(a.key) is None and store.get(b.key) is b


def test_threads_share_a_store() -> None:
    uploads = _uploads(12)
    store = UploadStore(max_uploads=5)
    errors: list[Exception] = []

    def work(shift: int) -> None:
        try:
            for i in range(300):
                upload = uploads[(i * shift) % len(uploads)]
                store.put(upload)
                assert store.get(uploads[i % 12].key) in (None, uploads[i % 12])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(shift,)) for shift in (1, 5, 7, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors and len(store) == 5
    kept = sum(x.pixel_bytes for x in uploads if store.get(x.key))
    assert store._bytes == kept == 5 * 400


# --- cutting ---------------------------------------------------------------------------


def test_an_upload_of_the_models_size_goes_in_unchanged() -> None:
    image = noise(64, 64)
    pixels = to_model(upload_of(image), COLOUR, None, False)
    assert pixels.dtype == np.uint8 and np.array_equal(pixels, np.asarray(image))


def test_inverting_swaps_light_and_dark_and_nothing_else() -> None:
    image = Image.new("L", (280, 280), 220)
    image.paste(30, (80, 80, 200, 200))
    upload = upload_of(image)
    plain, inverted = (to_model(upload, GREY, None, invert) for invert in (False, True))
    assert plain.shape == inverted.shape == (28, 28, 1)
    assert np.array_equal(inverted, 255 - plain)
    assert (plain[14, 14, 0], plain[1, 1, 0]) == (30, 220), "no contrast of our own"


def test_the_default_crop_written_out_is_the_default_crop() -> None:
    for width, height in ((301, 200), (64, 64), (7, 1000), (1000, 3)):
        upload = upload_of(noise(width, height))
        crop = default_crop(upload, GREY)
        assert crop.size == 1.0
        written = to_model(upload, GREY, crop, False)
        assert np.array_equal(written, to_model(upload, GREY, None, False))


@pytest.mark.parametrize(
    ("crop", "taken"),
    [
        (Crop(0.25, 0.0, 1.0), Crop(0.25, 0.0, 1.0)),
        (Crop(0.9, 0.9, 1.0), Crop(0.5, 0.0, 1.0)),
        (Crop(0.9, 0.9, 0.5), Crop(0.75, 0.5, 0.5)),
        (None, Crop(0.25, 0.0, 1.0)),
    ],
)
def test_a_crop_is_moved_inside(crop: Crop | None, taken: Crop) -> None:
    upload = upload_of(noise(200, 100))
    assert clamp_crop(upload, GREY, crop) == taken
    assert clamp_crop(upload, GREY, taken) == taken
    as_given, as_taken = (to_model(upload, GREY, c, False) for c in (crop, taken))
    assert np.array_equal(as_given, as_taken)


def test_a_crop_is_of_the_original_also_where_it_is_kept_small() -> None:
    image = Image.new("RGB", (2400, 1200), (0, 0, 0))
    image.paste((255, 255, 255), (1800, 600, 2400, 1200))
    pixels = to_model(upload_of(image), COLOUR, Crop(0.75, 0.5, 0.5), False)
    assert np.unique(pixels[2:, 2:]).tolist() == [255]
    pixels = to_model(upload_of(image), COLOUR, Crop(0.0, 0.0, 0.5), False)
    assert np.unique(pixels).tolist() == [0]


@pytest.mark.parametrize(
    "crop", [{"x": 0, "y": 0.5, "size": 1}, {"x": 1.0, "y": 0.0, "size": 0.02}]
)
def test_a_crop_survives_json(crop: dict[str, float]) -> None:
    parsed = crop_from_json(crop)
    assert parsed is not None
    assert parsed == Crop(crop["x"], crop["y"], crop["size"])
    assert crop_to_json(parsed) == crop


def test_no_crop_is_no_crop() -> None:
    assert crop_from_json(None) is None


@pytest.mark.parametrize(
    ("crop", "field"),
    [
        ([0, 0, 1], "crop must be"),
        ("centre", "crop must be"),
        ({}, r"crop\.x"),
        ({"x": 0, "y": 0}, r"crop\.size"),
        ({"x": "0", "y": 0, "size": 1}, r"crop\.x"),
        ({"x": True, "y": 0, "size": 1}, r"crop\.x"),
        ({"x": 0, "y": None, "size": 1}, r"crop\.y"),
        ({"x": -0.1, "y": 0, "size": 1}, r"crop\.x"),
        ({"x": 0, "y": 1.5, "size": 1}, r"crop\.y"),
        ({"x": 0, "y": float("nan"), "size": 1}, r"crop\.y"),
        ({"x": 0, "y": float("inf"), "size": 1}, r"crop\.y"),
        ({"x": 10**400, "y": 0, "size": 1}, r"crop\.x"),
        ({"x": 0, "y": 0, "size": 0}, r"crop\.size"),
        ({"x": 0, "y": 0, "size": 0.001}, r"crop\.size"),
        ({"x": 0, "y": 0, "size": 1.01}, r"crop\.size"),
        ({"x": 0, "y": 0, "size": 1, "angle": 3}, "'angle'"),
    ],
)
def test_a_wrong_crop_names_its_field(crop: object, field: str) -> None:
    with pytest.raises(BadInput, match=field):
        crop_from_json(crop)


# --- invert ----------------------------------------------------------------------------


def _photo_of_paper(ink: int, paper: int) -> Image.Image:
    """A small drawing on paper lit from one side, with noise."""
    drawn = np.asarray(digit(ink, paper, 400, 10).filter(ImageFilter.GaussianBlur(1)), float)
    light = np.linspace(0.8, 1.1, 400)[None, :]
    grain = np.random.default_rng(0).normal(0, 6, drawn.shape)
    return Image.fromarray(np.clip(drawn * light + grain, 0, 255).astype(np.uint8))


def _framed() -> Image.Image:
    """Light on dark, with a hair of light around it, as a screenshot may have."""
    image = digit(255, 0)
    ImageDraw.Draw(image).rectangle((0, 0, 279, 279), outline=255, width=2)
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        (digit(0, 255), True),
        (digit(255, 0), False),
        (digit(40, 120), True),
        (digit(200, 100), False),
        (digit(0, 255, stroke=90), True),
        (digit(255, 0, stroke=90), False),
        (_photo_of_paper(60, 200), True),
        (_photo_of_paper(20, 110), True),
        (_framed(), False),
        (Image.new("L", (50, 50), 255), True),
        (Image.new("L", (50, 50), 0), False),
        (digit(90, 200).convert("RGB"), True),
    ],
)
def test_invert_suggests_itself_for_dark_on_light(image: Image.Image, expected: bool) -> None:
    upload = upload_of(image)
    assert suggest_invert(upload, GREY, background=0.0) is expected
    assert suggest_invert(upload, GREY, background=1.0) is not expected
    assert suggest_invert(upload, (3, 28, 28), background=0.0) is False


def test_the_suggestion_brings_the_upload_to_the_models_side() -> None:
    examples = np.stack([to_model(upload_of(digit(255, 0)), GREY, None, False)] * 5)
    background = background_level(examples)
    assert background == 0.0
    upload = upload_of(digit(0, 255))
    shown = to_model(upload, GREY, None, suggest_invert(upload, GREY, background))
    assert background_level(shown) == background
    assert not suggest_invert(upload_of(Image.fromarray(shown[:, :, 0])), GREY, background)


def test_the_suggestion_is_about_the_crop() -> None:
    both = Image.new("L", (400, 200), 255)
    both.paste(digit(255, 0, 200), (0, 0))
    both.paste(digit(0, 255, 200), (200, 0))
    upload = upload_of(both)
    assert suggest_invert(upload, GREY, 0.0, Crop(0.0, 0.0, 1.0)) is False
    assert suggest_invert(upload, GREY, 0.0, Crop(0.5, 0.0, 1.0)) is True


# --- preview ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "shown"), [((2000, 1000), (512, 256)), ((100, 700), (73, 512)), ((30, 20), (30, 20))]
)
def test_the_preview_is_the_whole_upload(size: tuple[int, int], shown: tuple[int, int]) -> None:
    image = Image.new("RGB", size, (200, 30, 40))
    upload = upload_of(image)
    kept = upload.image.size
    with Image.open(io.BytesIO(preview_png(upload))) as preview:
        assert (preview.format, preview.size) == ("PNG", shown)
        assert preview.getpixel((shown[0] - 1, shown[1] - 1)) == (200, 30, 40)
    assert upload.image.size == kept, "the upload itself is not written to"


@pytest.mark.parametrize("page", ["desk/desk.html", "panels/compare/compare.html"])
def test_where_a_file_is_chosen_a_phones_photo_can_be(page: str) -> None:
    """Not every system counts HEIC among its pictures, so its suffixes are named."""
    text = (ROOT / "explorer" / page).read_text(encoding="utf-8")
    accepted = text.partition('accept="')[2].partition('"')[0].split(",")
    assert {"image/*", ".heic", ".heif", ".hif", ".avif"} <= set(accepted)
