"""Debian's nginx in front of replicas on this machine, with the very file that is deployed."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.serving import LOOPBACK, ROOT, START_S, answers, free_port

TEMPLATE = ROOT / "deploy" / "strata.conf.template"
# What the image of nginx has around that file, with places that need no rights.
MAIN = """
user {user}; pid nginx.pid; error_log nginx.err; worker_processes 2; events {{}}
http {{
  log_format pages '$cookie_strata_page|$upstream_addr|$status|$request_uri';
  access_log access.log pages; client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  include strata.conf;
}}
"""


class NoNginx(Exception):
    """There is no nginx; the message says how to get one."""


@dataclass(frozen=True)
class Nginx:
    """A running nginx.

    Args:
        port: Where it listens.
        log: Its requests, one a line: cookie, replicas asked, status, address.
    """

    port: int
    log: Path

    @property
    def url(self) -> str:
        """Its address, with a name rather than a number."""
        return f"http://localhost:{self.port}"

    def replica_of(self, page: str) -> str:
        """The replica that answered a page last, by the page's cookie; empty if none did."""
        lines = self.log.read_text().splitlines()
        asked = [line.split("|")[1] for line in lines if line.startswith(f"{page}|")]
        return asked[-1].split(", ")[-1] if asked else ""


def filled(values: Mapping[str, str], template: Path = TEMPLATE) -> str:
    """The deployed file with its variables filled in, as nginx's image does it.

    Raises:
        KeyError: One of them is not given.
    """
    return re.sub(r"\$\{(STRATA_\w+)\}", lambda found: values[found[1]], template.read_text())


def find_nginx() -> str:
    """The program.

    Raises:
        NoNginx: There is none.
    """
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        raise NoNginx("no nginx - install it: apt-get install nginx-light")
    return found


def write_files(folder: Path, values: Mapping[str, str]) -> list[str]:
    """The files of an nginx in a folder; the command that begins with them."""
    (folder / "nginx.conf").write_text(MAIN.format(user=getpass.getuser()))
    (folder / "strata.conf").write_text(filled(values))
    return [find_nginx(), "-p", str(folder), "-c", "nginx.conf", "-e", "nginx.err"]


@contextmanager
def nginx(folder: Path, ports: Sequence[int]) -> Iterator[Nginx]:
    """nginx in front of the replicas at these ports, until the end of the context.

    Raises:
        NoNginx: There is none.
        RuntimeError: It does not begin; the message has its log.
    """
    port = free_port()
    values = {
        "STRATA_LISTEN": f"{LOOPBACK}:{port}",
        "STRATA_RESOLVER": "",
        "STRATA_SERVERS": " ".join(f"server {LOOPBACK}:{own};" for own in ports),
    }
    command = write_files(folder, values)
    process = subprocess.Popen([*command, "-g", "daemon off;"])
    try:
        end = time.monotonic() + START_S
        while not answers(f"http://{LOOPBACK}:{port}/ready"):
            if process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"nginx: {(folder / 'nginx.err').read_text()}")
            time.sleep(0.05)
        yield Nginx(port, folder / "access.log")
    finally:
        process.terminate()
        process.wait(15)
