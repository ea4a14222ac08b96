"""The texts of messages that this server makes or passes on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.build import (
    FL_ADD_XAVP_VIA_REPLY_PARAMS,
    build_local_reply,
    from_reverse_hex,
    hash_index,
    reverse_hex,
    via_line,
)
from kamscript.core.context import Context
from kamscript.core.forward import reply_destination
from kamscript.core.sockets import Destination, Received
from kamscript.sip.message import FL_ADD_SRVID, FL_ADD_XAVP_VIA_PARAMS, FL_FORCE_RPORT, FL_USE_XAVP_VIA_FIELDS, Message

from .serving import Serving, request

CONFIG = "listen=udp:127.0.0.1:5060\nlisten=tcp:127.0.0.1:5060\nrequest_route { exit; }"
OLD = "SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bK1"


def context(config: str = "", *, proto: str = "udp", port: int = 5060, **more: str) -> Context:
    """A request of alice's as it has just arrived."""
    serving = Serving(config + CONFIG)
    server = serving.server
    socket = next(socket for socket in server.sockets if socket.proto == proto)
    received = Received(proto, "127.0.0.11", port, "127.0.0.1", 5060, socket, 7 if proto == "tcp" else 0)
    return server.context(Message(request(**more).replace("\n", "\r\n"), received))


def test_a_reply_of_ours() -> None:
    ctx = context(headers="Record-Route: <sip:p;lr>\nX-Other: 1\n")
    assert build_local_reply(ctx, ctx.msg, 200, "OK", "t1") == (
        f"SIP/2.0 200 OK\r\nVia: {OLD}\r\nFrom: <sip:alice@example.com>;tag=a1\r\nTo: <sip:bob@example.com>;tag=t1\r\n"
        "Call-ID: call-1@x\r\nCSeq: 1 INVITE\r\nRecord-Route: <sip:p;lr>\r\n"
        "Server: kamailio (5.6.3 (x86_64/linux))\r\nContent-Length: 0\r\n\r\n"
    )


@pytest.mark.parametrize(("code", "there"), [(100, False), (180, True), (299, True), (300, False), (404, False)])
def test_record_route_is_copied_where_it_makes_a_dialog(code: int, there: bool) -> None:
    ctx = context(headers="Record-Route: <sip:p;lr>\n")
    assert ("Record-Route" in build_local_reply(ctx, ctx.msg, code, "x")) is there


def test_reply_headers_and_body_of_the_request_are_put_in() -> None:
    ctx = context("server_signature=no\n")
    ctx.msg.add_reply_header("X-One: 1\r\n")
    ctx.msg.reply_body = "hello"
    text = build_local_reply(ctx, ctx.msg, 200, "OK", headers="X-Two: 2\r\n")
    assert text.endswith("CSeq: 1 INVITE\r\nX-One: 1\r\nX-Two: 2\r\nContent-Length: 5\r\n\r\nhello")


def test_a_tag_that_is_there_is_replaced_by_ours() -> None:
    ctx = context()
    text = ctx.msg.buf.replace("<sip:bob@example.com>", "<sip:bob@example.com>;tag=old;x=y")
    other = Message(text, ctx.msg.received)
    assert "To: <sip:bob@example.com>;tag=new;x=y\r\n" in build_local_reply(ctx, other, 200, "OK", "new")
    assert "To: <sip:bob@example.com>;tag=old;x=y\r\n" in build_local_reply(ctx, other, 200, "OK")


@pytest.mark.parametrize(
    ("via", "flags", "shown"),
    [
        (OLD, 0, OLD),
        (OLD, FL_FORCE_RPORT, OLD + ";rport=5072"),
        ("SIP/2.0/UDP h;branch=x", 0, "SIP/2.0/UDP h;branch=x;received=127.0.0.11"),
        (
            "SIP/2.0/UDP 127.0.0.11;rport;branch=x",
            0,
            "SIP/2.0/UDP 127.0.0.11;rport=5072;branch=x;received=127.0.0.11",
        ),
        (
            "SIP/2.0/UDP h;rport=1;branch=x",
            0,
            "SIP/2.0/UDP h;rport=5072;branch=x;received=127.0.0.11",
        ),
    ],
)
def test_the_via_of_a_reply_tells_where_the_request_came_from(via: str, flags: int, shown: str) -> None:
    ctx = context(via=via, port=5072)
    ctx.msg.msg_flags |= flags
    assert f"\r\nVia: {shown}\r\n" in build_local_reply(ctx, ctx.msg, 404, "x")


def test_the_warning_header_for_those_who_ask() -> None:
    ctx = context("sip_warning=1\n")
    text = build_local_reply(ctx, ctx.msg, 404, "x")
    assert text.endswith(
        'Content-Length: 0\r\nWarning: 392 127.0.0.1:5060 "Noisy feedback tells:  pid=1 req_src_ip=127.0.0.11 '
        'req_src_port=5060 in_uri=sip:bob@127.0.0.12 out_uri=sip:bob@127.0.0.12 via_cnt==1"\r\n\r\n'
    )


