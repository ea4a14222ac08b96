"""Edits and the outgoing text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kamscript.core.sockets import ListenSocket, Received
from kamscript.sip.edits import Condition, Edits, Outgoing, Subst
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message

TEXT = (
    "INVITE sip:bob@example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport;x=y\r\n"
    "From: <sip:a@b>;tag=1\r\n"
    "To: <sip:b@c>\r\n"
    "Call-ID: 1\r\n"
    "CSeq: 1 INVITE\r\n"
    "Route: <sip:p;lr>\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "body"
)
UDP = ListenSocket("udp", "10.0.0.9", 5060)
UDP2 = ListenSocket("udp", "10.0.0.9", 5070, advertise_host="proxy.example.com", advertise_port=5071, name="two")
TCP6 = ListenSocket("tcp", "2001:db8::9", 5060)


def message(text: str = TEXT) -> Message:
    return Message(text, Received("udp", "10.0.0.1", 5062, "10.0.0.9", 5060, UDP))


def lines(text: str) -> list[str]:
    return text.split("\r\n")


def test_nothing_to_do_gives_the_text_itself() -> None:
    msg = message()
    assert msg.edits.join() is msg.buf


def test_insert_and_delete() -> None:
    msg = message()
    to = msg.first("to")
    assert to is not None
    msg.edits.insert_after(msg.edits.delete(to.value_start, len(to.value)), "<sip:new>")
    msg.edits.append_header("X-Last: 1\r\n")
    text = lines(msg.edits.join())
    assert text[3] == "To: <sip:new>"
    assert text[8] == "X-Last: 1"


def test_several_inserts_at_one_place_come_out_as_kamailio_has_them() -> None:
    msg = message()
    at = msg.headers[0].start
    anchor = msg.edits.anchor(at)
    first = msg.edits.insert_after(anchor, "1")
    msg.edits.insert_after(anchor, "2")  # nearest to the anchor
    msg.edits.insert_after(first, "3")  # behind the piece
    msg.edits.insert_before(anchor, "a")
    msg.edits.insert_before(anchor, "b")
    msg.edits.insert_after(at, "later")  # another anchor, behind the first
    assert "SIP/2.0\r\nba213laterVia" in msg.edits.join()


def test_overlapping_deletions_delete_the_union() -> None:
    msg = message()
    msg.edits.insert_after(msg.edits.delete(10, 10), "A")
    msg.edits.insert_after(msg.edits.delete(5, 10), "B")
    msg.edits.insert_after(msg.edits.anchor(12), "C")
    assert msg.edits.join() == TEXT[:5] + "BAC" + TEXT[20:]


def test_uri_via_route_received_and_rport() -> None:
    text = message().edits.join(
        uri="sip:x", via="Via: mine\r\n", route="Route: <sip:q;lr>\r\n", received="9.9.9.9", rport=7
    )
    assert lines(text)[:3] == [
        "INVITE sip:x SIP/2.0",
        "Via: mine",
        "Via: SIP/2.0/UDP 10.0.0.1:5062;received=9.9.9.9;branch=z9hG4bK1;rport=7;x=y",
    ]
    assert lines(text)[7:9] == ["Route: <sip:q;lr>", "Route: <sip:p;lr>"]


def test_route_goes_behind_our_via_when_there_is_none() -> None:
    text = message(TEXT.replace("Route: <sip:p;lr>\r\n", "")).edits.join(
        via="Via: mine\r\n", route="Route: <sip:q>\r\n"
    )
    assert lines(text)[1:4] == [
        "Via: mine",
        "Route: <sip:q>",
        "Via: SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport;x=y",
    ]


@pytest.mark.parametrize(
    ("via", "received", "rport", "expected"),
    [
        ("SIP/2.0/UDP h", "1.1.1.1", 0, "SIP/2.0/UDP h;received=1.1.1.1"),
        ("SIP/2.0/UDP h:5060", "1.1.1.1", 5, "SIP/2.0/UDP h:5060;rport=5;received=1.1.1.1"),
        ("SIP/2.0/UDP h;received=2.2.2.2;a1", "1.1.1.1", 0, "SIP/2.0/UDP h;received=1.1.1.1;a1"),
        ("SIP/2.0/UDP h;a1;received=2.2.2.2", "1.1.1.1", 5, "SIP/2.0/UDP h;a1;rport=5;received=1.1.1.1"),
        ("SIP/2.0/UDP h;rport=1;received=2.2.2.2", "1.1.1.1", 5, "SIP/2.0/UDP h;rport=5;received=1.1.1.1"),
    ],
)
def test_places_of_received_and_rport(via: str, received: str, rport: int, expected: str) -> None:
    msg = message(TEXT.replace("SIP/2.0/UDP 10.0.0.1:5062;branch=z9hG4bK1;rport;x=y", via))
    assert lines(msg.edits.join(received=received, rport=rport))[1] == f"Via: {expected}"


def test_first_via_of_a_reply_is_dropped() -> None:
    msg = message("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n\r\n")
    assert msg.edits.join(drop_via=True) == "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b\r\n\r\n"
    msg = message("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a, SIP/2.0/UDP b\r\n\r\n")
    assert msg.edits.join(drop_via=True) == "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP b\r\n\r\n"


def test_content_length_follows_a_changed_body() -> None:
    msg = message()
    msg.edits.set_body("something longer")
    text = msg.edits.join()
    assert "Content-Length: 16\r\n\r\nsomething longer" in text
    assert msg.edits.body_delta() == 12


def test_content_length_over_streams_is_put_right_and_added() -> None:
    assert "Content-Length: 4\r\n" in message(TEXT.replace("Length: 4", "Length: 9")).edits.join(stream=True)
    assert (
        message(TEXT.replace("Content-Length: 4\r\n", ""))
        .edits.join(stream=True)
        .endswith("Content-Length: 4\r\n\r\nbody")
    )
    assert "Content-Length" not in message(TEXT.replace("Content-Length: 4\r\n", "")).edits.join()


def test_body_edits_are_apart() -> None:
    msg = message()
    msg.edits.insert_after(msg.body_offset, "x")
    msg.edits.insert_after(msg.eoh, "X: 1\r\n")
    assert (len(msg.edits.body), len(msg.edits.headers)) == (1, 1)
    assert msg.edits.join().endswith("Content-Length: 5\r\nX: 1\r\n\r\nxbody")


def test_a_new_body_drops_earlier_changes_of_the_body() -> None:
    msg = message()
    msg.edits.insert_after(msg.body_offset, "x")
    msg.edits.set_body("y")
    assert msg.edits.join().endswith("\r\n\r\ny")


def test_marks() -> None:
    edits = message().edits
    edits.append_header("A: 1\r\n")
    mark = edits.mark()
    edits.append_header("B: 1\r\n")
    edits.insert_after(edits.headers[0], "A2: 1\r\n")
    assert "A2: 1" in edits.join() and "B: 1" in edits.join()
    edits.rollback(mark)
    assert "A: 1" in edits.join() and "A2: 1" not in edits.join()
    edits.append_header("C: 1\r\n")
    edits.rollback(mark)
    assert "C: 1" not in edits.join()


def test_copies_part_ways() -> None:
    msg = message()
    msg.edits.append_header("A: 1\r\n")
    clone = msg.clone()
    clone.edits.append_header("B: 1\r\n")
    msg.edits.append_header("C: 1\r\n")
    assert ("B: 1" in msg.edits.join(), "C: 1" in clone.edits.join()) == (False, False)
    assert "A: 1" in clone.edits.join()


def test_edits_are_found_again_and_removed() -> None:
    edits = message().edits
    edits.anchor(40, "record-route", "rr")
    (edit,) = [edit for edit in edits.headers if edit.tag == "rr"]
    assert edits.remove(edit)
    assert not edits.remove(edit)
    assert not edits


def test_shared_anchors() -> None:
    edits = message().edits
    edit, again = edits.anchor_shared(40)
    assert not again
    assert edits.anchor_shared(40) == (edit, True)


def test_edits_outside_the_text_are_refused() -> None:
    edits = message().edits
    for offset, length in ((-1, 1), (len(TEXT), 1), (0, -1)):
        with pytest.raises(SipError):
            edits.delete(offset, length)
    with pytest.raises(SipError):
        edits.anchor(len(TEXT) + 1)


@pytest.mark.parametrize(
    ("subst", "out", "expected"),
    [
        (Subst.SND_ALL, Outgoing(UDP, "udp"), "10.0.0.9"),
        (Subst.SND_ALL, Outgoing(UDP2, "udp"), "proxy.example.com:5071"),
        (Subst.SND_ALL_EX, Outgoing(UDP2, "udp"), "proxy.example.com:5071;sn=two"),
        (Subst.SND_ALL, Outgoing(TCP6, "tcp"), "[2001:db8::9];transport=tcp"),
        (Subst.SND_ALL, Outgoing(TCP6, "ws"), "[2001:db8::9];transport=ws"),
        (Subst.SND_IP, Outgoing(TCP6, "tcp"), "[2001:db8::9]"),
        (Subst.SND_PORT, Outgoing(UDP2, "udp"), "5071"),
        (Subst.SND_PROTO, Outgoing(TCP6, "tcp"), "tcp"),
        (Subst.RCV_ALL, None, "10.0.0.9"),
        (Subst.RCV_PORT, None, "5060"),
        (Subst.RCV_PROTO, None, "udp"),
    ],
)
def test_substitutions(subst: Subst, out: Outgoing | None, expected: str) -> None:
    msg = message()
    piece = msg.edits.insert_after(msg.edits.anchor(msg.first_end), "X: ")
    piece = msg.edits.insert_subst_after(piece, subst)
    msg.edits.insert_after(piece, "\r\n")
    assert lines(msg.edits.join(out))[1] == f"X: {expected}"


@pytest.mark.parametrize(
    ("condition", "same", "other"),
    [
        (Condition.TRUE, True, True),
        (Condition.FALSE, False, False),
        (Condition.IF_DIFF_REALMS, False, True),
        (Condition.IF_DIFF_AF, False, True),
        (Condition.IF_DIFF_PROTO, False, True),
        (Condition.IF_DIFF_IP, False, True),
    ],
)
def test_conditions(condition: Condition, same: bool, other: bool) -> None:
    msg = message()
    anchor = msg.edits.anchor(msg.first_end)
    piece = msg.edits.insert_condition_before(anchor, condition)
    msg.edits.insert_before(piece, "X: 1\r\n")
    msg.edits.insert_after(anchor, "Y: 1\r\n")
    for out, there in ((Outgoing(UDP, "udp"), same), (Outgoing(TCP6, "tcp"), other)):
        text = msg.edits.join(out)
        assert ("X: 1" in text) is there
        assert "Y: 1" in text


def test_condition_on_the_port() -> None:
    msg = message()
    piece = msg.edits.insert_condition_after(msg.edits.anchor(msg.first_end), Condition.IF_DIFF_PORT)
    msg.edits.insert_after(piece, "X: 1\r\n")
    assert "X: 1" not in msg.edits.join(Outgoing(UDP, "udp"))
    assert "X: 1" in msg.edits.join(Outgoing(UDP2, "udp"))


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 8), st.text("xyz", max_size=2)), max_size=6))
def test_deletions_and_inserts_agree_with_a_plain_model(changes: list[tuple[int, int, str]]) -> None:
    """The text is what remains of the original, with each insert behind what is deleted in front of it."""
    msg = cast(Message, SimpleNamespace(buf="0123456789" * 4, eoh=-1, ended=True, first=lambda kind: None))
    edits = Edits(msg)
    for offset, length, text in changes:
        edits.insert_after(edits.delete(offset, length), text)
    gone = {at for offset, length, _ in changes for at in range(offset, offset + length)}
    kept = "".join(char for at, char in enumerate(msg.buf) if at not in gone)
    joined = edits.join()
    assert "".join(char for char in joined if char.isdigit()) == kept
    assert sorted(char for char in joined if not char.isdigit()) == sorted("".join(text for _, _, text in changes))


def test_an_edit_of_the_body_counts_when_the_end_of_the_headers_was_asked_for() -> None:
    text = "INVITE sip:b@x SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nContent-Length: 5\r\n\r\nhello"
    at = text.index("hello")
    for asked in (False, True):
        msg = Message(text)
        if asked:
            assert msg.first("subject") is None
        msg.edits.delete(at, 3)
        assert f"Content-Length: {2 if asked else 5}\r\n" in msg.edits.join()
