"""sanity of 6.x: each size_* parameter refuses what is longer than it says."""

from __future__ import annotations

import pytest

from .script import INVITE, serve

MESSAGE = INVITE.replace(
    "Subject:",
    "Route: <sip:route.example.com;lr>\nPath: <sip:path.example.com;lr>\n"
    "P-Asserted-Identity: <sip:pai@example.com>\nSubject:",
)
BODY = MESSAGE.partition("\n\n")[2].replace("\n", "\r\n")
WHOLE = MESSAGE.replace("\n", "\r\n")


def passes(name: str, limit: int, *, bits: int = 1 << 16, always: int = 0) -> bool:
    """Whether the message passes with a limit."""
    before = f'modparam("sanity", "{name}", {limit})\nmodparam("sanity", "size_checks", {always})\n'
    serving = serve(
        f'if (sanity_check("{bits}", "15")) xlog("good\\n");', modules="sl sanity", before=before, target="6.x"
    )
    serving.send(MESSAGE)
    return serving.script == ["good"]


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("size_message", len(WHOLE)),
        ("size_body", len(BODY)),
        ("size_method", len("INVITE")),
        ("size_ruri", len("sip:bob@example.com:5070;transport=udp")),
        ("size_from_uri", len("sip:alice@example.org")),
        ("size_to_uri", len("sip:bob@example.com")),
        ("size_contact_uri", len("sip:alice@127.0.0.11")),
        ("size_route_uri", len("sip:route.example.com;lr")),
        ("size_path_uri", len("sip:path.example.com;lr")),
        ("size_pai_uri", len("sip:pai@example.com")),
    ],
)
def test_what_is_as_long_as_the_limit_passes(name: str, length: int) -> None:
    assert passes(name, length)
    assert not passes(name, length - 1)
    assert passes(name, 0)


@pytest.mark.parametrize("name", ["size_header", "size_headers"])
def test_headers(name: str) -> None:
    assert passes(name, 2000)
    assert not passes(name, 20)


def test_size_checks_makes_them_without_the_bit() -> None:
    assert passes("size_ruri", 5, bits=1)
    assert not passes("size_ruri", 5, bits=1, always=1)