@pytest.mark.parametrize(
    ("setting", "via", "flags", "expected"),
    [
        ("", OLD, 0, ("udp", "127.0.0.11", 5060)),
        ("", "SIP/2.0/UDP h:99;branch=x", 0, ("udp", "127.0.0.11", 99)),
        ("", "SIP/2.0/UDP h;branch=x", 0, ("udp", "127.0.0.11", 5060)),
        ("", "SIP/2.0/UDP h:99;rport;branch=x", 0, ("udp", "127.0.0.11", 5072)),
        ("", "SIP/2.0/UDP h:99;branch=x", FL_FORCE_RPORT, ("udp", "127.0.0.11", 5072)),
        ("force_rport=1\n", "SIP/2.0/UDP h:99;branch=x", 0, ("udp", "127.0.0.11", 5072)),
        ("reply_to_via=1\n", "SIP/2.0/UDP 127.0.0.9:99;branch=x", 0, ("udp", "127.0.0.9", 99)),
        ("reply_to_via=1\n", "SIP/2.0/UDP 127.0.0.9:99;rport;branch=x", 0, ("udp", "127.0.0.9", 5072)),
    ],
)
def test_where_our_replies_go(setting: str, via: str, flags: int, expected: tuple[str, str, int]) -> None:
    ctx = context(setting, via=via, port=5072)
    ctx.msg.msg_flags |= flags
    found = reply_destination(ctx)
    assert found is not None
    assert found[:3] == expected


def test_a_reply_over_tcp_uses_the_connection() -> None:
    found = reply_destination(context(proto="tcp", port=33333))
    assert found is not None
    assert (found.proto, found.ip, found.connection) == ("tcp", "127.0.0.11", 7)


def test_reply_to_via_needs_an_address() -> None:
    assert reply_destination(context("reply_to_via=1\n", via="SIP/2.0/UDP nowhere;branch=x")) is None


def via(ctx: Context, proto: str = "udp") -> str:
    """Our Via for this request."""
    return via_line(ctx, ctx.server.sockets[0], Destination(proto, "127.0.0.12", 5060), "z9hG4bKb")


def test_our_via_names_the_transport() -> None:
    assert via(context()) == "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKb\r\n"
    assert via(context(), "wss") == "Via: SIP/2.0/WSS 127.0.0.1;branch=z9hG4bKb\r\n"


def test_our_via_can_carry_a_server_id_and_fields_of_an_xavp() -> None:
    ctx = context('server_id=7\nxavp_via_params="p"\n')
    ctx.xavps = {"p": [{"a": ["x"], "b": [2]}]}
    ctx.msg.msg_flags |= FL_ADD_SRVID | FL_ADD_XAVP_VIA_PARAMS
    assert via(ctx) == "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKb;srvid=7;b=2;a=x\r\n"


def test_the_first_via_of_our_replies_can_carry_fields_of_an_xavp() -> None:
    ctx = context("force_rport=1\n")
    ctx.server.settings["xavp_via_reply_params"] = "p"
    ctx.xavps = {"p": [{"a": ["x"]}]}
    assert ";a=x" not in build_local_reply(ctx, ctx.msg, 200, "OK")
    ctx.msg.msg_flags |= FL_ADD_XAVP_VIA_REPLY_PARAMS
    assert f"Via: {OLD};rport=5060;a=x\r\n" in build_local_reply(ctx, ctx.msg, 200, "OK")


def test_an_xavp_can_say_what_our_via_shows() -> None:
    ctx = context('xavp_via_fields="f"\n')
    ctx.xavps = {"f": [{"address": ["a.example.com"], "port": ["99"]}]}
    ctx.msg.msg_flags |= FL_USE_XAVP_VIA_FIELDS
    assert via(ctx) == "Via: SIP/2.0/UDP a.example.com:99;branch=z9hG4bKb\r\n"


def test_modules_can_add_to_our_via() -> None:
    ctx = context()
    ctx.server.hooks.via_params.append(lambda ctx, socket: ";mine=1")
    assert via(ctx) == "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKb;mine=1\r\n"


@given(st.integers(0, 2**32))
def test_numbers_backwards_and_forwards(number: int) -> None:
    assert from_reverse_hex(reverse_hex(number)) == number


def test_what_is_no_number() -> None:
    assert from_reverse_hex("xyz") is None


@given(st.text(st.characters(max_codepoint=127), max_size=40), st.integers(0, 2**31))
def test_a_bucket_is_16_bits(callid: str, cseq: int) -> None:
    assert 0 <= hash_index(callid, str(cseq)) < 65536


BUCKETS = [("call-1@x", "1", 0x5D78), ("a\xe9bc", "1", 0x556A), ("", "", 0)]


@pytest.mark.parametrize(("callid", "cseq", "bucket"), BUCKETS)
def test_buckets_are_those_of_the_daemon(callid: str, cseq: str, bucket: int) -> None:
    assert hash_index(callid, cseq) == bucket
