"""Rewriting the request URI. Every row is what Kamailio 5.6.3 sends."""

from __future__ import annotations

import pytest

from kamscript.core.rewrite import Part, revert_uri, rewrite, set_uri

from .serving import Serving, request

CONFIG = "listen=udp:127.0.0.1:5060\nrequest_route { exit; }"
FULL = "sip:alice:pw@example.com:7;transport=udp;x=y?h=1"
PHONE = "sip:123@example.com:7;user=phone;transport=udp;x=y?h=1"


def rewritten(uri: str, part: Part, text: str = "", count: int = 0) -> str:
    """The request URI after one rewriting; "" when it failed."""
    serving = Serving(CONFIG)
    ctx = serving.server.context(serving.server.faked_message())
    ctx.msg.new_uri = uri
    return ctx.msg.current_uri() if rewrite(ctx, part, text, count) > 0 else ""


@pytest.mark.parametrize(
    ("uri", "part", "text", "expected"),
    [
        (FULL, "host", "h", "sip:alice:pw@h:7;transport=udp;x=y?h=1"),
        (FULL, "hostport", "h:9", "sip:alice:pw@h:9;transport=udp;x=y?h=1"),
        (FULL, "hostporttrans", "h:9", "sip:alice:pw@h:9;x=y?h=1"),
        (FULL, "user", "bob", "sip:bob:pw@example.com:7;transport=udp;x=y?h=1"),
        (FULL, "userpass", "bob:q", "sip:bob:q@example.com:7;transport=udp;x=y?h=1"),
        (FULL, "port", "9", "sip:alice:pw@example.com:9;transport=udp;x=y?h=1"),
        (FULL, "port", "", "sip:alice:pw@example.com;transport=udp;x=y?h=1"),
        (FULL, "prefix", "+", "sip:+alice:pw@example.com:7;transport=udp;x=y?h=1"),
        (FULL, "userphone", "", "sip:alice:pw@example.com:7;transport=udp;x=y;user=phone?h=1"),
        (PHONE, "userphone", "", PHONE),
        (PHONE, "host", "h", "sip:123@h:7;user=phone;transport=udp;x=y?h=1"),
        ("sip:example.com", "user", "bob", "sip:bob@example.com"),
        ("sip:example.com", "prefix", "1", "sip:1@example.com"),
        ("sip:a:@h", "host", "i", "sip:a:@i"),
        ("sips:1@h;a;transport=tcp;b", "hostporttrans", "i:1", "sips:1@i:1;a;b"),
        ("tel:+1234;p=q", "prefix", "00", "tel:00+1234;p=q"),
        ("tel:+1234;p=q", "host", "h", "sip:+1234;p=q@h;user=phone"),
        ("tel:+1234;p=q", "port", "5", ""),
        ("urn:service:sos", "userphone", "", "sip:service;user=phone"),
    ],
)
def test_one_part_is_replaced_and_the_rest_kept(uri: str, part: Part, text: str, expected: str) -> None:
    assert rewritten(uri, part, text) == expected


@pytest.mark.parametrize(
    ("part", "count", "expected"),
    [
        ("strip", 1, "sip:lice@h"),
        ("strip", 5, "sip:h"),
        ("strip", 9, "sip:h"),
        ("strip_tail", 2, "sip:ali@h"),
        ("strip_tail", 9, "sip:h"),
        ("strip", 0, "sip:alice@h"),
        ("strip_tail", 0, "sip:alice@h"),
    ],
)
def test_characters_are_cut_off_the_user(part: Part, count: int, expected: str) -> None:
    assert rewritten("sip:alice@h", part, count=count) == expected


def test_a_uri_that_does_not_parse_cannot_be_rewritten() -> None:
    assert rewritten("foo:bar", "host", "h") == ""


def test_a_uri_does_not_grow_without_end() -> None:
    assert rewritten("sip:a@h", "user", "x" * 1030) == ""


def test_a_rewritten_uri_is_a_new_branch() -> None:
    serving = Serving(CONFIG)
    ctx = serving.server.context(serving.server.faked_message())
    ctx.ruri_consumed = True
    assert set_uri(ctx, "sip:x@y") == 1
    assert not ctx.ruri_consumed


def test_revert_uri_goes_back_to_what_was_received() -> None:
    body = 'seturi("sip:x@127.0.0.13"); revert_uri(); forward();'
    (sent,) = Serving(f"listen=udp:127.0.0.1:5060\nrequest_route {{ {body} }}").send(request())
    assert sent.to.ip == "127.0.0.12"
    serving = Serving(CONFIG)
    ctx = serving.server.context(serving.server.faked_message())
    assert revert_uri(ctx) == 1
