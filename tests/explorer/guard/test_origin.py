"""Whose requests are answered: names of the server, its own pages, and programs."""

from __future__ import annotations

import asyncio
import logging

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from explorer.guard.crowd import Crowd
from explorer.guard.drain import Door, Drain
from explorer.guard.limits import Limits
from explorer.guard.origin import Names, OwnPages, is_loopback


async def done(_: Request) -> PlainTextResponse:
    return PlainTextResponse("done")


def asked(names: Names, headers: dict[str, str], method: str = "POST") -> httpx.Response:
    """The answer of a route behind the door, asked with these headers and no others that count."""
    app = OwnPages(Starlette(routes=[Route("/do", done, methods=["GET", "POST"])]), names)

    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.request(method, "/do", headers=headers)

    return asyncio.run(run())


LOCAL = Names("127.0.0.1")


@pytest.mark.parametrize(
    ("host", "names", "ours"),
    [
        ("localhost:7860", LOCAL, True),
        ("127.0.0.1", LOCAL, True),
        ("127.8.9.1:80", LOCAL, True),
        ("[::1]:7860", LOCAL, True),
        ("a.localhost", LOCAL, True),
        ("evil.example", LOCAL, False),
        ("localhost.evil.example", LOCAL, False),
        ("127.0.0.1.evil.example", LOCAL, False),
        ("192.168.0.7:7860", LOCAL, False),
        ("", LOCAL, False),
        ("[::1", LOCAL, False),
        ("192.168.0.7:7860", Names("192.168.0.7"), True),
        ("192.168.0.8:7860", Names("192.168.0.7"), False),
        ("192.168.0.8:7860", Names("0.0.0.0"), True),
        ("evil.example", Names("0.0.0.0"), False),
        ("Strata.example:8443", Names("127.0.0.1", ("strata.example:8443",)), True),
        ("strata.example.", Names("127.0.0.1", ("strata.example",)), True),
        ("strata.example", Names("127.0.0.1", root="https://strata.example/below"), True),
        ("below", Names("127.0.0.1", root="/below"), False),
    ],
)
def test_the_names_of_the_server(host: str, names: Names, ours: bool) -> None:
    assert names.has(host) is ours


def test_a_public_link_is_a_name_once_it_is_known() -> None:
    names = Names("127.0.0.1")
    assert not names.has("abc.gradio.live")
    names.add("https://abc.gradio.live")
    assert names.has("abc.gradio.live")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # a program
        ({"origin": "http://localhost"}, 200),
        ({"origin": "http://localhost", "content-type": "text/plain"}, 200),
        ({"origin": "http://evil.example", "content-type": "text/plain"}, 403),
        ({"origin": "http://localhost:1"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://[::1"}, 403),
        ({"origin": "\x7f"}, 403),
        ({"host": "evil.example", "origin": "http://evil.example"}, 403),
        ({"host": "evil.example"}, 403),
        ({"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"origin": "https://out.example", "x-forwarded-host": "out.example"}, 200),
        ({"origin": "https://named.example", "host": "127.0.0.1:7860"}, 200),
        ({"origin": "https://named.example", "host": "named.example"}, 200),
        ({"origin": "https://out.example", "host": "named.example",
          "x-forwarded-host": "out.example"}, 403),
    ],
)  # fmt: skip
def test_only_its_own_pages_and_programs_are_answered(headers: dict[str, str], status: int) -> None:
    names = Names("127.0.0.1", ("named.example",))
    assert asked(names, headers).status_code == status
    assert asked(names, headers, "GET").status_code == status


def test_a_link_from_another_site_may_be_followed() -> None:
    link = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert asked(LOCAL, link, "GET").status_code == 200
    assert asked(LOCAL, link, "POST").status_code == 403


def test_a_refusal_says_what_to_do_once(caplog: pytest.LogCaptureFixture) -> None:
    app = OwnPages(Starlette(routes=[Route("/do", done)]), LOCAL)

    async def run() -> str:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://a.example") as client:
            await client.get("/do")
            return (await client.get("/do")).text

    with caplog.at_level(logging.WARNING):
        assert "--allowed-host a.example" in asyncio.run(run())
    assert len(caplog.records) == 1
    assert "--allowed-host a.example" in caplog.text


def test_loopback_is_what_never_leaves_the_machine() -> None:
    assert all(map(is_loopback, ("localhost", "127.0.0.1", "127.1.2.3", "::1")))
    assert not any(map(is_loopback, ("", "0.0.0.0", "localhost.a", "128.0.0.1", "::2")))


def test_both_doors_stand_before_every_route_of_the_app() -> None:
    from explorer.serve import doors

    order = [door.cls for door in doors(LOCAL, Drain(Crowd()))]
    assert order[:3] == [OwnPages, Door, Limits]
