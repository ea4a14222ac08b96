"""A lab's addresses on this machine: each network of a test becomes one of 127.0.0.0/8, ports and the rest stay.

    10.0.0.2:5060  <->  127.41.0.2:5060

The last two numbers of an address stay, so masks of 16 bits and longer mean what they meant. Call-IDs keep their text
although there is an address in them: hashes over them (dialog, dispatcher) then fall as in the lab. Where a body gets
another length its Content-Length follows.
"""

from __future__ import annotations

import os
import re
import socket
import time

Address = tuple[str, int]

#: Networks of one test at most, and how many tests can run side by side on a machine.
NETWORKS, BLOCKS = 10, 25
_ADDRESS = re.compile(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3}\.\d{1,3})(?!\.?\d)")
_CALL_ID = re.compile(r"(?im)^(?:call-id|i)[ \t]*:[ \t]*([^\r\n]*?)[ \t]*\r?$")
_LENGTH = re.compile(r"(?im)^((?:content-length|l)[ \t]*:[ \t]*)(\d+)")


class NotOnReal(AttributeError):
    """The test does something that only the lab can do: the reason, as it stands behind "skipped"."""


class Loopback:
    """The addresses of one test, `Names` of a daemon. Its part of 127.0.0.0/8 is free again after `close`."""

    def __init__(self) -> None:
        block, self._claim = _claim()
        self._first = 1 + block * NETWORKS
        self._networks: dict[str, str] = {}  #: "10.0." -> "127.41."
        self._back: dict[str, str] = {}
        self._ids: dict[str, set[str]] = {}  #: address -> what stands before it in Call-IDs

    def close(self) -> None:
        """Give the addresses back."""
        self._claim.close()

    # -- texts

    def outward(self, data: bytes) -> bytes:
        """A text of the test's with this machine's addresses."""
        return self._message(data.decode("latin-1"), self.out).encode("latin-1")

    def inward(self, data: bytes) -> bytes:
        """A text of the daemon's with the test's addresses."""
        return self._message(data.decode("latin-1"), self.back).encode("latin-1")

    def out(self, text: str) -> str:
        """The same for a text that is no whole message."""
        for found in _CALL_ID.finditer(text):
            for address in _ADDRESS.finditer(found[1]):
                self._ids.setdefault(address[0], set()).add(found[1][: address.start()])
        return _ADDRESS.sub(self._out, text)

    def _out(self, found: re.Match[str]) -> str:
        before = self._ids.get(found[0])
        if before is not None:
            start = found.start()
            if any(found.string.endswith(text, 0, start) for text in before if text):
                return found[0]
        first, second = int(found[1]), int(found[2])
        if not 0 < first < 224 or second > 255:
            return found[0]
        network = f"{first}.{second}."
        if network in self._back:
            return found[0]
        real = self._networks.get(network)
        if real is None:
            if len(self._networks) == NETWORKS:
                raise NotOnReal(f"it has addresses of more than {NETWORKS} networks")
            real = self._networks[network] = f"127.{self._first + len(self._networks)}."
            self._back[real] = network
        return real + found[3]

    def back(self, text: str) -> str:
        """A text of the daemon's that is no whole message."""
        return _ADDRESS.sub(self._in, text)

    def _in(self, found: re.Match[str]) -> str:
        network = self._back.get(f"{found[1]}.{found[2]}.")
        return found[0] if network is None else network + found[3]

    def _message(self, text: str, change: object) -> str:
        assert callable(change)
        changed: str = change(text)
        if len(changed) == len(text):
            return changed
        body, new = text.partition("\r\n\r\n")[2], changed.partition("\r\n\r\n")[2]
        if len(body) == len(new):
            return changed
        head = changed[: len(changed) - len(new)]
        return _LENGTH.sub(lambda n: f"{n[1]}{len(new)}" if int(n[2]) == len(body) else n[0], head, count=1) + new

    # -- addresses

    def place(self, address: Address) -> Address:
        """Where somebody of the test really sits."""
        return self.out(address[0]), address[1]

    def seen(self, address: Address) -> Address:
        """Who that is in the test."""
        return self.back(address[0]), address[1]


def _claim() -> tuple[int, socket.socket]:
    """The number of a part that no other test uses, and the socket that holds the claim until it is closed."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for offset in range(BLOCKS):
            block = (os.getpid() + offset) % BLOCKS
            claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            try:
                claim.bind(f"\0kamscript-real-{block}")
            except OSError:
                claim.close()
                continue
            return block, claim
        time.sleep(0.05)
    raise RuntimeError(f"{BLOCKS} tests run on real daemons side by side: no addresses are left")
