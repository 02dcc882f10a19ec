"""The server functions: what the page asks, what it is answered, and what it is told of errors."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image

from explorer.desk import FUNCTIONS
from explorer.desk.server_functions import Functions
from explorer.guard.gate import Gate
from explorer.images.uploading import saved_png
from explorer.library.library import Library
from explorer.live.requests import file_of
from explorer.live.server import Live
from explorer.recipe.recipe import Edit, Recipe
from explorer.render.encode import encode_image
from explorer.render.frame import Frame
from explorer.render.render import render
from models.checkpoint.checkpoint import Checkpoint
from models.errors import BadInput
from models.policy import Policy
from tests.explorer.toy import toy_checkpoint, toy_recipe

GREY = toy_checkpoint("grey", "0123456789abcdef")
COLOUR = toy_checkpoint("colour", "fedcba9876543210", (3, 6, 6))
BINARY = toy_checkpoint("binary", "00000000deadbeef", (1, 4, 4), "bernoulli")
TOYS = {"avatars": GREY, "colour": COLOUR, "binary": BINARY}


def toy_load(source: str | Path, device: str) -> Checkpoint:
    return TOYS[Path(source).name]


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    torch.set_num_threads(1)
    for name in TOYS:
        (tmp_path / name).mkdir()
    server = Live(Library(tmp_path, load=toy_load))
    yield server
    server.close()


def ask(live: Live, name: str, request: object) -> dict:
    """One call as the page makes it."""
    return asyncio.run(functions_of(live)[name](request))


def functions_of(live: Live) -> dict[str, Callable]:
    return {f.__name__: f for f in Functions(live, Gate()).all()}


def open_example(live: Live, model: str = "avatars", index: int = 0) -> dict:
    ref = {"kind": "example", "index": index}
    return ask(live, "open", {"model": model, "image": ref, "recipe": None})


def pixels_of(frame: dict) -> np.ndarray:
    raw = base64.b64decode(frame["rgb"])
    return np.frombuffer(raw, np.uint8).reshape(frame["h"], frame["w"], 3)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def send(live: Live, data: bytes, name: str = "a.png") -> dict:
    return ask(live, "upload", {"name": name, "data": base64.b64encode(data).decode()})


def photo(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (40, 30, 3), dtype=np.uint8)


def test_the_functions_have_the_names_that_the_page_calls(live: Live) -> None:
    assert set(functions_of(live)) == set(FUNCTIONS)


def test_models_come_with_the_default_first(live: Live) -> None:
    answer = ask(live, "models", {})
    assert answer["default"] == "avatars"
    assert [model["id"] for model in answer["models"]] == ["avatars", "binary", "colour"]
    assert answer["models"][2] == {
        "id": "colour",
        "title": "colour",
        "summary": "6×6 colour, 3 levels of 2×2×2, 4, 3",
        "group": "bundled",
        "error": None,
    }


def test_open_gives_all_that_the_page_shows(live: Live) -> None:
    answer = open_example(live, index=5)
    assert answer["model"]["hash"] == GREY.hash
    assert [level["t"] for level in answer["levels"]] == [3, 2, 1]
    assert answer["examples"]["count"] == 48
    assert answer["source"] is None
    assert answer["ref"] == {"kind": "example", "index": 5}
    assert answer["recipe"] == toy_recipe(GREY, GREY.examples[5]).to_dict()
    grey = np.repeat(GREY.examples[5], 3, axis=-1)
    np.testing.assert_array_equal(pixels_of(answer["image"]), grey)
    terms = ask(live, "terms", {"recipe": answer["recipe"]})["terms"]
    assert terms["elbo"] == pytest.approx(terms["reconstruction"] - sum(terms["rate"]))
    assert terms["bits_per_dim"] == pytest.approx(-terms["elbo"] / 16 / np.log(2))
    assert answer["model"]["test"]["elbo"] == pytest.approx(-20.0 - 1 - 2 - 3)


def test_the_sprite_holds_the_test_images_in_order(live: Live) -> None:
    sprite = open_example(live, "colour")["examples"]
    sheet = np.array(Image.open(io.BytesIO(base64.b64decode(sprite["png"].partition(",")[2]))))
    for n in (0, 11, 12, 47):
        top, left = n // 12 * 6, n % 12 * 6
        tile = sheet[top : top + 6, left : left + 6]
        np.testing.assert_array_equal(tile, COLOUR.examples[n])


def test_no_edit_renders_the_reconstruction(live: Live) -> None:
    answer = open_example(live)
    rendered = ask(live, "render", {"seq": 7, "recipe": answer["recipe"]})
    assert rendered["seq"] == 7
    assert rendered["decode_ms"] > 0
    assert rendered["frame"] == answer["reconstruction"]


def test_an_edit_renders_what_render_says_and_changes_the_picture(live: Live) -> None:
    answer = open_example(live, "colour", 3)
    recipe = Recipe.from_json(answer["recipe"]).with_edit(Edit(3, "coordinate", 1, 3.0))
    rendered = ask(live, "render", {"seq": 1, "recipe": recipe.to_dict()})
    trace = encode_image(COLOUR, COLOUR.examples[3])
    expected = render(COLOUR.model, trace, recipe, COLOUR.statistics)
    np.testing.assert_array_equal(pixels_of(rendered["frame"]), expected.pixels)
    assert rendered["frame"] != answer["reconstruction"]


def test_details_end_at_the_full_decode_and_name_the_shadowed(live: Live) -> None:
    answer = open_example(live)
    recipe = Recipe.from_json(answer["recipe"]).with_policy(2, Policy("pin"))
    recipe = recipe.with_edit(Edit(1, "component", 0, -1.5))
    rendered = ask(live, "render", {"seq": 1, "recipe": recipe.to_dict()})
    details = ask(live, "details", {"seq": 2, "recipe": recipe.to_dict()})
    assert [rung["t"] for rung in details["ladder"]] == [3, 2, 1]
    assert details["ladder"][-1]["frame"] == rendered["frame"]
    assert list(details["shadowed"]) == ["3"]
    assert "z₂ is pinned" in details["shadowed"]["3"]


def test_a_binary_model_shows_the_image_thresholded(live: Live) -> None:
    answer = open_example(live, "binary")
    seen = pixels_of(answer["image"])[..., 0]
    np.testing.assert_array_equal(seen, np.where(BINARY.examples[0, ..., 0] > 127, 255, 0))
    assert ask(live, "terms", {"recipe": answer["recipe"]})["terms"]["bits_per_dim"] is None


def test_an_upload_opens_with_its_crop_shown(live: Live) -> None:
    sent = send(live, png(photo()))
    assert (sent["width"], sent["height"], sent["state"], sent["notices"]) == (30, 40, None, [])
    ref = {"kind": "upload", "key": sent["key"], "crop": None, "invert": None}
    answer = ask(live, "open", {"model": "colour", "image": ref, "recipe": None})
    assert answer["source"]["crop"] == {"x": 0.0, "y": 0.125, "size": 1.0}
    assert answer["source"]["grey"] is False
    assert answer["source"]["png"].startswith("data:image/png;base64,")
    again = ask(live, "open", {"model": "colour", "image": answer["ref"], "recipe": None})
    assert again["recipe"] == answer["recipe"]


def test_a_model_switch_keeps_the_upload(live: Live) -> None:
    key = send(live, png(photo()))["key"]
    ref = {"kind": "upload", "key": key, "crop": None, "invert": None}
    for model in ("avatars", "colour", "binary"):
        answer = ask(live, "open", {"model": model, "image": ref, "recipe": None})
        assert answer["source"]["key"] == key


def test_invert_swaps_light_and_dark(live: Live) -> None:
    key = send(live, png(photo()))["key"]
    frames = []
    for invert in (False, True):
        ref = {"kind": "upload", "key": key, "crop": None, "invert": invert}
        frames.append(ask(live, "open", {"model": "avatars", "image": ref})["image"])
    np.testing.assert_array_equal(pixels_of(frames[0]), 255 - pixels_of(frames[1]))


def test_a_sample_is_the_same_for_the_same_seed_only(live: Live) -> None:
    def sample(seed: int) -> dict:
        ref = {"kind": "sample", "seed": seed}
        return ask(live, "open", {"model": "avatars", "image": ref, "recipe": None})

    first, second = sample(1), sample(2)
    assert sample(1)["recipe"] == first["recipe"]
    assert first["recipe"]["image"] != second["recipe"]["image"]


def test_an_exported_picture_dropped_back_in_restores_the_state(live: Live, tmp_path: Path) -> None:
    answer = open_example(live, "colour", 9)
    recipe = Recipe.from_json(answer["recipe"]).with_edit(Edit(2, "component", 1, 0.1))
    request = {"recipe": recipe.to_dict(), "ref": answer["ref"]}
    saved = ask(live, "export", request)
    assert saved["filename"].endswith(".png")
    later = Live(Library(tmp_path, load=toy_load))
    sent = send(later, base64.b64decode(saved["png"]), saved["filename"])
    state = sent["state"]
    assert state["recipe"] == recipe.to_dict()
    assert state["model_id"] == "colour"
    ref = {"kind": "upload", "key": state["source_key"], "crop": None, "invert": False}
    ref["side"] = None
    assert state["ref"] == ref
    request = {"model": state["model_id"], "image": ref, "recipe": state["recipe"]}
    assert ask(later, "open", request)["recipe"] == recipe.to_dict()
    before = ask(live, "render", {"seq": 0, "recipe": recipe.to_dict()})
    after = ask(later, "render", {"seq": 0, "recipe": state["recipe"]})
    assert before["frame"] == after["frame"]
    later.close()


def test_a_restored_recipe_renders_even_before_it_is_opened(live: Live, tmp_path: Path) -> None:
    answer = open_example(live)
    saved = ask(live, "export", {"recipe": answer["recipe"], "ref": answer["ref"]})
    later = Live(Library(tmp_path, load=toy_load))
    state = send(later, base64.b64decode(saved["png"]))["state"]
    rendered = ask(later, "render", {"seq": 0, "recipe": state["recipe"]})
    assert rendered["frame"] == answer["reconstruction"]
    later.close()


def test_a_picture_of_a_model_not_here_is_a_plain_picture_with_a_notice(live: Live) -> None:
    answer = open_example(live)
    recipe = Recipe.from_json({**answer["recipe"], "model": "1111111111111111"})
    pixels = GREY.examples[0]
    sent = send(live, saved_png(Frame(pixels), recipe, json.dumps(answer["ref"]), pixels))
    assert sent["state"]["model_id"] is None
    assert "1111111111111111" in sent["notices"][0]


def test_a_broken_state_is_told_of_and_the_picture_taken(live: Live) -> None:
    answer = open_example(live)
    recipe = Recipe.from_json({**answer["recipe"], "image": "1111111111111111"})
    pixels = GREY.examples[0]
    sent = send(live, saved_png(Frame(pixels), recipe, "{}", pixels))
    assert sent["state"] is None
    assert "does not belong" in sent["notices"][0]
    assert sent["width"] == 512


def error_of(live: Live, name: str, request: object, code: str = "bad_input") -> str:
    answer = ask(live, name, request)
    assert set(answer) == {"error", "code"}
    assert answer["code"] == code
    return answer["error"]


def test_requests_that_make_no_sense_are_answered(live: Live) -> None:
    recipe = open_example(live)["recipe"]
    image = {"kind": "example", "index": 0}
    assert "JSON object" in error_of(live, "render", [1, 2])
    assert "JSON object" in error_of(live, "models", None)
    assert "needs a recipe" in error_of(live, "render", {"seq": 1})
    assert "no model 'no'" in error_of(live, "open", {"model": "no", "image": image})
    assert "'model'" in error_of(live, "open", {"image": image})
    assert "index" in error_of(live, "open", {"model": "avatars", "image": {"kind": "example"}})
    far = {"kind": "example", "index": 48}
    assert "48 test images" in error_of(live, "open", {"model": "avatars", "image": far})
    assert "kind" in error_of(live, "open", {"model": "avatars", "image": {"kind": "web"}})
    crop = {"kind": "upload", "key": "a", "crop": {"x": 2, "y": 0, "size": 1}}
    assert "crop.x" in error_of(live, "open", {"model": "avatars", "image": crop})
    assert "temperature" in error_of(live, "render", {"recipe": {**recipe, "temperature": 9}})


@pytest.mark.parametrize("data", ["", "no base64!", "AAAA", None, 7])
def test_an_upload_that_is_no_picture_is_answered(live: Live, data: object) -> None:
    assert error_of(live, "upload", {"name": "a.png", "data": data})


def test_too_large_an_upload_is_refused_before_it_is_decoded(live: Live) -> None:
    assert "larger than" in error_of(live, "upload", {"name": "a", "data": "A" * 45_000_000})


def test_recipes_of_others_are_refused_by_name(live: Live) -> None:
    answer = open_example(live)
    recipe, image = answer["recipe"], {"kind": "example", "index": 0}
    other_model = {**recipe, "model": COLOUR.hash}
    request = {"model": "avatars", "image": image, "recipe": other_model}
    assert COLOUR.hash in error_of(live, "open", request)
    other_image = {**recipe, "image": "2222222222222222"}
    request = {"model": "avatars", "image": image, "recipe": other_image}
    assert "2222222222222222" in error_of(live, "open", request)
    absent = error_of(live, "render", {"recipe": {**recipe, "model": "3333333333333333"}})
    assert "3333333333333333" in absent and "--model" in absent


def test_a_recipe_of_the_wrong_depth_or_axis_is_refused(live: Live) -> None:
    answer = open_example(live)
    recipe, image = answer["recipe"], {"kind": "example", "index": 0}
    axis = {**recipe, "edits": [[2, "coordinate", 4, 1.0]]}
    request = {"model": "avatars", "image": image, "recipe": axis}
    assert "allowed are 0 to 3" in error_of(live, "open", request)
    assert "allowed are 0 to 3" in error_of(live, "render", {"recipe": axis})
    shallow = {**recipe, "policies": recipe["policies"][:2]}
    request = {"model": "avatars", "image": image, "recipe": shallow}
    assert "levels" in error_of(live, "open", request)
    assert "levels" in error_of(live, "render", {"recipe": shallow})


def test_a_recipe_with_the_image_of_another_size_is_refused(live: Live) -> None:
    recipe = open_example(live)["recipe"]
    image = open_example(live, "colour")["recipe"]["image"]
    assert "size" in error_of(live, "render", {"recipe": {**recipe, "image": image}})


def test_an_image_that_is_gone_is_an_unknown_image(live: Live, tmp_path: Path) -> None:
    answer = open_example(live)
    key = send(live, png(photo()))["key"]
    restarted = Live(Library(tmp_path, load=toy_load))
    request = {"seq": 1, "recipe": answer["recipe"]}
    assert answer["recipe"]["image"] in error_of(restarted, "render", request, "unknown_image")
    ref = {"kind": "upload", "key": key, "crop": None, "invert": None}
    request = {"model": "avatars", "image": ref, "recipe": None}
    assert "again" in error_of(restarted, "open", request, "unknown_image")
    restarted.close()


def test_a_page_brings_its_image_to_a_server_that_never_had_it(live: Live, tmp_path: Path) -> None:
    key = send(live, png(photo()))["key"]
    ref = {"kind": "upload", "key": key, "crop": None, "invert": None}
    answer = ask(live, "open", {"model": "avatars", "image": ref, "recipe": None})
    other = Live(Library(tmp_path, load=toy_load))
    request = {"seq": 1, "recipe": answer["recipe"]}
    error_of(other, "render", request, "unknown_image")
    kept = ask(other, "keep", {"pixels": answer["pixels"]})
    assert kept == {"image": answer["recipe"]["image"]}
    assert ask(other, "render", request)["frame"] == ask(live, "render", request)["frame"]
    other.close()


@pytest.mark.parametrize(
    "pixels",
    [
        None,
        {"shape": [1, 2, 3]},
        {"shape": [1, 2, 1], "data": "AA=="},
        {"shape": [-1, 1, 1], "data": "AA=="},
        {"shape": [1, 1, 2], "data": "AAA="},
        {"shape": [1, 1, 1], "data": "A!=="},
        {"shape": "abc", "data": "AA=="},
        {"shape": [10**9, 1, 3], "data": "A" * 2**24},
    ],
)
def test_an_image_that_came_back_damaged_is_refused(live: Live, pixels: object) -> None:
    assert "damaged" in error_of(live, "keep", {"pixels": pixels})


def test_a_fault_of_ours_is_logged_and_answered_calmly(
    live: Live, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answer = open_example(live)

    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("explorer.live.server.render", broken)
    with caplog.at_level(logging.ERROR):
        message = error_of(live, "render", {"recipe": answer["recipe"]}, "internal")
    assert "secret" not in message
    assert "secret detail" in caplog.text
    monkeypatch.undo()
    assert "frame" in ask(live, "render", {"seq": 1, "recipe": answer["recipe"]})


def test_fifty_renders_of_three_sessions_are_all_right(live: Live) -> None:
    functions = functions_of(live)
    sessions = [("avatars", GREY, 0), ("colour", COLOUR, 1), ("binary", BINARY, 2)]

    async def session(model: str, checkpoint: Checkpoint, index: int) -> list[tuple]:
        ref = {"kind": "example", "index": index}
        opened = await functions["open"]({"model": model, "image": ref})
        zero = Recipe.from_json(cast(dict, opened["recipe"]))
        recipes = [
            zero.with_edit(Edit(1 + n % 3, "coordinate", n % 2, (n % 7) / 2 - 1)) for n in range(50)
        ]
        requests = [{"seq": n, "recipe": r.to_dict()} for n, r in enumerate(recipes)]
        behind = functions["details"]({"seq": 0, "recipe": zero.to_dict()})
        answers = await asyncio.gather(behind, *(functions["render"](r) for r in requests))
        return list(zip(recipes, answers[1:], strict=True))

    async def all_sessions() -> list[list[tuple]]:
        return await asyncio.gather(*(session(*entry) for entry in sessions))

    found = asyncio.run(all_sessions())
    for (_, checkpoint, index), answers in zip(sessions, found, strict=True):
        trace = encode_image(checkpoint, checkpoint.examples[index])
        for n, (recipe, answer) in enumerate(answers):
            assert answer["seq"] == n
            expected = render(checkpoint.model, trace, recipe, checkpoint.statistics).pixels
            shown = np.repeat(expected, 3, axis=-1) if expected.shape[-1] == 1 else expected
            np.testing.assert_array_equal(pixels_of(answer["frame"]), shown)


def test_what_is_kept_is_bounded(live: Live) -> None:
    for seed in range(300):
        ask(live, "open", {"model": "avatars", "image": {"kind": "sample", "seed": seed}})
    assert len(live._traces) == len(live._opened) == 256
    assert len(live._images) > 256


def test_a_file_comes_in_pieces_and_with_a_short_name() -> None:
    data = np.random.default_rng(0).bytes(3 * 2**18 + 1)
    encoded = base64.b64encode(data).decode()
    assert file_of({"data": encoded, "name": "n" * 10_000 + ".png"}) == (
        data,
        "n" * 251 + ".png",
    )
    assert file_of({"data": f"data:image/png;base64,{encoded}"})[1] == "the file"
    for at in (5, 2**18 + 3):
        with pytest.raises(BadInput, match="damaged"):
            file_of({"data": encoded[:at] + "!" + encoded[at + 1 :]})
