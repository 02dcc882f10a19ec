"""The table of contents of the page, and how it is launched: the only list of panels."""

from __future__ import annotations

import logging
from pathlib import Path

import gradio as gr
from gradio import themes

from explorer.desk import build_desk
from explorer.jobs import TrainingJob
from explorer.library import Library
from explorer.live import Live
from explorer.panels import api
from explorer.panels import train as train_panel
from models.checkpoint import pick_device
from models.errors import BadInput

TITLE = "Strata"
TAGLINE = "an explorer of hierarchical variational autoencoders"
HEADER = f'<h1 class="strata-title">{TITLE} <span>{TAGLINE}</span></h1>'
# The title shares a line with the tabs: the height belongs to the pictures.
CSS = """
.main.fillable { padding: 10px 20px 8px; }
.block:has(> .html-container .strata-title) { margin-bottom: -52px; pointer-events: none; }
.html-container:has(.strata-title) { padding: 4px; }
.strata-title { display: flex; justify-content: space-between; align-items: center; gap: 24px;
  height: 36px; margin: 0; font-size: 20px; font-weight: 700; }
.strata-title span { font-size: 13px; font-weight: 400; color: var(--body-text-color-subdued); }
.tab-wrapper:has([role=tab]) { padding-left: 84px; margin-bottom: 12px; }
footer { display: none !important; }
@media (max-width: 640px) {
  .main.fillable { padding-inline: 14px; }
  .strata-title span { display: none; }
}
"""


def build(live: Live, job: TrainingJob, data: str | None) -> gr.Blocks:
    """The page: one tab a panel, and the named endpoints."""
    with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False) as page:
        gr.HTML(HEADER, padding=False)
        with gr.Tabs() as tabs:
            with gr.Tab("Explore", id="explore"):
                build_desk(live.server_functions())
            with gr.Tab("Train", id="train"):
                train_panel.build(job, data, tabs=tabs)
        api.build(live)
    return page


def theme() -> gr.Theme:
    """One calm theme; the font is named because Gradio's own lacks a true bold."""
    fonts = [themes.LocalFont("Source Sans Pro", weights=(400, 700)), "system-ui", "sans-serif"]
    return themes.Default(primary_hue="indigo", neutral_hue="slate", font=fonts)


def launch(
    bundled: Path,
    runs: Path,
    given: str | None,
    data: str | None,
    device: str,
    host: str,
    port: int | None,
    share: bool,
    auth: tuple[str, str] | None,
) -> None:
    """Open the page and serve it until interrupted.

    Args:
        bundled: Folder of the bundled checkpoints.
        runs: Folder of the models trained here; made if it is missing.
        given: A checkpoint folder or Hub id to open beside them.
        data: Data that the Train tab offers.
        device: auto, cpu, cuda or mps.
        host: Address to listen on.
        port: Port; the first free one from 7860 if None.
        share: Whether to make a public link.
        auth: User and password, if the page asks for them.

    Raises:
        BadInput: The device, the model, the folder or the port cannot be used.
    """
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    chosen = str(pick_device(device))
    library = Library(bundled, runs, given, chosen)
    library.load_given()
    try:
        runs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(
            f"the folder '{runs}' cannot be made ({error.strerror}): use --runs."
        ) from error
    live = Live(library)
    page = build(live, TrainingJob(runs), data)
    try:
        page.queue(default_concurrency_limit=4).launch(
            server_name=host,
            server_port=port,
            share=share,
            auth=auth,
            theme=theme(),
            css=CSS,
            show_error=True,
        )
    except OSError as error:
        raise BadInput(
            f"port {'7860 and those after it' if port is None else port} on {host} cannot be "
            "used, another program may have it: choose another with --port."
        ) from error
    finally:
        live.close()
