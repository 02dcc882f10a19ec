"""Local axes on the desk: found at the picture that is open, moved like any other."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.recipe.recipe import Recipe
from explorer.render.encode import encode_image
from explorer.render.render import render
from models.checkpoint.checkpoint import load_checkpoint
from tests.browser.conftest import WAIT_MS
from tests.browser.desk import Desk
from tests.running import ROOT

pytestmark = pytest.mark.browser

T = 5
# Where to start may lie at another level, whose local axes then stand there too.
LOCAL = f"[data-level-card='{T}'] input[data-kind=local]"
DETAILS = f"""() => Array.from(document.querySelectorAll(
    "[data-level-card='{T}'] .axis"), (node) => node.title)"""


@pytest.fixture
def noisy(desk: Desk) -> Desk:
    """The desk on the bundled diffusion, the local axes of one level asked for."""
    desk.choose_model("digits-vdm")
    desk.page.locator(f"[data-level-card='{T}'] [data-axes=local]").click()
    desk.page.wait_for_selector(LOCAL, timeout=WAIT_MS)
    return desk


def details(desk: Desk) -> list[str]:
    return desk.page.evaluate(DETAILS)


def test_a_drag_along_a_local_axis_draws_what_render_does(noisy: Desk) -> None:
    checkpoint = load_checkpoint(ROOT / "checkpoints" / "digits-vdm")
    assert noisy.page.locator(LOCAL).count() == checkpoint.model.local_count
    before = noisy.pixels()
    noisy.drag(noisy.page.locator(LOCAL).first, 2.0)
    (edit,) = noisy.recipe()["edits"]
    assert edit[:3] == [T, "local", 0] and edit[3] == pytest.approx(2.0, abs=0.1)
    trace = encode_image(checkpoint, checkpoint.examples[0])
    recipe = Recipe.from_json(noisy.recipe())
    expected = render(checkpoint.model, trace, recipe, checkpoint.statistics).pixels
    shown = noisy.pixels()[:, :, :1].astype(int)
    # The app computes with other threads, so a last bit may differ.
    assert np.abs(shown - expected).max() <= 1
    assert np.abs(shown - before[:, :, :1].astype(int)).max() > 30


def test_another_picture_has_axes_of_its_own(noisy: Desk) -> None:
    first = details(noisy)
    assert all(" per σ" in said for said in first)
    with noisy.another_picture():
        noisy.press("surprise")
    changed = f"(before) => ({DETAILS})().join() !== before"
    noisy.page.wait_for_function(changed, arg=",".join(first))
    noisy.page.wait_for_selector(LOCAL, timeout=WAIT_MS)
    assert details(noisy) != first
    assert noisy.recipe()["edits"] == []
