"""maxfwd: Max-Forwards (RFC 3261 16.6.3). Source: maxfwd manual, src/modules/maxfwd/maxfwd.c, mf_funcs.c."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.cfg import CfgVar
from kamscript.module import Int, Module, Param, Route, function

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.sip.message import Message

_ABSENT, _MALFORMED = -1, -2
_BLANKS = " \t\r\n"


class Maxfwd(Module, name="maxfwd"):
    """Check and lower Max-Forwards."""

    max_limit = Param(70, "A higher Max-Forwards is lowered to this; 0 to 255.")

    _cfg: dict[str, Any]

    def start(self) -> None:
        """Declare what can change at run time."""
        self._cfg = self.server.cfg.declare(
            "maxfwd", [CfgVar("max_limit", 70, "Max. maxfwd limit", high=255)], values={"max_limit": self.max_limit}
        )

    @function(Route.REQUEST)
    @function(Route.REQUEST, name="mf_process_maxfwd_header")
    @function(Route.REQUEST, name="process_maxfwd")
    def maxfwd_process(self, ctx: Context, limit: Int) -> int:
        """Lower Max-Forwards by one, or add one of `limit`: 1 lowered, 2 added, -1 it was 0, -2 malformed.

        The header changes at once, not as an edit; its length stays, blanks fill it on the left.
        """
        if not self._good(limit):
            return -1
        msg = ctx.msg
        text = msg.value("max-forwards")
        value = self._number(msg, text)
        if value == _MALFORMED:
            return -2
        if text is None:
            msg.edits.insert_before(msg.first_end, f"Max-Forwards: {limit}\r\n")
            return 2
        if value == 0:
            return -1
        text = text.rstrip(_BLANKS)
        at = len(text) - len(text.lstrip(_BLANKS))
        msg.overwrite("max-forwards", at, str(min(value - 1, self._cfg["max_limit"])).rjust(len(text) - at))
        return 1

    @function(Route.REQUEST | Route.FAILURE | Route.BRANCH)
    @function(Route.REQUEST | Route.FAILURE | Route.BRANCH, name="maxfwd_at_least")
    @function(Route.REQUEST | Route.FAILURE | Route.BRANCH, name="mf_lowlimit")
    def is_maxfwd_lt(self, ctx: Context, limit: Int) -> int:
        """Whether Max-Forwards is less than `limit`: 1, -1; -2 there is none, -3 malformed."""
        if not self._good(limit):
            return -1
        msg = ctx.msg
        value = self._number(msg, msg.value("max-forwards"))
        if value < 0:
            return value - 1
        return -1 if value >= limit else 1

    def _good(self, limit: int) -> bool:
        if 0 <= limit <= 255:
            return True
        self.server.log.error(self.name, f"limit {limit} is not between 0 and 255")
        return False

    def _number(self, msg: Message, value: str | None) -> int:
        """What Max-Forwards says, or _ABSENT, _MALFORMED."""
        if value is None:
            return _MALFORMED if msg.header_error else _ABSENT
        if len(value) < 5 and value.isascii() and value.isdigit():
            return int(value)
        digits = value.strip(_BLANKS)
        if not digits:
            return 0
        # str2s reads at most five digits, into 16 bits.
        if len(digits) > 5 or not (digits.isascii() and digits.isdigit()):
            self.server.log.error(self.name, f"Max-Forwards {digits!r} is no number")
            return _MALFORMED
        return int(digits) & 0xFFFF
