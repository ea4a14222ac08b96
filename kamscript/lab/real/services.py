"""Programs that the daemon asks, on loopback: media relays, and whatever a test gives as `services`.

Each has a UDP socket and a thread that answers at once, while the daemon waits for it. Addresses in what is asked are
those of the test, and those of the machine in what is answered; in the ng protocol texts then get another length.
"""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from kamscript.lab.ready import make
from kamscript.lab.real.loopback import Loopback, NotOnReal
from kamscript.modules._relays import DEFAULT_PORT
from kamscript.modules.rtpengine.bencode import Value, decode, encode
from kamscript.script.nodes import StrLit

if TYPE_CHECKING:
    from kamscript.lab.ready.media import MediaRelay
    from kamscript.lab.real.lab import RealLab
    from kamscript.script.program import Program

Address = tuple[str, int]
Answer = Callable[[str], str | None]

#: Modules of media relays, and the parameter that says where these are.
RELAYS: Mapping[str, str] = {"rtpengine": "rtpengine_sock", "rtpproxy": "rtpproxy_sock"}
_SOCKET = re.compile(r"(?:(?:^|[\s=])(?:udp:)?)(\d+(?:\.\d+){3})(?::(\d+))?(?=[\s=]|$)")


class Services:
    """Those who answer the daemon of one test."""

    def __init__(self, lab: RealLab, services: Mapping[Address, Answer]) -> None:
        self._lab, self._sockets, self._threads = lab, list[socket.socket](), list[threading.Thread]()
        self._relays: dict[str, MediaRelay] = {}
        for where, answer in services.items():
            self._open(where, answer, _text)
        for module, where in relay_addresses(lab.program):
            if where not in services:
                relay = self._relays.setdefault(module, make(module, lab))  # type: ignore[arg-type]
                self._open(where, relay.respond, _ng if module == "rtpengine" else _text)

    def __getattr__(self, name: str) -> MediaRelay:
        """`lab.doubles.rtpengine`, `.rtpproxy`."""
        if name in self._relays:
            return self._relays[name]
        if name in RELAYS:
            raise NotOnReal(f"lab.doubles.{name}: {RELAYS[name]} has no UDP address of IPv4")
        raise NotOnReal(f"lab.doubles.{name}: the functions of the real Kamailio are its own")

    def _open(self, where: Address, answer: Answer, change: Callable[[str, Callable[[str], str]], str]) -> None:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sockets.append(sock)
        sock.bind(self._lab.names.place(where))
        thread = threading.Thread(target=_serve, args=(sock, answer, change, self._lab.names), daemon=True)
        thread.start()
        self._threads.append(thread)

    def close(self) -> None:
        """Nobody answers any more."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):  # it wakes the thread, and says that there was no connection
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()
        for thread in self._threads:
            thread.join(1)  # as long as one reads, the address is taken


def relay_addresses(program: Program) -> Iterator[tuple[str, Address]]:
    """Where the config expects media relays: the module and the address."""
    for module, line in program.params:
        if line.name == RELAYS.get(module) and isinstance(line.value, StrLit):
            for found in _SOCKET.finditer(line.value.value):
                yield module, (found[1], int(found[2] or DEFAULT_PORT))


def _serve(
    sock: socket.socket, answer: Answer, change: Callable[[str, Callable[[str], str]], str], names: Loopback
) -> None:
    while True:
        try:
            data, source = sock.recvfrom(65535)
        except OSError:
            return
        if not data:
            return
        reply = answer(change(data.decode("latin-1"), names.back))
        if reply is not None:
            sock.sendto(change(reply, names.out).encode("latin-1"), source)


def _text(text: str, change: Callable[[str], str]) -> str:
    return change(text)


def _ng(text: str, change: Callable[[str], str]) -> str:
    """A datagram of rtpengine's protocol: a cookie and a bencoded value."""
    cookie, _, body = text.partition(" ")

    def walk(value: Value) -> Value:
        if isinstance(value, str):
            return change(value)
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {name: walk(item) for name, item in value.items()}
        return value

    value = decode(body)
    return text if value is None else f"{cookie} {encode(walk(value))}"
