"""The least that a page of torch and Gradio takes: both imported, and a page with one line.

python -m benchmarks.designs.empty PORT
"""

from __future__ import annotations

import sys

import gradio as gr
import torch  # noqa: F401  # its import is what is measured

with gr.Blocks(title="empty", analytics_enabled=False) as page:
    gr.Markdown("An empty page")

if __name__ == "__main__":
    page.launch(server_port=int(sys.argv[1]))
