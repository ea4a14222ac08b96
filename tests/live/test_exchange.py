"""Asking other programs over real sockets: answers, answers to others, silence, nobody there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kamscript.core.environment import Remote
from kamscript.live import spoofed
from kamscript.live.exchange import Sockets

Answer = Callable[[bytes], list[bytes]]


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    made = Sockets()
    yield made
    made.close()


class Responder(threading.Thread):
    """A UDP socket on loopback that answers each datagram with what `answer` gives, until `patience` seconds pass."""

    def __init__(self, answer: Answer, patience: float = 5) -> None:
        super().__init__(daemon=True)
        self.answer = answer
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(patience)
        self.remote = Remote("rtpengine", *self.socket.getsockname())
        self.start()

    def run(self) -> None:
        try:
            while data := self.socket.recvfrom(4096):
                for reply in self.answer(data[0]):
                    self.socket.sendto(reply, data[1])
                if not data[0]:
                    return
        except OSError:
            return

    def end(self) -> None:
        """Stop answering."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.join()
        self.socket.close()


def any_text(text: str) -> bool:
    return True


def test_the_answer(sockets: Sockets) -> None:
    responder = Responder(lambda data: [b"to " + data] if data else [])
    assert sockets(responder.remote, "a \xe9", 2, any_text) == "to a \xe9"
    responder.end()


def test_answers_that_are_not_taken_are_passed_over(sockets: Sockets) -> None:
    responder = Responder(lambda data: [b"1 old", b"2 mine"] if data else [])
    assert sockets(responder.remote, "2 question", 2, lambda text: text.startswith("2 ")) == "2 mine"
    responder.end()


def test_nobody_answers_in_time(sockets: Sockets) -> None:
    responder = Responder(lambda data: [])
    assert sockets(responder.remote, "x", 0.01, any_text) is None
    responder.end()


def test_nobody_is_there(sockets: Sockets) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        remote = Remote("rtpengine", *free.getsockname())
    with pytest.raises(OSError, match="refused"):
        sockets(remote, "x", 2, any_text)


def test_a_unix_socket_is_asked_over_a_connection(sockets: Sockets, tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(path)
        listener.listen()

        def serve() -> None:
            with listener.accept()[0] as connection:
                connection.sendall(b"20040107\n" if connection.recv(100) == b"V" else b"E1\n")

        thread = threading.Thread(target=serve)
        thread.start()
        assert sockets(Remote("rtpproxy", path=path, stream=True), "V", 2, any_text) == "20040107\n"
        thread.join()


def test_nothing_listens_at_a_unix_socket(sockets: Sockets, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        sockets(Remote("rtpproxy", path=str(tmp_path / "none"), stream=True), "V", 2, any_text)


def test_a_datagram_of_another_address() -> None:
    """RFC 791 and 768, field by field."""
    data = spoofed.packet("192.0.2.1", 5060, ("192.0.2.2", 5070), b"\0\0\0\0")
    assert data.hex(" ") == (
        "45 00 00 20 00 00 00 00 45 11 00 00 c0 00 02 01 c0 00 02 02 13 c4 13 ce 00 0c 00 00 00 00 00 00"
    )
