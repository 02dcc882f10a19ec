"""One image in several models: what is redrawn, what survives, what it costs."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from itertools import pairwise
from math import inf, log2, log10
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from explorer.images.uploads import image_hash
from explorer.live.worker import RENDER
from explorer.panels.compare.bars import Part, bars_html, parts_of
from explorer.panels.compare.drawing import TIMED, Comparing, Subject
from explorer.panels.compare.facts import Facts, Measured, facts_of
from explorer.panels.compare.scale import Scale, scale_of, ticks
from explorer.panels.compare.table import table_html
from explorer.panels.compare.values import (
    DRAWS,
    SAMPLES,
    About,
    Cost,
    about,
    level_at,
    redrawing,
    shown_rungs,
    survival,
)
from explorer.recipe.recipe import MAX_SEED, zero_recipe
from explorer.render.frame import Frame
from explorer.terms.terms import ImageTerms
from models.policy import Policy
from tests.explorer.comparing import CHECKPOINTS, FITTING, comparing_toys, run, subject_in
from tests.explorer.toy import toy_checkpoint


@pytest.fixture
def comparing(tmp_path: Path) -> Iterator[Comparing]:
    with comparing_toys(tmp_path) as made:
        yield made


def frame(*rows: list[int]) -> Frame:
    return Frame(np.array(rows, np.uint8)[..., None])


# ---- one depth for all ----


@pytest.mark.parametrize(
    ("depth", "at"),
    [
        (1, {0: 0, 0.49: 0, 0.5: 1, 1: 1}),
        (3, {0: 0, 0.16: 0, 0.17: 1, 0.49: 1, 0.5: 2, 0.83: 2, 0.84: 3, 1: 3}),
        (10, {0: 0, 0.04: 0, 0.05: 1, 0.5: 5, 0.94: 9, 0.95: 10, 1: 10}),
        (4, {-1: 0, 2: 4}),
    ],
)
def test_a_share_of_the_depth_is_a_level(depth: int, at: dict[float, int]):
    assert {share: level_at(share, depth) for share in at} == at


def test_the_levels_in_words():
    assert redrawing(0, 3) == "redraws nothing; keeps z₁ … z₃"
    assert redrawing(1, 3) == "redraws z₁ of 3; keeps z₂ … z₃"
    assert redrawing(2, 3) == "redraws z₁ … z₂ of 3; keeps z₃"
    assert redrawing(3, 3) == "redraws z₁ … z₃, all of it; keeps nothing"
    assert redrawing(0, 1) == "redraws nothing; keeps z₁"
    assert redrawing(1, 1) == "redraws z₁, all of it; keeps nothing"


@pytest.mark.parametrize("depth", [1, 2, 6, 7, 10, 64])
def test_the_rungs_shown_are_evenly_spread(depth: int):
    rungs = shown_rungs(depth)
    assert len(rungs) == min(depth, 6)
    assert rungs[0] == depth and rungs[-1] == 1
    gaps = {above - below for above, below in pairwise(rungs)}
    assert not gaps or (min(gaps) > 0 and max(gaps) - min(gaps) <= 1)


@pytest.mark.parametrize("name", FITTING)
def test_depth_0_is_the_reconstruction_and_depth_1_a_sample(comparing: Comparing, name: str):
    subject = subject_in(comparing, name)
    opened = run(lambda: comparing.opened(subject))
    nothing = run(lambda: comparing.perturbed(subject, 0.0, 7))
    assert len(nothing.pictures) == DRAWS and nothing.level == 0
    for drawn in nothing.pictures:
        np.testing.assert_array_equal(drawn.pixels, opened.reconstruction.pixels)
    assert nothing.survival.psnr_db == inf

    everything = run(lambda: comparing.perturbed(subject, 1.0, 7))
    samples = run(lambda: comparing.samples(subject, 7))
    assert everything.level == subject.about.depth
    assert len(samples.pictures) == SAMPLES
    for n, drawn in enumerate(samples.pictures):
        prior = run(lambda n=n: comparing.live.sampled(subject.checkpoint, 7 + n))
        np.testing.assert_array_equal(drawn.pixels, prior.pixels)
    for drawn, sample in zip(everything.pictures, samples.pictures, strict=False):
        np.testing.assert_array_equal(drawn.pixels, sample.pixels)
    assert (samples.pictures[0].pixels != samples.pictures[1].pixels).any()


@pytest.mark.parametrize("name", FITTING)
def test_between_it_is_what_the_desk_draws_of_the_same_recipe(comparing: Comparing, name: str):
    subject = subject_in(comparing, name)
    depth, t = subject.about.depth, level_at(0.5, subject.about.depth)
    perturbed = run(lambda: comparing.perturbed(subject, 0.5, MAX_SEED))
    assert 0 < perturbed.level == t < depth
    for drawn, seed in zip(perturbed.pictures, (MAX_SEED, 0, 1), strict=True):
        recipe = zero_recipe(subject.checkpoint.hash, image_hash(subject.pixels), depth)
        for s in range(1, t + 1):
            recipe = recipe.with_policy(s, Policy("resample", seed))
        desk = run(lambda recipe=recipe: comparing.live.frame(recipe))
        np.testing.assert_array_equal(drawn.pixels, desk.frame.pixels)


@pytest.mark.parametrize("name", FITTING)
def test_the_ladder_is_that_of_the_desk(comparing: Comparing, name: str):
    subject = subject_in(comparing, name)
    depth = subject.about.depth
    recipe = zero_recipe(subject.checkpoint.hash, image_hash(subject.pixels), depth)

    async def all_rungs():
        rungs = await comparing.live.ladder(recipe)
        found = []
        while (rung := await comparing.live.rung(rungs)) is not None:
            found.append(rung)
        return found

    desk = {rung.level: rung.frame.pixels for rung in run(all_rungs)}
    shown = run(lambda: comparing.ladder(subject))
    assert tuple(rung.level for rung in shown) == shown_rungs(depth)
    for rung in shown:
        np.testing.assert_array_equal(rung.frame.pixels, desk[rung.level])


def test_what_survives_by_hand():
    kept = frame([0, 255], [0, 255])
    pictures = [frame([0, 255], [0, 255]), frame([255, 255], [0, 0])]
    binary = survival(pictures, kept, binary=True)
    assert binary.equal == 6 / 8
    assert binary.psnr_db == pytest.approx(10 * log10(8 / 2))
    grey = survival([frame([10, 20])], frame([13, 16]), binary=False)
    assert grey.equal is None
    assert grey.psnr_db == pytest.approx(10 * log10(255**2 / 12.5))
    edge = survival([frame([127, 128])], frame([0, 255]), binary=True)
    assert edge.equal == 1.0  # 127/255 lies below one half, 128/255 above


def test_a_hand_on_the_desk_waits_for_one_level_at_most(comparing: Comparing):
    subject = subject_in(comparing, "slow")
    run(lambda: comparing.opened(subject))

    async def drag() -> tuple[bool, bool]:
        slow = asyncio.ensure_future(comparing.samples(subject, 0))  # 18 levels, 180 ms
        await asyncio.sleep(0.005)
        before = slow.done()
        await comparing.live.worker.run(lambda: None, RENDER)
        between = slow.done()
        await slow
        return before, between

    assert run(drag) == (False, False)


def test_a_decode_is_timed_without_what_it_waits_for(comparing: Comparing):
    subject = subject_in(comparing, "slow")

    async def crowded() -> float:
        timing = asyncio.ensure_future(comparing.decode_ms(subject))
        while not timing.done():
            await comparing.live.worker.run(lambda: time.sleep(0.03), RENDER)
        return await timing

    # Three levels of 10 ms, with a job of 30 ms before each and before the picture.
    assert 30 <= run(crowded) < 100
    assert TIMED % 2 == 1


# ---- what it costs ----


def test_the_terms_are_those_of_the_desk_and_add_up(comparing: Comparing):
    subject = subject_in(comparing, "grey")
    cost = run(lambda: comparing.cost(subject))
    desk = run(lambda: comparing.live.terms(subject.checkpoint, subject.pixels))
    assert cost.terms == desk and desk.elbo_nats is not None
    parts = parts_of(cost)
    assert [part.name for part in parts] == [
        "−reconstruction", "rate of z₃", "rate of z₂", "rate of z₁",
    ]  # fmt: skip
    assert sum(part.nats for part in parts) == pytest.approx(-desk.elbo_nats)


def test_bars_share_a_scale_and_what_is_negative_lies_left_of_zero():
    scale = scale_of([[60.0, -10.0, 20.0], [30.0, 5.0]])
    assert scale.low == pytest.approx(-10 - 0.04 * 90) and scale.high == pytest.approx(83.6)
    assert scale.at(scale.low) == 0 and scale.at(scale.high) == pytest.approx(100)
    assert scale.share(20) == pytest.approx(2 * scale.share(10))
    assert scale_of([[4.0]]).low == 0
    assert scale_of([]) == Scale(0.0, pytest.approx(0.04))  # pyright: ignore[reportArgumentType]


def test_ticks_are_round_and_inside():
    assert ticks(0, 10) == [0, 2.5, 5, 7.5, 10]
    assert ticks(-0.3, 0.9) == pytest.approx([0, 0.5])
    for low, high in ((79.2, 84.1), (41_000, 44_000), (0, 0.013), (-5, -1)):
        found = ticks(low, high)
        assert 3 <= len(found) <= 8
        assert all(low - 1e-9 <= tick <= high + 1e-9 for tick in found)


def test_a_bar_is_laid_out_from_the_lowest_rate_to_the_sum():
    said = About("m", "m", "F", "kind", "Bernoulli", 3, "binary")
    terms = ImageTerms(-60.0, (-10.0, -5.0, 20.0), None, 64, 8, 50.0, "usual", "")
    html = bars_html([Cost(said, Facts(1), terms)])
    low, high = -15 - 0.04 * 95, 80 + 0.04 * 95  # −15 left of zero, 80 right of it
    at = {nats: 100 * (nats - low) / (high - low) for nats in (-15, 0, 65)}
    whole = html[: html.index('class="set rates"')]
    names = re.findall(r'title="m, (.+?):', whole)
    assert names == ["rate of z₁", "rate of z₂", "−reconstruction", "rate of z₃"]
    assert f"padding-left: {at[-15]:.3f}%" in whole
    assert f'class="zero" style="left: {at[0]:.3f}%' in whole
    assert f'class="sum" style="left: {at[65]:.3f}%' in whole
    np.testing.assert_allclose(
        widths_of(whole), [100 * nats / (high - low) for nats in (10, 5, 60, 20)], atol=6e-4
    )
    assert "A rate below the top may be negative" in html and "× " not in whole


def test_a_density_is_told_of_where_it_lies_below_zero_and_beside_other_pixels():
    terms = ImageTerms(60.0, (10.0,), None, 64, 8, 50.0, "usual", "")
    density = Cost(About("m", "m", "F", "kind", "Normal", 1, "continuous"), Facts(1), terms)
    alone = bars_html([density])
    assert "density, which may exceed 1" in alone and "rate below the top" not in alone
    assert "−50.00 nats" in alone and "bits" not in alone
    table = table_html([density])
    assert "−50.00" in table and "bits" not in table and "thresholded" not in table
    others = [
        Cost(About(kind, kind, "F", "kind", "p", 1, kind), Facts(1), terms)
        for kind in ("binary", "8-bit")
    ]
    told = bars_html([*others, density])
    assert "black or white, others 256 values a pixel, others a density of real pixels" in told


def widths_of(html: str) -> list[float]:
    return [float(width) for width in re.findall(r"width: ([\d.]+)%", html)]


def test_bars_are_drawn_when_all_are_weighed(comparing: Comparing):
    costs = [run(lambda n=name: comparing.cost(same_image(n))) for name in FITTING]
    html = bars_html(costs)
    drawn = [parts_of(cost) for cost in costs if parts_of(cost)]
    assert len(drawn) == 3  # one has no likelihood
    values = [[part.nats for part in parts] for parts in drawn]
    whole, rates = scale_of(values), scale_of([bar[1:] for bar in values])
    expected = [whole.share(abs(p.nats)) for parts in drawn for p in outward(parts)]
    expected += [rates.share(abs(p.nats)) for parts in drawn for p in outward(parts[1:])]
    np.testing.assert_allclose(widths_of(html), expected, atol=6e-4)
    assert "no likelihood: PSNR" in html and "weighing" not in html

    waiting = [*costs[:-1], Cost(costs[-1].about, costs[-1].facts)]
    assert widths_of(bars_html(waiting)) == [] and "weighing" in bars_html(waiting)


def outward(parts: list[Part]) -> list[Part]:
    """The parts of a bar from left to right: the last negative one lies farthest left."""
    negative = [part for part in parts if part.nats < 0]
    return [*reversed(negative), *(part for part in parts if part.nats >= 0)]


def same_image(name: str) -> Subject:
    """One image, the same in any of those that fit."""
    checkpoint = CHECKPOINTS[name]
    return Subject(about(name, name, checkpoint.model), checkpoint, CHECKPOINTS["grey"].examples[0])


def test_the_facts_of_a_model():
    checkpoint = cast(Any, toy_checkpoint())
    checkpoint.training = {}
    assert facts_of(checkpoint).parameters == 16 * 8 + 8 * 4 + 4 * 3 + 8 * 16 + 4 * 8 + 3 * 4
    assert facts_of(checkpoint).test is None and facts_of(checkpoint).training_min is None

    checkpoint.training = {"cpu_s": 90.0, "wall_s": 120}
    headline = {"nll_nats": 80.5, "nll_standard_error": 0.2, "k": 50, "nll_images": 100}
    checkpoint.evaluation = {
        "elbo_nats": -84.5, "elbo_standard_error": 0.25, "n_images": 1000, **headline,
    }  # fmt: skip
    facts = facts_of(checkpoint)
    assert (facts.training_min, facts.clock_min) == (1.5, 2.0)
    assert facts.test == Measured(84.5, 0.25, 1000)
    assert facts.nll == Measured(80.5, 0.2, 100, 50)

    checkpoint.evaluation["bounds"] = [
        {"k": 50, "nll_nats": 80.5, "standard_error": 0.2, "images": 100},
        {"k": 5000, "nll_nats": 80.0, "standard_error": 0.5, "images": 10},
        {"k": 1, "nll_nats": 84.0, "standard_error": None, "images": 100},
    ]
    assert facts_of(checkpoint).nll == Measured(80.0, 0.5, 10, 5000)
    checkpoint.model.has_likelihood = False
    assert facts_of(checkpoint).nll is None and facts_of(checkpoint).test is None


def test_bits_per_dimension_stand_beside_nats(comparing: Comparing):
    checkpoint = toy_checkpoint()
    cast(Any, checkpoint).training = {}
    terms = run(lambda: comparing.live.terms(checkpoint, checkpoint.examples[0]))
    cost = Cost(about("toy", "toy", checkpoint.model), facts_of(checkpoint), terms)
    assert terms.elbo_nats is not None and terms.bits_per_dim is not None
    assert terms.bits_per_dim == pytest.approx(-terms.elbo_nats / 16 * log2(np.e))
    for part in parts_of(cost):
        bits = float(re.findall(r"([−\d.]+) bits", part.says)[0].replace("−", "-"))
        assert bits == pytest.approx(part.nats / 16 * log2(np.e), abs=6e-5)
    assert "not measured" in table_html([cost]) and "not recorded" in table_html([cost])
