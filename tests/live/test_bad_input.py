"""Whatever arrives on a UDP socket: no traceback, no hang, and every good message in between is answered."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.servers import ROOT, Running, kamscript

PORT = 22070
CONFIG = f"""
debug=0
children=1
disable_tcp=yes
auto_aliases=no
listen=udp:127.0.0.1:{PORT}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "sanity.so"
loadmodule "maxfwd.so"
loadmodule "xlog.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (!sanity_check("17895", "7")) exit;
    $var(seen) = $fu + $tu + $ci + $hdr(Contact) + $(rb{{s.len}}) + $(hdr(Via){{param.value,branch}}) + $si;
    if (has_totag()) {{
        if (loose_route()) {{ t_relay(); exit; }}
    }}
    if (is_method("REGISTER")) {{ save("location"); exit; }}
    if (is_method("PUBLISH")) {{ $var(x) = 1 / $var(zero); sl_send_reply("500", "Divided"); exit; }}
    sl_send_reply("200", "OK");
}}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One server that has to stand everything."""
    with kamscript(CONFIG, tmp_path_factory.mktemp("bad")) as running:
        yield running
        log = running.log()
        assert "Traceback" not in log
        assert running.stop() == 0


@pytest.fixture
def phone() -> Iterator[socket.socket]:
    """A UDP socket with the server at its other end."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.bind(("127.0.0.1", 0))
        udp.connect(("127.0.0.1", PORT))
        udp.settimeout(5)
        yield udp


def good(number: int) -> bytes:
    """An OPTIONS that is answered with 200."""
    return (
        f"OPTIONS sip:127.0.0.1:{PORT} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK-{number}\r\n"
        f"From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:b@127.0.0.1>\r\nCall-ID: good-{number}\r\nCSeq: 1 OPTIONS\r\n"
        "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def all_good_are_answered(phone: socket.socket, junk: list[bytes]) -> None:
    """Send good and bad messages in turn; each good one must be answered, in order."""
    for number, bad in enumerate(junk):
        phone.send(bad)
        phone.send(good(number))
        wanted = f"Call-ID: good-{number}\r\n".encode()
        while wanted not in phone.recv(65535):
            pass


def test_truncated_messages(server: Running, phone: socket.socket) -> None:
    whole = good(0).replace(b"good-0", b"cut")
    all_good_are_answered(phone, [whole[:length] for length in range(0, len(whole), 3)])


def test_messages_with_a_byte_changed(server: Running, phone: socket.socket) -> None:
    chance = random.Random(1)
    whole = bytearray(good(0).replace(b"good-0", b"changed"))
    junk = []
    for _ in range(150):
        changed = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            changed[chance.randrange(len(changed))] = chance.randrange(256)
        junk.append(bytes(changed))
    all_good_are_answered(phone, junk)


def test_garbage(server: Running, phone: socket.socket) -> None:
    chance = random.Random(2)
    all_good_are_answered(phone, [chance.randbytes(chance.randrange(1, 1500)) for _ in range(100)])


def test_nuls_and_text_that_is_no_utf_8(server: Running, phone: socket.socket) -> None:
    whole = good(0).replace(b"good-0", b"bytes")
    junk = [whole.replace(b"sip:a@", b"sip:" + bytes((code,)) * 3 + b"@") for code in (0, 1, 127, 128, 255)]
    junk += [whole.replace(b"Call-ID", b"X-\xff\xfe: \x00\r\nCall-ID"), b"\x00" * 200, b"\r\n" * 100]
    all_good_are_answered(phone, junk)


def test_the_largest_datagrams(server: Running, phone: socket.socket) -> None:
    whole = good(0).replace(b"good-0", b"large")
    room = 65507 - len(whole)
    junk = [
        whole.replace(b"Max-Forwards", b"X-Big: " + b"x" * (room - 9) + b"\r\nMax-Forwards"),
        whole.replace(b"Max-Forwards", b"X: y\r\n" * (room // 6) + b"Max-Forwards"),
        whole.replace(
            b"Max-Forwards", b"Via: SIP/2.0/UDP 1.1.1.1;branch=z9hG4bKx\r\n" * (room // 42) + b"Max-Forwards"
        ),
        whole.replace(b"Max-Forwards", b"Route: <sip:1.1.1.1;lr>\r\n" * (room // 25) + b"Max-Forwards"),
        whole.replace(b"Max-Forwards", b"Contact: " + b"<sip:a>," * (room // 8 - 2) + b"<sip:b>\r\nMax-Forwards"),
        whole.replace(b"sip:b@127.0.0.1", b"sip:b@127.0.0.1" + b";p=1" * (room // 4)),
        b"(" * 65507,
        b"OPTIONS sip:" + b"a" * 65000 + b" SIP/2.0\r\n\r\n",
    ]
    all_good_are_answered(phone, junk)


def test_lengths_that_lie(server: Running, phone: socket.socket) -> None:
    whole = good(0).replace(b"good-0", b"length")
    lengths = (b"-1", b"99999999999999999999", b"5", b"x", b"", b"0 0", b"2147483648")
    all_good_are_answered(phone, [whole.replace(b"Length: 0", b"Length: " + length) for length in lengths])


def test_the_torture_messages(server: Running, phone: socket.socket) -> None:
    files = sorted((ROOT / "tests" / "data" / "rfc4475").glob("*.dat"))
    assert files
    all_good_are_answered(phone, [file.read_bytes() for file in files])


def test_what_fails_in_a_route_is_logged_with_its_line(server: Running, phone: socket.socket) -> None:
    """A division by zero does not end the route, as in Kamailio; the log tells where it was."""
    phone.send(good(1).replace(b"OPTIONS", b"PUBLISH").replace(b"good", b"publish"))
    assert phone.recv(65535).startswith(b"SIP/2.0 500 Divided")


def test_an_exception_in_a_route_costs_one_message(tmp_path: Path) -> None:
    """Even a fault of the server's own: it is logged with the config's line, and the next message is dealt with."""
    config = CONFIG.replace(str(PORT), str(PORT + 1)).replace(
        "$var(x) = 1 / $var(zero);", "route(LOOP);\n"
    ) + "route[LOOP] { route(LOOP); }\n"  # fmt: skip
    with kamscript(config, tmp_path) as running, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect(("127.0.0.1", PORT + 1))
        udp.settimeout(5)
        udp.send(good(1).replace(b"OPTIONS", b"PUBLISH"))
        udp.send(good(2))
        while b"good-2" not in udp.recv(65535):
            pass
        log = running.wait_for("ERROR")
        assert "Traceback" not in log
