"""The page's scripts: native ES modules, served as they lie in the working copy.

`desk/js/` and `panels/` of this package are one tree, and its addresses follow it, so that the
relative imports in a script mean the same in the browser, in Node and in an editor:

    /strata/js/<hash>/desk/js/main.js

The hash is that of the whole tree. Whoever has an address may keep what it stands for, and a
change of any script changes all addresses: no page mixes scripts of two versions. The tree is read
once, at the start; whatever is not in it has no address here.
"""

from __future__ import annotations

import json
import re
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

PATH = "strata/js"
TREES = ("desk/js", "panels")
FOREVER = "public, max-age=31536000, immutable"

_HERE = Path(__file__).parent
_IMPORT = re.compile(r'^(?:import|export)\b[^;"]*?"(\.[^"]+)";', re.MULTILINE)


@cache
def scripts() -> dict[str, bytes]:
    """All scripts by their path in the tree."""
    package = _HERE.parent
    found = sorted(path for tree in TREES for path in (package / tree).rglob("*.js"))
    return {path.relative_to(package).as_posix(): path.read_bytes() for path in found}


@cache
def version() -> str:
    """The hash of the whole tree, 16 hexadecimal digits."""
    parts = [f"{path}\0{len(text)}\0".encode() + text for path, text in scripts().items()]
    return sha256(b"".join(parts)).hexdigest()[:16]


def address(path: str) -> str:
    """Where a script is, from the root of the page.

    Raises:
        KeyError: There is no such script.
    """
    if path not in scripts():
        raise KeyError(path)
    return f"{PATH}/{version()}/{path}"


def with_imports(path: str) -> tuple[str, ...]:
    """A script and all that it imports, itself or through others, each once.

    Raises:
        KeyError: One of them is not there.
    """
    found = [path]
    for at in found:  # grows as it goes
        found += [path for path in imports(at) if path not in found]
    return tuple(found)


def imports(path: str) -> tuple[str, ...]:
    """What a script itself imports, in its order.

    Raises:
        KeyError: There is no such script.
    """
    named = _IMPORT.findall(scripts()[path].decode())
    return tuple(dict.fromkeys(_joined(path, name) for name in named))


def on_load(path: str) -> str:
    """JavaScript for `gr.HTML`'s `js_on_load`: it calls `start` of a module with the component."""
    component = "{ element, server, watch }"
    return f"({_text('load.js')})({component}, {json.dumps(address(path))});"


def head(path: str) -> str:
    """HTML for the head of the page: a module and its imports are fetched while Gradio begins."""
    wanted = json.dumps([address(path) for path in with_imports(path)])
    return f"<script>({_text('preload.js')})({wanted});</script>"


def script_route() -> Route:
    """The route of the scripts, served beside Gradio's own."""
    return Route(f"/{PATH}/{{version}}/{{path:path}}", _serve)


async def _serve(request: Request) -> Response:
    text = scripts().get(request.path_params["path"])
    if text is None or request.path_params["version"] != version():
        words = "There is no such script. Reload the page: it may be of another version."
        return PlainTextResponse(words, 404, {"cache-control": "no-store"})
    headers = {"cache-control": FOREVER, "x-content-type-options": "nosniff"}
    return Response(text, headers=headers, media_type="text/javascript")


def _joined(path: str, name: str) -> str:
    """The path that a relative import means."""
    parts = list(PurePosixPath(path).parent.parts)
    for part in PurePosixPath(name).parts:
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts)


@cache
def _text(name: str) -> str:
    """A script of this folder as one expression."""
    return (_HERE / name).read_text(encoding="utf-8").strip().rstrip(";")
