"""The Learn tab: docs/theory.md with the numbers of a model in place of its symbols.

The text comes when the tab is opened, so that the first page is no larger for it. Whoever comes
from the Explore tab reads with the model that is open there, and may choose another.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from explorer.guard.discretion import without_folders
from explorer.library.library import Entry
from explorer.live.requests import CALM, log_fault
from explorer.live.server import Live
from explorer.panels.learn.latex import plain
from explorer.panels.learn.numbers import family_line, kind_of, live_lines
from explorer.panels.learn.text import headings, page, theory
from models.errors import BadInput

if TYPE_CHECKING:
    from models.checkpoint.checkpoint import Checkpoint

HERE = Path(__file__).parent
QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
DELIMITERS: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]
# What is open in the Explore tab, for the second input.
DESK_JS = """(chosen, desk, before) => {
  const select = document.querySelector("#strata-model");
  return [chosen, select ? select.value : "", before];
}"""
GROUPS = {"runs": "your run", "given": "given"}


async def read(live: Live, id: str | None) -> str:
    """The page as Markdown, with the numbers of a model; or what is wrong with it, as well."""
    try:
        if not id:
            raise BadInput("no model can be opened - train one in the Train tab")
        entry, checkpoint = await live.model(id)
        return await live.in_pool(lambda: filled(entry, checkpoint))
    except BadInput as error:
        said = f"> {plain(without_folders(str(error)))}"
        return await live.in_pool(lambda: page(theory(), "", "", "", {"model": said}))
    except Exception:
        log_fault("the Learn tab")
        return f"> {CALM}"


def filled(entry: Entry, checkpoint: Checkpoint) -> str:
    """The page as Markdown, with the numbers of a model."""
    name, model = entry.title, checkpoint.model
    own, lines = family_line(name, model), live_lines(name, checkpoint)
    return page(theory(), plain(name), kind_of(model), own, lines)


async def enter(
    live: Live, chosen: str | None, desk: str | None, before: str | None
) -> tuple[gr.Dropdown, str | None, str]:
    """What the tab shows when it is opened: its models, the desk's model, and the page.

    Args:
        chosen: The model chosen here.
        desk: The model that is open in the Explore tab.
        before: What that was when this tab was last opened: a choice made here stays until then.
    """
    entries = [entry for entry in await live.entries() if entry.error is None]
    known = [entry.id for entry in entries]
    wanted = desk if desk and desk != before else chosen
    id = wanted if wanted in known else await live.default_id()
    shown = gr.Dropdown([(title_of(entry), entry.id) for entry in entries], value=id)
    return shown, desk, await read(live, id)


def title_of(entry: Entry) -> str:
    """A model's name in the list, and where it comes from if it is not a bundled one."""
    group = GROUPS.get(entry.group)
    return f"{entry.title} ({group})" if group else entry.title


def contents_html() -> str:
    """The contents as links, and the style of the whole tab."""
    items = "".join(
        f'<li class="depth-{depth}"><a href="#{anchor}">{escape(title)}</a></li>'
        for depth, title, anchor in headings(theory())
    )
    style = (HERE / "learn.css").read_text(encoding="utf-8")
    return f'<style>{style}</style><nav aria-label="Contents"><ul>{items}</ul></nav>'


def build(live: Live, tab: gr.Tab) -> None:
    """The tab's content; to be called inside its `gr.Tab`.

    Args:
        live: Where models are loaded.
        tab: The tab itself.
    """

    async def entered(chosen, desk, before):
        return await enter(live, chosen, desk, before)

    async def chose(id):
        return await read(live, id)

    with gr.Row(equal_height=False, elem_classes=["strata-learn"]):
        with gr.Column(scale=0, min_width=250, elem_classes=["learn-side"]):
            chosen = gr.Dropdown([], label="Numbers of", interactive=True)
            gr.HTML(contents_html(), apply_default_css=False)
        with gr.Column(scale=1, min_width=300):
            text = gr.Markdown(
                "Loading the page and the numbers of the model…",
                latex_delimiters=DELIMITERS,
                header_links=True,
                elem_classes=["learn-text"],
            )
    desk = gr.Textbox(visible=False)
    before = gr.State()
    tab.select(entered, [chosen, desk, before], [chosen, before, text], js=DESK_JS, **QUIET)
    chosen.input(chose, chosen, text, **QUIET)
