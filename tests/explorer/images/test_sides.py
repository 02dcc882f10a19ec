"""Pictures of other sides than the model's own: which, by what view, and all that the page asks."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import log
from pathlib import Path

import numpy as np
import pytest
import torch

from explorer.desk.server_functions import Functions
from explorer.guard.gate import Gate
from explorer.images.png_state import encode_png
from explorer.images.sides import (
    Views,
    check_side,
    fitting_side,
    largest_side,
    offered_sides,
    takes_side,
)
from explorer.images.uploads import shrunk
from explorer.library.library import Library
from explorer.live.server import Live
from explorer.panels import api
from explorer.recipe.recipe import Edit, Recipe
from explorer.terms.terms import LEAST_DRAWS, image_terms
from models.checkpoint.checkpoint import Checkpoint, load_checkpoint
from models.errors import BadInput
from tests.explorer.comparing import CHECKPOINTS
from tests.explorer.maps import maps_checkpoint, maps_model, save_maps, smooth_pictures
from tests.explorer.toy import Toy, toy_checkpoint


def toy_with_reference() -> Checkpoint:
    """A model of one side, whose test images are its reference."""
    toy = toy_checkpoint("fixed", "0123456789abcdef", (3, 6, 6))
    elbo = torch.tensor([image_terms(toy, picture).elbo_nats for picture in toy.examples])
    vars(toy)["statistics"] = replace(toy.statistics, reference_elbo=elbo.sort().values)
    return toy


FIXED = toy_with_reference()


@pytest.fixture(scope="module")
def maps(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return maps_checkpoint(tmp_path_factory.mktemp("checkpoint") / "maps")


@pytest.fixture
def live(tmp_path: Path, maps: Checkpoint) -> Iterator[Live]:
    for name in ("avatars", "maps"):
        (tmp_path / name).mkdir()
    loaded = {"avatars": FIXED, "maps": maps}
    server = Live(Library(tmp_path, load=lambda source, _: loaded[Path(source).name]))
    yield server
    server.close()


def ask(live: Live, name: str, request: object) -> dict:
    functions: dict[str, Callable] = {f.__name__: f for f in Functions(live, Gate()).all()}
    return asyncio.run(functions[name](request))


def upload(live: Live, size: tuple[int, int], black: bool = False) -> str:
    """The key of an uploaded picture of that width and height."""
    width, height = size
    pixels = smooth_pictures(1, max(size), seed=3)[0, :height, :width] * (not black)
    data = base64.b64encode(encode_png(np.ascontiguousarray(pixels))).decode()
    return ask(live, "upload", {"name": "a.png", "data": data})["key"]


def opened(live: Live, key: str, side: int | None = None, model: str = "maps") -> dict:
    ref = {"kind": "upload", "key": key, "crop": None, "invert": None, "side": side}
    return ask(live, "open", {"model": model, "image": ref, "recipe": None})


def test_the_side_is_the_largest_that_does_not_enlarge() -> None:
    model = maps_model()
    wanted = {10: 64, 64: 64, 79: 64, 80: 80, 200: 192, 255: 240, 256: 256, 4000: 256}
    assert {shorter: fitting_side(model, shorter) for shorter in wanted} == wanted
    assert largest_side(model) == 256
    assert offered_sides(model, 256) == (64, 128, 256)
    assert offered_sides(model, 192) == (64, 128, 192)
    assert offered_sides(model, 64) == (64,)
    assert [takes_side(model, side) for side in (48, 64, 72, 80, 256, 272)] == [
        False, True, False, True, True, False,
    ]  # fmt: skip
    with pytest.raises(BadInput, match="sides 64 to 256 in steps of 16, not 100"):
        check_side(model, 100)


def test_a_model_with_a_vector_takes_its_own_side_alone() -> None:
    toy = Toy()
    assert fitting_side(toy, 500) == largest_side(toy) == 4
    with pytest.raises(BadInput, match="side 4 only, not 64"):
        check_side(toy, 64)


def test_a_view_shares_the_weights_and_is_kept(maps: Checkpoint) -> None:
    views = Views()
    view = views.at(maps, 128)
    assert views.at(maps, 64) is maps
    assert view.model is views.at(maps, 128).model
    assert view.hash == maps.hash and view.model.image_shape == (3, 128, 128)
    assert [level.shape for level in view.model.levels] == [(4, 32, 32), (5, 16, 16), (6, 8, 8)]
    own = dict(maps.model.named_parameters())
    for name, parameter in view.model.named_parameters():
        assert parameter.data_ptr() == own[name].data_ptr()


@pytest.mark.parametrize(
    ("size", "side"), [((200, 300), 192), ((30, 40), 64), ((900, 500), 256), ((1200, 300), 256)]
)
def test_an_upload_comes_at_the_side_that_fits(
    live: Live, size: tuple[int, int], side: int
) -> None:
    answer = opened(live, upload(live, size))
    for picture in ("image", "reconstruction"):
        assert (answer[picture]["w"], answer[picture]["h"]) == (side, side)
    assert answer["levels"][0]["map"] == [side // 16, side // 16]
    assert (answer["sides"] or {"now": side})["now"] == side
    assert answer["ref"]["side"] is None
    again = opened(live, answer["ref"]["key"])
    assert again["recipe"] == answer["recipe"]


def test_another_side_can_be_chosen_and_a_wrong_one_is_refused(live: Live) -> None:
    key = upload(live, (300, 260))
    assert opened(live, key)["sides"] == {"own": 64, "offered": [64, 128, 256], "now": 256}
    images = {side: opened(live, key, side)["recipe"]["image"] for side in (64, 128, 256)}
    assert len(set(images.values())) == 3
    assert images[256] == opened(live, key)["recipe"]["image"]
    assert "in steps of 16, not 100" in opened(live, key, 100)["error"]
    assert "of side 6 only, not 64" in opened(live, key, 64, "avatars")["error"]
    assert opened(live, key, None, "avatars")["sides"] is None


def test_test_pictures_have_no_choice_and_samples_do(live: Live) -> None:
    example = {"kind": "example", "index": 0}
    assert ask(live, "open", {"model": "maps", "image": example, "recipe": None})["sides"] is None
    sample = {"kind": "sample", "seed": 3, "side": 128}
    answer = ask(live, "open", {"model": "maps", "image": sample, "recipe": None})
    assert answer["sides"] == {"own": 64, "offered": [64, 128, 256], "now": 128}
    assert answer["ref"] == sample and answer["image"]["w"] == 128


def test_frame_ladder_export_and_replay_at_a_larger_side(live: Live, maps: Checkpoint) -> None:
    answer = opened(live, upload(live, (200, 300)))
    recipe = Recipe.from_json(answer["recipe"])
    edited = recipe.with_edit(Edit(2, "component", 0, 2.0, ((0, 0, 128, 256),)))
    request = {"seq": 1, "recipe": edited.to_dict()}
    frame = ask(live, "render", request)["frame"]
    assert frame["w"] == 192 and frame["rgb"] != answer["reconstruction"]["rgb"]
    details = ask(live, "details", request)
    assert [rung["frame"]["w"] for rung in details["ladder"]] == [192] * 3
    assert details["ladder"][-1]["frame"] == frame
    saved = ask(live, "export", {"recipe": edited.to_dict(), "ref": answer["ref"]})
    sent = ask(live, "upload", {"name": saved["filename"], "data": saved["png"]})
    assert sent["state"]["recipe"] == edited.to_dict()
    back = ask(live, "open", {
        "model": "maps", "image": sent["state"]["ref"], "recipe": sent["state"]["recipe"],
    })  # fmt: skip
    assert back["recipe"] == edited.to_dict() and back["image"]["w"] == 192


def test_the_endpoints_take_a_side(live: Live, tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    path.write_bytes(encode_png(smooth_pictures(1, 300)[0]))

    async def both(side: int) -> tuple[np.ndarray, dict, np.ndarray]:
        picture, facts = await api.reconstruct(live, str(path), "maps", side)
        again = await api.render(live, str(path), facts["recipe"], "maps", side)
        return picture, facts, again

    for side, found in ((0, 256), (64, 64), (128, 128)):
        picture, facts, again = asyncio.run(both(side))
        assert picture.shape == (found, found, 3) and facts["side"] == found
        np.testing.assert_array_equal(picture, again)
    for side in (100, 300, 64.5, "64"):
        with pytest.raises(BadInput):
            asyncio.run(both(side))  # type: ignore[arg-type]
    (sample,) = asyncio.run(api.sample(live, "maps", 1, 1.0, 1, 128))
    assert sample.shape == (128, 128, 3)


def test_a_recipe_of_another_side_of_the_same_picture_is_refused(live: Live) -> None:
    key = upload(live, (300, 260))
    small = opened(live, key, 64)["recipe"]
    ref = {"kind": "upload", "key": key, "crop": None, "invert": None, "side": 128}
    answer = ask(live, "open", {"model": "maps", "image": ref, "recipe": small})
    assert "the same crop and side" in answer["error"]


def test_a_larger_picture_is_compared_as_a_test_image_is_seen(maps: Checkpoint) -> None:
    large = smooth_pictures(1, 128, seed=9)[0]
    small = shrunk(large, (3, 64, 64))
    view = Views().at(maps, 128)
    found = image_terms(view, large, own=maps)
    beside = image_terms(maps, small)
    assert found.percentile == beside.percentile and found.verdict == beside.verdict
    assert found.explanation == beside.explanation + " Compared at 64 × 64, as the test images are."
    alone = image_terms(view, large, draws=LEAST_DRAWS)
    assert found.elbo_nats == pytest.approx(alone.elbo_nats, rel=1e-6)
    assert found.draws == LEAST_DRAWS and beside.draws == maps.statistics.reference_draws
    assert found.dimensions == 3 * 128 * 128
    assert found.elbo_nats is not None
    assert found.bits_per_dim == pytest.approx(-found.elbo_nats / (found.dimensions * log(2)))


def test_another_model_is_suggested_where_the_image_is_unusual(
    live: Live, maps: Checkpoint
) -> None:
    """A black picture is likelier to the toy than any test image, whatever the noise."""
    key = upload(live, (300, 260), black=True)
    strange = opened(live, key, None, "avatars")
    answer = ask(live, "terms", {"recipe": strange["recipe"]})
    assert answer["terms"]["verdict"] != "usual"
    assert answer["suggestion"] == {"id": "maps", "title": "maps"}
    found = [terms_of_example(live, index) for index in range(4)]
    usual = [one["suggestion"] for one in found if one["terms"]["verdict"] == "usual"]
    assert usual and set(usual) == {None}
    assert live.library.for_any_photograph(maps.hash) is None


def terms_of_example(live: Live, index: int) -> dict:
    ref = {"kind": "example", "index": index}
    answer = ask(live, "open", {"model": "avatars", "image": ref, "recipe": None})
    return ask(live, "terms", {"recipe": answer["recipe"]})


def test_no_model_is_suggested_by_one_that_finds_nothing_unusual(
    tmp_path: Path, maps: Checkpoint
) -> None:
    """Without a likelihood no image is likelier than another."""
    loaded = {"avatars": CHECKPOINTS["unmeasured"], "maps": maps}
    for name in loaded:
        (tmp_path / name).mkdir()
    live = Live(Library(tmp_path, load=lambda source, _: loaded[Path(source).name]))
    shown = opened(live, upload(live, (300, 260), black=True), None, "avatars")
    answer = ask(live, "terms", {"recipe": shown["recipe"]})
    live.close()
    assert answer["terms"]["verdict"] == "unknown" and answer["suggestion"] is None


def test_no_model_is_suggested_where_none_takes_any_photograph(tmp_path: Path) -> None:
    for name in ("avatars", "grey"):
        (tmp_path / name).mkdir()
    grey = toy_checkpoint("grey", "00000000deadbeef")
    library = Library(tmp_path, load=lambda at, _: FIXED if Path(at).name == "avatars" else grey)
    assert library.for_any_photograph(FIXED.hash) is None


def test_a_run_is_not_suggested_but_a_given_model_is(tmp_path: Path) -> None:
    bundled, runs = tmp_path / "bundled", tmp_path / "runs"
    (bundled / "avatars").mkdir(parents=True)
    save_maps(runs / "mine")

    def load(source: str | Path, device: str) -> Checkpoint:
        return FIXED if Path(source).name == "avatars" else load_checkpoint(source, device)

    assert Library(bundled, runs, load=load).for_any_photograph(FIXED.hash) is None
    given = Library(bundled, None, str(runs / "mine"), load=load).for_any_photograph(FIXED.hash)
    assert given is not None and given.id == "given/mine"
    assert "64×64 to 256×256 colour, 3 levels of 4×16×16, 5×8×8, 6×4×4" in given.summary


def test_views_of_a_model_with_fast_twins_take_the_plain_weights(maps: Checkpoint) -> None:
    from explorer.library.ready import ForOne

    model = maps_model()
    network = model.decoder.network
    model.decoder.network = ForOne(network, network)
    z = torch.randn(1, 4, 32, 32)
    expected = maps_model().at_side(128).decoder(z).mean
    assert torch.equal(model.at_side(128).decoder(z).mean, expected)
