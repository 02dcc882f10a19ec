"""The endpoints for programs, over real HTTP: the examples of docs/api.md, and what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gradio as gr
import httpx
import numpy as np
import pytest
import torch
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from explorer.calls import by_session
from explorer.desk.server_functions import Functions
from explorer.guard.gate import Gate
from explorer.library.library import Library
from explorer.live.server import Live
from explorer.panels import api
from explorer.recipe.recipe import Edit, Recipe
from explorer.render.encode import encode_image
from explorer.render.render import render, sample_frame
from models.checkpoint.checkpoint import Checkpoint
from tests.explorer.toy import toy_checkpoint
from tests.running import ROOT

DOCS = ROOT / "docs" / "api.md"
DOCS_URL = "http://127.0.0.1:7860"
COLOUR = toy_checkpoint("colour", "fedcba9876543210", (3, 6, 6))
GREY = toy_checkpoint("grey", "0123456789abcdef")
TOYS = {"avatars": COLOUR, "grey": GREY}


def toy_load(source: str | Path, device: str) -> Checkpoint:
    return TOYS[Path(source).name]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    torch.set_num_threads(1)
    folder = tmp_path_factory.mktemp("checkpoints")
    for name in TOYS:
        (folder / name).mkdir()
    made = Live(Library(folder, load=toy_load))
    yield made
    made.close()


@pytest.fixture(scope="module")
def url(live: Live) -> Iterator[str]:
    """A launched server with the endpoints and the functions of the page's component."""
    # Where no event loop runs, `gr.Blocks` makes six for itself and closes none of them.
    blocks, address = asyncio.run(launched(live))
    yield address
    blocks.close()


