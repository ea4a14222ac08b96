"""One route alone: run a block over one message and look at everything it did.

done = lab.route("TO_USER", lab.request("INVITE", "sip:bob@example.com"), {"$var(x)": 1})
done.code, done.exited, done["$du"], done.text, done.sent, done.log
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from kamscript.core.multipart import apply_changes
from kamscript.core.sockets import Datagram, Received
from kamscript.lab.network import Address
from kamscript.module import Accessor, FixupError, Route
from kamscript.script.format import accessor_of
from kamscript.sip.message import Message
from kamscript.source import did_you_mean
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.environment import LogRecord
    from kamscript.lab.lab import Lab


class RouteRun:
    """What a route did. `code` is its return code; `exited` and `dropped` say whether `exit` or `drop` ended it.

    `sent` are the messages it sent, not delivered to anybody; `log` what it logged. `run["$ru"]` reads a
    pseudo-variable as the route left it.
    """

    def __init__(self, lab: Lab, ctx: Context, code: int, sent: Sequence[Datagram], log: Sequence[LogRecord]) -> None:
        self.code, self.sent, self.log, self.context = code, list(sent), list(log), ctx
        self.exited, self.dropped = ctx.exited, ctx.drop
        self._lab = lab

    def __getitem__(self, variable: str) -> Value:
        return _accessor(self._lab, variable).get(self.context)

    @property
    def replies(self) -> list[str]:
        """First lines of the replies it sent: `["404 Not Found"]`."""
        firsts = (datagram.text.partition("\r\n")[0] for datagram in self.sent)
        return [first.removeprefix("SIP/2.0 ") for first in firsts if first.startswith("SIP/2.0 ")]

    @property
    def text(self) -> str:
        """The message with everything the route changed in it, as `msg_apply_changes()` would leave it."""
        changed = self.context.msg.clone()
        apply_changes(self._lab.server, changed)
        return changed.buf

    @property
    def branches(self) -> list[str]:
        """The URIs of the branches that the route added to the destination set."""
        return [branch.uri for branch in self.context.branches]


def run_alone(
    lab: Lab, name: str, message: str, variables: Mapping[str, Value], kind: Route, source: Address
) -> RouteRun:
    """Run one block; see `Lab.route`."""
    server = lab.server
    function = server.route_function(kind, name)
    if function is None:
        names = [known for known_kind, known in server.routes if known_kind is kind and known]
        hint = did_you_mean(name, names)
        raise LookupError(f"the config has no such route: {name or '(main)'}" + (f"; {hint}" if hint else ""))
    socket = server.sockets[0]
    received = Received(socket.proto, source.ip, source.port, socket.address, socket.port, socket)
    ctx = server.context(Message(message, received), kind)
    for variable, value in variables.items():
        accessor = _accessor(lab, variable)
        if accessor.set is None:
            raise ValueError(f"{variable} cannot be written")
        accessor.set(ctx, value)
    logged = len(lab.log)
    code = server.run_top(function, ctx)
    return RouteRun(lab, ctx, code, server.take_outbox(), lab.log[logged:])


def _accessor(lab: Lab, variable: str) -> Accessor:
    try:
        return accessor_of(variable, lab.server)
    except FixupError as error:
        raise ValueError(f"{variable}: {error}") from None
