"""What SIP costs: microseconds of reading and building messages, one process, best of several rounds.

    python bench/sip_parse.py

Every line works on messages that differ from each other, so that what the parsers remember from the last message helps
as much as it does in traffic: names and addresses come back, branches, tags and Call-IDs are new with each call.
"""

from __future__ import annotations

import gc
import platform
import time
from collections.abc import Callable, Sequence

from kamscript.sip.compose import hop_request
from kamscript.sip.message import Message
from kamscript.sip.uri import parse_uri

CALLS = 4000
ROUNDS = 5
SDP = (
    "v=0\r\no=user1 53655765 2353687637 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\n"
    "m=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def invite(n: int) -> str:
    """A 600-byte INVITE of call `n`."""
    return (
        f"INVITE sip:bob@biloxi.example.com SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-{n:08x}\r\n"
        f'Max-Forwards: 70\r\nFrom: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl{n}\r\n'
        f"To: Bob <sip:bob@biloxi.example.com>\r\nCall-ID: {n}-3848276298220188511@atlanta.example.com\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:alice@10.0.0.1:5060;transport=udp>\r\nUser-Agent: SIPp load generator\r\n"
        f"Content-Type: application/sdp\r\nContent-Length: {len(SDP)}\r\n\r\n{SDP}"
    )


def ok(n: int) -> str:
    """The 200 of the same call as a record-routing proxy gets it."""
    return (
        f"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK{n:x}.3b1c4d.0\r\n"
        f"Via: SIP/2.0/UDP 10.0.0.1:5060;received=10.0.0.1;branch=z9hG4bK-{n:08x}\r\n"
        f"Record-Route: <sip:10.0.0.9;lr=on;ftag=9fxced76sl{n}>\r\n"
        f'From: "Alice" <sip:alice@atlanta.example.com>;tag=9fxced76sl{n}\r\n'
        f"To: Bob <sip:bob@biloxi.example.com>;tag=8321234356{n}\r\n"
        f"Call-ID: {n}-3848276298220188511@atlanta.example.com\r\n"
        "CSeq: 1 INVITE\r\nContact: <sip:bob@10.0.0.2:5060;transport=udp>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(SDP)}\r\n\r\n{SDP}"
    )


def needed(msg: Message) -> None:
    """What every request's way through a proxy looks at."""
    via = msg.top_via
    sender, to, cseq = msg.from_, msg.to, msg.cseq
    assert via is not None and sender is not None and to is not None and cseq is not None
    _ = (via.branch, sender.tag, to.tag, cseq.method_id, msg.callid, msg.max_forwards)


def forward(msg: Message) -> str:
    """The request as a record-routing proxy sends it on."""
    edits = msg.edits
    mark = edits.mark()
    edits.insert_after(edits.anchor(msg.first_end, "record-route"), "Record-Route: <sip:10.0.0.9;lr=on;ftag=9fx>\r\n")
    header = msg.first("max-forwards")
    assert header is not None
    edits.insert_after(edits.delete(header.value_start, len(header.value)), "69")
    text = edits.join(
        uri="sip:bob@10.0.0.2:5060", via="Via: SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1.3b1c4d.0\r\n", received="10.0.0.1"
    )
    edits.rollback(mark)
    return text


def measure(name: str, work: Callable[[Sequence[object]], None], items: Sequence[object]) -> None:
    """Print the best time per item."""
    best = float("inf")
    for _ in range(ROUNDS):
        gc.collect()
        start = time.perf_counter()
        work(items)
        best = min(best, time.perf_counter() - start)
    print(f"{name:<58}{best / len(items) * 1e6:8.2f} us")


def main() -> None:
    """Print the table."""
    print(f"Python {platform.python_version()}, INVITE of {len(invite(1))} bytes, reply of {len(ok(1))} bytes")
    rounds = iter(range(1_000_000))
    invites = [invite(next(rounds)) for _ in range(CALLS * 3)]
    replies = [ok(next(rounds)) for _ in range(CALLS * 3)]

    def each(work: Callable[[object], object]) -> Callable[[Sequence[object]], None]:
        def run(items: Sequence[object]) -> None:
            for item in items:
                work(item)

        return run

    measure("read an INVITE never seen before", each(lambda text: Message(str(text))), invites)
    measure("  and look at what a proxy needs", each(lambda text: needed(Message(str(text)))), invites)
    measure("read an INVITE again (retransmission)", each(lambda text: Message(str(text))), [invites[0]] * CALLS)
    measure("read a 200 never seen before", each(lambda text: Message(str(text))), replies)
    measure(
        "  and build it without its first Via", each(lambda text: Message(str(text)).edits.join(drop_via=True)), replies
    )
    folded = [text.replace("SIPp load", "SIPp\r\n load") for text in invites[:CALLS]]
    measure("read a folded INVITE (the careful reader)", each(lambda text: Message(str(text))), folded)
    messages = [Message(text) for text in invites[:CALLS]]
    measure("build the forwarded INVITE (5 edits)", each(lambda msg: forward(msg)), messages)  # type: ignore[arg-type]
    measure("build CANCEL from a sent INVITE", each(lambda msg: hop_request(msg, "CANCEL")), messages)  # type: ignore[arg-type]
    uris = [f"sip:user{n}@10.0.{n % 256}.{n % 199}:{n % 60000};transport=udp;lr" for n in range(CALLS * 3)]
    measure("parse a URI never seen before", each(lambda text: parse_uri(str(text))), uris)
    measure("parse a URI again", each(lambda text: parse_uri(str(text))), uris[:1] * CALLS)


if __name__ == "__main__":
    main()
