"""A usual Gradio page: every slider's `change` asks for the picture, all settings as they come."""

from __future__ import annotations

import gradio as gr
import numpy as np

from benchmarks.decoder import SLIDERS, Decoder


def build(decoder: Decoder) -> gr.Blocks:
    """The page."""

    def draw(*sigmas: float) -> np.ndarray:
        return decoder(sigmas)

    with gr.Blocks(title="naive", analytics_enabled=False) as page, gr.Row():
        with gr.Column():
            picture = gr.Image(value=decoder([]), elem_id="picture")
        with gr.Column():
            sliders = [
                gr.Slider(-3, 3, value=0, step=0.05, label=f"z {at}", elem_id=f"axis-{at}")
                for at in range(SLIDERS)
            ]
        for slider in sliders:
            slider.change(draw, sliders, picture)
    return page


def serve(decoder: Decoder, host: str, port: int) -> None:
    """Serve the page until the process ends."""
    build(decoder).launch(server_name=host, server_port=port, quiet=True)
