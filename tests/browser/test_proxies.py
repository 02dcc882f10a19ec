"""The page behind a real nginx that takes a path off, renames the host, or passes on too little."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser.conftest import missing
from tests.browser.desk import SETTLED
from tests.running import App, answers, free_port, start_app

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Page

pytestmark = pytest.mark.browser

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
SOCKET = (
    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; "
    'proxy_set_header Connection "upgrade";'
)
# {server} is the app; $http_host is the host and port that the browser shows.
CONF = """
pid nginx.pid; error_log nginx.err; events {{}}
http {{
  access_log off; client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi; client_max_body_size 40m;
  server {{
    listen 127.0.0.1:{port};
    location /me@here/proxy/1/ {{ proxy_pass {server}/; {socket}
      proxy_set_header Host $http_host; }}
    location /bare {{ rewrite ^/bare/?(.*)$ /$1 break; proxy_pass {server}; {socket}
      proxy_set_header Host $http_host; }}
    location /renamed/ {{ proxy_pass {server}/; {socket} proxy_set_header Host inner.example; }}
    location /forwarded/ {{ proxy_pass {server}/; {socket} proxy_set_header Host $host;
      proxy_set_header X-Forwarded-Host $http_host; }}
    location /kept/ {{ proxy_pass {server}; {socket} proxy_set_header Host $http_host; }}
    location = /alone/ {{ proxy_pass {server}/; }}
  }}
}}
"""

Proxy = Callable[[App], str]


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Puts nginx in front of an app; the address of its root, with a name rather than a number."""
    if NGINX is None:
        missing("no nginx - install it: apt-get install nginx-light")
    begun: list[subprocess.Popen[bytes]] = []

    def before(app: App, port: int | None = None) -> str:
        folder, port = tmp_path_factory.mktemp("nginx"), port or free_port()
        conf = CONF.format(port=port, server=app.url, socket=SOCKET)
        (folder / "nginx.conf").write_text(conf)
        command = [str(NGINX), "-p", str(folder), "-c", "nginx.conf", "-e", "nginx.err"]
        begun.append(subprocess.Popen([*command, "-g", "daemon off;"]))
        url = f"http://localhost:{port}"
        while not answers(f"{url}/bare/"):
            assert begun[-1].poll() is None, (folder / "nginx.err").read_text()
            time.sleep(0.1)
        return url

    yield before
    for process in begun:
        process.terminate()
        process.wait(15)


@pytest.fixture(scope="module")
def outside(app: App, proxy: Proxy) -> str:
    """An app that knows nothing of the proxy before it."""
    return proxy(app)


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    page.close()
    assert wrong == []


def open_at(page: Page, url: str, path: str) -> None:
    """Open a page and wait until it shows its picture, over whatever way it has."""
    page.goto(url)
    page.wait_for_function(SETTLED)
    page.wait_for_function("(path) => window.strata.stats().path === path", arg=path)
    assert page.evaluate("document.querySelector('canvas[data-screen=edit]').width") == 64
    assert page.evaluate("getComputedStyle(document.querySelector('#strata-desk')).display") == (
        "grid"
    )  # its style sheets came too


@pytest.mark.parametrize("path", ["/me@here/proxy/1/", "/bare", "/bare/", "/forwarded/"])
def test_it_works_below_a_path_that_nobody_told_it(page: Page, outside: str, path: str) -> None:
    wrong: list[str] = []
    page.on("response", lambda answer: wrong.append(answer.url) if answer.status > 399 else None)
    open_at(page, outside + path, "WebSocket")
    # The browser asks for its icon at the root, and looks ahead before it knows the base.
    tried = ("favicon", "manifest", *(() if path.endswith("/") else ("/assets/index-",)))
    assert [url for url in wrong if not any(name in url for name in tried)] == []


def test_a_renamed_host_is_refused_and_the_page_and_the_log_say_what_to_do(
    page: Page, outside: str, app: App
) -> None:
    answer = page.goto(f"{outside}/renamed/")
    assert answer is not None and answer.status == 403
    cure = "this server is not called 'inner.example'. If that is its name in your browser, or the"
    for said in (page.content(), app.said()):
        assert cure in said and "--allowed-host inner.example" in said


@pytest.mark.parametrize("path", ["/kept", "/alone"])
def test_what_it_cannot_cure_names_the_setting(page: Page, outside: str, path: str) -> None:
    page.goto(f"{outside}{path}/")
    page.get_by_text(f"--root-path {path}").first.wait_for()


def test_what_was_set_is_all_that_is_needed(
    page: Page, proxy: Callable[..., str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = free_port()
    names = ("--allowed-host=inner.example", f"--allowed-host=localhost:{port}")
    app = start_app(tmp_path_factory.mktemp("told"), "--root-path=/kept/", *names)
    try:
        url = proxy(app, port)
        for path in ("/kept/", "/renamed/"):
            open_at(page, url + path, "WebSocket")
        assert "refused" not in app.said() and "Traceback" not in app.said()
    finally:
        app.stop()
