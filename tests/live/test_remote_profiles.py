"""examples/remote-profiles at work: two servers on loopback, a call over one of them, and the count of the other."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.servers import KAMAILIO, PATIENCE, kamscript

EXAMPLE = Path(__file__).parents[2] / "examples" / "remote-profiles" / "kamailio.cfg"
PORT, BOB = 22110, 22111
OPTIONS = ("-A", f"MY_PORT={PORT}", "-A", f'PEER_PORT="{PORT}"')


def count(server: str, caller: str) -> int:
    """What a server answers over HTTP."""
    command = {"jsonrpc": "2.0", "method": "dlg.profile_get_size", "params": ["caller", caller], "id": 1}
    request = urllib.request.Request(f"http://{server}:{PORT}/RPC", json.dumps(command).encode())
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return int(json.loads(answer.read())["result"])


def becomes(server: str, caller: str, wanted: int) -> bool:
    """Whether the count gets there in time."""
    deadline = time.monotonic() + PATIENCE
    while count(server, caller) != wanted:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@pytest.fixture
def bob() -> Iterator[socket.socket]:
    """Who is called, and who calls: one socket plays both."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", BOB))
        phone.settimeout(PATIENCE)
        yield phone


def send(phone: socket.socket, text: str) -> None:
    phone.sendto(re.sub("\r?\n", "\r\n", text).encode(), ("127.0.0.1", PORT))


def expect(phone: socket.socket, start: str) -> str:
    """The next message that begins so."""
    while True:
        text = phone.recv(65536).decode()
        if text.startswith(start):
            return text


def invite(caller: str) -> str:
    return (
        f"INVITE sip:bob@127.0.0.1:{BOB} SIP/2.0\nVia: SIP/2.0/UDP 127.0.0.1:{BOB};branch=z9hG4bK-{caller}\n"
        f"From: <sip:{caller}@example.com>;tag=a\nTo: <sip:bob@example.com>\nCall-ID: {caller}\nCSeq: 1 INVITE\n"
        f"Max-Forwards: 70\nContact: <sip:{caller}@127.0.0.1:{BOB}>\nContent-Length: 0\n\n"
    )


def reply(request: str, status: str) -> str:
    """An answer to a request."""
    copied = re.findall(r"(?mi)^((?:Via|From|Call-ID|CSeq): .*?)\r?$", request)
    (to,) = re.findall(r"(?mi)^To: (.*?)\r?$", request)
    return "\n".join([f"SIP/2.0 {status}", *copied, f"To: {to};tag=b", "Content-Length: 0", "", ""])


@pytest.mark.spec("7.17")
def test_a_call_over_one_server_is_counted_by_the_other(tmp_path: Path, bob: socket.socket) -> None:
    """And is not, once bob is busy."""
    first, second = tmp_path / "first", tmp_path / "second"
    for directory in (first, second):
        directory.mkdir()
    with kamscript(EXAMPLE, first, *OPTIONS), kamscript(EXAMPLE, second, *OPTIONS, "-A", "SECOND"):
        assert count("127.0.0.2", "alice") == 0
        send(bob, invite("alice"))
        ringing = expect(bob, "INVITE")
        assert becomes("127.0.0.2", "alice", 1)
        assert count("127.0.0.1", "alice") == 1
        send(bob, reply(ringing, "486 Busy"))
        assert becomes("127.0.0.2", "alice", 0)


@pytest.mark.kamailio
@pytest.mark.parametrize("options", [(), ("-A", "SECOND"), OPTIONS])
def test_kamailio_accepts_the_config(options: tuple[str, ...]) -> None:
    """As the README says."""
    done = subprocess.run([KAMAILIO, "-c", "-f", EXAMPLE, *options], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr.decode()
