"""Code and reason arguments of t_reply(), send_reply() and sl_send_reply().

Each is a constant or one pseudo-variable. What stands behind the pseudo-variable of a text that begins with one is
ignored, as in Kamailio: `"$rU is away"` is the value of `$rU`. In the middle of a text pseudo-variables are expanded
for sl only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from kamscript.module import Accessor, Fixup, FixupError
from kamscript.script.format import Format, accessor_of, format_of
from kamscript.script.pv import PvSyntaxError, match_pv

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

#: What a bad pseudo-variable reads.
_NOTHING = Accessor(lambda ctx: None)


def _leading(text: str, server: Server) -> Accessor:
    try:
        return accessor_of(match_pv(text)[0].text, server)
    except (PvSyntaxError, FixupError):
        return _NOTHING


class _CodeFixup(Fixup):
    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int | Accessor:
        if text[:1] == "$":
            return _leading(text, server)
        try:
            return int(text or "0")
        except ValueError:
            raise FixupError(f"{text!r} is neither a number nor a pseudo-variable") from None


class _ReasonFixup(Fixup):
    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> str | Accessor | Format:
        return _leading(text, server) if text[:1] == "$" else text


class _TextFixup(_ReasonFixup):
    def resolve(self, text: str, server: Server) -> str | Accessor | Format:
        if "$" not in text or text[:1] == "$":
            return super().resolve(text, server)
        return format_of(text, server)


if TYPE_CHECKING:
    ReplyCode = int | Accessor
    ReplyReason = str | Accessor
    ReplyText = str | Accessor | Format
else:
    ReplyText = Annotated[object, _TextFixup()]
    ReplyCode = Annotated[object, _CodeFixup()]
    ReplyReason = Annotated[object, _ReasonFixup()]


def code_of(ctx: Context, code: int | Accessor, default: int) -> int:
    """The reply code; `default` when the pseudo-variable holds no integer."""
    if isinstance(code, int):
        return code
    value = code.get(ctx)
    return value if isinstance(value, int) else default


def reason_of(ctx: Context, reason: str | Accessor | Format, default: str) -> str:
    """The reason phrase; `default` when the pseudo-variable has no value."""
    if isinstance(reason, str):
        return reason
    if isinstance(reason, Format):
        return reason(ctx)
    value = reason.get(ctx)
    return default if value is None else str(value)
