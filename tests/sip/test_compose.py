"""Messages made from scratch or from others."""

from __future__ import annotations

import pytest

from kamscript.sip.compose import bracketed, build_reply, build_request, hop_request
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message

INVITE = (
    "INVITE sip:bob@10.0.0.2:5060 SIP/2.0\r\n"
    "Record-Route: <sip:10.0.0.9;lr>\r\n"
    "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKcydz.1\r\n"
    "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1\r\n"
    "Max-Forwards: 69\r\n"
    "f: <sip:a@b>;tag=1\r\n"
    "To: <sip:b@c>\r\n"
    "Call-ID: 1\r\n"
    "CSeq:  17 INVITE\r\n"
    "Route: <sip:p;lr>\r\n"
    "Require: 100rel\r\n"
    "X-Keep: 1\r\n"
    "Contact: <sip:a@10.0.0.1>\r\n"
    "l: 4\r\n"
    "\r\n"
    "body"
)


def test_cancel_of_a_sent_invite() -> None:
    text = hop_request(Message(INVITE), "CANCEL", headers="Reason: SIP;cause=200\r\n")
    assert text.split("\r\n") == [
        "CANCEL sip:bob@10.0.0.2:5060 SIP/2.0",
        "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKcydz.1",
        "Max-Forwards: 69",
        "f: <sip:a@b>;tag=1",
        "To: <sip:b@c>",
        "Call-ID: 1",
        "CSeq:  17 CANCEL",
        "Route: <sip:p;lr>",
        "l: 0",
        "Reason: SIP;cause=200",
        "",
        "",
    ]


def test_ack_takes_the_to_of_the_reply() -> None:
    text = hop_request(Message(INVITE), "ACK", "To: <sip:b@c>;tag=z\r\n", extra="X-Ke")
    assert "To: <sip:b@c>;tag=z\r\n" in text
    assert "X-Keep: 1\r\n" in text
    assert Message(text).method == "ACK"


def test_only_of_an_invite() -> None:
    with pytest.raises(SipError):
        hop_request(Message(INVITE.replace("INVITE", "BYE")), "ACK")


def test_request_from_scratch() -> None:
    text = build_request(
        "NOTIFY",
        "sip:bob@10.0.0.2",
        via="Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\n",
        to="sip:bob@b",
        to_tag="t",
        from_='"A" <sip:a@b>',
        from_tag="f",
        call_id="c",
        cseq=10,
        routes=("<sip:p1;lr>", "<sip:p2;lr>"),
        headers="Event: x",
        body="hello",
        user_agent="User-Agent: kamscript",
    )
    assert text == (
        "NOTIFY sip:bob@10.0.0.2 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1\r\n"
        "To: <sip:bob@b>;tag=t\r\n"
        'From: "A" <sip:a@b>;tag=f\r\n'
        "CSeq: 10 NOTIFY\r\n"
        "Call-ID: c\r\n"
        "Route: <sip:p1;lr>, <sip:p2;lr>\r\n"
        "Max-Forwards: 70\r\n"
        "Content-Length: 5\r\n"
        "User-Agent: kamscript\r\n"
        "Event: x\r\n"
        "\r\n"
        "hello"
    )


def test_own_max_forwards() -> None:
    text = build_request("X", "sip:a", via="", to="a", from_="b", call_id="c", cseq=1, headers="Max-Forwards: 5\r\n")
    assert text.count("Max-Forwards") == 1


def test_brackets() -> None:
    assert [bracketed(text) for text in ("sip:a", "<sip:a>", "<sip:a>;x", "sip:a>x")] == [
        "<sip:a>", "<sip:a>", "<sip:a>;x", "<sip:a>x>",
    ]  # fmt: skip


def test_reply_of_a_user_agent() -> None:
    text = build_reply(Message(INVITE), 200, "OK", to_tag="z", headers=["Contact: <sip:b@d>"], body="sdp")
    assert text.split("\r\n") == [
        "SIP/2.0 200 OK",
        "Record-Route: <sip:10.0.0.9;lr>",
        "Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bKcydz.1",
        "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1",
        "f: <sip:a@b>;tag=1",
        "To: <sip:b@c>;tag=z",
        "Call-ID: 1",
        "CSeq:  17 INVITE",
        "Contact: <sip:b@d>",
        "Content-Length: 3",
        "",
        "sdp",
    ]
    assert "Record-Route" not in build_reply(Message(INVITE), 486, "Busy")
