"""The ladder as people read it."""

from kamscript.report import Exchange, ladder
from kamscript.report.ladder import label

INVITE = "INVITE sip:bob@example.com SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n"
RINGING = "SIP/2.0 180 Ringing\r\nCSeq: 1 INVITE\r\n\r\n"
OK = "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"
NAMES = {"10.0.0.1:5060": "alice", "127.0.0.1:5060": "kamailio", "10.0.0.2:5060": "bob"}


def test_a_request_is_labelled_with_method_and_uri() -> None:
    assert label(INVITE) == "INVITE sip:bob@example.com"


def test_a_final_reply_names_the_method_it_answers() -> None:
    assert label(OK) == "200 OK (INVITE)"
    assert label(RINGING) == "180 Ringing"


def test_what_is_no_message_is_labelled_with_its_beginning_on_one_line() -> None:
    assert label("\r\n OPTIONS sip:a@b SIP/2.0\r\nVia: x") == "OPTIONS sip:a@b SIP/2.0 Via: x"
    assert label("x" * 50) == "x" * 37 + "..."
    assert label("\x16\x03\x01 hello\x00") == "hello"
    assert label("\r\n\r\n") == "(keep-alive)"


def test_a_call_through_a_proxy() -> None:
    drawn = ladder(
        [
            Exchange(0.0, "10.0.0.1:5060", "127.0.0.1:5060", INVITE),
            Exchange(0.0, "127.0.0.1:5060", "10.0.0.2:5060", INVITE),
            Exchange(0.5, "10.0.0.2:5060", "127.0.0.1:5060", RINGING),
            Exchange(0.5, "127.0.0.1:5060", "10.0.0.1:5060", RINGING, "lost"),
        ],
        NAMES,
    )
    assert drawn == (
        "  alice                              kamailio                           bob\n"
        "  10.0.0.1:5060                      127.0.0.1:5060                     10.0.0.2:5060\n"
        "  │                                  │                                  │\n"
        "  │── INVITE sip:bob@example.com ───>│                                  │  0.000\n"
        "  │                                  │── INVITE sip:bob@example.com ───>│\n"
        "  │                                  │<────────── 180 Ringing ──────────│  0.500\n"
        "  │<─────── 180 Ringing [lost] ──────│                                  │\n"
    )


def test_nothing_sent() -> None:
    assert ladder([]) == "(no messages)\n"


def test_a_retransmission_says_so() -> None:
    twice = [Exchange(time, "10.0.0.1:5060", "127.0.0.1:5060", INVITE) for time in (0.0, 0.5)]
    assert ladder(twice, NAMES).count("[again]") == 1
