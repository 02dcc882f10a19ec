"""The page's scripts as they are served: the very files, under addresses that stay true."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from explorer import desk, page
from explorer.guard.crowd import Crowd
from explorer.guard.drain import Drain
from explorer.guard.origin import Names
from explorer.page import scripts
from explorer.serve import doors

PACKAGE = Path(page.__file__).parents[1]


@pytest.fixture(scope="module")
def client() -> TestClient:
    return TestClient(Starlette(routes=[scripts.script_route()]))


@pytest.fixture
def fresh() -> Iterator[None]:
    """Forgets what was read of the scripts, before and after."""
    caches = (scripts.scripts, scripts.version)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


def test_a_script_is_served_as_it_lies_there_and_for_good(client: TestClient) -> None:
    answer = client.get("/" + scripts.address(desk.MODULE))
    assert answer.status_code == 200
    assert answer.content == (PACKAGE / desk.MODULE).read_bytes()
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize(
    "path",
    [
        "{now}/desk/__init__.py",
        "{now}/desk/desk.html",
        "{now}/desk/js/types.d.ts",
        "{now}/desk/js",
        "{now}/desk/js/",
        "{now}/desk/js/../js/main.js",
        "{now}/..%2fapp.py",
        "{now}//etc/passwd",
        "{now}/desk/js/%2e%2e/__init__.py",
        "0123456789abcdef/desk/js/main.js",
        "{now}/",
    ],
)
def test_nothing_else_has_an_address_and_that_is_not_kept(client: TestClient, path: str) -> None:
    url = f"/{scripts.PATH}/{path.format(now=scripts.version())}"
    answer = client.get(url)
    if "/../" in url:  # the client itself takes such a step
        assert answer.content in scripts.scripts().values()
        return
    assert answer.status_code == 404
    assert answer.headers.get("cache-control") == "no-store" or "Reload" not in answer.text


def test_scripts_are_behind_the_same_doors_as_all_else() -> None:
    middleware = doors(Names("127.0.0.1"), Drain(Crowd()))
    app = Starlette(routes=[scripts.script_route()], middleware=middleware)
    url = "/" + scripts.address(desk.MODULE)
    with TestClient(app, base_url="http://127.0.0.1:7860") as client:
        assert client.get(url).status_code == 200
        assert client.get(url, headers={"host": "elsewhere.example"}).status_code == 403
        assert client.get(url, headers={"origin": "http://elsewhere.example"}).status_code == 403
        assert client.get(url, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    with TestClient(app, base_url="http://127.0.0.1:7860", root_path="/kept") as client:
        assert client.get(f"/kept{url}").status_code == 200


def test_another_script_is_another_address(
    fresh: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(scripts, "_HERE", tmp_path / "page")
    tree = tmp_path / "desk/js"
    tree.mkdir(parents=True)
    (tree / "main.js").write_text("one")
    (tree / "other.js").write_text("two")
    before = scripts.address("desk/js/main.js")
    scripts.scripts.cache_clear()
    scripts.version.cache_clear()
    assert scripts.address("desk/js/main.js") == before
    for change in (tree / "other.js", tree / "new.js"):
        change.write_text("three")
        scripts.scripts.cache_clear()
        scripts.version.cache_clear()
        after = scripts.address("desk/js/main.js")
        assert after != before
        before = after
    with pytest.raises(KeyError):
        scripts.address("desk/js/none.js")


def reached(below: Mapping[str, set[str]], start: str) -> set[str]:
    """All that is below, directly or not."""
    found: set[str] = set()
    new = set(below[start])
    while new:
        found |= new
        new = {one for at in new for one in below[at]} - found
    return found


def test_no_import_of_scripts_or_of_their_folders_goes_in_a_circle() -> None:
    files = {path: set(scripts.imports(path)) for path in scripts.scripts()}
    folders: dict[str, set[str]] = defaultdict(set)
    for path, below in files.items():
        here = PurePosixPath(path).parent
        found = {PurePosixPath(one).parent for one in below}
        # The desk's own files stand above its folders, and small helpers below all of them.
        folders[str(here)] |= {str(one) for one in found if one not in (here, here.parent)}
    for graph in (files, folders):
        assert [name for name in graph if name in reached(graph, name)] == []


def test_the_desk_is_fetched_whole_and_nothing_else() -> None:
    wanted = scripts.with_imports(desk.MODULE)
    below = reached({path: set(scripts.imports(path)) for path in scripts.scripts()}, desk.MODULE)
    assert wanted[0] == desk.MODULE and sorted(wanted[1:]) == sorted(below)
    assert sorted(wanted) == [path for path in scripts.scripts() if path.startswith("desk/")]


def test_every_import_is_seen_however_it_is_written() -> None:
    """What Python reads of an import is what stands there: quoted names that begin with a dot."""
    for path, text in scripts.scripts().items():
        code = re.sub(r"^\s*(//|\*|/\*).*$", "", text.decode(), flags=re.MULTILINE)
        quoted = re.findall(r'(?:from|import)\s*\(?\s*"(\.[^"]*)"', code)
        assert len(quoted) == len(scripts.imports(path)), path


def test_the_scripts_are_modules_whose_imports_are_all_there() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node - install it to load the page's scripts: apt-get install nodejs")
    urls = [(PACKAGE / path).as_uri() for path in scripts.scripts()]
    code = "\n".join(f"await import({url!r});" for url in urls)
    done = subprocess.run(
        [node, "--input-type=module", "-e", code], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
