r"""sanity: each check, what it answers, and what the script sees."""

from __future__ import annotations

from ..case import Scene, battery, case
from .textops import BARE, MESSAGE

GOOD = MESSAGE


def with_header(line: str) -> str:
    """The good message with one more header line."""
    return GOOD.replace("Subject:", f"{line}\r\nSubject:")


BAD: dict[str, str] = {
    "version": GOOD.replace("udp SIP/2.0", "udp SIP/3.0"),
    "scheme": GOOD.replace("INVITE sip:bob", "INVITE foo:bob"),
    "ruri": GOOD.replace("INVITE sip:bob@example.com:5070;transport=udp", "INVITE sip:bob@:x"),
    "twice from": GOOD.replace("To: ", "From: <sip:x@y>;tag=1\r\nTo: "),
    "twice to": GOOD.replace("To: ", "To: <sip:x@y>;tag=1\r\nTo: "),
    "twice callid": GOOD.replace("To: ", "i: other\r\nTo: "),
    "no to": GOOD.replace("To: <sip:bob@example.com>\r\n", ""),
    "cseq method": GOOD.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
    "cseq number": GOOD.replace("CSeq: 1 INVITE", "CSeq: 4294967296 INVITE"),
    "cseq big": GOOD.replace("CSeq: 1 INVITE", "CSeq: 99999999999 INVITE"),
    "cseq text": GOOD.replace("CSeq: 1 INVITE", "CSeq: abc INVITE"),
    "length": GOOD.replace("Content-Length: 101", "Content-Length: 99"),
    "no length": GOOD.replace("Content-Length: 101\r\n", ""),
    "expires": GOOD.replace("Subject:", "Expires: x\r\nSubject:"),
    "expires big": GOOD.replace("Subject:", "Expires: 99999999999\r\nSubject:"),
    "expires fine": GOOD.replace("Subject:", "Expires: 3600\r\nSubject:"),
    "expires empty": GOOD.replace("Subject:", "Expires:\r\nSubject:"),
    "proxy require": GOOD.replace("Subject:", "Proxy-Require: foo, bar\r\nSubject:"),
    "proxy require known": GOOD.replace("Subject:", "Proxy-Require: path\r\nSubject:"),
    "proxy require empty": GOOD.replace("Subject:", "Proxy-Require:\r\nSubject:"),
    "from": GOOD.replace('f: "Alice" <sip:alice@example.org>', 'f: "Alice" <alice>'),
    "from broken": GOOD.replace('f: "Alice" <sip:alice@example.org>', 'f: "Alice <sip:alice'),
    "to": GOOD.replace("To: <sip:bob@example.com>", "To: <bob@example.com>"),
    "contact": GOOD.replace("Contact: <sip:alice@127.0.0.11:21200>", "Contact: <sip:>"),
    "contact broken": GOOD.replace("Contact: <sip:alice@127.0.0.11:21200>", "Contact: <sip:a"),
    "contact star": GOOD.replace("Contact: <sip:alice@127.0.0.11:21200>", "Contact: *"),
    "auth": with_header('Authorization: Digest username="", realm="r", nonce="n", uri="u", response="r"'),
    "auth nonce": with_header('Proxy-Authorization: Digest username="a", realm="r", uri="u", response="r"'),
    "auth response": with_header('Authorization: Digest username="a", realm="r", nonce="n", uri="u"'),
    "auth empty nonce": with_header(
        'Authorization: Digest username="a", realm="r", nonce="", uri="u", response="0123"'
    ),
    "auth basic": with_header("Authorization: Basic abc"),
    "auth broken": with_header("Authorization: Digest username"),
    "auth good": with_header(
        'Authorization: Digest username="a", realm="r", nonce="n", uri="sip:u", '
        'response="0123456789abcdef0123456789abcdef"'
    ),
    "from tags": GOOD.replace(";tag=a1", ";tag=a1;tag=a2"),
    "to tags": GOOD.replace("To: <sip:bob@example.com>", "To: <sip:bob@example.com>;tag=1;tag=2"),
    "ack": GOOD.replace("INVITE", "ACK").replace("CSeq: 1 ACK", "CSeq: 1 BYE"),
}

CONFIG = r"""
modparam("sanity", "autodrop", 0)
modparam("sanity", "proxy_require", "path, outbound")
request_route {
    $var(n) = 0;
    while ($var(n) < 15) {
        $var(bit) = 1 << $var(n);
        sanity_check("$var(bit)", "15");
        xlog("$var(bit) $rc\n");
        $var(n) = $var(n) + 1;
    }
}"""


def _play(scene: Scene, names: tuple[str, ...]) -> None:
    for name in names:
        scene.alice.send(BAD[name])
        scene.settle()


def _cases() -> None:
    names = tuple(BAD)
    for number in range(0, len(names), 6):
        part = names[number : number + 6]

        def play(scene: Scene, part: tuple[str, ...] = part) -> None:
            _play(scene, part)

        play.__name__ = "each_check_" + "_".join(name.replace(" ", "-") for name in part)
        play.__doc__ = "Every check by itself on messages that are wrong in one way."
        play.__module__ = __name__
        case(modules="pv xlog sl sanity", config=CONFIG)(play)


_cases()


@case(
    modules="pv xlog sl sanity",
    config="""request_route { sanity_check(); xlog("passed $rc\\n"); }""",
)
def the_default_checks_end_the_script(scene: Scene) -> None:
    """With autodrop, a failure ends the script."""
    for name in ("version", "cseq method", "length", "proxy require", "from", "contact", "twice from"):
        scene.alice.send(BAD[name])
        scene.settle()
        scene.alice.drain()
    scene.alice.send(GOOD)
    scene.settle()


@case(
    modules="pv xlog sl sanity",
    config="""
modparam("sanity", "autodrop", 0)
modparam("sanity", "noreply", 1)
request_route {
    if (!sanity_check()) { xlog("failed $rc\\n"); sanity_reply(); xlog("replied $rc\\n"); exit; }
    sanity_reply(); xlog("good $rc\\n");
}""",
)
def replies_when_the_script_says_so(scene: Scene) -> None:
    """noreply keeps code and reason for sanity_reply()."""
    for name in ("version", "cseq method", "proxy require", "ack"):
        scene.alice.send(BAD[name])
        scene.settle()
        scene.alice.drain()
    scene.alice.send(GOOD)
    scene.alice.expect(500)


@case(
    modules="pv xlog sl sanity",
    config="""
modparam("sanity", "default_checks", 32)
modparam("sanity", "uri_checks", 1)
request_route { sanity_check(); xlog("passed $rc\\n"); }""",
)
def only_some_checks(scene: Scene) -> None:
    """default_checks chooses."""
    for name in ("version", "cseq method"):
        scene.alice.send(BAD[name])
        scene.settle()
        scene.alice.drain()


battery(
    "sanity",
    "arguments",
    r"""
    @ sanity_check("0")
    @ sanity_check("32768")
    @ sanity_check("65536")
    @ sanity_check("131072")
    @ sanity_check("2", "0")
    @ sanity_check("2", "16")
    @ sanity_check("2", "15")
    $var(c) = 2;
    @ sanity_check("$var(c)", "$var(c)")
    @ sanity_check("-1")
    """,
    modules="pv xlog sl sanity",
    messages=(GOOD, BARE),
)
