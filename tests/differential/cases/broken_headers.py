"""Header lines that are none, and what works in spite of them: relaying, forwarding, answering, edits."""

from ..case import Scene, case

MODULES = "tm sl rr pv xlog siputils textops maxfwd"
CONFIG = """
request_route {
    xlog("L_ERR", "$rm: ct $ct, X $hdr(X-A), last $hdr(X-Last)\\n");
    if ($rU == "stateless") { $du = "sip:127.0.0.12:21200"; forward(); exit; }
    if ($rU == "reply") { sl_send_reply("404", "Nobody"); exit; }
    if ($rU == "append") { append_hf("X-B: b\\r\\n"); $du = "sip:127.0.0.12:21200"; t_relay(); exit; }
    if ($rU == "remove") { remove_hf("X-Last"); $du = "sip:127.0.0.12:21200"; t_relay(); exit; }
    $du = "sip:127.0.0.12:21200";
    if (!t_relay()) xlog("L_ERR", "t_relay $rc\\n");
}
"""


def options(user: str, more: str, number: int) -> bytes:
    return (
        f"OPTIONS sip:{user}@example.com SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.11:21200;branch=z9hG4bK-alice-{user}{number}\r\n"
        "From: <sip:alice@example.com>;tag=a1\r\nTo: <sip:bob@example.com>\r\n"
        f"Call-ID: call-{user}{number}@example.com\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
        f"{more}Content-Length: 0\r\n\r\n"
    ).encode("latin-1")


LINES = {
    "no_colon": "X-A: b\r\nw\r\nX-Last: 1\r\n",
    "no_name": ": b\r\nX-Last: 1\r\n",
    "space_in_name": "X A: b\r\nX-Last: 1\r\n",
    "space_before_colon": "X-A : b\r\nX-Last: 1\r\n",
    "blank_first": " X-A: b\r\nX-Last: 1\r\n",
    "only_name": "X-A\r\nX-Last: 1\r\n",
    "no_value": "X-A:\r\nX-Last: 1\r\n",
    "bare_lf": "X-A: b\nX-Last: 1\r\n",
    "bad_contact": "Contact: <sip:a@b\r\nX-Last: 1\r\n",
    "quote_open": 'X-A: "b\r\nX-Last: 1\r\n',
    "nul": "X-A: a\0b\r\nX-Last: 1\r\n",
}


def _cases() -> None:
    for name, more in LINES.items():

        def play(scene: Scene, more: str = more) -> None:
            for user in ("relay", "stateless", "reply", "append", "remove"):
                scene.alice.send(options(user, more, 1))

        play.__name__ = name
        play.__doc__ = f"A message with {more!r}."
        case(CONFIG, modules=MODULES)(play)


_cases()
