"""Run a few lines of config over a message and see what they say, return, change, send or are refused for."""

from __future__ import annotations

import pytest

from kamscript.core.sockets import Datagram
from kamscript.source import ConfigError
from tests.core.serving import Serving

LISTEN = "listen=udp:127.0.0.1:5060\nauto_aliases=no\n"

INVITE = """\
INVITE sip:bob@example.com:5070;transport=udp SIP/2.0
Via: SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bK-1
v: SIP/2.0/UDP 10.1.1.1:5060;branch=z9hG4bK-0
Max-Forwards: 70
f: "Alice" <sip:alice@example.org>;tag=a1
To: <sip:bob@example.com>
Call-ID: call-1@example.com
CSeq: 1 INVITE
Contact: <sip:alice@127.0.0.11>
Subject: hello world
X-One: first
X-One: second
Content-Type: application/sdp
Content-Length: 67

v=0
o=- 1 1 IN IP4 192.0.2.1
s=-
t=0 0
m=audio 4000 RTP/AVP 0
"""
OPTIONS = """\
OPTIONS sip:example.com SIP/2.0
Via: SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bK-2
From: <sip:alice@example.org>;tag=a1
To: <sip:example.com>
Call-ID: call-2@example.com
CSeq: 2 OPTIONS
Content-Length: 0

"""


def serve(route: str, *, modules: str, before: str = "", target: str = "5.6", rest: str = "") -> Serving:
    """A server whose request route is `route`, with pv, xlog and `modules`."""
    loads = "".join(f'loadmodule "{name}.so"\n' for name in dict.fromkeys(f"pv xlog {modules}".split()))
    return Serving(f"{LISTEN}{loads}{before}\nrequest_route {{\n{route}\n}}\n{rest}", target=target)


def said(
    route: str, message: str = INVITE, *, modules: str, before: str = "", target: str = "5.6", rest: str = ""
) -> list[str]:
    """What the script logged."""
    serving = serve(route, modules=modules, before=before, target=target, rest=rest)
    serving.send(message)
    return [record.text.rstrip("\n") for record in serving.records if record.origin == "<script>"]


def value(
    text: str, message: str = INVITE, *, modules: str, first: str = "", before: str = "", target: str = "5.6"
) -> str:
    """`text` expanded after the lines `first`."""
    return said(f'{first} xlog("{text}\\n");', message, modules=modules, before=before, target=target)[-1]


def results(*calls: str, message: str = INVITE, modules: str, before: str = "", target: str = "5.6") -> list[int]:
    """What function calls return, one after the other over the same message."""
    route = "\n".join(f'{call}; xlog("$rc\\n");' for call in calls)
    return [int(text) for text in said(route, message, modules=modules, before=before, target=target)]


def sent(
    route: str, message: str = INVITE, *, modules: str, before: str = "", target: str = "5.6", rest: str = ""
) -> list[Datagram]:
    """What the server sent."""
    return serve(route, modules=modules, before=before, target=target, rest=rest).send(message)


def changed(call: str, message: str = INVITE, *, modules: str = "textops", target: str = "5.6") -> str:
    """The message, with plain newlines, that calls of edit functions make of it."""
    route = f'{call}; msg_apply_changes(); xlog("$mb<end>");'
    text = said(route, message, modules=f"{modules} textopsx", target=target)[-1]
    return text.removesuffix("<end>").replace("\r\n", "\n")


def refused(route: str, *, modules: str, before: str = "", target: str = "5.6") -> str:
    """Why a config is refused at start."""
    with pytest.raises(ConfigError) as caught:
        serve(route, modules=modules, before=before, target=target)
    return str(caught.value)
