"""Who may open a socket: the rules on origins and tokens, alone."""

from __future__ import annotations

import pytest

from explorer.guard.gate import Gate, same_origin


@pytest.mark.parametrize(
    ("origin", "host", "forwarded", "same"),
    [
        ("http://127.0.0.1:7860", "127.0.0.1:7860", "", True),
        ("https://Strata.example", "strata.example", "", True),
        ("https://strata.example", "10.0.0.7:7860", "strata.example", True),
        ("https://strata.example", "10.0.0.7", "strata.example, 10.0.0.9", True),
        ("https://strata.example", "strata.example:443", "", True),
        ("http://strata.example:80", "strata.example", "", True),
        ("http://strata.example", "strata.example:443", "", False),
        ("https://strata.example:8443", "strata.example", "", False),
        ("https://strata.example:8443", "10.0.0.7", "strata.example", False),
        ("http://127.0.0.1:7861", "127.0.0.1:7860", "", False),
        ("http://localhost:7860", "127.0.0.1:7860", "", False),
        ("http://evil.example", "127.0.0.1:7860", "", False),
        ("http://127.0.0.1:7860.evil.example", "127.0.0.1:7860", "", False),
        ("null", "127.0.0.1:7860", "", False),
        ("http://[::1", "127.0.0.1:7860", "", False),
        ("", "127.0.0.1:7860", "", False),
        ("", "", "", False),
    ],
)
def test_only_the_host_that_was_asked_is_the_same_origin(
    origin: str, host: str, forwarded: str, same: bool
) -> None:
    headers = {"origin": origin, "host": host, "x-forwarded-host": forwarded}
    assert same_origin({k: v for k, v in headers.items() if v}) is same


def test_the_port_that_a_proxy_names_apart_belongs_to_the_host() -> None:
    headers = {"origin": "https://strata.example:8443", "host": "strata.example"}
    assert same_origin({**headers, "x-forwarded-port": "8443"})
    assert not same_origin({**headers, "x-forwarded-port": "8444"})
    assert not same_origin({**headers, "x-forwarded-port": "8443"} | {"host": "other.example"})


def test_a_host_that_was_named_is_allowed_and_no_other() -> None:
    hosts = ("strata.example:8443", "a.example")
    for origin in ("https://strata.example:8443", "https://a.example", "http://A.example"):
        assert same_origin({"origin": origin, "host": "127.0.0.1:7860"}, hosts)
    for origin in ("https://strata.example", "https://b.a.example", "https://a.example:1"):
        assert not same_origin({"origin": origin, "host": "127.0.0.1:7860"}, hosts)


def test_tokens_are_long_never_twice_and_forgotten_in_order() -> None:
    gate = Gate(max_tokens=3)
    tokens = [gate.issue() for _ in range(4)]
    assert len(set(tokens)) == 4
    assert all(len(token) >= 32 for token in tokens)
    assert [gate._tokens.get(token) for token in tokens] == [None, True, True, True]
