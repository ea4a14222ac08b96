"""The channels of MI: the FIFO of module mi_fifo and the datagram socket of mi_datagram.

As in Kamailio 4.4, a request over the FIFO runs only when somebody reads the FIFO that its answer goes to: commands of
a client that is gone do nothing. Requests are served in the order in which they came.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.core.mi import MiReply
from kamscript.live import mi_lines
from kamscript.live.fifo import FifoControl, ReplyFifos

if TYPE_CHECKING:
    from kamscript.core.mi import Node
    from kamscript.live.daemon import Daemon

#: How often a FIFO for answers is tried again that nobody reads yet, and seconds in between.
RETRIES, PAUSE = 4, 0.08
#: The longest path of a FIFO for answers, and the longest answer in a datagram.
MAX_PATH, MAX_DATAGRAM = 127, 65457


def run(daemon: Daemon, command: str, params: list[Node]) -> MiReply:
    """Run a command now. One that fails in itself has the answer of one that failed."""
    server = daemon.server
    server.timers.now = max(server.timers.now, time.time())
    try:
        return server.mi.run(command, params)
    except Exception as error:
        server.report(error)
        return MiReply(500, f"command '{command}' failed", bare=True)
    finally:
        daemon.after_event()


class MiFifoControl(FifoControl):
    """The FIFO of module mi_fifo."""

    def __init__(self, daemon: Daemon, module: Any, path: str, made: Callable[[str], None]) -> None:
        super().__init__(f"mi_fifo {path}", path, self._arrived, made)
        self.daemon, self.module = daemon, module
        self.replies = ReplyFifos(daemon.server, "mi_fifo", module.reply_dir)
        self._waiting: deque[str] = deque()
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Make the FIFO; raises BindError, also when there is no directory for answers."""
        from kamscript.live.daemon import BindError

        if not os.path.isdir(self.module.reply_dir):
            raise BindError(f"{self.name}: reply_dir {self.module.reply_dir} is no directory")
        await super().open()

    def _arrived(self, text: str) -> str:
        requests, left = mi_lines.split(text)
        self._waiting.extend(requests)
        if self._waiting and self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._serve_all())
        return left

    async def _serve_all(self) -> None:
        try:
            while self._waiting:
                try:
                    await self._serve(self._waiting.popleft())
                except mi_lines.BadRequest as error:
                    self._error(str(error))
                except Exception as error:
                    self.daemon.server.report(error)
        finally:
            self._task = None

    async def _serve(self, text: str) -> None:
        """Answer one request; raises BadRequest for one that has no answer."""
        request = mi_lines.take(text)
        fd = await self._reader(request.reply_to)
        if fd is None:
            return
        answer = self._answer(request)
        self.replies.write(fd, answer.encode("latin-1", "replace"), request.reply_to)

    async def _reader(self, name: str) -> int | None:
        """The FIFO that the answer goes to, open; None, and a line in the log, when nobody reads it."""
        if not name:
            raise mi_lines.BadRequest("no FIFO for the answer is named: the command does not run")
        if len(os.path.join(self.module.reply_dir, name)) > MAX_PATH:
            raise mi_lines.BadRequest(f"the name of the FIFO for the answer is too long: {name[:MAX_PATH]}")
        for left in range(RETRIES, -1, -1):
            try:
                return self.replies.open(name)
            except OSError as error:
                if error.errno != errno.ENXIO or not left:
                    self._error(f"no client at {os.path.join(self.module.reply_dir, name)}: {error.strerror}")
                    return None
            await asyncio.sleep(PAUSE)
        return None

    def _answer(self, request: mi_lines.Request) -> str:
        command = request.command
        try:
            params = mi_lines.parameters(request.lines)
        except mi_lines.BadRequest as error:
            self._error(str(error))
            if command in self.daemon.server.mi:
                return f"400 parse error in command '{command}'\n"
            params = []
        reply = run(self.daemon, command, params)
        return reply.text(self.module.reply_indent) + ("" if reply.bare else "\n")

    def _error(self, text: str) -> None:
        self.daemon.server.log.error("mi_fifo", text)

    def close(self) -> None:
        """Stop, and remove the FIFO."""
        if self._task is not None:
            self._task.cancel()
        super().close()


def answer_datagram(daemon: Daemon, module: Any, data: bytes) -> bytes:
    """The answer to a request of mi_datagram; none to an empty datagram."""
    if not data:
        return b""
    log, mi = daemon.server.log, daemon.server.mi
    try:
        request = mi_lines.take_datagram(data.decode("latin-1"))
        if request.command not in mi:
            raise mi_lines.BadRequest(f"there is no command {request.command}")
    except mi_lines.BadRequest as error:
        log.error("mi_datagram", str(error))
        return b"500 command not available\n"
    try:
        params = mi_lines.parameters(request.lines)
    except mi_lines.BadRequest as error:
        log.error("mi_datagram", str(error))
        return b"400 parse error in command\n"
    reply = run(daemon, request.command, params)
    if reply.bare:
        return b"500 command failed\n"
    answer = reply.text(module.reply_indent).encode("latin-1", "replace")
    if len(answer) > MAX_DATAGRAM:
        log.error("mi_datagram", "the answer does not fit into a datagram")
        return b"500 Internal server error\n"
    return answer
