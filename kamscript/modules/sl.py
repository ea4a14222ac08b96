"""sl: stateless replies, and the filter that absorbs the ACKs to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kamscript.module import Module

if TYPE_CHECKING:
    from kamscript.core.context import Context

#: What `Sl.register_callback` can ask for (sl/sl.h SLCB_*).
SLCB_REPLY_READY = 1 << 0
SLCB_ACK_FILTERED = 1 << 1

#: `(ctx, kind, code, reason, reply, destination)`
SlCallback = Callable[["Context", int, int, str, str, Any], object]


class Sl(Module, name="sl"):
    """Reply without state. Python API for other modules (Kamailio's sl_api_t)."""

    def sl_reply(self, ctx: Context, code: int, reason: str) -> int:
        """Reply without a transaction: 1 sent (or an ACK, which is not replied to), -1 failed. API name: sreply."""
        raise NotImplementedError

    def freply(self, ctx: Context, code: int, reason: str) -> int:
        """What send_reply() does: through the transaction when the request has one, else without."""
        raise NotImplementedError

    def get_reply_totag(self, ctx: Context) -> str:
        """The to-tag that a reply to the current request carries: the transaction's, or the stateless one."""
        raise NotImplementedError

    def register_callback(self, kinds: int, callback: SlCallback) -> None:
        """Hear SLCB_* events."""
        raise NotImplementedError
