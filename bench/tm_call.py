"""What one call costs in tm, rr and the core: INVITE, 100, 180, 200, ACK, BYE, 200, thirteen messages in and out.

    python bench/tm_call.py [calls] [profile]

Prints the CPU microseconds of a whole call and of each message that comes in; the goal is for what is not parsing.
`profile` lists where they go.
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import sys
import time

from kamscript.core.environment import Environment
from kamscript.core.server import Server
from kamscript.core.sockets import Received
from kamscript.lab.environment import LabFiles, LabResolver, seeded
from kamscript.loader import load_text, module_classes
from kamscript.sip.message import Message

GOAL_US = 250
#: Calls whose times are added up; the quietest batch counts.
BATCH = 200

CONFIG = """
listen=udp:127.0.0.1:5060
loadmodule "tm.so"
loadmodule "rr.so"
loadmodule "pv.so"
request_route {
    if ($tt != $null) {
        if (!loose_route()) { exit; }
        t_relay();
        exit;
    }
    record_route();
    t_on_reply("R");
    $du = "sip:127.0.0.12:5060";
    t_relay();
}
onreply_route[R] { return; }
"""

ALICE, BOB, BODY = ("127.0.0.11", 5060), ("127.0.0.12", 5060), "v=0\r\no=- 1 1 IN IP4 127.0.0.11\r\ns=-\r\nc=IN IP4 127.0.0.11\r\nt=0 0\r\nm=audio 8000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"  # fmt: skip  # noqa: E501
STEPS = ("INVITE", "180", "200", "ACK", "BYE", "200 of BYE")


class Bench:
    """A server, and a caller and a callee that only paste texts together."""

    def __init__(self) -> None:
        program = load_text(CONFIG, target="5.6")
        environment = Environment(
            now=1e9, chance=seeded(1), resolver=LabResolver(None), files=LabFiles(None), log=lambda record: None
        )
        self.server = Server(program, environment, target="5.6", modules=module_classes(program.modules))
        self.server.start()
        socket = self.server.sockets[0]
        self.from_alice = Received("udp", *ALICE, "127.0.0.1", 5060, socket)
        self.from_bob = Received("udp", *BOB, "127.0.0.1", 5060, socket)
        self.now = 1e9
        self.spent = [0] * len(STEPS)
        self.parsing = 0

    def receive(self, step: int, text: str, source: Received) -> list[str]:
        """Hand over one message; what the server sent for it."""
        server = self.server
        started = time.process_time_ns()
        server.receive(self.now, text, source)
        ended = time.process_time_ns()
        self.spent[step] += ended - started
        Message(text, source)
        self.parsing += time.process_time_ns() - ended
        return [datagram.text for datagram in server.take_outbox()]

    def call(self, number: int) -> None:
        """One call from INVITE to the 200 of BYE."""
        headers = (
            f"From: <sip:alice@example.com>;tag=a{number}\r\nTo: <sip:bob@example.com>%s\r\n"
            f"Call-ID: {number}@127.0.0.11\r\n"
        )
        invite = (
            f"INVITE sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.11:5060;rport;branch=z9hG4bKi{number}\r\n"
            f"Max-Forwards: 70\r\n{headers % ''}CSeq: 1 INVITE\r\nContact: <sip:alice@127.0.0.11:5060>\r\n"
            f"User-Agent: bench\r\nAllow: INVITE, ACK, BYE, CANCEL\r\nContent-Type: application/sdp\r\n"
            f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
        )
        trying, sent = self.receive(0, invite, self.from_alice)
        assert trying.startswith("SIP/2.0 100") and sent.startswith("INVITE")
        head = sent.split("Max-Forwards")[0].split("\r\n", 1)[1]
        answered = headers % f";tag=b{number}"
        rest = f"{answered}CSeq: 1 INVITE\r\nContact: <sip:bob@127.0.0.12:5060>\r\n"
        assert len(self.receive(1, f"SIP/2.0 180 Ringing\r\n{head}{rest}Content-Length: 0\r\n\r\n", self.from_bob)) == 1
        ok = f"SIP/2.0 200 OK\r\n{head}{rest}Content-Type: application/sdp\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
        assert len(self.receive(2, ok, self.from_bob)) == 1
        route = f"Route: <sip:127.0.0.1;lr;ftag=a{number}>\r\n"
        for step, method, cseq in ((3, "ACK", 1), (4, "BYE", 2)):
            (sent,) = self.receive(
                step,
                f"{method} sip:bob@127.0.0.12:5060 SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.11:5060;rport;branch=z9hG4bK{method}{number}\r\nMax-Forwards: 70\r\n"
                f"{route}{answered}CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
                self.from_alice,
            )
        vias = "".join(line + "\r\n" for line in sent.split("\r\n") if line.startswith("Via"))
        bye = f"SIP/2.0 200 OK\r\n{vias}{answered}CSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n"
        assert len(self.receive(5, bye, self.from_bob)) == 1

    def run(self, calls: int, first: int = 0) -> None:
        """`calls` calls, ten milliseconds apart, timers running between them."""
        server = self.server
        for number in range(first, first + calls):
            self.call(number)
            self.now += 0.01
            server.timers.fire(self.now)


def main(*arguments: str) -> int:
    """Measure and print; 1 when over the goal."""
    batches = int(arguments[0]) // BATCH if arguments else 20
    bench = Bench()
    bench.run(500)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as the daemon does
    profile = cProfile.Profile() if "profile" in arguments else None
    if profile is not None:
        profile.enable()
    found = []
    for number in range(batches):
        bench.spent, bench.parsing = [0] * len(STEPS), 0
        bench.run(BATCH, 500 + number * BATCH)
        found.append((sum(bench.spent), bench.parsing, bench.spent))
    if profile is not None:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(45)
    total, parsing, steps = min(found)
    for name, spent in zip(STEPS, steps, strict=True):
        print(f"{name:12} {spent / BATCH / 1000:6.1f} us")
    rest = (total - parsing) / BATCH / 1000
    print(f"a call       {total / BATCH / 1000:6.1f} us\nbut parsing  {rest:6.1f} us (goal {GOAL_US})")
    return rest > GOAL_US


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
