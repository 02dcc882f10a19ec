"""Pictures and recipes in and out: drop, paste, webcam, download, and what is no picture."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.desk import Desk, encoded, photo

pytestmark = pytest.mark.browser

WIDE = encoded(Image.new("1", (30_000, 4)))
BAD_FILES = {
    "notes.png": b"this is a text, not a picture\n",
    "empty.png": b"",
    "half.png": encoded(photo(6))[:2000],
    "strip.png": WIDE,
}


def test_drop_paste_and_webcam_bring_a_picture(desk: Desk) -> None:
    page = desk.page
    seen = [desk.screens()]
    with desk.another_picture():
        desk.drop("dropped.png", encoded(photo(7)))
    seen.append(desk.screens())
    with desk.another_picture():
        desk.paste("pasted.jpg", encoded(photo(8), "JPEG"))
    seen.append(desk.screens())
    with desk.another_picture():
        desk.button("webcam").click()
        page.wait_for_function("document.querySelector('[data-video]').videoWidth > 0")
        page.locator("dialog[open] [data-dialog-apply]").click()
    seen.append(desk.screens())
    assert len({screens["image"] for screens in seen}) == 4
    assert len({screens["reconstruction"] for screens in seen}) == 4
    assert page.locator("dialog[open]").count() == 0


def test_what_is_no_picture_is_said_and_nothing_is_lost(desk: Desk) -> None:
    with desk.another_picture():
        desk.give("holiday.png", encoded(photo(9)))
    desk.drag(desk.slider(4), 2.0)
    screens, recipe = desk.screens(), desk.recipe()
    for name, data in BAD_FILES.items():
        desk.give(name, data)
        said = desk.complaint()
        assert name in said and len(said) > len(name) + 20
        desk.settle()
        assert desk.screens() == screens and desk.recipe() == recipe
        desk.button("dismiss").click()
        assert not desk.complains()
    desk.drag(desk.slider(3), 2.0)
    assert desk.screens()["edit"] != screens["edit"]
    desk.press("undo")
    assert desk.screens() == screens


def test_a_downloaded_picture_dropped_back_restores_everything(desk: Desk, tmp_path: Path) -> None:
    with desk.another_picture():
        desk.give("holiday.png", encoded(photo(12)))
    desk.drag(desk.slider(4), 2.0)
    desk.choose_policy(1, "mean")
    screens, recipe = desk.screens(), desk.recipe()
    with desk.page.expect_download() as download:
        desk.button("download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        small = picture.convert("RGB").resize((64, 64), Image.Resampling.NEAREST)
        assert small.tobytes() == screens["edit"]

    with desk.another_picture():
        desk.choose_model("digits")
    with desk.another_picture():
        desk.drop(path.name, path.read_bytes())
    assert desk.model() == "avatars"
    assert desk.recipe() == recipe
    assert desk.screens() == screens


def clipboard(desk: Desk) -> str:
    return desk.page.evaluate("navigator.clipboard.readText()")


def paste_recipe(desk: Desk, recipe: dict[str, Any] | str) -> None:
    text = recipe if isinstance(recipe, str) else json.dumps(recipe)
    desk.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
    desk.button("paste").click()


def test_a_recipe_goes_out_and_comes_back(desk: Desk) -> None:
    desk.drag(desk.slider(4), 2.0)
    desk.drag(desk.slider(2), -2.0)
    desk.choose_policy(1, "mean")
    screens, recipe = desk.screens(), desk.recipe()
    desk.button("copy").click()
    desk.page.locator("[data-notice]").wait_for(state="visible")
    copied = clipboard(desk)
    assert json.loads(copied) == recipe
    desk.press("reset")
    assert desk.recipe()["edits"] == []
    paste_recipe(desk, copied)
    desk.page.wait_for_function("window.strata.recipe().edits.length === 2")
    desk.settle()
    assert desk.recipe() == recipe and desk.screens() == screens


def test_a_recipe_that_does_not_fit_is_said_and_nothing_is_lost(desk: Desk) -> None:
    desk.drag(desk.slider(4), 2.0)
    screens, recipe = desk.screens(), desk.recipe()
    wrong = {
        "not valid JSON": "{ this is no recipe",
        "another model": recipe | {"model": "0123456789abcdef"},
        "sigma": recipe | {"edits": [[4, "coordinate", 0, 99]]},
        "temperature": recipe | {"temperature": -1},
        "from 1 to 3": recipe | {"policies": recipe["policies"][:-1]},
        "unknown": recipe | {"flux": 1},
    }
    problem = desk.page.locator("[data-dialog-problem]")
    for words, text in wrong.items():
        paste_recipe(desk, text)
        problem.wait_for(state="visible")
        assert problem.get_attribute("role") == "alert"
        assert words in problem.inner_text()
        desk.page.locator("dialog[open] [data-dialog-close]").click()
        desk.settle()
        assert desk.recipe() == recipe and desk.screens() == screens
    desk.drag(desk.slider(3), 2.0)
    assert desk.screens()["edit"] != screens["edit"]
