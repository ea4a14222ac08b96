"""What a statement costs, in nanoseconds, and how long a big config takes to bind: python bench/statements.py"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from statistics import median

from kamscript.core.context import Context
from kamscript.core.sockets import Received
from kamscript.lab import Lab
from kamscript.loader import load_text
from kamscript.module import Route
from kamscript.script.bind import Binding
from kamscript.sip.message import Message

GOAL = 250

#: What is measured: a name, statements that make it ready, the statement.
STATEMENTS = (
    ("assign a constant", "", "$var(x) = 1;"),
    ("assign a text", "", '$var(x) = "text";'),
    ("copy a variable", "$var(y) = 5;", "$var(x) = $var(y);"),
    ("count up", "", "$var(x) = $var(x) + 1;"),
    ("compare numbers", "$var(x) = 5;", "if ($var(x) == 5) $var(y) = 1;"),
    ("compare texts", '$var(x) = "a";', 'if ($var(x) == "b") $var(y) = 1;'),
    ("compare, and, or", "$var(x) = 5;", 'if ($var(x) > 3 && $var(x) < 9 || $var(x) == "x") $var(y) = 1;'),
    ("test the method", "", 'if ($rm == "INVITE") $var(y) = 1;'),
    ("test the source", "", 'if ($si == "10.0.0.1") $var(y) = 1;'),
    ("is_method", "", 'if (is_method("INVITE|BYE")) $var(y) = 1;'),
    ("request URI's user", "", "$var(x) = $rU;"),
    ("From's user", "", "$var(x) = $fU;"),
    ("join texts", '$var(y) = "b";', '$var(x) = "a" + $var(y) + "c";'),
    ("constant with a $", '$var(y) = "b";', '$var(x) = "a $var(y) $rm";'),
    ("transformation", '$var(y) = "a;b";', "$var(x) = $(var(y){s.select,1,;});"),
    ("regular expression", '$var(y) = "sip:49123@a";', 'if ($var(y) =~ "^sip:49") $var(x) = 1;'),
    ("set a flag", "", "setflag(5);"),
    ("test a flag", "", "if (isflagset(5)) $var(x) = 1;"),
    ("push an AVP", "$avp(x) = 1;", "$(avp(x)[*]) = 1;"),
    ("read an AVP", "$avp(x) = 1;", "$var(x) = $avp(x);"),
    ("call a route", "", "route(SUB);"),
)

HEAD = """debug=1
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "xlog.so"
"""

REQUEST = (
    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.11:5060;branch=z9hG4bK1\r\n"
    "From: <sip:alice@example.com>;tag=1\r\nTo: <sip:bob@example.com>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\n"
    "Contact: <sip:alice@127.0.0.11>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
)


def run_ns(before: str, statement: str, copies: int) -> float:
    """Nanoseconds for one run of a request route with `copies` of the statement."""
    text = f"{HEAD}request_route {{\n{before}\n{(statement + chr(10)) * copies}}}\nroute[SUB] {{ $var(z) = 1; }}\n"
    lab = Lab(text=text, target="5.6")
    server = lab.server
    ctx = context_of(lab)
    route = server.routes[Route.REQUEST, ""]
    route(ctx)
    rounds, results = 400, []
    for _ in range(7):
        started = time.perf_counter_ns()
        for _ in range(rounds):
            route(ctx)
        results.append((time.perf_counter_ns() - started) / rounds)
    return min(results)


def context_of(lab: Lab) -> Context:
    """A context over one request, as the server makes it."""
    socket = lab.server.sockets[0]
    received = Received(socket.proto, "127.0.0.11", 5060, socket.host, socket.port, socket)
    return Context(lab.server, Message(REQUEST, received), Route.REQUEST)


def big_config(functions: int) -> str:
    """A config with that many calls of functions."""
    block = '    if (is_method("REGISTER|OPTIONS") && $rU != $null) {{ xlog("L_DBG", "{0} $ru\\n"); setflag({1}); }}\n'
    routes = "".join(
        f"route[R{number}] {{\n{''.join(block.format(number * 10 + line, line) for line in range(10))}}}\n"
        for number in range(functions // 30 + 1)
    )
    return HEAD + "request_route { route(R0); }\n" + routes


def timed(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds, the median."""
    results = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        results.append((time.perf_counter() - started) * 1000)
    return median(results)


def main() -> int:
    """Print a table; the status is 1 when a statement without a call is slower than the goal."""
    slow = []
    empty = run_ns("", "$var(x) = 1;", 1)
    for name, before, statement in STATEMENTS:
        cost = (run_ns(before, statement, 101) - run_ns(before, statement, 1)) / 100
        print(f"{name:<22} {cost:7.0f} ns   {statement}")
        if cost > GOAL:
            slow.append(name)
    print(f"{'a route of one':<22} {empty:7.0f} ns")
    text = big_config(150)
    program = load_text(text, target="5.6")
    server = Lab(text=text, target="5.6").server

    def bind() -> None:
        server.shared["script"] = Binding(server)
        program.bind(server)

    print(f"bind a config of 150 calls   {timed(bind, 200):7.3f} ms (goal 0.3)")
    print(f"slower than {GOAL} ns: {', '.join(slow) or 'none'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
