"""Selects as texts and where they end; tests/differential asks Kamailio what they read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.context import Context
from kamscript.core.selects import HEADS, make_select, parse_select
from kamscript.core.sockets import Received
from kamscript.lab import Lab
from kamscript.module import FixupError, Route
from kamscript.sip.message import Message
from kamscript.values import Value

SERVER = Lab(text="debug=3\nserver_id=7\nrequest_route { drop; }\n", target="5.6").server
REQUEST = (
    "INVITE sips:bob:pw@example.com;x_y=1;lr SIP/2.0\r\nVia: SIP/2.0/UDP a.example.com;branch=z9hG4bK1;i=2\r\n"
    'v: SIP/2.0/TCP b.example.com:5070;branch=z9hG4bK0;rport=9\r\nFrom: "A" <sip:alice@example.org>;tag=a;x=y\r\n'
    "To: <sip:bob@example.com>\r\nCall-ID: c1\r\nCSeq: 3 INVITE\r\nSubject: hi\r\nX-A: 1\r\nX-A: 2;k=v\r\n"
    "Content-Type: application/sdp\r\n\r\nv=0\r\nc=IN IP4 10.0.0.1\r\n"
)
REPLY = "SIP/2.0 486 Busy Here\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nCSeq: 3 INVITE\r\n\r\n"


def read(text: str, message: str = REQUEST) -> Value:
    socket = SERVER.sockets[0]
    received = Received(socket.proto, "127.0.0.11", 5062, socket.host, socket.port, socket)
    ctx = Context(SERVER, Message(message, received), Route.REQUEST)
    return make_select(SERVER, parse_select(text), "@" + text)(ctx)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("ruri.hostport", "example.com:5061"),
        ("ruri.transport", "tls"),
        ("ruri.params.lr", None),
        ("via[2].host", "b.example.com"),
        ("via[-1].port", "5070"),
        ("via[2].rport", "9"),
        ("via[1].i", "2"),
        ("via[3]", None),
        ("FROM.Name", '"A"'),
        ("from.params.x", "y"),
        ("to.tag", ""),
        ("msg.header.X_A[2]", "2;k=v"),
        ("msg.h.X_A[-1]", "2;k=v"),
        ("msg.h.X_A[-2]", "1"),
        ("msg.h.X_A[3]", None),
        ('msg.body.sdp.line["c"]', "IN IP4 10.0.0.1"),
        ("msg.type", "1"),
        ("sys.server_id", "7"),
        ("branch.count", "0"),
        ("branch.uri", None),
        ("status", None),
        ("src.ip_port", "127.0.0.11:5062"),
    ],
)
def test_reading(text: str, value: Value) -> None:
    assert read(text) == value


def test_replies() -> None:
    assert [read(text, REPLY) for text in ("method", "status", "reason", "msg.type", "ruri")] == [
        None, "486", "Busy Here", "2", None,
    ]  # fmt: skip


def test_unique_texts() -> None:
    one, other = read("sys.unique"), read("sys.unique")
    assert isinstance(one, str) and isinstance(other, str)
    assert one != other and one[:14] == other[:14]


@pytest.mark.parametrize(
    "text", ["nope", "ruri.nope", "via[1].nope", "msg.body.sdp.line.xyz", "cfg_get.core.nope", "ruri.user.x", "src"]
)  # fmt: skip
def test_unknown_ones_are_refused(text: str) -> None:
    with pytest.raises(FixupError):
        read(text)


@pytest.mark.parametrize("text", ["a..b", "a.", "a[", "a[x]", ".a", "a b"])
def test_what_is_no_select(text: str) -> None:
    with pytest.raises(FixupError):
        parse_select(text)


@given(st.sampled_from(sorted(HEADS)), st.lists(st.sampled_from(["uri", "user", "name", "tag", "params", "x", "host"])))
def test_any_path_reads_or_is_refused(head: str, rest: list[str]) -> None:
    try:
        value = read(".".join([head, *rest]))
    except FixupError:
        return
    assert value is None or isinstance(value, str)
