"""What one call costs inside the server, driver and network left out.

    python bench/server_call.py [rounds] [config] [profile]

The messages are those of bench/live.py, and as there many calls are under way at once: the memories of the parsers do
not hold a whole call's headers for nobody else. Prints CPU microseconds per call (the best round) and per message.
`config` is the name of one in bench/configs: "relay" (unless told otherwise), or "dialog", which tracks the calls.
`profile` is a sort key of pstats ("tottime"): prints where the time goes.
"""

from __future__ import annotations

import cProfile
import gc
import pstats
import sys
from pathlib import Path
from time import thread_time

from kamscript.core.sockets import Received
from kamscript.lab import Lab

CONFIGS = Path(__file__).parent / "configs"
PROXY, CALLER, CALLEE = ("127.0.0.1", 25060), ("127.0.0.1", 25070), ("127.0.0.1", 25080)
UNDER_WAY = 60

SDP = (
    "v=0\r\no={0} 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0 8\r\n"
    "a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
)
WITH_SDP = f"Content-Type: application/sdp\r\nContent-Length: {len(SDP.format('caller'))}\r\n\r\n"


def request(method: str, number: int, totag: str = "", routes: str = "") -> str:
    """A request as bench/sipp/uac.xml writes it."""
    first = not totag
    uri = "sip:callee@127.0.0.1:25060" if first else "sip:callee@127.0.0.1:25080;transport=UDP"
    return (
        f"{method} {uri} SIP/2.0\r\n"
        f"Via: SIP/2.0/UDP 127.0.0.1:25070;branch=z9hG4bK-4711-{number}-{method}\r\n"
        f"{f'Route: {routes}' + chr(13) + chr(10) if routes else ''}Max-Forwards: 70\r\n"
        f'From: "caller" <sip:caller@127.0.0.1:25070>;tag=4711c{number}\r\n'
        f"To: <sip:callee@127.0.0.1:25060>{totag}\r\nCall-ID: {number}-4711@127.0.0.1\r\n"
        f"CSeq: {2 if method == 'BYE' else 1} {method}\r\n"
        + (
            "Contact: <sip:caller@127.0.0.1:25070>\r\nUser-Agent: bench\r\n" + WITH_SDP + SDP.format("caller")
            if first
            else "Content-Length: 0\r\n\r\n"
        )
    )


def reply(to: str, first: str, totag: str = "", body: bool = False) -> str:
    """A reply as bench/sipp/uas.xml writes it, to a request as the proxy sent it."""
    lines = to[: to.index("\r\n\r\n")].split("\r\n")
    kept = ["Via: " + ", ".join(line[5:] for line in lines[1:] if line.startswith("Via:"))]
    kept += [line for line in lines[1:] if line.startswith(("Record-Route:", "From:", "Call-ID:", "CSeq:"))]
    target = next(line for line in lines if line.startswith("To:"))
    contact = "Contact: <sip:callee@127.0.0.1:25080;transport=UDP>\r\n" if totag else ""
    rest = WITH_SDP + SDP.format("callee") if body else "Content-Length: 0\r\n\r\n"
    return "\r\n".join([first, *kept, target + totag, contact + rest])


class Bench:
    """Calls through one server, and the time spent in it."""

    def __init__(self, config: str) -> None:
        self.lab = Lab(CONFIGS / f"{config}.cfg")
        self.server = self.lab.server
        socket = self.server.sockets[0]
        self.sources = {peer: Received("udp", *peer, *PROXY, socket) for peer in (CALLER, CALLEE)}
        self.profile: cProfile.Profile | None = None
        self.spent: dict[str, float] = {}
        self.now = self.server.timers.now
        self.number = 0

    def feed(self, kind: str, source: tuple[str, int], texts: list[str]) -> list[str]:
        """Give the server one message of each call; returns what it sent, the last message for each."""
        server, received, now, out = self.server, self.sources[source], self.now, []
        receive, take = server.receive, server.take_outbox
        profile = self.profile
        if profile is not None:
            profile.enable()
        started = thread_time()
        for text in texts:
            receive(now, text, received)
            out.append(take()[-1].text)
        self.spent[kind] = self.spent.get(kind, 0.0) + thread_time() - started
        if profile is not None:
            profile.disable()
        return out

    def calls(self) -> None:
        """Some calls from INVITE to the end of their transactions."""
        numbers = range(self.number, self.number + UNDER_WAY)
        self.number += UNDER_WAY
        self.now += 0.01
        tags = [f";tag=4712s{number}" for number in numbers]
        sent = self.feed("INVITE", CALLER, [request("INVITE", number) for number in numbers])
        ringing = [reply(text, "SIP/2.0 180 Ringing", tag) for text, tag in zip(sent, tags, strict=True)]
        self.feed("180", CALLEE, ringing)
        answers = [reply(text, "SIP/2.0 200 OK", tag, body=True) for text, tag in zip(sent, tags, strict=True)]
        relayed = self.feed("200 to INVITE", CALLEE, answers)
        route = relayed[0].split("Record-Route: ", 1)[1].split("\r\n", 1)[0].split(";ftag", 1)[0]
        routes = [f"{route};ftag=4711c{number}>" for number in numbers]
        each = list(zip(numbers, tags, routes, strict=True))
        self.feed("ACK", CALLER, [request("ACK", *one) for one in each])
        self.now += 0.1
        sent = self.feed("BYE", CALLER, [request("BYE", *one) for one in each])
        relayed = self.feed("200 to BYE", CALLEE, [reply(text, "SIP/2.0 200 OK") for text in sent])
        assert all(text.startswith("SIP/2.0 200 OK\r\n") for text in relayed), relayed[0]
        started = thread_time()
        if self.profile is not None:
            self.profile.enable()
        self.now += 0.1
        self.server.fire(self.now)
        if self.profile is not None:
            self.profile.disable()
        self.spent["timers"] = self.spent.get("timers", 0.0) + thread_time() - started
        self.lab.forget()


def main(rounds: int = 60, config: str = "relay", sort: str = "") -> int:
    """Print the figures."""
    bench = Bench(config)
    for _ in range(40):
        bench.calls()
    gc.collect()
    gc.freeze()
    gc.disable()
    if sort:
        bench.profile = cProfile.Profile()
    best: dict[str, float] = {}
    for _ in range(int(rounds)):
        bench.spent = {}
        bench.calls()
        for kind, seconds in bench.spent.items():
            best[kind] = min(best.get(kind, seconds), seconds)
    unreachable = gc.collect()
    total = sum(best.values()) / UNDER_WAY * 1e6
    print(f"server, {config}.cfg, microseconds per call: {total:.0f}   (calls under way: {UNDER_WAY})")
    for kind, seconds in best.items():
        print(f"  {kind:14} {seconds / UNDER_WAY * 1e6:6.1f}")
    print(f"objects per call that only the garbage collector finds: {unreachable / int(rounds) / UNDER_WAY:.1f}")
    if bench.profile is not None:
        pstats.Stats(bench.profile).sort_stats(sort).print_stats(70)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))  # type: ignore[arg-type]
