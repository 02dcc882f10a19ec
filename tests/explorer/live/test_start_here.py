"""Where to start, held to a measure by brute force on every bundled model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from explorer.desk.server_functions import Functions
from explorer.guard.gate import Gate
from explorer.images.uploads import image_hash
from explorer.library.library import Library
from explorer.live.server import Live
from explorer.live.start_here import MOST_TRIED, Starts, change
from explorer.recipe.recipe import Edit, Recipe, zero_recipe
from explorer.render.axes import all_axes
from explorer.render.decode_memory import Chains
from explorer.render.encode import encode_image
from explorer.render.frame import Frame
from explorer.render.render import render
from models.checkpoint.checkpoint import Checkpoint
from tests.running import ROOT

BUNDLED = ROOT / "checkpoints"
FIXED = ("avatars", "photos", "digits", "digits-hvae", "digits-mhvae", "digits-vae", "fashion")
FEW = 12
Axis = tuple[int, str, int]


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    live = Live(Library(BUNDLED))
    yield live
    live.close()


def opened(live: Live, name: str, which: int) -> tuple[Checkpoint, Recipe]:
    """A bundled model and the recipe that changes nothing of one of its test pictures."""
    _, checkpoint = asyncio.run(live.model(name))
    pixels = checkpoint.examples[which]
    live._images.put(image_hash(pixels), pixels)
    return checkpoint, zero_recipe(checkpoint.hash, image_hash(pixels), checkpoint.model.depth)


def first_axes(checkpoint: Checkpoint) -> list[Edit]:
    """The first axes of every level, of the kind that the page shows first."""
    found = []
    for axes in all_axes(checkpoint.model, checkpoint.statistics):
        spatial = len(axes.shape) > 1
        kind = "component" if spatial and axes.component else "coordinate"
        found += [Edit(axes.level, kind, axis.index, 2.0) for axis in getattr(axes, kind)[:FEW]]
    return found


def local_axes(checkpoint: Checkpoint, levels: range) -> list[Edit]:
    count = checkpoint.model.local_count
    return [Edit(t, "local", k, 2.0) for t in levels for k in range(count)]


def with_all(recipe: Recipe, edits: list[Edit]) -> Recipe:
    for edit in edits:
        recipe = recipe.with_edit(edit)
    return recipe


def tried(
    checkpoint: Checkpoint, which: int, recipe: Recipe, edits: list[Edit]
) -> tuple[np.ndarray, dict[Axis, list[np.ndarray]]]:
    """The picture without edits, and with each slider at −2 and 2 σ, as the page draws them."""
    trace = encode_image(checkpoint, checkpoint.examples[which])
    model, statistics, chains = checkpoint.model, checkpoint.statistics, Chains()

    def drawn(recipe: Recipe) -> np.ndarray:
        return render(model, trace, recipe, statistics, chains).pixels / 255.0

    found = {}
    for edit in edits:
        ways = [Edit(edit.level, edit.kind, edit.index, sigma) for sigma in (-2.0, 2.0)]
        found[edit.level, edit.kind, edit.index] = [drawn(recipe.with_edit(way)) for way in ways]
    return drawn(recipe), found


def by_brute_force(before: np.ndarray, pictures: dict[Axis, list[np.ndarray]]) -> dict[Axis, float]:
    """The smaller change of the two ways of each slider; nothing for one that leaves no picture."""
    found = {}
    for axis, ways in pictures.items():
        spreads = [way.std((0, 1)).mean() / before.std((0, 1)).mean() for way in ways]
        flat = [np.mean((way < 0.02) | (way > 0.98)) for way in (before, *ways)]
        if min(spreads) >= 0.5 and max(flat) - flat[0] <= 0.25:
            found[axis] = min(float(np.sqrt(np.mean((way - before) ** 2))) for way in ways)
    return found


@pytest.mark.parametrize("name", FIXED)
def test_the_slider_to_start_with_moves_the_picture_most(live: Live, name: str) -> None:
    for which in (0, 3):
        checkpoint, recipe = opened(live, name, which)
        edits = first_axes(checkpoint)
        start = asyncio.run(Starts(live).at(with_all(recipe, edits)))
        measured = by_brute_force(*tried(checkpoint, which, recipe, edits))
        assert start is not None
        assert start.rms == pytest.approx(max(measured.values()), abs=1e-5)
        assert measured[start.level, start.kind, start.index] == max(measured.values()) > 0.1


def test_of_a_diffusion_it_is_the_best_of_the_axes_found_at_the_picture(live: Live) -> None:
    checkpoint, recipe = opened(live, "digits-vdm", 0)
    start = asyncio.run(Starts(live).at(with_all(recipe, first_axes(checkpoint))))
    assert start is not None and start.kind == "local"
    edits = local_axes(checkpoint, range(5, 7)) + [Edit(10, "component", 10, 2.0)]
    measured = by_brute_force(*tried(checkpoint, 0, recipe, edits))
    assert measured[start.level, start.kind, start.index] == max(measured.values())
    assert measured[10, "component", 10] == 0.0  # the first slider of the page


def test_what_turns_the_picture_black_is_not_where_to_start(live: Live) -> None:
    checkpoint, recipe = opened(live, "photos", 3)
    edits = first_axes(checkpoint)
    before, pictures = tried(checkpoint, 3, recipe, edits)
    far = max(pictures, key=lambda axis: min(np.mean((w - before) ** 2) for w in pictures[axis]))
    assert far == (3, "component", 0)  # whose ends are white and black
    start = asyncio.run(Starts(live).at(with_all(recipe, edits)))
    assert start is not None
    for way in pictures[start.level, start.kind, start.index]:
        assert 0.3 < way.mean() < 0.7 and way.std() > 0.6 * before.std()


def test_there_is_no_start_where_no_slider_moves_the_picture(live: Live) -> None:
    checkpoint, recipe = opened(live, "photos", 0)
    weak = Edit(2, "component", 8, 2.0)
    measured = by_brute_force(*tried(checkpoint, 0, recipe, [weak]))
    assert 0 < measured[2, "component", 8] < 0.02
    assert asyncio.run(Starts(live).at(recipe.with_edit(weak))) is None


def test_another_picture_is_measured_anew_and_the_same_one_is_not(
    live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts, found = Starts(live), []
    jobs: list[int] = []
    run = live.worker.run
    for which in (0, 1, 0):
        checkpoint, recipe = opened(live, "digits", which)
        with monkeypatch.context() as patch:
            counted: list[object] = []
            patch.setattr(live.worker, "run", lambda *job, to=counted: to.append(job) or run(*job))
            found.append(asyncio.run(starts.at(with_all(recipe, first_axes(checkpoint)))))
        jobs.append(len(counted))
    assert jobs[0] > 30 and jobs[1] > 30 and jobs[2] == 0
    assert found[0] == found[2] != found[1]


def test_a_picture_without_contrast_left_has_not_changed_for_the_better() -> None:
    before = Frame(np.tile(np.array([[[60], [180]]], np.uint8), (4, 2, 1)))
    for grey in (0, 128, 255):
        assert change(before, Frame(np.full_like(before.pixels, grey))) == 0.0
    assert change(before, Frame(before.pixels + 51)) == pytest.approx(0.2)


def test_the_page_asks_for_it_and_is_told_what_is_too_much(live: Live) -> None:
    functions: dict[str, Callable] = {f.__name__: f for f in Functions(live, Gate()).all()}

    def ask(request: dict) -> dict:
        return asyncio.run(functions["start"](request))

    checkpoint, recipe = opened(live, "digits-vae", 0)
    edits = first_axes(checkpoint)
    asked = {"recipe": with_all(recipe, edits).to_dict()}
    start = ask(asked)["start"]
    assert isinstance(start, dict) and {*start} == {"level", "kind", "index", "rms"}
    many = [Edit(1, "coordinate", k, 2.0) for k in range(MOST_TRIED + 1)]
    told = ask({"recipe": with_all(recipe, many).to_dict()})
    assert f"ask for {MOST_TRIED} at most" in str(told["error"])
