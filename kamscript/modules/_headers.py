"""What several modules ask of a message's headers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.sip.headers import learn_kind

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.sip.scan import Header


def all_headers(ctx: Context, origin: str) -> list[Header] | None:
    """Every header of the message; None, and a line in the log, when they do not parse to their end."""
    msg = ctx.msg
    if msg.header_error:
        ctx.server.log.error(origin, f"the headers of the message do not parse: {msg.header_error}")
        return None
    return msg.headers


def kind_of(name: str) -> str | None:
    """The kind of a header name (its long name in small letters); None for what is no header name."""
    return learn_kind(name.partition(":")[0] + ":") if name else None
