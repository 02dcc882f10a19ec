"""How the page is served: its doors, its socket, its end."""

from __future__ import annotations

import gc
import importlib
import logging
import os
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import gradio as gr
from gradio import themes
from starlette.middleware import Middleware
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from explorer import desk
from explorer.guard.crowd import Crowd
from explorer.guard.drain import Door, Drain, Told, wait_until_told
from explorer.guard.gate import PATH, Gate
from explorer.guard.limits import MAX_FILE_BYTES, MOST_SESSIONS, Limits
from explorer.guard.origin import Names, OwnPages
from explorer.guard.proxies import PageRoot
from explorer.layout import build
from explorer.library.library import Library
from explorer.library.ready import load_ready, set_threads_for_latency
from explorer.live.server import Live
from explorer.live.session import Session
from explorer.page.scripts import head, script_route
from explorer.panels.train.job import TrainingJob
from models.checkpoint.checkpoint import pick_device
from models.errors import BadInput

_log = logging.getLogger(__name__)

MAX_MESSAGE_BYTES = 4 * 2**20  # of a socket; a longer one closes it, what is too long is told
MOST_EVENTS = 256  # of gradio's queue
# Read out to the blind when something has loaded; Gradio 6 has the key but no words for it.
WORDS = {"common.complete": "complete"}
# The title shares a line with the tabs: the height belongs to the pictures.
CSS = """
.main.fillable { padding: 10px 20px 8px; }
.block:has(> .html-container .strata-title) { margin-bottom: -52px; pointer-events: none; }
.html-container:has(.strata-title) { padding: 4px; }
.strata-title { display: flex; justify-content: space-between; align-items: center; gap: 24px;
  height: 36px; margin: 0; font-size: 20px; font-weight: 700; }
.strata-title span { font-size: 13px; font-weight: 400; color: var(--body-text-color-subdued); }
.tab-wrapper:has([role=tab]) { padding-left: 84px; margin-bottom: 12px; }
.strata-skip { position: absolute; left: -999px; z-index: 30; padding: 6px 12px; transition: none;
  pointer-events: auto; border-radius: 6px; background: var(--block-background-fill);
  color: var(--body-text-color); }
.strata-skip:focus { left: 4px; top: 4px; outline: 2px solid var(--color-accent); }
footer { display: none !important; }
@media (max-width: 640px) {
  .tab-container > button { padding-inline: 8px !important; }
  .main.fillable { padding-inline: 14px; }
  .strata-title span { display: none; }
}
"""


def live_route(live: Live, gate: Gate, crowd: Crowd) -> WebSocketRoute:
    """The route of the live path, served beside gradio's own."""

    async def endpoint(socket: WebSocket) -> None:
        if not await gate.admits(socket):
            await socket.close()  # before it is accepted: the answer is 403
            return
        await socket.accept()
        client = socket.client.host if socket.client is not None else ""
        await crowd.run(client, Session(live, socket))

    return WebSocketRoute(f"/{PATH}", endpoint)


def doors(names: Names, drain: Drain) -> list[Middleware]:
    """What every request passes, in this order."""
    return [
        Middleware(OwnPages, names),
        Middleware(Door, drain),
        Middleware(Limits),
        Middleware(PageRoot, head(desk.MODULE)),
    ]


