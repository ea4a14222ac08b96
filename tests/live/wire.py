"""A wire to a server on this machine that can be cut, mended, and made to carry nothing any more."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading


class Wire:
    """Listens on a port of 127.0.0.1 and passes everything on to `(host, port)`."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._stalled = self._ended = False
        self._pairs: dict[socket.socket, socket.socket] = {}
        self._listener: socket.socket | None = None
        self._selector = selectors.DefaultSelector()
        self._lock = threading.Lock()
        self.port = 0
        self.mend()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def mend(self) -> None:
        """Take connections."""
        with self._lock:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self.port = self._listener.getsockname()[1]
            self._selector.register(self._listener, selectors.EVENT_READ)

    def cut(self) -> None:
        """Close all connections, and refuse new ones."""
        with self._lock:
            assert self._listener is not None
            self._selector.unregister(self._listener)
            self._listener.close()
            for side in list(self._pairs):
                self._close(side)

    def stall(self, stalled: bool = True) -> None:
        """Carry nothing, as a host that hangs."""
        self._stalled = stalled

    def close(self) -> None:
        """End."""
        self._ended = True
        self._thread.join(5)

    def _close(self, side: socket.socket) -> None:
        other = self._pairs.pop(side, None)
        for one in (side, other):
            if one is not None:
                self._pairs.pop(one, None)
                with contextlib.suppress(KeyError, ValueError):
                    self._selector.unregister(one)
                one.close()

    def _carry(self) -> None:
        while not self._ended:
            ready = self._selector.select(0.05)
            with self._lock:
                if self._stalled:
                    continue
                for key, _ in ready:
                    one = key.fileobj
                    assert isinstance(one, socket.socket)
                    if one is self._listener:
                        self._accept()
                    elif one in self._pairs:
                        self._pass_on(one)

    def _accept(self) -> None:
        assert self._listener is not None
        side, _ = self._listener.accept()
        other = socket.create_connection(self._target)
        self._pairs[side], self._pairs[other] = other, side
        for one in (side, other):
            self._selector.register(one, selectors.EVENT_READ)

    def _pass_on(self, side: socket.socket) -> None:
        try:
            data = side.recv(65536)
            if data:
                self._pairs[side].sendall(data)
                return
        except OSError:
            pass
        self._close(side)
