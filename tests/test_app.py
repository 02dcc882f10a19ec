"""`python app.py` from outside: what it refuses, where it listens, and its login."""

from __future__ import annotations

import json
import pickle
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from benchmarks.soak import call
from tests.running import ROOT, App, free_port, spawn, start_app

DIGITS = ROOT / "checkpoints" / "digits"
CONFIG = json.loads((DIGITS / "config.json").read_text())
OTHER_LOOPBACK = "127.0.0.2"
WAIT_S = 600.0  # no check of speed: only what hangs is given up

# What is asked for, and words that the one line it says must hold.
REFUSED = {
    "device": ("--device=banana", ("device 'banana' is unknown", "auto, cpu, cuda or mps")),
    "auth": ("--auth=ada", ("--auth needs USER:PASSWORD",)),
    "runs": ("--runs={folder}/file/runs", ("file/runs' cannot be made", "--runs")),
    "no model": ("--model={folder}/nowhere", ("no checkpoint folder", "nowhere")),
    "pickle": (
        "--model={folder}/model.pt",
        ("model.pt' is refused", "pickle of more than"),
    ),
    "incomplete": ("--model={folder}/incomplete", ("incomplete", "model.safetensors is missing")),
    "newer": ("--model={folder}/newer", ("format 99", "update Strata")),
    "adapter": ("--adapter={folder}/own.py", ("--adapter", "FILE.py:CLASS")),
    "no adapter": ("--adapter={folder}/own.py:Mine", ("no file", "own.py")),
    "root path": ("--root-path=/a b", ("--root-path '/a b' is no path", "/user/me/proxy/7860")),
    "host": ("--allowed-host=*", ("--allowed-host '*' is no host", "address bar")),
    "port": ("--port={port}", ("port {port} on 127.0.0.1 cannot be used", "--port")),
}

Refusals = dict[str, tuple[subprocess.Popen[bytes], Path]]


def checkpoint(folder: Path, **changed: object) -> None:
    """The digits with some of its config.json changed."""
    shutil.copytree(DIGITS, folder)
    (folder / "config.json").write_text(json.dumps(CONFIG | changed))


def make_bad_inputs(folder: Path) -> None:
    (folder / "file").write_text("no folder")
    (folder / "model.pt").write_bytes(pickle.dumps({"weight": [1.0]}))
    checkpoint(folder / "incomplete")
    (folder / "incomplete" / "model.safetensors").unlink()
    checkpoint(folder / "newer", format=99)


@pytest.fixture(scope="module")
def refusals(app: App, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refusals]:
    """All that are refused, started together: most of their time goes into imports."""
    folder = tmp_path_factory.mktemp("refused")
    make_bad_inputs(folder)
    begun: Refusals = {}
    for name, (option, _) in REFUSED.items():
        log = folder / f"{name}.log"
        given = option.format(folder=folder, port=app.port)
        runs = () if "--runs" in given else (f"--runs={folder / 'runs'}",)
        begun[name] = spawn(log, given, *runs), log
    yield begun
    for process, _ in begun.values():
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_one_line_and_exit_code_2(
    name: str, refusals: Refusals, app: App
) -> None:
    process, log = refusals[name]
    assert process.wait(WAIT_S) == 2
    said = log.read_text()
    assert "Traceback" not in said
    lines = said.strip().splitlines()
    assert len(lines) == 1, said
    assert lines[0].startswith("error: ")
    for words in REFUSED[name][1]:
        assert words.format(port=app.port) in lines[0]


