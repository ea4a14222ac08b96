"""event_route[network:msg]: a script that changes messages before they are read and before they leave.

Source: corex manual, src/modules/corex/corex_nio.c.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.context import Context
from kamscript.module import Accessor, FixupError, Route
from kamscript.sip.message import Message

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.core.sockets import ListenSocket, Received

EVENT = "network:msg"


class Intercept:
    """Runs the event route over what passes. `incoming` tells is_incoming() the direction of the latest message."""

    def __init__(self, server: Server, avp: Accessor | None, shortest: int) -> None:
        self._server, self._avp, self._shortest = server, avp, shortest
        self.incoming = True

    def start(self) -> None:
        """Register; raises FixupError without the event route."""
        if self._server.route_function(Route.EVENT, EVENT) is None:
            raise FixupError(f"nio_intercept needs event_route[{EVENT}]")
        if self._avp is None:
            self._server.log.warning("corex", "no AVP is set to hold changed messages")
        self._server.hooks.data_in.append(self._received)
        self._server.hooks.data_out.append(self._sent)

    def _received(self, text: str, received: Received) -> str:
        return self._passed(text, received, incoming=True)

    def _sent(self, text: str, socket: ListenSocket, destination: Any) -> str:
        return self._passed(text, None, incoming=False)

    def _passed(self, text: str, received: Received | None, *, incoming: bool) -> str:
        if len(text) < self._shortest:
            return text
        self.incoming = incoming
        ctx = Context(self._server, Message(text, received), Route.REQUEST)
        self._server.run_event(EVENT, ctx=ctx)
        if self._avp is None:
            return text
        changed = self._avp.get(ctx)
        if isinstance(changed, str):
            return changed
        self._server.log.warning("corex", "no value in the AVP for messages, the message stays as it is")
        return text
