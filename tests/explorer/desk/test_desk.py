"""The desk builds, its parts fit together, and its scripts parse."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from explorer import desk

JS = Path(desk.__file__).parent / "js"
HTML = (JS.parent / "desk.html").read_text(encoding="utf-8")
CSS = "".join(path.read_text(encoding="utf-8") for path in sorted(JS.parent.glob("*.css")))
_WORD = r"""'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|`[^`]*`|//[^\n]*|/\*.*?\*/|/\[0-9\]/g"""


def fake_functions() -> list[desk.ServerFunction]:
    def named(name: str) -> desk.ServerFunction:
        async def function(request: object) -> dict[str, Any]:
            return {"name": name, "given": request}

        function.__name__ = name
        return function

    return [named(name) for name in desk.FUNCTIONS]


def brackets_balance(code: str) -> bool:
    """Whether every bracket outside strings and comments closes in order."""
    closing = {")": "(", "]": "[", "}": "{"}
    opened: list[str] = []
    for sign in re.sub(_WORD, "", code, flags=re.DOTALL):
        if sign in closing.values():
            opened.append(sign)
        elif sign in closing and (not opened or opened.pop() != closing[sign]):
            return False
    return not opened


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


def test_every_script_is_in_the_closure_once_and_short() -> None:
    assert sorted(desk.SCRIPTS) == sorted(path.stem for path in JS.glob("*.js"))
    for path in JS.glob("*.js"):
        lines = path.read_text(encoding="utf-8").splitlines()
        assert len(lines) < 300, path.name
        assert max(len(line) for line in lines) <= 100, path.name
    assert desk.SCRIPTS[-1] == "main"


def test_no_two_scripts_declare_the_same_name() -> None:
    names = re.findall(
        r"^(?:async )?(?:function|const|let|class) (\w+)", desk.script(), flags=re.MULTILINE
    )
    assert len(names) > 40
    assert len(names) == len(set(names))


def test_the_scripts_parse(tmp_path: Path) -> None:
    assert brackets_balance(desk.script())
    node = shutil.which("node")
    if node is None:
        return
    joined = tmp_path / "desk.js"
    joined.write_text(desk.script(), encoding="utf-8")
    result = subprocess.run(
        [node, "--check", str(joined)], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_bracket_check_can_fail() -> None:
    assert not brackets_balance("function f() { return [1, 2); }")
    assert brackets_balance("f('}', \"(\"); // [")


@pytest.mark.parametrize("text", [HTML, CSS], ids=["html", "css"])
def test_nothing_in_the_templates_means_something_to_gradio(text: str) -> None:
    """Gradio reads both as a Handlebars and a JavaScript template."""
    for sign in ("`", "${", "{{", "\\", "@children", "<script"):
        assert sign not in text


def test_every_button_of_the_template_is_listened_to() -> None:
    script = desk.script()
    actions = set(re.findall(r'data-action="([a-z-]+)"', HTML))
    assert {"undo", "redo", "reset", "copy", "paste", "download", "surprise"} <= actions
    for action in actions:
        found = f'button("{action}")' in script or f'[data-action="{action}"]' in script
        assert found, action


def test_everything_that_the_scripts_look_for_is_there() -> None:
    wanted = set(re.findall(r"""querySelector\(["']\[(data-[a-z-]+)""", desk.script()))
    assert len(wanted) > 15
    for name in wanted - {"data-action", "data-ladder", "data-dialog"}:
        assert re.search(rf"\b{name}\b", HTML), name
