"""The decode that all designs share, and the made-up model that takes its time."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch

from benchmarks.decoder import SLIDERS, Decoder, decode_times_ms, names, sliders_of
from benchmarks.decoder import stamped_checkpoint as stamped
from benchmarks.fixed import DECODE_MS, SIZES, fixed_checkpoint
from benchmarks.stamp import read
from explorer.render.axes import all_axes

FEW = 12  # sliders that a page shows of a level at first


@pytest.mark.parametrize("name", names())
def test_the_first_slider_is_the_one_that_the_picture_shows(name: str) -> None:
    decoder = Decoder(stamped(name))
    for sigma, step in ((-3.0, 0), (0.0, 60), (0.05, 61), (2.7, 114), (3.0, 120)):
        assert read(decoder([sigma])) == step
        assert read(decoder([sigma, *[1.0] * (SLIDERS - 1)])) == step


def test_the_other_sliders_move_the_picture_too() -> None:
    decoder = Decoder(stamped("fixed"))
    still = decoder([0.0] * SLIDERS)
    assert still.shape == (64, 64, 3) and still.dtype == np.uint8
    for at in range(SLIDERS):
        moved = decoder([2.0 * (at == other) for other in range(SLIDERS)])
        assert (moved != still).any(), at


def test_the_fixed_model_shows_16_sliders_and_64_in_all() -> None:
    checkpoint = fixed_checkpoint()
    levels = all_axes(checkpoint.model, checkpoint.statistics)
    assert [len(level.coordinate) for level in levels] == list(reversed(SIZES))
    assert sum(min(FEW, len(level.coordinate)) for level in levels) == 16
    assert len(sliders_of(checkpoint)) == 64


def test_the_fixed_decode_takes_its_time_and_draws_the_same_whatever_it_takes() -> None:
    slow, quick = fixed_checkpoint().model, fixed_checkpoint(decode_ms=0).model
    z = (torch.zeros((1, 3, 64, 64)), *(torch.ones((1, size)) for size in SIZES))
    started = time.perf_counter()
    picture = slow.likelihood(z).mean
    assert time.perf_counter() - started >= DECODE_MS / 1000
    assert torch.equal(picture, quick.likelihood(z).mean)
    assert min(decode_times_ms(Decoder(stamped("fixed")), 3)) >= DECODE_MS
