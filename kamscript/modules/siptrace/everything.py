"""Copies of all that comes and goes, whatever the routes do (modparam trace_mode; siptrace_net_data_recv and _sent)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.sockets import Destination, ListenSocket, Received, bracketed
from kamscript.module import Route
from kamscript.modules.siptrace.hep import Clock
from kamscript.modules.siptrace.record import HeadersError, Record, receiver, sender, target
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message

if TYPE_CHECKING:
    from kamscript.modules.siptrace import Siptrace

BY_HEP, BY_DATABASE, BY_URI = 1, 2, 4
EVENT = "siptrace:msg"


class Everything:
    """Sees each datagram and each message of a stream."""

    def __init__(self, module: Siptrace) -> None:
        self.module, self.server = module, module.server

    def received(self, text: str, received: Received) -> str:
        """The core's hook for what came; it stays as it is."""
        if self.module.on and _is_sip(text):
            where = receiver(received)
            if self.module.data_mode & 1:
                where = _advertised(received.socket)
            self._trace(Record(text, sender(received), where, "in"))
        return text

    def sent(self, text: str, socket: ListenSocket, destination: Destination) -> str:
        """The core's hook for what leaves; it stays as it is."""
        if self.module.on and text:
            source = _advertised(socket) if self.module.data_mode & 1 else socket.text
            self._trace(Record(text, source, target(destination, socket.proto), "out"))
        return text

    def _trace(self, record: Record) -> None:
        module = self.module
        if not self._event(record):
            return
        if module.trace_mode & BY_HEP:
            module.copies.send_hep(record.text, record.source, record.destination, None, None)
        if module.trace_mode & BY_DATABASE:
            self._insert(record)
        if module.trace_mode & BY_URI:
            module.copies.send_duplicate(record.text, None)

    def _event(self, record: Record) -> bool:
        """Run event_route[siptrace:msg]; False: it dropped the message, or there is nothing to parse."""
        function = self.server.route_function(Route.EVENT, EVENT)
        if function is None:
            return True
        try:
            if self.module.trace_mode & BY_URI and self.module.xheaders_write:
                record.write_headers()
            msg = Message(record.text)
        except HeadersError as error:
            self.module.error(str(error))
            return False
        except SipError:
            return False
        ctx = self.server.context(msg, Route.EVENT)
        kept, self.module.shown = self.module.shown, record
        self.server.run_top(function, ctx)
        self.module.shown = kept
        return not ctx.drop

    def _insert(self, record: Record) -> None:
        try:
            msg = Message(record.text)
        except SipError:
            return
        if not msg.is_sip:
            return
        problem = record.describe(msg)
        if problem is not None:
            self.module.error(problem)
            return
        record.status = "" if msg.is_request else str(msg.status)
        record.time = Clock.of(self.server.timers.now)
        ctx = self.server.context(msg)
        self.module.copies.insert(record, [], self.module.table_of(ctx), counted=False)


def _is_sip(text: str) -> bool:
    """Whether the first line is that of a SIP message (sip_check_fline)."""
    text = text.lstrip(" \t\r\n")
    if text.startswith("SIP/2.0 "):
        return True
    ends = [at for at in (text.find("\r"), text.find("\n")) if at >= 0]
    return bool(ends) and text[: min(ends)].endswith(" SIP/2.0")


def _advertised(socket: ListenSocket) -> str:
    return f"{socket.proto}:{bracketed(socket.advertise_host or socket.address)}:{socket.via_port}"