def reachable(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


def own_address() -> str | None:
    """This machine's address towards others, if it has one; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def test_it_listens_on_loopback_alone_and_shares_nothing(app: App) -> None:
    assert reachable("127.0.0.1", app.port)
    address = own_address()
    if address is not None and not address.startswith("127."):
        assert not reachable(address, app.port)
    assert not reachable(OTHER_LOOPBACK, app.port)
    assert "gradio.live" not in app.said()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """An app that asks for a login, on the address that the environment names."""
    try:
        free_port(OTHER_LOOPBACK)
    except OSError:
        pytest.skip("this system has one loopback address only: run it on Linux")
    running = start_app(
        tmp_path_factory.mktemp("guarded"),
        "--auth=ada:lovelace",
        host=OTHER_LOOPBACK,
        environment={"GRADIO_SERVER_NAME": OTHER_LOOPBACK},
    )
    yield running
    running.stop()
    assert "Traceback" not in running.said(), running.said()


def test_the_environment_names_the_address(guarded: App) -> None:
    assert reachable(OTHER_LOOPBACK, guarded.port)
    assert not reachable("127.0.0.1", guarded.port)


def component(client: httpx.Client) -> httpx.Response:
    """What the page's component asks the server first, with whatever login the client has."""
    body = {"session_hash": "test", "component_id": 1, "fn_name": "desk_models", "data": {}}
    return client.post("/gradio_api/component_server", json=body)


def greeting(url: str, session: dict[str, str], **headers: str) -> dict[str, object]:
    """What the live route says first; InvalidStatus where it refuses to talk."""
    address = url.replace("http://", "ws://")
    target = f"{address}/{session['path']}?token={session['token']}"
    more = {name.capitalize(): value for name, value in ({"origin": url} | headers).items()}
    with connect(target, additional_headers=more, open_timeout=WAIT_S) as socket:
        assert socket.protocol.extensions == []  # no deflate: it would cost each frame
        return json.loads(socket.recv(WAIT_S))


def test_gradios_page_is_where_ours_expects_it(app: App) -> None:
    page = httpx.get(app.url, timeout=60).content
    assert page.count(b"gradio_config.root = root") == 1
    assert page.index(b"window.gradio_config = {") < page.index(b"gradio_config.root = root")
    assert page.index(b"gradio_config.root = root") < page.index(b'type="module"')
    assert b"const root = window.gradio_config.root;" in page


def test_the_live_route_takes_its_own_pages_only(app: App) -> None:
    with httpx.Client(base_url=app.url, timeout=60) as client:
        session = call(client, "session", {})
    assert greeting(app.url, session) == {"hello": {"device": "cpu"}}
    refused = [
        lambda: greeting(app.url, session, origin="http://evil.example"),
        lambda: greeting(app.url, session, origin=f"http://127.0.0.1:{app.port + 1}"),
        lambda: greeting(app.url, {**session, "token": "guessed"}),
    ]
    for attempt in refused:
        with pytest.raises(InvalidStatus) as error:
            attempt()
        assert error.value.response.status_code == 403


def test_the_live_route_needs_the_login(guarded: App) -> None:
    with httpx.Client(base_url=guarded.url, timeout=60) as client:
        client.post("/login", data={"username": "ada", "password": "lovelace"})
        session = call(client, "session", {})
        cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    assert greeting(guarded.url, session, cookie=cookie) == {"hello": {"device": "cpu"}}
    for headers in ({}, {"cookie": "access-token=x"}, {"cookie": cookie, "origin": "http://a.b"}):
        with pytest.raises(InvalidStatus) as error:
            greeting(guarded.url, session, **headers)
        assert error.value.response.status_code == 403


def test_the_page_and_what_it_asks_need_the_login(guarded: App) -> None:
    with httpx.Client(base_url=guarded.url, timeout=60) as client:
        for path in ("/config", "/gradio_api/info"):
            assert client.get(path).status_code == 401
        assert component(client).status_code == 401
        wrong = client.post("/login", data={"username": "ada", "password": "byron"})
        assert wrong.status_code == 400
        assert client.get("/config").status_code == 401
        right = client.post("/login", data={"username": "ada", "password": "lovelace"})
        assert right.status_code == 200
        assert any(c["type"] == "html" for c in client.get("/config").json()["components"])
        assert component(client).status_code != 401
