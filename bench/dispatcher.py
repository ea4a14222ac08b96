"""What dispatcher's look-ups cost with a thousand destinations and with a hundred thousand: python bench/dispatcher.py

Each look-up runs on one server with both sizes, many times, in turns; the best turn counts. The ratio should be near 1:
a look-up that walks through its set has a ratio near 100.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from kamscript.core.context import Context
from kamscript.core.sockets import Received
from kamscript.lab import Lab
from kamscript.module import Route
from kamscript.modules.dispatcher import Dispatcher, matching
from kamscript.sip.message import Message

SMALL, LARGE = 1_000, 100_000
TURNS, CALLS = 7, 2_000
GOAL = 3.0
CONFIG = """
listen=udp:127.0.0.1:5060
loadmodule "tm.so"
loadmodule "dispatcher.so"
modparam("dispatcher", "list_file", "list")
modparam("dispatcher", "ds_hash_size", 8)
request_route { exit; }
"""
REQUEST = (
    "INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-1\r\nFrom: <sip:a@b>;tag=1\r\n"
    "To: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)
ONE_ADDRESS = 2
"""The set whose destinations differ by their ports alone, 60,000 to an address."""


def address(number: int) -> str:
    """The address of a destination of set 1."""
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def crowd(number: int) -> tuple[str, int]:
    """Address and port of a destination of set 2."""
    return f"172.16.0.{number // 60_000}", 1_000 + number % 60_000


def server(count: int) -> tuple[Lab, Dispatcher]:
    """A server with so many destinations in each set."""
    lines = [f"1 sip:{address(n)}:5060 0 0 duid=d{n};maxload=100" for n in range(count)]
    lines += ["{} sip:{}:{}".format(ONE_ADDRESS, *crowd(n)) for n in range(count)]
    lab = Lab(text=CONFIG, files={"list": "\n".join(lines)})
    module = lab.module("dispatcher")
    assert isinstance(module, Dispatcher)
    return lab, module


def from_address(lab: Lab, ip: str, port: int) -> Context:
    """The context of a request that came from there."""
    message = Message.parse(REQUEST)
    message.received = Received("udp", ip, port, "127.0.0.1", 5060, lab.server.sockets[0])
    return Context(lab.server, message, Route.REQUEST)


def lookups(count: int) -> dict[str, Callable[[], object]]:
    """Each look-up, on a server of its own size."""
    lab, module = server(count)
    last, group = count - 1, module.sets.by_id[1]
    known, unknown = from_address(lab, address(last), 5060), from_address(lab, "192.0.2.1", 5060)
    port = from_address(lab, *crowd(last))
    other_port = from_address(lab, "172.16.0.0", 999)
    active = f"sip:{address(last)}:5060"
    turn = iter(range(1, 1 << 62))

    def one_call() -> None:
        callid = f"call-{next(turn)}"
        module.calls.add(callid, group, group.least_loaded())
        if callid.endswith("7"):
            module.calls.remove(callid)

    def one_state() -> None:
        entry = group.entries[next(turn) % count]
        group.set_flags(entry, entry.flags ^ 1)

    def hit(context: Context, number: int, mode: int) -> Callable[[], None]:
        def ask() -> None:
            assert matching.is_from(module, context, number, mode) == 1

        return ask

    def miss(context: Context, number: int, mode: int) -> Callable[[], None]:
        def ask() -> None:
            assert matching.is_from(module, context, number, mode) == -1

        return ask

    return {
        "ds_is_from_list(1), found": hit(known, 1, 2),
        "ds_is_from_list(), found": hit(known, -1, 2),
        "ds_is_from_list(1), not found": miss(unknown, 1, 2),
        "ds_is_from_list(2), one address, found": hit(port, 2, 2),
        "ds_is_from_list(2), one address, not found": miss(other_port, 2, 2),
        "ds_is_from_list(2, 7), active, any port": hit(port, 2, 7),
        "ds_is_active(1)": lambda: module.ds_is_active(known, 1),
        "ds_is_active(1, uri)": lambda: module.ds_is_active(known, 1, active),
        "ds_select_dst(1, 4), round robin": lambda: module.ds_select_dst(known, 1, 4),
        "ds_select_dst(1, 0), by Call-ID": lambda: module.ds_select_dst(known, 1, 0),
        "least loaded, and its call": one_call,
        "a state": one_state,
    }


def best(ask: Callable[[], object]) -> float:
    """Microseconds."""
    started = time.perf_counter()
    for _ in range(CALLS):
        ask()
    return (time.perf_counter() - started) / CALLS * 1e6


def main() -> int:
    """Print a row for each look-up; 1 when a ratio is above the goal."""
    small, large = lookups(SMALL), lookups(LARGE)
    print(f"{'microseconds':<44}{SMALL:>10,}{LARGE:>10,}{'ratio':>8}")
    worst = 0.0
    for name, ask in small.items():
        ask()
        large[name]()
        times = [(best(ask), best(large[name])) for _ in range(TURNS)]
        few, many = min(a for a, _ in times), min(b for _, b in times)
        worst = max(worst, many / few)
        print(f"{name:<44}{few:>10.2f}{many:>10.2f}{many / few:>8.2f}")
    print(f"worst ratio {worst:.2f}, goal {GOAL}")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
