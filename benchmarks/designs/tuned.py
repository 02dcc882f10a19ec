"""The best that Gradio's own slider and image can do.

One event for all sliders, on `input` and not on `change`; the newest one waits while one is
under way; no queue, no loading overlay, JPEG. The handler runs on the event loop, since a
worker thread only costs.
"""

from __future__ import annotations

import gradio as gr
import numpy as np

from benchmarks.decoder import SLIDERS, Decoder


def build(decoder: Decoder) -> gr.Blocks:
    """The page."""

    async def draw(*sigmas: float) -> np.ndarray:
        return decoder(sigmas)

    with gr.Blocks(title="tuned", analytics_enabled=False) as page, gr.Row():
        with gr.Column():
            picture = gr.Image(
                value=decoder([]), format="jpeg", elem_id="picture", height=480, buttons=[]
            )
        with gr.Column():
            sliders = [
                gr.Slider(-3, 3, value=0, step=0.05, label=f"z {at}", elem_id=f"axis-{at}")
                for at in range(SLIDERS)
            ]
        gr.on(
            [slider.input for slider in sliders],
            draw,
            sliders,
            picture,
            trigger_mode="always_last",
            queue=False,
            show_progress="hidden",
            concurrency_limit=None,
        )
    return page


def serve(decoder: Decoder, host: str, port: int) -> None:
    """Serve the page until the process ends."""
    build(decoder).launch(server_name=host, server_port=port, quiet=True)
