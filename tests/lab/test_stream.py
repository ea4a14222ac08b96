"""TCP connections in the lab."""

from __future__ import annotations

import pytest

from kamscript.lab import Lab
from kamscript.lab.stream import HttpReply

CONFIG = """
listen=tcp:127.0.0.1:5060
auto_aliases=no
loadmodule "sl.so"
loadmodule "pv.so"
request_route {
    if ($rU == "bad") return -1;
    if ($rU == "close") set_reply_close();
    $var(text) = $rU + " from " + $sp;
    sl_send_reply("200", "$var(text)");
}
"""


@pytest.fixture
def lab() -> Lab:
    return Lab(text=CONFIG)


def options(lab: Lab, user: str) -> str:
    return lab.request("OPTIONS", f"sip:{user}@example.com").replace("SIP/2.0/UDP", "SIP/2.0/TCP")


def firsts(text: str) -> list[str]:
    return [line for line in text.split("\r\n") if line.startswith("SIP/2.0 ")]


def test_replies_come_over_the_connection_whatever_via_says(lab: Lab) -> None:
    one, two = lab.connect(), lab.connect(("10.0.0.7", 1234))
    two.send(options(lab, "a"))
    one.send(options(lab, "b") + options(lab, "c"))
    assert firsts(two.take()) == ["SIP/2.0 200 a from 1234"]
    assert firsts(one.take()) == ["SIP/2.0 200 b from 40001", "SIP/2.0 200 c from 40001"]
    assert one.take() == ""


def test_messages_in_pieces(lab: Lab) -> None:
    stream = lab.connect()
    text = options(lab, "a")
    for character in text[:-1]:
        stream.send(character)
    assert stream.take() == ""
    stream.send(text[-1])
    assert firsts(stream.take()) == ["SIP/2.0 200 a from 40001"]


def test_keepalives(lab: Lab) -> None:
    stream = lab.connect()
    stream.send("\r\n\r\n")
    assert stream.take() == "\r\n"


@pytest.mark.parametrize(
    ("text", "closed"), [("close", True), ("bad", True), ("good", False)], ids=["reply closes", "route fails", "fine"]
)
def test_who_hangs_up(lab: Lab, text: str, closed: bool) -> None:
    stream = lab.connect()
    assert lab.server.connection_open(stream.number)
    stream.send(options(lab, text))
    assert stream.closed is closed
    assert lab.server.connection_open(stream.number) is not closed


def test_what_cannot_be_cut_into_messages_ends_it(lab: Lab) -> None:
    stream = lab.connect()
    stream.send("OPTIONS sip:x@y SIP/2.0\r\n\r\n")
    assert stream.closed
    with pytest.raises(BrokenPipeError):
        stream.send("x")


def test_the_client_hangs_up(lab: Lab) -> None:
    gone: list[int] = []
    lab.server.hooks.closed.append(gone.append)
    stream = lab.connect()
    stream.close()
    stream.close()
    assert gone == [stream.number]


def test_the_server_is_asked_to_hang_up(lab: Lab) -> None:
    stream = lab.connect()
    lab.server.close_connection(stream.number)
    lab.flush()
    assert stream.closed


def test_a_connection_needs_a_tcp_socket() -> None:
    with pytest.raises(AssertionError, match="listens on no tcp socket"):
        Lab(text="listen=udp:127.0.0.1:5060\nrequest_route { drop; }\n").connect()


def test_http_replies() -> None:
    reply = HttpReply.parse("HTTP/1.1 200 All fine\r\nA: b\r\na: c\r\nContent-Length: 2\r\n\r\nokbehind")
    assert (reply.code, reply.reason, reply.body) == (200, "All fine", "ok")
    assert reply.header("A") == "b" and reply.headers[1] == ("a", "c")
    with pytest.raises(ValueError, match="no HTTP reply"):
        HttpReply.parse("SIP/2.0 200 OK\r\n\r\n")


def test_the_ladder_without_phones_shows_the_server_once(lab: Lab) -> None:
    lab.connect().send(options(lab, "a"))
    head = lab.ladder().split("\n")[0].split()
    assert head == ["kamailio", "10.0.0.99:40001"]
