"""What a region covers of a map: exact where it must be, soft, symmetric, the same at each side."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.recipe.regions import WHOLE, Region
from explorer.render.masks import coverage

SIDES = (1, 4, 8, 16, 64)
LEFT: Region = ((0, 0, 128, 256),)


@pytest.mark.parametrize("side", SIDES[1:])
@pytest.mark.parametrize(
    "region",
    [WHOLE, ((0, 0, 256, 256),), ((128, 128, 256),), ((0, 0, 128, 256), (128, 0, 256, 256))],
    ids=["whole", "rectangle", "dab", "halves"],
)
def test_all_of_the_picture_is_covered_exactly(region: Region, side: int) -> None:
    mask = coverage(region, side)
    assert mask.dtype == np.float32 and mask.shape == (side, side)
    assert (mask == 1).all()


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("place", [(1, 1), (100, 37), (128, 128), (255, 255), (64, 192)])
def test_the_smallest_dab_takes_at_least_half_of_the_position_next_to_it(
    side: int, place: tuple[int, int]
) -> None:
    mask = coverage(((*place, 1),), side)
    middle = (np.arange(side) + 0.5) * 256 / side
    row, column = np.abs(middle - place[1]).argmin(), np.abs(middle - place[0]).argmin()
    assert mask[row, column] == mask.max() >= 0.5
    assert (mask > 0).sum() <= 9


def test_a_dab_is_soft_and_round() -> None:
    mask = coverage(((128, 128, 64),), 64)  # radius of 16 positions, in the middle of the map
    along = mask[32, 32:]  # from the centre to the right edge
    assert (np.diff(along) <= 0).all()
    assert (along[:12] == 1).all() and (along[21:] == 0).all()
    assert abs(along[15] + along[16] - 1) < 0.1  # half is covered at the radius
    for turned in (mask[::-1], mask[:, ::-1], mask.T):
        np.testing.assert_array_equal(mask, turned)


def test_mirrored_shapes_have_mirrored_masks() -> None:
    region: Region = ((40, 70, 25), (90, 100, 60), (10, 20, 60, 200), (60, 70, -20))
    mirrored: Region = ((216, 70, 25), (166, 100, 60), (196, 20, 246, 200), (196, 70, -20))
    for side in SIDES:
        np.testing.assert_allclose(coverage(region, side), coverage(mirrored, side)[:, ::-1])


def test_it_is_the_same_region_on_every_map() -> None:
    """A finer map of a dab larger than a cell, averaged over cells, is the coarser one."""
    region: Region = ((100, 90, 50), (150, 140, 40), (150, 90, -30))
    coarse = coverage(region, 16)
    fine = coverage(region, 64).reshape(16, 4, 16, 4).mean(axis=(1, 3))
    assert np.abs(coarse - fine).max() < 0.1
    assert np.abs(coarse - fine).mean() < 0.01


def test_rectangles_cover_the_share_of_a_cell() -> None:
    mask = coverage(((32, 0, 256, 128),), 4)  # cells of 64 units
    np.testing.assert_array_equal(mask[:2], np.array([[0.5, 1, 1, 1]] * 2))
    assert (mask[2:] == 0).all()


def test_shapes_are_laid_over_each_other_in_order() -> None:
    dab, eraser = (64, 64, 40), (64, 64, -40)
    both = coverage((dab, eraser), 16)
    np.testing.assert_allclose(both, np.minimum(*(coverage((dab,), 16) * s + o for s, o in
                                                  ((1, 0), (-1, 1)))))  # fmt: skip
    assert both.max() <= 0.5
    np.testing.assert_array_equal(coverage((dab, eraser, dab), 16), coverage((dab,), 16))
    two = coverage((*LEFT, (200, 200, 30)), 16)
    np.testing.assert_array_equal(
        two, np.maximum(coverage(LEFT, 16), coverage(((200, 200, 30),), 16))
    )


def test_what_is_shared_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        coverage(LEFT, 8)[0, 0] = 0.5


def test_a_run_of_shapes_is_the_most_that_each_alone_covers() -> None:
    run = (*((n * 37 % 257, n * 91 % 257, 1 + n % 60) for n in range(150)), (3, 40, 200, 77))
    alone = np.max([coverage((shape,), 11) for shape in run], axis=0)
    np.testing.assert_array_equal(coverage(run, 11), alone)
    left = coverage((*run, (128, 128, -50)), 11)
    np.testing.assert_array_equal(left, np.minimum(alone, 1 - coverage(((128, 128, 50),), 11)))