async def launched(live: Live) -> tuple[gr.Blocks, str]:
    """The server and its address."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        gr.HTML(server_functions=[by_session(f, "") for f in Functions(live, Gate()).all()])
        api.build(live)
    _, address, _ = blocks.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    return blocks, address


@pytest.fixture(scope="module")
def client(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    made = Client(url, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))
    yield made
    made.close()


@pytest.fixture
def photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file `photo.png` of the examples, in the working folder: a colour test image."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(COLOUR.examples[0]).save("photo.png")
    return tmp_path / "photo.png"


def pixels(path: str) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.array(image)


def test_the_examples_of_the_manual_run_as_they_stand(
    url: str, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    assert len(blocks) == 5
    names: dict = {}
    for block in blocks:
        exec(block.replace(DOCS_URL, url.rstrip("/")), names)
    names["client"].close()
    printed = capsys.readouterr().out
    assert "avatars - 6×6 colour, 3 levels of 2×2×2, 4, 3" in printed
    assert "z_3 costs" in printed
    assert "n must be a whole number from 1 to 32" in printed
    reconstruction, edited = pixels(names["picture"]), pixels(names["edited"])
    assert reconstruction.shape == edited.shape == (6, 6, 3)
    assert (reconstruction != edited).any()
    assert len(names["paths"]) == 4


def test_reconstruct_is_what_the_model_gives(client: Client, photo: Path) -> None:
    picture, facts = client.predict(handle_file(photo), "avatars", api_name="/reconstruct")
    recipe = Recipe.from_json(facts["recipe"])
    assert recipe.model == COLOUR.hash and not recipe.differs()
    trace = encode_image(COLOUR, COLOUR.examples[0])
    expected = render(COLOUR.model, trace, recipe, COLOUR.statistics).pixels
    np.testing.assert_array_equal(pixels(picture), expected)
    total = facts["terms"]["reconstruction"] - sum(facts["terms"]["rate"])
    assert facts["terms"]["elbo"] == pytest.approx(total)


def test_render_is_what_the_recipe_says(client: Client, photo: Path) -> None:
    _, facts = client.predict(handle_file(photo), "avatars", api_name="/reconstruct")
    recipe = Recipe.from_json(facts["recipe"]).with_edit(Edit(1, "component", 1, -2.5))
    trace = encode_image(COLOUR, COLOUR.examples[0])
    expected = render(COLOUR.model, trace, recipe, COLOUR.statistics).pixels
    for given in (recipe.to_dict(), recipe.to_json()):
        picture = client.predict(handle_file(photo), given, "avatars", api_name="/render")
        np.testing.assert_array_equal(pixels(picture), expected)


def test_samples_are_those_of_their_seeds(client: Client) -> None:
    pictures = client.predict("grey", 5, 1.0, 3, api_name="/sample")
    for seed, entry in zip((5, 6, 7), pictures, strict=True):
        expected = sample_frame(GREY.model, seed).pixels
        np.testing.assert_array_equal(pixels(entry["image"])[..., 0], expected[..., 0])


def test_a_saved_picture_stands_for_its_source(client: Client, url: str, tmp_path: Path) -> None:
    opened = serve(client, url, "open", {"model": "grey", "image": {"kind": "example", "index": 4}})
    recipe = Recipe.from_json(opened["recipe"]).with_edit(Edit(3, "coordinate", 0, 1.0))
    request = {"recipe": recipe.to_dict(), "ref": opened["ref"]}
    saved = tmp_path / "saved.png"
    saved.write_bytes(base64.b64decode(serve(client, url, "export", request)["png"]))
    picture = client.predict(handle_file(saved), recipe.to_dict(), "grey", api_name="/render")
    trace = encode_image(GREY, GREY.examples[4])
    expected = render(GREY.model, trace, recipe, GREY.statistics).pixels
    np.testing.assert_array_equal(pixels(picture)[..., 0], expected[..., 0])


def serve(client: Client, url: str, name: str, request: object, session: str = "test") -> dict:
    """Call a server function of the page's component, as its script does."""
    html = next(c for c in client.config["components"] if c["type"] == "html")
    body = {
        "session_hash": session,
        "component_id": html["id"],
        "fn_name": name,
        "data": request,
    }
    answer = httpx.post(f"{url.rstrip('/')}/gradio_api/component_server", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_page_reaches_every_server_function(client: Client, url: str) -> None:
    assert serve(client, url, "models", {})["default"] == "avatars"
    opened = serve(client, url, "open", {"model": "grey", "image": {"kind": "example", "index": 0}})
    request = {"seq": 1, "recipe": opened["recipe"], "ref": opened["ref"]}
    assert serve(client, url, "render", request)["frame"] == opened["reconstruction"]
    assert len(serve(client, url, "details", request)["ladder"]) == 3
    assert serve(client, url, "export", request)["filename"].endswith(".png")
    assert serve(client, url, "upload", {"name": "a", "data": "AAAA"})["code"] == "bad_input"


def test_of_pictures_asked_for_by_call_a_session_gets_its_newest(
    client: Client, url: str, live: Live
) -> None:
    opened = serve(client, url, "open", {"model": "grey", "image": {"kind": "example", "index": 0}})
    request = {"recipe": opened["recipe"]}
    gate, begun = threading.Event(), threading.Event()
    live.worker.submit(lambda: (begun.set(), gate.wait(60)))
    assert begun.wait(60)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(serve, client, url, "render", request, "one")
        while live.worker.waiting() < 1:
            time.sleep(0.01)
        other = pool.submit(serve, client, url, "render", request, "two")
        while live.worker.waiting() < 2:
            time.sleep(0.01)
        newer = pool.submit(serve, client, url, "render", request, "one")
        assert first.result(60)["code"] == "superseded"
        gate.set()
        assert newer.result(60)["frame"] == opened["reconstruction"] == other.result(60)["frame"]


def refusal(client: Client, *arguments: object, api_name: str) -> str:
    with pytest.raises(AppError) as caught:
        client.predict(*arguments, api_name=api_name)
    return str(caught.value)


def test_what_cannot_be_used_is_said_in_words(client: Client, photo: Path) -> None:
    no_picture = photo.with_name("text.png")
    no_picture.write_text("no picture")
    image = handle_file(photo)
    assert "no model 'no'" in refusal(client, image, "no", api_name="/reconstruct")
    assert "text.png" in refusal(client, handle_file(no_picture), api_name="/reconstruct")
    assert "image is missing" in refusal(client, None, api_name="/reconstruct")
    assert "recipe is missing" in refusal(client, image, None, api_name="/render")
    assert "missing keys" in refusal(client, image, {"version": 1}, api_name="/render")
    _, facts = client.predict(image, "avatars", api_name="/reconstruct")
    other = refusal(client, image, facts["recipe"], "grey", api_name="/render")
    assert COLOUR.hash in other and GREY.hash in other
    assert "temperature must be" in refusal(client, "grey", 0, 3.0, 1, api_name="/sample")
    assert "seed must be" in refusal(client, "grey", 0.5, 1.0, 1, api_name="/sample")


def test_a_file_of_the_server_cannot_be_read(client: Client, url: str, photo: Path) -> None:
    for image in (
        {"path": str(photo)},
        {"path": str(photo), "meta": {"_type": "gradio.FileData"}},
    ):
        body = {"data": [image, "avatars"]}
        begun = httpx.post(f"{url.rstrip('/')}/gradio_api/call/reconstruct", json=body)
        if begun.status_code != 200:
            continue
        event = begun.json()["event_id"]
        answer = httpx.get(f"{url.rstrip('/')}/gradio_api/call/reconstruct/{event}")
        assert "event: error" in answer.text
        assert "elbo" not in answer.text
