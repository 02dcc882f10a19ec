"""The table of contents of the page: the only list of panels."""

from __future__ import annotations

import gradio as gr

from explorer.desk import build_desk
from explorer.desk.server_functions import Functions
from explorer.guard.gate import Gate
from explorer.live.server import Live
from explorer.panels import api
from explorer.panels.compare import panel as compare_panel
from explorer.panels.learn import panel as learn_panel
from explorer.panels.train import panel as train_panel
from explorer.panels.train.job import TrainingJob

FORGET_S = (600, 3600)  # how often temporary files are looked through, and how old they may be
TITLE = "Strata"
TAGLINE = "an explorer of hierarchical variational autoencoders"
SKIP = '<a class="strata-skip" href="#strata-levels">Skip to the sliders</a>'
HEADER = f'{SKIP}<h1 class="strata-title">{TITLE} <span>{TAGLINE}</span></h1>'


def build(
    live: Live, gate: Gate, job: TrainingJob, data: str | None, trusted: bool = False
) -> gr.Blocks:
    """The page: one tab a panel, and the named endpoints.

    Args:
        trusted: Whether its visitors are known to each other, as those with a login are.
    """
    blocks = gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False, delete_cache=FORGET_S)
    with blocks as page:
        gr.HTML(HEADER, padding=False)
        with gr.Tabs() as tabs:
            with gr.Tab("Explore", id="explore"):
                build_desk(Functions(live, gate).all())
            with gr.Tab("Compare", id="compare"):
                compare_panel.build(live)
            with gr.Tab("Train", id="train"):
                train_panel.build(job, data, tabs=tabs, trusted=trusted)
            with gr.Tab("Learn", id="learn") as learn:
                learn_panel.build(live, learn)
        api.build(live)
    return page
