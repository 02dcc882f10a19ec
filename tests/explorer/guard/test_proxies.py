"""The page behind a proxy: what may be given, and what becomes of the answers on their way out."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import HTMLResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from explorer.guard.proxies import MARK, PageRoot, parse_hosts, parse_root_path
from models.errors import BadInput

PAGE = '<head><base href="./"><script data-gradio-mode></script>const root = "http://x";</head>'


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (None, ""),
        ("/", ""),
        ("/user/me/proxy/7860", "/user/me/proxy/7860"),
        ("user/me@here/7860/", "/user/me@here/7860"),
        ("https://strata.example/below/", "https://strata.example/below"),
        ("https://strata.example", "https://strata.example"),
    ],
)
def test_a_root_path_has_one_form_however_it_is_written(text: str | None, path: str) -> None:
    assert parse_root_path(text) == path


@pytest.mark.parametrize("text", ["/a b", "/a?b=c", "/a#b", "ftp://strata.example/a"])
def test_what_is_no_root_path_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(BadInput, match="--root-path /user/me/proxy/7860"):
        parse_root_path(text)


def test_hosts_are_taken_as_the_address_bar_shows_them() -> None:
    given = ["Strata.Example:8443", "https://a.example/", "[::1]:7860", "localhost"]
    wanted = ("strata.example:8443", "a.example", "[::1]:7860", "localhost")
    assert parse_hosts(given) == wanted
    for wrong in ("", "*", "*.example", "a.example/path", "me@a.example", "a.example:port"):
        with pytest.raises(BadInput, match="--allowed-host strata.example:8443"):
            parse_hosts([wrong])


@pytest.fixture(scope="module")
def client() -> TestClient:
    """A server with a page, a text, a stream, and nothing else."""

    async def pieces():
        for piece in ("one ", "two"):
            yield piece

    routes = [
        Route("/", lambda _: HTMLResponse(PAGE)),
        Route("/text", lambda _: PlainTextResponse(PAGE)),
        Route("/stream", lambda _: StreamingResponse(pieces(), media_type="text/event-stream")),
    ]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(PageRoot)]))


def test_a_page_goes_by_its_own_address_and_nothing_else_is_changed(client: TestClient) -> None:
    page = client.get("/").text
    own = page.index("gradio_config.root = root")
    assert own < page.index(MARK.decode()) and own > page.index("<base")
    assert "const root = window.gradio_config.root;" in page and "http://x" not in page
    assert client.get("/text").text == PAGE
    assert client.get("/stream").text == "one two"


def test_where_no_page_is_a_browser_is_told_the_setting_and_a_program_is_not(
    client: TestClient,
) -> None:
    answer = client.get("/user/<me>/proxy/", headers={"accept": "text/html,*/*"})
    assert answer.status_code == 404
    assert "--root-path /user/&lt;me&gt;/proxy<" in answer.text and "<me>" not in answer.text
    other = client.get("/user/me/proxy/", headers={"accept": "application/json"})
    assert other.status_code == 404 and "root-path" not in other.text
