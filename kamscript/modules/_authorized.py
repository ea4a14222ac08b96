"""Which credentials of a message an auth module looked at: what consume_credentials() removes and `$Au` shows.

Kamailio keeps this with the parsed header, so a message that is parsed anew (msg_apply_changes) has none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.sip.auth import Credentials
    from kamscript.sip.scan import Header

_NAME = "authorized"


class Used(NamedTuple):
    """A header with credentials that were looked at. `buf` is the text of the message it belongs to."""

    buf: str
    header: Header
    credentials: Credentials


def mark(ctx: Context, kind: str, header: Header, credentials: Credentials) -> None:
    """Credentials in a header of this kind (`authorization` or `proxy-authorization`) are looked at now."""
    ctx.state.setdefault(_NAME, {})[kind] = Used(ctx.msg.buf, header, credentials)


def used(ctx: Context, kind: str) -> Used | None:
    """The credentials of that kind that were looked at last; None when there are none."""
    found: Used | None = ctx.state.get(_NAME, {}).get(kind)
    return found if found is not None and found.buf is ctx.msg.buf else None


def authorized(ctx: Context) -> Credentials | None:
    """The credentials that tell who sent the message (get_authorized_cred): those for a proxy go first."""
    if _NAME not in ctx.state:
        return None
    found = used(ctx, "proxy-authorization") or used(ctx, "authorization")
    return None if found is None else found.credentials
