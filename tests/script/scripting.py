"""Configs of a few lines for the tests of the compiler: run a body over a message, look at what it logged."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from kamscript.core.context import Context
from kamscript.core.server import Server
from kamscript.core.sockets import Received
from kamscript.lab import Lab
from kamscript.module import Route
from kamscript.script.runtime import run
from kamscript.sip.message import Message

HEAD = """debug=3
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textops.so"
"""

INVITE = """INVITE sip:bob@example.com:5070;transport=udp SIP/2.0
Via: SIP/2.0/UDP 127.0.0.11:5062;branch=z9hG4bK-1;rport
Via: SIP/2.0/TCP far.example.com;branch=z9hG4bK-0;received=192.0.2.9
Max-Forwards: 70
From: "Alice A." <sip:alice@from.example.org;p=1>;tag=a1
To: <sip:bob@to.example.com>
Call-ID: call-1
CSeq: 7 INVITE
Contact: <sip:alice@127.0.0.11:5062>;expires=60
X-Multi: one
X-Multi: two
Content-Type: application/sdp
Content-Length: 8

v=0
s=-
"""


def server_of(text: str, target: str = "5.6", **outside: Mapping[str, str]) -> Server:
    """A started server for a whole config."""
    return Lab(text=text, target=target, **outside).server  # type: ignore[arg-type]


def context(server: Server, message: str = INVITE, route: Route = Route.REQUEST) -> Context:
    """A context over a message as it would come in at the server's first socket."""
    wire = message if "\r\n" in message else message.replace("\n", "\r\n")
    socket = server.sockets[0]
    received = Received(socket.proto, "127.0.0.11", 5062, socket.host, socket.port, socket)
    return Context(server, Message(wire, received), route)


def logged(
    body: str, message: str = INVITE, *, routes: str = "", head: str = HEAD, target: str = "5.6", runs: int = 1
) -> list[str]:
    """What the request route `body` writes with xlog, one item a line."""
    lab = Lab(text=f"{head}request_route {{\n{body}\n}}\n{routes}", target=target)
    lab.log.clear()
    for _ in range(runs):
        ctx = context(lab.server, message)
        run(lab.server.routes[Route.REQUEST, ""], ctx)
    return [record.text.rstrip("\n") for record in lab.log if record.origin == "<script>"]


def values(expressions: Iterable[str], before: str = "", message: str = INVITE) -> list[object]:
    """Values of expressions as `$var` keeps them: ints and texts."""
    lines = "".join(
        f'$var(v) = {expression}; $var(t) = ""; typeof($var(v), "$var(t)");\n'
        f'if (is_int("$var(v)")) xlog("{number}|int $var(v)\\n"); else xlog("{number}|str $var(v)\\n");\n'
        for number, expression in enumerate(expressions)
    ).replace('$var(t) = ""; typeof($var(v), "$var(t)");\n', "")
    found: dict[int, object] = {}
    for line in logged(before + "\n" + lines, message):
        matched = re.match(r"(\d+)\|(int|str) (.*)", line, re.DOTALL)
        assert matched, line
        found[int(matched[1])] = int(matched[3]) if matched[2] == "int" else matched[3]
    return [found[number] for number in sorted(found)]
