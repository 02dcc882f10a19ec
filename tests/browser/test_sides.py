"""Larger uploads, and the model that is suggested for a picture that is unusual to another one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.browser.desk import Desk, encoded, photo
from tests.browser.hand import TWO_FRAMES
from tests.running import App

pytestmark = pytest.mark.browser


@pytest.fixture
def app(maps_app: App) -> App:
    return maps_app


def sides(desk: Desk) -> list[str]:
    """The sides that can be chosen, the one in use marked with a star."""
    pressed = {"true": "*", "false": ""}
    return [
        node.inner_text() + pressed[node.get_attribute("aria-pressed") or "false"]
        for node in desk.page.locator("[data-side]:visible").all()
    ]


def choose_side(desk: Desk, side: int) -> None:
    with desk.another_picture():
        desk.page.locator(f"[data-side='{side}']").click()


def test_a_photograph_comes_as_large_as_it_is_and_can_be_made_smaller(desk: Desk) -> None:
    assert sides(desk) == []
    with desk.another_picture():
        desk.give("holiday.png", encoded(photo(1, (200, 300))))
    assert sides(desk) == ["64", "128", "192*"]
    assert desk.pixels("image").shape == (192, 192, 3)
    assert "12×12" in desk.page.locator("[data-level-card='3']").inner_text()
    desk.drag(desk.slider(2), 2.0)
    large, recipe = desk.screens(), desk.recipe()
    choose_side(desk, 64)
    assert sides(desk) == ["64*", "128", "192"]
    assert {desk.pixels(screen).shape for screen in ("image", "edit")} == {(64, 64, 3)}
    assert "4×4" in desk.page.locator("[data-level-card='3']").inner_text()
    assert desk.recipe() == recipe | {"image": desk.recipe()["image"]}
    assert (desk.pixels() != desk.pixels("reconstruction")).any()
    desk.reload()
    assert sides(desk) == ["64*", "128", "192"]
    with desk.another_picture():
        desk.drop("large.jpg", encoded(photo(2, (900, 700)), "JPEG"))
    assert sides(desk) == ["64", "128", "256*"]
    desk.press("undo")
    assert sides(desk) == ["64*", "128", "192"]
    choose_side(desk, 192)
    assert desk.recipe() == recipe and desk.screens() == large


def test_terms_of_a_larger_picture_are_by_dimension_beside_the_test_mean(desk: Desk) -> None:
    assert "bits per dim · test mean −" in desk.page.locator("[data-elbo]").inner_text()
    with desk.another_picture():
        desk.give("holiday.png", encoded(photo(1, (200, 300))))
    assert desk.page.locator("[data-elbo]").inner_text().endswith("bits per dim")
    assert "Compared at 64 × 64" in desk.page.locator("[data-verdict]").inner_text()
    bar = desk.page.locator("[data-bars] .bar").first.get_attribute("aria-label") or ""
    assert bar.endswith("bits per dim")


def test_a_compressed_frame_that_is_decoded_late_does_not_stay(desk: Desk) -> None:
    """Frames of this size are JPEG under a drag; what stays is exact, whichever is ready first."""
    with desk.another_picture():
        desk.give("holiday.png", encoded(photo(1, (200, 300))))
    desk.page.evaluate("""() => {
        const decode = window.createImageBitmap.bind(window);
        window.decoding = 0;
        window.createImageBitmap = async (blob) => {
            window.decoding += 1;
            if (blob.type === "image/jpeg") await new Promise((done) => setTimeout(done, 600));
            const picture = await decode(blob);
            window.decoding -= 1;
            return picture;
        };
    }""")
    desk.drag(desk.slider(2), 2.0)
    assert (desk.pixels() != desk.pixels("reconstruction")).any()
    desk.press("undo")
    desk.page.wait_for_function("window.decoding === 0")
    desk.page.evaluate(TWO_FRAMES)
    np.testing.assert_array_equal(desk.pixels(), desk.pixels("reconstruction"))


def test_for_an_unusual_upload_another_model_is_suggested_and_opens_it(desk: Desk) -> None:
    suggestion = desk.page.locator("[data-suggest]")
    desk.choose_model("avatars")
    assert not suggestion.is_visible()
    noise = np.random.default_rng(0).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    with desk.another_picture():
        desk.give("strange.png", encoded(Image.fromarray(noise)))
    assert suggestion.locator("span").inner_text() == (
        "This picture is unusual for avatars. maps takes any photograph."
    )
    desk.page.locator("[data-gallery] button").first.click()
    desk.settle()
    assert not suggestion.is_visible()  # it is for uploads
    desk.press("undo")
    assert suggestion.is_visible()
    desk.button("suggest").click()
    desk.page.wait_for_function("document.querySelector('[data-model]').value === 'given/maps'")
    desk.settle()
    assert not suggestion.is_visible()
    expected = (
        Image.fromarray(noise).crop((0, 10, 70, 80)).resize((64, 64), Image.Resampling.LANCZOS)
    )
    difference = np.abs(desk.pixels("image").astype(int) - np.asarray(expected).astype(int))
    assert difference.max() <= 2
    assert desk.page.locator("[data-source-name]").inner_text() == "your upload"
