"""The main job: drag a slider of each level, see the picture follow, and go back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from tests.browser.conftest import OpenDesk
from tests.browser.desk import Desk, encoded, photo, saved
from tests.running import App

pytestmark = pytest.mark.browser


def test_upload_drag_each_level_undo_redo_and_reset(desk: Desk) -> None:
    first = desk.screens()
    with desk.another_picture():
        desk.give("holiday.png", encoded(photo(1)))
    uploaded = desk.screens()
    for screen in uploaded:
        assert uploaded[screen] != first[screen], screen

    seen = [uploaded]
    for level in desk.levels():
        desk.drag(desk.slider(level), 2.0)
        now = desk.screens()
        assert now["edit"] not in [before["edit"] for before in seen], f"level {level}"
        assert now["reconstruction"] == uploaded["reconstruction"]
        assert now["image"] == uploaded["image"]
        seen.append(now)
    assert [edit[0] for edit in desk.recipe()["edits"]] == [1, 2, 3, 4]
    assert "4 changes" in desk.page.locator("[data-changes]").inner_text()

    for before in reversed(seen[:-1]):
        desk.press("undo")
        assert desk.screens() == before
    assert desk.recipe()["edits"] == []
    for after in seen[1:]:
        desk.press("redo")
        assert desk.screens() == after
    assert desk.button("redo").is_disabled()

    desk.press("reset")
    assert desk.screens() == uploaded
    assert desk.button("reset").is_disabled()
    desk.press("undo")
    assert desk.screens() == seen[-1]


def test_one_slider_and_one_level_go_back_alone(desk: Desk) -> None:
    desk.drag(desk.slider(4), 1.5)
    top = desk.screens()
    desk.page.locator("[data-level-card='3'] [data-axes=component]").click()
    desk.drag(desk.slider(3), -2.0)
    both = desk.screens()
    assert both != top
    assert desk.recipe()["edits"][0][:2] == [3, "component"]
    desk.press("reset-level", 3)
    assert desk.screens() == top
    assert desk.button("reset-level", 3).is_disabled()
    desk.press("undo")
    assert desk.screens() == both
    desk.slider(3).dblclick()
    desk.settle()
    assert desk.screens() == top
    assert [edit[0] for edit in desk.recipe()["edits"]] == [4]


def test_the_arrow_keys_move_a_slider(desk: Desk) -> None:
    before = desk.screens()
    slider = desk.slider(4)
    label = slider.get_attribute("aria-label") or ""
    assert label.startswith("z₄") and "nats" in label
    slider.focus()
    for _ in range(20):
        desk.page.keyboard.press("ArrowRight")
    desk.settle()
    assert float(slider.input_value()) == pytest.approx(1.0)
    assert desk.recipe()["edits"][0][3] == pytest.approx(1.0)
    assert desk.screens()["edit"] != before["edit"]
    for _ in range(20):
        desk.page.keyboard.press("ArrowLeft")
    desk.settle()
    assert desk.recipe()["edits"] == []
    assert desk.screens() == before


def test_after_a_fast_drag_the_last_recipe_is_on_the_screen(
    desk: Desk, app: App, tmp_path: Path
) -> None:
    """The last frame is the one that another way to the same model gives, bit for bit."""
    path = saved(tmp_path / "photo.png", photo(2))
    with desk.another_picture():
        desk.give(path.name, path.read_bytes())
    desk.drag(desk.slider(4), 2.5, -2.5, 2.0, -1.0, 2.8, -2.2, steps=25)
    shown, recipe = desk.pixels(), desk.recipe()
    assert len(recipe["edits"]) == 1
    client = Client(app.url, verbose=False, download_files=tmp_path)
    rendered = client.predict(handle_file(path), recipe, "avatars", api_name="/render")
    client.close()
    with Image.open(rendered) as picture:
        np.testing.assert_array_equal(shown, np.asarray(picture.convert("RGB")))


def test_a_reload_keeps_the_picture_and_the_edits(desk: Desk) -> None:
    with desk.another_picture():
        desk.give("holiday.jpg", encoded(photo(3), "JPEG"))
    desk.drag(desk.slider(2), -2.5, 2.0, steps=25)
    desk.choose_policy(1, "mean")
    screens, recipe = desk.screens(), desk.recipe()
    desk.reload()
    assert desk.recipe() == recipe
    assert desk.screens() == screens
    assert desk.page.locator("[data-source-name]").inner_text() == "your upload"
    assert not desk.complains()


def test_two_pages_do_not_mix(open_desk: OpenDesk) -> None:
    desks = [open_desk(), open_desk()]
    opened = []
    for seed, desk in enumerate(desks, start=10):
        desk.page.bring_to_front()
        with desk.another_picture():
            desk.give("same name.png", encoded(photo(seed)))
        opened.append(desk.screens())
    assert opened[0]["image"] != opened[1]["image"]
    edited = []
    for level, sigma, desk in ((4, 2.0, desks[0]), (3, -2.0, desks[1])):
        desk.page.bring_to_front()  # a page behind another one is slowed down
        desk.drag(desk.slider(level), sigma)
        edited.append(desk.screens())
    for desk, before, after in zip(desks, opened, edited, strict=True):
        assert after["edit"] != before["edit"]
        assert desk.screens() == after
        assert desk.screens()["reconstruction"] == before["reconstruction"]
    assert {desk.recipe()["edits"][0][0] for desk in desks} == {3, 4}
    for desk, before in zip(desks, opened, strict=True):
        desk.page.bring_to_front()
        desk.press("undo")
        assert desk.screens() == before
