"""A server that is told to stop: real processes, real signals."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from benchmarks.soak import call
from explorer.guard.drain import DRAIN_S, READY, SERVICE_RESTART
from explorer.panels.train.job import TrainingJob
from explorer.panels.train.process import end_at_once
from tests.explorer.panels.train.test_job import pid_of, wait
from tests.running import LOOPBACK, ROOT, App, start_app

WAIT_S = 60.0
BOUNDARY = "strata"
FILE = (
    f"--{BOUNDARY}\r\nContent-Disposition: form-data; name=files; filename=a.txt\r\n"
    f"Content-Type: text/plain\r\n\r\nhello\r\n--{BOUNDARY}--\r\n"
).encode()
HEAD = (
    f"POST /gradio_api/upload HTTP/1.1\r\nHost: {LOOPBACK}\r\nConnection: close\r\n"
    f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\n"
    f"Content-Length: {len(FILE)}\r\n\r\n"
).encode()
TRAIN_THEN_WAIT = """
import sys
from pathlib import Path
from explorer.guard.crowd import Crowd
from explorer.guard import drain
from explorer.panels.train.job import TrainingJob
from tests.explorer.panels.train.test_job import plan
drain.DRAIN_S = 5.0  # enough to save, maybe not to measure
told, folder = drain.Told(), Path(sys.argv[1])
job = TrainingJob(folder / "runs", device="cpu", threads=1)
job.start(plan(folder, steps=5_000_000))
drain.wait_until_told(told, drain.Drain(Crowd()), job)
"""
# A training that does not end, and a thread that never does.
STUCK = """
import logging, threading, time
from explorer.guard import drain
class Job:
    let_go = lambda self: None
    has_own = lambda self: True
logging.basicConfig(level=logging.INFO)
drain.DRAIN_S, drain.CLOSE_S = 0.3, 0.3
threading.Thread(target=time.sleep, args=(3600,)).start()
told = drain.Told()
logging.info("waits")
drain.wait_until_told(told, drain.Drain([]), Job())
"""


@contextmanager
def started(folder: Path) -> Iterator[App]:
    app = start_app(folder)
    try:
        yield app
    finally:
        app.process.kill()
        app.process.wait(WAIT_S)


@contextmanager
def open_socket(app: App, client: httpx.Client) -> Iterator[ClientConnection]:
    """A socket opened as a page opens one, greeting included."""
    session = call(client, "session", {})
    url = f"ws://{LOOPBACK}:{app.port}/{session['path']}?token={session['token']}"
    with connect(url, origin=app.url, open_timeout=WAIT_S) as opened:  # pyright: ignore[reportArgumentType]
        assert "hello" in json.loads(opened.recv(WAIT_S))
        yield opened


def rest_of(page: ClientConnection) -> tuple[list[str | bytes], int]:
    """What still comes over a socket, and the code that it is closed with."""
    came: list[str | bytes] = []
    try:
        while True:
            came.append(page.recv(WAIT_S))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return came, closed.rcvd.code


def half_uploaded(app: App) -> socket.socket:
    """An upload whose second half is still to come."""
    half = socket.create_connection((LOOPBACK, app.port), timeout=WAIT_S)
    half.sendall(HEAD + FILE[: len(FILE) // 2])
    return half


def test_a_server_told_to_stop_ends_what_runs_takes_nothing_new_and_goes(tmp_path: Path) -> None:
    with started(tmp_path) as app, ExitStack() as stack:
        client = stack.enter_context(httpx.Client(base_url=app.url, timeout=WAIT_S))
        assert client.get(READY).text == "ready\n"
        place = {"model": "avatars", "image": {"kind": "example", "index": 0}}
        recipe = call(client, "open", place)["recipe"]
        upload = stack.enter_context(half_uploaded(app))
        with open_socket(app, client) as page:
            page.send(json.dumps({"seq": 1, "recipe": recipe}))
            frames = [page.recv(WAIT_S)]
            page.send(json.dumps({"seq": 2, "recipe": recipe}))
            app.process.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            more, code = rest_of(page)
        assert code == SERVICE_RESTART
        assert isinstance((frames + more)[0], bytes)

        for path in (READY, "/", "/config"):
            answer = client.get(path)
            assert answer.status_code == 503 and answer.headers["retry-after"]
        url = f"ws://{LOOPBACK}:{app.port}/strata/live?token=x"
        with pytest.raises(InvalidStatus) as refused, connect(url):
            pass
        assert refused.value.response.status_code == 503

        assert app.process.poll() is None  # the upload is still under way
        upload.sendall(FILE[len(FILE) // 2 :])
        assert upload.recv(4096).startswith(b"HTTP/1.1 200")
        assert app.process.wait(WAIT_S) == 0
        assert time.monotonic() - begun < DRAIN_S  # nothing had to be cut off
        assert "cut off" not in app.said() and "Traceback" not in app.said()


def test_what_does_not_end_is_cut_off_in_the_stated_time(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", STUCK], cwd=ROOT, stderr=output)
    try:
        end = time.monotonic() + WAIT_S
        while "waits" not in log.read_text():
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
    finally:
        process.kill()
        process.wait(WAIT_S)
    assert "cut off after 0 s: a training" in log.read_text()


def test_a_training_that_was_begun_here_is_saved_and_can_be_resumed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", TRAIN_THEN_WAIT, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT)
    other = TrainingJob(tmp_path / "runs", device="cpu", threads=1)
    try:
        end = time.monotonic() + WAIT_S
        while (seen := other.snapshot()) is None or seen.step < 2:
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.05)
        other.let_go()  # which it did not begin
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        wait(other, lambda seen: seen.state in ("finishing", "stopped"))
    finally:
        process.kill()
        process.wait(WAIT_S)
        end_at_once(pid_of(other))  # as the end of a container does
    while (ended := other.snapshot()) is None or ended.alive:
        time.sleep(0.05)
    assert ended.resumable and ended.step >= 2
