"""What it costs to find and refresh a registration among a thousand, and among a million: python bench/usrloc.py

`lookup("location")` and a re-registration of one contact, other addresses of record each time; the best of some turns
counts. The ratios should be near 1. Memory is what the process grew by.
"""

from __future__ import annotations

import gc
import resource
import sys
import time
from collections.abc import Callable

from kamscript.core.context import Context
from kamscript.core.sockets import Received
from kamscript.lab import Lab
from kamscript.module import Route
from kamscript.modules.registrar import Registrar
from kamscript.modules.usrloc import Usrloc
from kamscript.modules.usrloc.contact import ContactInfo
from kamscript.modules.usrloc.domain import Domain
from kamscript.sip.message import Message

SIZES = (1_000, 100_000, 1_000_000)
TURNS, CALLS = 5, 2_000
GOAL = 3.0
CONFIG = """
listen=udp:127.0.0.1:5060
loadmodule "sl.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "hash_size", 16)
request_route { lookup("location"); }
"""
REQUEST = (
    "INVITE sip:{user}@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-1\r\n"
    "From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
)


def registered(usrloc: Usrloc, number: int, cseq: int) -> ContactInfo:
    """What a REGISTER says."""
    info = ContactInfo()
    info.ruid, info.expires = usrloc.next_ruid(), usrloc.now + 3600
    info.callid, info.cseq, info.user_agent = f"call-{number}@10.0.0.1", cseq, "phone/1.0"
    return info


class Bench:
    """A server with so many registrations."""

    def __init__(self, count: int) -> None:
        self.count, self.lab, self.number = count, Lab(text=CONFIG), 0
        usrloc, registrar = self.lab.module("usrloc"), self.lab.module("registrar")
        assert isinstance(usrloc, Usrloc) and isinstance(registrar, Registrar)
        self.usrloc, self.registrar = usrloc, registrar
        found = usrloc.get_domain("location")
        assert found is not None
        self.domain: Domain = found
        for number in range(count):
            record = found.insert_record(f"user{number}")
            found.insert_contact(record, f"sip:user{number}@10.0.0.1:5060", registered(usrloc, number, 1))
        asked = [self.next() for _ in range(CALLS)]
        self.contexts = [self._context(f"user{number}") for number in asked]
        self.strangers = [self._context(f"stranger{number}") for number in asked]

    def next(self) -> int:
        """Another address of record each time."""
        self.number = (self.number + 7919) % self.count
        return self.number

    def _context(self, user: str) -> Context:
        message = Message.parse(REQUEST.replace("{user}", user))
        message.received = Received("udp", "10.0.0.1", 5060, "127.0.0.1", 5060, self.lab.server.sockets[0])
        return Context(self.lab.server, message, Route.REQUEST)

    def found(self) -> None:
        """Look registered users up."""
        lookup, domain = self.registrar.lookup, self.domain
        for ctx in self.contexts:
            ctx.msg.new_uri = None
            assert lookup(ctx, domain) == 1

    def not_found(self) -> None:
        """Look strangers up."""
        lookup, domain = self.registrar.lookup, self.domain
        for ctx in self.strangers:
            assert lookup(ctx, domain) == -1

    def refreshed(self) -> None:
        """Take over the next registration of a contact."""
        domain, usrloc = self.domain, self.usrloc
        for _ in range(CALLS):
            number = self.next()
            record = domain.get_record(f"user{number}")
            assert record is not None
            domain.update_contact(record, record.contacts[0], registered(usrloc, number, 2))

    def come_and_gone(self) -> None:
        """Register a new user, and forget it again."""
        domain, usrloc = self.domain, self.usrloc
        for number in range(CALLS):
            record = domain.insert_record(f"guest{number}")
            domain.insert_contact(record, f"sip:guest{number}@10.0.0.9", registered(usrloc, number, 1))
            domain.delete_record(f"guest{number}", record)


def best(work: Callable[[], object]) -> float:
    """Microseconds a piece."""
    work()
    times = []
    for _ in range(TURNS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times) / CALLS * 1e6


def main() -> int:
    """Print a row for each kind of work; 1 when a ratio is above the goal."""
    names = ("found", "not_found", "refreshed", "come_and_gone")
    columns: list[list[float]] = []
    grown = []
    for count in SIZES:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        bench = Bench(count)
        grown.append((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / count)
        gc.collect()
        gc.freeze()
        columns.append([best(getattr(bench, name)) for name in names])
        gc.unfreeze()
        del bench
        gc.collect()
    print(f"{'microseconds':<24}" + "".join(f"{size:>12,}" for size in SIZES) + f"{'ratio':>8}")
    worst = 0.0
    for index, name in enumerate(names):
        row = [column[index] for column in columns]
        worst = max(worst, row[-1] / row[0])
        print(
            f"{name.replace('_', ' '):<24}" + "".join(f"{value:>12.2f}" for value in row) + f"{row[-1] / row[0]:>8.2f}"
        )
    print(f"{'bytes a registration':<24}{'':>24}{grown[-1]:>12.0f}")
    print(f"goal: ratios of {GOAL:g} at most; worst {worst:.2f}")
    return int(worst > GOAL)


if __name__ == "__main__":
    sys.exit(main())
