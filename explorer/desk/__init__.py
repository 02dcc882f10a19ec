"""The desk: the one component of ours that the Explore page is made of.

It is a `gr.HTML` whose template never changes after the first paint. The script owns the
state of the page (the recipe, its undo stack, the picture chosen) and asks the server for
frames; what it may ask is the fixed set of functions in `FUNCTIONS`, each taking one
JSON object and returning one.

The script is the module `js/main.js` and what it imports (`explorer/page/scripts.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from explorer.calls import by_session
from explorer.live.requests import ServerFunction
from explorer.page.scripts import on_load

HERE = Path(__file__).parent
MODULE = "desk/js/main.js"
STYLES = ("desk.css", "bank.css", "narrow.css")
FUNCTIONS = (
    "models", "upload", "open", "terms", "local", "start", "render", "details", "export", "keep",
    "session",
)  # fmt: skip
PREFIX = "desk_"


def build_desk(server_functions: Sequence[ServerFunction]) -> gr.HTML:
    """The desk, placed where it is called inside a `gr.Blocks`.

    Args:
        server_functions: Async functions named as in `FUNCTIONS`, each from one JSON object
            to one JSON object (an error is `{"error": message, "code": word}`).

    Raises:
        ValueError: If a function of that set is missing, or one more is given.
    """
    names = sorted(function.__name__ for function in server_functions)
    if names != sorted(FUNCTIONS):
        raise ValueError(f"the desk needs the functions {sorted(FUNCTIONS)}, given are {names}")
    return gr.HTML(
        value=None,
        html_template=_text("desk.html"),
        css_template="".join(_text(name) for name in STYLES),
        js_on_load=on_load(MODULE),
        apply_default_css=False,
        server_functions=[by_session(function, PREFIX) for function in server_functions],
        elem_classes=["strata-desk"],
    )


@functools.cache
def _text(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
