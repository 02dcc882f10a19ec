"""The number in a picture's corner: it survives files, and nothing else is taken for one."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import stamp
from benchmarks.decoder import sliders_of
from benchmarks.fixed import fixed_checkpoint
from explorer.images.uploads import image_hash
from explorer.recipe.recipe import Edit, zero_recipe
from explorer.render.encode import encode_image
from explorer.render.frame import frame_of
from explorer.render.render import ladder, render
from explorer.terms.terms import image_terms

SHAPES = [(3, 64, 64), (1, 28, 28), (3, 28, 28)]


def picture(shape: tuple[int, int, int], step: int, seed: int = 0) -> np.ndarray:
    """Noise with a stamp, uint8 `(H, W, C)`: the worst that a file format can be given."""
    noise = torch.rand((1, *shape), generator=torch.Generator().manual_seed(seed))
    return frame_of(stamp.stamped(noise, torch.tensor([step]))).pixels


def filed(pixels: np.ndarray, kind: str, **options: int) -> np.ndarray:
    """Pixels through a file, as a page gets them: always in colour."""
    content = io.BytesIO()
    Image.fromarray(pixels.squeeze()).convert("RGB").save(content, kind, **options)
    return np.asarray(Image.open(content).convert("RGB"))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_step_is_read_from_the_pixels(shape: tuple[int, int, int]) -> None:
    for step in range(stamp.STEPS):
        assert stamp.read(picture(shape, step, seed=step)) == step


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_every_step_is_read_from_a_file(shape: tuple[int, int, int], kind: str) -> None:
    for step in range(stamp.STEPS):
        assert stamp.read(filed(picture(shape, step, seed=step), kind)) == step


def test_a_picture_without_a_stamp_shows_none() -> None:
    assert stamp.read(np.zeros((64, 64, 3), np.uint8)) is None
    assert stamp.read(np.full((64, 64, 3), 255, np.uint8)) is None
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 256, (200, 64, 64, 3), dtype=np.uint8)
    smooth = np.repeat(np.repeat(noise[:, ::8, ::8], 8, axis=1), 8, axis=2)
    # A flat block passes for a digit often, and for the right check digit one time in eleven.
    assert sum(stamp.read(pixels) is not None for pixels in smooth) < 20


def test_a_torn_stamp_shows_none() -> None:
    for step in range(stamp.STEPS):
        other = (step + 37) % stamp.STEPS
        torn = picture((3, 64, 64), step)
        for at in range(stamp.DIGITS):
            block = slice(at * stamp.BLOCK, (at + 1) * stamp.BLOCK)
            mixed = torn.copy()
            mixed[: stamp.BLOCK, block] = picture((3, 64, 64), other)[: stamp.BLOCK, block]
            same = np.array_equal(mixed, torn)
            assert stamp.read(mixed) == (step if same else None)


def test_steps_and_sigmas_are_the_sliders_places() -> None:
    assert [stamp.step_of(sigma) for sigma in (-3, -2.95, 0, 3)] == [0, 1, 60, 120]
    assert all(stamp.step_of(stamp.sigma_of(step)) == step for step in range(stamp.STEPS))


def test_a_stamped_model_shows_where_its_slider_stands_and_is_the_model_in_all_else() -> None:
    plain = fixed_checkpoint(decode_ms=0)
    slider = sliders_of(plain)[0]
    std = float(plain.statistics.levels[slider.level - 1].std[slider.index])
    model = stamp.Stamped(plain.model, slider.level, slider.index, std).eval()
    stamped = replace(plain, model=model)  # type: ignore[arg-type]
    pixels = plain.examples[0]
    trace = encode_image(stamped, pixels)
    recipe = zero_recipe(plain.hash, image_hash(pixels), model.depth)
    for step in (0, 1, 60, 77, 120):
        edits = (
            Edit(slider.level, "coordinate", slider.index, stamp.sigma_of(step)),
            Edit(1, "coordinate", 5, 1.5),
        )
        edited = replace(recipe, edits=edits)
        shown = render(model, trace, edited, plain.statistics).pixels
        bare = render(plain.model, trace, edited, plain.statistics).pixels
        assert stamp.read(shown) == step
        changed = (shown != bare).any(axis=-1)
        assert not changed[stamp.BLOCK :].any() and not changed[:, 24:].any()
        rungs = list(ladder(model, trace, edited, plain.statistics))
        assert [stamp.read(rung.frame.pixels) for rung in rungs] == [step] * model.depth
    assert image_terms(stamped, pixels) == image_terms(plain, pixels)


def test_every_picture_of_a_batch_has_its_own_stamp() -> None:
    plain = fixed_checkpoint(decode_ms=0)
    model = stamp.Stamped(plain.model, 3, 0, 1.0).eval()
    images = torch.from_numpy(plain.examples[:3]).permute(0, 3, 1, 2).float() / 255
    z = list(stamp.encode(plain.model, images).z)
    z[3] = z[3] + torch.tensor([[-1.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    shown = model.likelihood(tuple(z)).mean
    assert [stamp.read(frame_of(one[None]).pixels) for one in shown] == [40, 60, 100]
