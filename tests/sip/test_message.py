"""Messages: first line, headers, laziness, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kamscript.sip.errors import SipError
from kamscript.sip.message import Message, header_kind

INVITE = (
    "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP pc33.example.com:5066;branch=z9hG4bK776;rport\r\n"
    "v: SIP/2.0/UDP second;branch=z9hG4bK2, SIP/2.0/TCP third;branch=z9hG4bK3\r\n"
    "Max-Forwards: 70\r\n"
    "Record-Route: <sip:p2;lr>,<sip:p1;lr>\r\n"
    "Record-Route: <sip:p0;lr>\r\n"
    "t: Bob <sip:bob@biloxi.example.com>\r\n"
    'From:   "Alice" <sip:alice@atlanta.example.com>;tag=1928301774 \r\n'
    "Call-ID: a84b4c76e66710\r\n"
    "CSeq: 314159 INVITE\r\n"
    "m: <sip:alice@pc33.example.com>, <sip:alice@h2>;expires=5\r\n"
    "Subject : lunch\r\n"
    "Content-Length: 4\r\n"
    "\r\n"
    "body"
)


def folded(text: str) -> str:
    """The same message, folded and with bare line feeds: for the careful reader."""
    return text.replace("Subject : lunch", "Subject :\r\n lunch").replace("Max-Forwards: 70\r\n", "Max-Forwards: 70\n")


@pytest.mark.parametrize("text", [INVITE, folded(INVITE)], ids=["plain", "folded"])
def test_everything_of_a_request(text: str) -> None:
    msg = Message.parse(text)
    assert (msg.is_request, msg.method, msg.method_id, msg.uri, msg.version) == (
        True, "INVITE", "INVITE", "sip:bob@biloxi.example.com", "SIP/2.0",
    )  # fmt: skip
    assert text[msg.uri_start : msg.uri_end] == msg.uri
    assert [via.branch for via in msg.vias] == ["z9hG4bK776", "z9hG4bK2", "z9hG4bK3"]
    assert msg.top_via is msg.vias[0] and msg.via2 is msg.vias[1]
    assert msg.from_ is not None and (msg.from_.tag, msg.from_.display) == ("1928301774", '"Alice"')
    assert msg.to is not None and (msg.to.tag, msg.to.uri) == ("", "sip:bob@biloxi.example.com")
    assert msg.cseq is not None and (msg.cseq.number, msg.cseq.method) == (314159, "INVITE")
    assert (msg.callid, msg.max_forwards, msg.content_length, msg.expires) == ("a84b4c76e66710", 70, 4, None)
    assert [route.uri for route in msg.record_routes] == ["sip:p2;lr", "sip:p1;lr", "sip:p0;lr"]
    assert msg.routes == []
    assert msg.contacts is not None and [c.uri for c in msg.contacts.contacts] == [
        "sip:alice@pc33.example.com", "sip:alice@h2",
    ]  # fmt: skip
    assert (msg.body, msg.value("subject")) == ("body", "lunch")
    assert text[msg.eoh : msg.body_offset] == "\r\n"
    assert msg.complete and msg.is_sip and not msg.header_error
    assert msg.parsed_uri().user == "bob"


@pytest.mark.parametrize("text", [INVITE, folded(INVITE)], ids=["plain", "folded"])
def test_headers_cover_the_text(text: str) -> None:
    msg = Message(text)
    assert "".join(text[header.start : header.end] for header in msg.headers) == text[msg.first_end : msg.eoh]
    for header in msg.headers:
        assert text[header.start :].startswith(header.name)
        assert text[header.value_start : header.value_end] == header.value
    assert [header.name for header in msg.all("via")] == ["Via", "v"]
    assert msg.values("record-route") == ["<sip:p2;lr>,<sip:p1;lr>", "<sip:p0;lr>"]
    assert msg.values("x-none") == []
    assert [header.kind for header in msg.headers].count("record-route") == 2


def test_values_keep_blanks_behind_as_kamailio_does() -> None:
    assert Message(INVITE).value("from") == '"Alice" <sip:alice@atlanta.example.com>;tag=1928301774 '


def test_lines() -> None:
    for text in (INVITE, folded(INVITE)):
        assert Message(text).line("call-id") == "Call-ID: a84b4c76e66710\r\n"
        assert Message(text).line("x-none") == ""


def test_reply() -> None:
    msg = Message("SIP/2.0 180  Ringing now\r\nVia: SIP/2.0/UDP h;branch=1\r\nTo: <sip:a@b>;tag=z\r\n\r\n")
    assert (msg.is_request, msg.status, msg.reason, msg.method, msg.uri) == (False, 180, "Ringing now", "", "")
    assert msg.to is not None and msg.to.tag == "z"
    assert not msg.complete


@pytest.mark.parametrize(
    "first",
    [
        "OPTIONS sip:a SIP/2.0\r\n",
        "options  sip:a SIP/2.0\r\n",
        "OPTIONS sip:a SIP/2.0 \r\n",
        "\r\n\0 OPTIONS sip:a SIP/2.0\n",
    ],
)
def test_first_lines_of_requests(first: str) -> None:
    text = first + "Via: SIP/2.0/UDP h\r\n\r\n"
    if "  " in first:
        with pytest.raises(SipError):
            Message(text)
        return
    msg = Message(text)
    assert (msg.method_id, msg.uri) == ("OPTIONS", "sip:a")
    assert text[msg.first_start :].startswith("OPTIONS")


def test_method_in_other_letter_case() -> None:
    msg = Message("iNvItE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n")
    assert (msg.method, msg.method_id) == ("iNvItE", "INVITE")
    msg = Message("Foo sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n")
    assert msg.method_id == "Foo"


def test_requests_of_other_protocols_pass_and_say_so() -> None:
    msg = Message("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (msg.is_sip, msg.uri, msg.top_via) == (False, "/", None)


@pytest.mark.parametrize(
    "text",
    [
        "", "\r\n\r\n", "INVITE", "INVITE sip:a\r\n\r\n", "INVITE sip:a SIP/2.0", "INVITE sip:a SIP/2.0\r\n\r\n",
        "INVITE sip:a b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n", "SIP/2.0 20 OK\r\nVia: SIP/2.0/UDP h\r\n\r\n",
        "SIP/2.0 2000 OK\r\nVia: SIP/2.0/UDP h\r\n\r\n", "SIP/2.0 200\r\nVia: SIP/2.0/UDP h\r\n\r\n",
        "BYE sip:a SIP/2.0\r\nVia: x\r\n\r\n", "BYE sip:a SIP/2.0\r\nTo: <\r\nVia: SIP/2.0/UDP h\r\n\r\n",
        "BYE sip:a SIP/2.0\r\n Via: SIP/2.0/UDP h\r\n\r\n", "BYE sip:a SIP/2.0\r\nVia SIP/2.0/UDP h\r\n\r\n",
    ],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(SipError):
        Message(text)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("To: <sip:x\r\n", "bad address"),
        ("CSeq: x\r\n", "bad CSeq"),
        ("From: <sip:x@y>\r\n", "duplicate From"),
        ("i: 2\r\n", "duplicate i"),
        ("Content-Length: x\r\n", "bad Content-Length"),
        ("X Y: z\r\n", "bad header name"),
        ("nothing\r\n", "bad header name"),
        ("Via: SIP/2.0/UDP h;;\r\n", "bad parameter in Via"),
        ("Retry-After: x\r\n", "bad Retry-After"),
    ],
)
def test_a_bad_header_ends_the_headers(line: str, error: str) -> None:
    text = (
        "BYE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: <sip:a@b>;tag=1\r\nCall-ID: 1\r\n"
        f"{line}X-Behind: 1\r\n\r\nbody"
    )
    msg = Message(text)
    assert msg.header_error == error
    assert msg.value("x-behind") is None
    assert [header.kind for header in msg.headers] == ["via", "from", "call-id"]
    assert (msg.eoh, msg.body_offset, msg.body) == (-1, -1, "")


def test_a_malformed_from_is_only_seen_when_asked_for() -> None:
    msg = Message(INVITE.replace('"Alice" <', '"Alice <'))
    assert msg.complete
    assert msg.from_ is None


def test_malformed_routes_raise_when_asked_for() -> None:
    msg = Message(INVITE.replace("<sip:p0;lr>", "sip:p0"))
    with pytest.raises(SipError):
        _ = msg.record_routes


def test_nul_ends_a_value() -> None:
    assert Message(INVITE.replace("lunch", "lunch\0\0")).value("subject") == "lunch"


def test_credentials() -> None:
    msg = Message(INVITE.replace("Subject : lunch", 'Proxy-Authorization: Digest username="a", realm="r"'))
    assert [credentials.realm for credentials in msg.credentials()] == ["r"]
    assert msg.credentials("authorization") == []


def test_overwrite_changes_the_text_in_place() -> None:
    msg = Message(INVITE)
    clone = msg.clone()
    msg.overwrite("max-forwards", 0, " 9")
    assert (msg.value("max-forwards"), msg.max_forwards) == (" 9", 9)
    assert "Max-Forwards:  9\r\n" in msg.buf
    assert clone.max_forwards == 70
    assert [header.value for header in msg.all("max-forwards")] == [" 9"]
    for kind, at in (("max-forwards", 1), ("max-forwards", -1), ("x-none", 0), ("via", 0)):
        with pytest.raises(SipError):
            msg.overwrite(kind, at, "xx")


def test_replace_status() -> None:
    msg = Message("SIP/2.0 180 Ringing\r\nVia: SIP/2.0/UDP h;branch=1\r\n\r\n")
    msg.replace_status(183, "Progress")
    assert (msg.status, msg.reason) == (183, "Ringing")
    assert msg.edits.join().startswith("SIP/2.0 183 Progress\r\nVia")
    with pytest.raises(SipError):
        Message(INVITE).replace_status(200, "OK")


def test_clone_shares_the_text_and_nothing_else() -> None:
    msg = Message(INVITE)
    msg.flags, msg.dst_uri = 5, "sip:x"
    clone = msg.clone()
    clone.flags, clone.new_uri = 1, "sip:c"
    clone.add_reply_header("X: 1\r\n")
    clone.edits.append_header("X-Clone: 1\r\n")
    assert (msg.flags, msg.new_uri, msg.reply_headers, msg.has_edits) == (5, None, [], False)
    assert (clone.dst_uri, clone.callid) == ("sip:x", msg.callid)


def test_apply_changes() -> None:
    msg = Message(INVITE)
    msg.new_uri, msg.flags, msg.dst_uri, msg.ruid = "sip:carol@x", 4, "sip:d", "r"
    msg.edits.append_header("X-New: 1\r\n")
    assert msg.value("x-new") is None
    msg.apply_changes()
    state = {name: getattr(msg, name) for name in ("uri", "new_uri", "has_edits")}
    assert state == {"uri": "sip:carol@x", "new_uri": None, "has_edits": False}
    assert msg.value("x-new") == "1"
    assert (msg.flags, msg.dst_uri, msg.ruid) == (4, "sip:d", "")


def test_a_text_that_does_not_parse_leaves_the_message_alone() -> None:
    msg = Message(INVITE)
    with pytest.raises(SipError):
        msg.set_text("no SIP at all, but long enough to be read")
    assert (msg.buf, msg.method) == (INVITE, "INVITE")


def test_kinds_of_names() -> None:
    assert (header_kind("I"), header_kind("X-Y"), header_kind("Call-Id")) == ("call-id", "x-y", "call-id")
    with pytest.raises(SipError):
        header_kind(" x")


def exercise(text: str) -> None:
    """Everything that looks at a message, none of which may raise anything but SipError."""
    try:
        msg = Message(text)
    except SipError:
        return
    assert msg.buf == text
    for header in msg.headers:
        assert text[header.value_start : header.value_end] == header.value
    if not msg.header_error and msg.eoh >= 0:
        assert "".join(text[header.start : header.end] for header in msg.headers) == text[msg.first_end : msg.eoh]
    assert msg.edits.join() == text
    for name in ("contacts", "routes", "record_routes", "expires", "content_length", "max_forwards", "from_", "body"):
        try:
            getattr(msg, name)
        except SipError:
            pass
    try:
        msg.parsed_uri()
    except SipError:
        pass


def test_every_truncation() -> None:
    for text in (INVITE, folded(INVITE)):
        for end in range(len(text)):
            exercise(text[:end])


def test_tails() -> None:
    for tail in ("\r\n", "\0", "x", INVITE):
        msg = Message(INVITE + tail)
        assert msg.body == "body" + tail


_SNIPPETS = st.sampled_from(
    [
        "\r",
        "\n",
        "\r\n",
        " ",
        "\t",
        "\0",
        ":",
        ";",
        ",",
        "<",
        ">",
        '"',
        "x",
        "\xe9",
        "\r\n ",
        "Via: SIP/2.0/UDP h\r\n",
        "l: 1\r\n",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(INVITE)), st.integers(0, 30), _SNIPPETS), max_size=3))
def test_mutations(changes: list[tuple[int, int, str]]) -> None:
    text = INVITE
    for at, length, snippet in changes:
        text = text[:at] + snippet + text[at + length :]
    exercise(text)


@settings(max_examples=200, deadline=None)
@given(st.text("INVITE sip:aSP/2.0\r\nVia\0:;<>", max_size=60))
def test_noise(text: str) -> None:
    exercise(text)
    exercise(f"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n{text}\r\n\r\n")
