"""One call between two sockets through a server, for tests of what operators see of it."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from tests.live.servers import PATIENCE


@contextmanager
def parties(phone: int) -> Iterator[tuple[socket.socket, socket.socket]]:
    """The caller's socket, at the port behind `phone`, and that of the called, at `phone`."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alice,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bob,
    ):
        for party, own in ((alice, phone + 1), (bob, phone)):
            party.bind(("127.0.0.1", own))
            party.settimeout(PATIENCE)
        yield alice, bob


def call(port: int, phone: int, callid: str = "call-1") -> None:
    """INVITE, 200, ACK through the server at `port`, which sends what is for bob to `phone`. Then both go."""
    with parties(phone) as (alice, bob):
        head = (
            f"Via: SIP/2.0/UDP 127.0.0.1:{phone + 1};branch=z9hG4bK-BRANCH-{callid}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:alice@example.com>;tag=a1\r\nCall-ID: {callid}\r\n"
            f"Contact: <sip:alice@127.0.0.1:{phone + 1}>\r\nContent-Length: 0\r\n"
        )
        invite = f"INVITE sip:bob@example.com SIP/2.0\r\n{head}To: <sip:bob@example.com>\r\nCSeq: 1 INVITE\r\n\r\n"
        alice.sendto(invite.encode(), ("127.0.0.1", port))
        request = bob.recv(65536).decode()
        copied = re.findall(r"(?im)^(?:via|from|call-id|cseq|record-route):.*\r\n", request)
        contact = f"Contact: <sip:bob@127.0.0.1:{phone}>\r\nContent-Length: 0\r\n\r\n"
        answer = f"SIP/2.0 200 OK\r\n{''.join(copied)}To: <sip:bob@example.com>;tag=b1\r\n{contact}"
        bob.sendto(answer.encode(), ("127.0.0.1", port))
        while " 200 " not in (reply := alice.recv(65536).decode()).splitlines()[0]:
            pass
        routes = re.findall(r"(?im)^record-(route:.*\r\n)", reply)
        ack = (
            f"ACK sip:bob@127.0.0.1:{phone} SIP/2.0\r\n{head.replace('BRANCH', 'ACK')}{''.join(routes)}"
            "To: <sip:bob@example.com>;tag=b1\r\nCSeq: 1 ACK\r\n\r\n"
        )
        alice.sendto(ack.encode(), ("127.0.0.1", port))
        assert bob.recv(65536).startswith(b"ACK ")


def end(port: int, phones: tuple[socket.socket, socket.socket]) -> None:
    """Both get a BYE from the server and answer it."""
    for party in phones:
        bye = party.recv(65536).decode()
        assert bye.startswith("BYE "), bye
        copied = re.findall(r"(?im)^(?:via|from|to|call-id|cseq):.*\r\n", bye)
        reply = f"SIP/2.0 200 OK\r\n{''.join(copied)}Content-Length: 0\r\n\r\n"
        party.sendto(reply.encode(), ("127.0.0.1", port))
