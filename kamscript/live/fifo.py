"""FIFOs as control channels: one that requests are read from, and those that clients want their answers in."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.live.daemon import Daemon

#: How often a reply FIFO is tried, every 0.1 s, before the answer is dropped.
TRIES = 5
#: Seconds after which an answer is dropped of which its reader takes nothing.
STUCK = 10.0
#: What may wait in a FIFO for the end of its request.
MAX_REQUEST = 65536


class FifoControl:
    """A FIFO from which whole requests are read. `handle(text)` takes what stands there and returns what is left."""

    def __init__(self, name: str, path: str, handle: Callable[[str], str], made: Callable[[str], None]) -> None:
        self.name, self.path, self.handle, self.made = name, path, handle, made
        self._fd = -1
        self._text = ""

    async def open(self) -> None:
        """Make the FIFO and read from it; raises BindError."""
        from kamscript.live.control import clear_stale
        from kamscript.live.daemon import BindError

        try:
            clear_stale(self.path)
            os.mkfifo(self.path)
            self.made(self.path)
            # Opened for writing too, so that the last client's close is no end of file.
            self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        except (OSError, KeyError) as error:
            raise BindError(f"{self.name}: {error}") from None
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, 65536)
        except BlockingIOError:
            return
        left = self.handle(self._text + data.decode("latin-1"))
        self._text = left if left.strip() and len(left) < MAX_REQUEST else ""

    def close(self) -> None:
        """Stop, and remove the FIFO."""
        if self._fd >= 0:
            asyncio.get_event_loop().remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
            Path(self.path).unlink(missing_ok=True)


class ReplyFifos:
    """The FIFOs of one directory that answers are written to."""

    def __init__(self, server: Server, module: str, directory: str) -> None:
        self.server, self.module, self.directory = server, module, directory

    def open(self, name: str) -> int | None:
        """Open the FIFO `name` for writing; None, and a line in the log, when it is none of ours to write to.

        Raises OSError when it cannot be opened: its reader may need a moment to make and open it.
        """
        if not name or "/" in name or "." in name or "\\" in name:
            self._error(f"Forbidden filename: {name}")
            return None
        path = os.path.join(self.directory, name)
        fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        found = os.fstat(fd)
        if not stat.S_ISFIFO(found.st_mode) or found.st_nlink > 1:
            os.close(fd)
            self._error(f"{path} is not a fifo, or linked to from elsewhere")
            return None
        return fd

    def send(self, name: str, data: bytes, tries: int = TRIES) -> None:
        """Write to the FIFO `name`, which is tried again some times when nobody reads it."""
        try:
            fd = self.open(name)
        except OSError as error:
            if tries > 0 and error.errno in (errno.ENOENT, errno.ENXIO):
                asyncio.get_running_loop().call_later(0.1, self.send, name, data, tries - 1)
            else:
                self._error(f"no client at {os.path.join(self.directory, name)}: {error.strerror}")
            return
        if fd is not None:
            self.write(fd, data, name)

    def write(self, fd: int, data: bytes, name: str) -> None:
        """Write an answer and close its FIFO, while the server goes on; one that nobody reads is given up."""
        Answer(fd, data, lambda: self._error(f"the client at {name} does not read its answer"))

    def _error(self, text: str) -> None:
        self.server.log.error(self.module, text)


class Answer:
    """An answer that is written as its reader takes it; after STUCK seconds in which it takes nothing, no more."""

    def __init__(self, fd: int, data: bytes, stuck: Callable[[], object]) -> None:
        self._fd, self._data, self._stuck = fd, memoryview(data), stuck
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        if not self._write():
            self._loop.add_writer(fd, self._writable)
            self._wait()

    def _write(self) -> bool:
        """Write what there is room for; True: that was all, and the FIFO is closed."""
        try:
            while self._data:
                self._data = self._data[os.write(self._fd, self._data) :]
        except BlockingIOError:
            return False
        except OSError:  # the reader is gone
            pass
        os.close(self._fd)
        return True

    def _writable(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_writer(self._fd)
        if not self._write():
            self._loop.add_writer(self._fd, self._writable)
            self._wait()

    def _wait(self) -> None:
        self._timer = self._loop.call_later(STUCK, self._give_up)

    def _give_up(self) -> None:
        self._loop.remove_writer(self._fd)
        os.close(self._fd)
        self._stuck()


class JsonRpcFifo:
    """Requests as JSON objects one behind the other; each names the FIFO that its answer goes to."""

    def __init__(self, daemon: Daemon, jsonrpcs: Any) -> None:
        self.daemon, self.jsonrpcs = daemon, jsonrpcs
        self.replies = ReplyFifos(daemon.server, "jsonrpcs", jsonrpcs.fifo_reply_dir)

    def handle(self, text: str) -> str:
        """Answer every whole object in `text`; returns the rest."""
        server = self.daemon.server
        while (end := object_end(text)) > 0:
            server.timers.now = max(server.timers.now, time.time())
            request, text = text[:end], text[end:]
            try:
                answer = self.jsonrpcs.handle(request, with_reply_name=True)
                if answer is not None:
                    self.replies.send(answer.reply_name, answer.body.encode("latin-1"))
            except Exception as error:
                server.report(error)
            self.daemon.after_event()
        return text


def object_end(text: str) -> int:
    """The offset behind the first whole JSON object in `text`; 0 when none is complete."""
    depth, quoted, escaped = 0, False, False
    for at, character in enumerate(text):
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted = True
        elif character == "{":
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                return at + 1
    return 0