def theme() -> gr.Theme:
    """One calm theme; the font is named because Gradio's own lacks a true bold."""
    fonts = [themes.LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"]
    made = themes.Default(primary_hue="indigo", neutral_hue="slate", font=fonts)
    # White on the hue's own 500 has a contrast of 4.46; readable is from 4.5.
    return made.set(
        color_accent="*primary_600",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
    )


@dataclass(frozen=True)
class Place:
    """Where the page is served, and who may see it.

    Args:
        host: Address to listen on.
        port: Port; the first free one from 7860 if None.
        share: Whether to make a public link.
        auth: User and password, if the page asks for them.
        root_path: The path, or whole address, that a proxy serves the page below.
        hosts: Hosts that the page has in a browser, where a proxy renames them.
    """

    host: str = "127.0.0.1"
    port: int | None = None
    share: bool = False
    auth: tuple[str, str] | None = None
    root_path: str = ""
    hosts: tuple[str, ...] = ()


def launch(
    bundled: Path,
    runs: Path | None,
    given: str | None,
    data: str | None,
    device: str,
    place: Place,
    compile: bool = False,
) -> None:
    """Open the page and serve it until interrupted or told to stop.

    Args:
        bundled: Folder of the bundled checkpoints.
        runs: Folder of the models trained here, made if it is missing; None for "runs", without
            which nothing can be trained but everything explored.
        given: A checkpoint folder or Hub id to open beside them.
        data: Data that the Train tab offers.
        device: auto, cpu, cuda or mps.
        place: Where it is served.
        compile: Whether to compile the networks of a model when it is loaded.

    Raises:
        BadInput: The device, the model, the folder or the port cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    chosen = str(pick_device(device))
    set_threads_for_latency()
    job = TrainingJob(runs or Path("runs"))
    load = partial(load_ready, compile=compile)
    library = Library(bundled, job.runs, given, chosen, load=load)
    library.load_given()
    closed = job.closed()
    if closed and runs is not None and not runs.is_dir():
        raise BadInput(closed)
    if closed:
        _log.warning("training is off: %s", closed)
    library.preload()
    serve(Live(library), job, data, place)


def serve(live: Live, job: TrainingJob, data: str | None, place: Place) -> None:
    """Serve the page around a live server until interrupted, and close it; as `launch`."""
    crowd = Crowd()
    drain, gate = Drain(crowd), Gate(place.hosts)
    names = Names(place.host, place.hosts, place.root_path)
    page = build(live, gate, job, data, trusted=place.auth is not None)
    page.queue(default_concurrency_limit=4, api_open=False, max_size=MOST_EVENTS)
    calm_queue(page)
    try:
        page.launch(
            server_name=place.host,
            server_port=place.port,
            share=place.share,
            auth=place.auth,
            root_path=place.root_path,
            theme=theme(),
            i18n=gr.I18n(en=WORDS),
            css=CSS,
            show_error=True,
            app_kwargs={
                "routes": [live_route(live, gate, crowd), script_route()],
                "middleware": doors(names, drain),
            },
            max_file_size=MAX_FILE_BYTES,
            state_session_capacity=MOST_SESSIONS,
            prevent_thread_lock=True,
        )
    except OSError as error:
        ports = "7860 and those after it" if place.port is None else place.port
        raise BadInput(
            f"port {ports} on {place.host} cannot be "
            "used, another program may have it: choose another with --port."
        ) from error
    else:
        names.add(page.share_url or "")
        # Frames are compressed where it pays (packets.py); deflate on top only costs.
        page.server.config.ws_per_message_deflate = False
        page.server.config.ws_max_size = MAX_MESSAGE_BYTES
        # What is there now stays: to look through it all for garbage would hold a frame 200 ms.
        gc.freeze()
        gc.enable()  # `app.py` switched it off for the start
        threading.Thread(target=import_matplotlib, daemon=True).start()
        wait_until_told(Told(), drain, job)
        page.close(verbose=False)
    finally:
        live.close()


def import_matplotlib() -> None:
    """What gradio does in its first queued event, while nothing else moves.

    Without a backend named beforehand it would look for one, through all of pyplot.
    """
    os.environ.setdefault("MPLBACKEND", "agg")
    importlib.import_module("matplotlib")


def calm_queue(page: gr.Blocks) -> None:
    """Let gradio's queue look for work 20 times a second instead of 1,000 times.

    Gradio 6 has no setting for it: `sleep_when_free` and `progress_update_sleep_when_free` are
    attributes of its private queue. An event of the Train tab or a call of an endpoint begins
    up to 50 ms later; the desk does not use the queue.
    """
    page._queue.sleep_when_free = 0.05
    page._queue.progress_update_sleep_when_free = 0.1
