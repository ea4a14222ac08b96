"""The selects `@tm`, `@tm.uas...` and `@tm.uac...` (tm/select.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.module import FixupError, select
from kamscript.modules.tm.commands import Commands
from kamscript.modules.tm.table import BRANCH_NUMBER
from kamscript.modules.tm.transaction import FakedReply

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.core.context import Context
    from kamscript.modules.tm.transaction import ClientBranch, Transaction
    from kamscript.values import Value

    Read = Callable[[Context, Transaction], Value]

#: `@tm.NAME`, `@tm.uas.NAME`, `@tm.uac.NAME`: how each is read.
_OF_TRANSACTION: Final[dict[tuple[str, ...], Read]] = {
    ("method",): lambda ctx, t: t.method,
    ("uas", "status"): lambda ctx, t: str(t.status),
    ("uas", "request"): lambda ctx, t: t.request.buf if t.request is not None else None,
    ("uas", "local_to_tag"): lambda ctx, t: t.local_totag,
    ("uas", "response"): lambda ctx, t: t.response.text if t.response is not None else "",
    ("uas", "request", "neg_ack_retransmission"): lambda ctx, t: (
        "1"
        if ctx.msg.method == "ACK" and t.status >= 300 and (t.response is None or t.response.timer is None)
        else "-1"
    ),
    ("uac", "count"): lambda ctx, t: str(len(t.branches)),
    ("uac", "relayed"): lambda ctx, t: str(t.relayed_branch),
    ("uac", "last_status"): lambda ctx, t: _of_reply(ctx, t, lambda branch: str(branch.last_received)),
    ("uac", "response_retransmission"): lambda ctx, t: _of_reply(
        ctx, t, lambda branch: "1" if ctx.msg.status <= branch.last_received else "-1"
    ),
}

#: `@tm.uac[INDEX].NAME`.
_OF_BRANCH: Final[dict[str, Callable[[ClientBranch], Value]]] = {
    "status": lambda branch: str(branch.last_received),
    "uri": lambda branch: branch.uri,
    "response": lambda branch: (
        None if branch.reply is None or isinstance(branch.reply, FakedReply) else branch.reply.buf
    ),
    "request": lambda branch: branch.text,
}

_LONG: Final = {"req": "request", "resp": "response"}


def _of_reply(ctx: Context, t: Transaction, read: Callable[[ClientBranch], Value]) -> Value:
    """Of the branch that the reply in hand came by."""
    via = ctx.msg.top_via
    number = via.branch.rpartition(".")[2] if via is not None and via.branch else ""
    index = BRANCH_NUMBER.get(number, -1)
    return read(t.branches[index]) if 0 <= index < len(t.branches) else None


class Selects(Commands):
    """What selects show of the transaction."""

    @select("tm")
    def select_tm(self, parts: tuple[str | int, ...]) -> Callable[[Context], Value]:
        """`@tm`: "1" when there is a transaction; `@tm.method`, `@tm.uas.status`, `@tm.uac[0].uri`..."""
        if not parts:
            return lambda ctx: "1" if self.check(ctx) is not None else "0"
        read = _reader(parts)

        def value(ctx: Context) -> Value:
            t = self.check(ctx)
            return read(ctx, t) if t is not None else None

        return value


def _reader(parts: tuple[str | int, ...]) -> Read:
    path = tuple(_LONG.get(part, part) if isinstance(part, str) else part for part in parts)
    if len(path) == 3 and path[0] == "uac" and isinstance(path[1], int) and path[2] in _OF_BRANCH:
        index, of_branch = path[1], _OF_BRANCH[str(path[2])]
        return lambda ctx, t: of_branch(t.branches[index]) if 0 <= index < len(t.branches) else None
    for names, read in _OF_TRANSACTION.items():
        if names == path:
            return read
    raise FixupError(f"no such select: @tm.{'.'.join(map(str, parts))}")
