"""The desk builds, and its parts fit together."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from explorer import desk
from explorer.page.scripts import scripts, with_imports

HERE = Path(desk.__file__).parent
HTML = (HERE / "desk.html").read_text(encoding="utf-8")
CSS = "".join(path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.css")))
SCRIPT = "\n".join(scripts()[path].decode() for path in with_imports(desk.MODULE))


def fake_functions() -> list[desk.ServerFunction]:
    def named(name: str) -> desk.ServerFunction:
        async def function(request: object) -> dict[str, Any]:
            return {"name": name, "given": request}

        function.__name__ = name
        return function

    return [named(name) for name in desk.FUNCTIONS]


async def built() -> gr.HTML:
    """The desk on a page; inside a loop, since gradio makes and leaks loops where none runs."""
    with gr.Blocks():
        return desk.build_desk(fake_functions())


def test_it_builds_and_its_functions_hide_nothing_of_gradio() -> None:
    component = asyncio.run(built())
    names = [function.__name__ for function in component.server_fns]
    assert names == [f"desk_{name}" for name in desk.FUNCTIONS]
    assert not any(hasattr(gr.HTML, name) for name in names)
    answer = asyncio.run(component.desk_render({"seq": 3}))
    assert answer == {"name": "render", "given": {"seq": 3}}


def test_a_missing_function_is_an_error() -> None:
    with pytest.raises(ValueError, match="export"):
        desk.build_desk(fake_functions()[:-1])


@pytest.mark.parametrize("text", [HTML, CSS], ids=["html", "css"])
def test_nothing_in_the_templates_means_something_to_gradio(text: str) -> None:
    """Gradio reads both as a Handlebars and a JavaScript template."""
    for sign in ("`", "${", "{{", "\\", "@children", "<script"):
        assert sign not in text


def test_every_button_of_the_template_is_listened_to() -> None:
    actions = set(re.findall(r'data-action="([a-z-]+)"', HTML))
    assert {"undo", "redo", "reset", "copy", "paste", "download", "surprise"} <= actions
    named = set(re.findall(r'"([a-z-]+)"', SCRIPT))
    assert actions <= named, actions - named


def test_everything_that_the_scripts_look_for_is_there() -> None:
    wanted = set(re.findall(r"""find\(\w+, ["'`](?:canvas)?\[(data-[a-z-]+)""", SCRIPT))
    assert len(wanted) > 40
    for name in wanted - {"data-action", "data-dialog"}:
        assert re.search(rf"\b{name}\b", HTML), name
