"""Which credentials of a message an auth module looked at: what consume_credentials() removes and `$Au` shows.

The mark stays with the message: a transaction's copy has it, a message that is parsed anew (msg_apply_changes) has not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.sip.auth import Credentials
    from kamscript.sip.scan import Header


class Used(NamedTuple):
    """A header with credentials that were looked at."""

    header: Header
    credentials: Credentials


def mark(ctx: Context, kind: str, header: Header, credentials: Credentials) -> None:
    """Credentials in a header of this kind (`authorization` or `proxy-authorization`) are looked at now."""
    msg = ctx.msg
    msg.authorized = {**(msg.authorized or {}), kind: Used(header, credentials)}


def used(ctx: Context, kind: str) -> Used | None:
    """The credentials of that kind that were looked at last; None when there are none."""
    marks = ctx.msg.authorized
    return None if marks is None else marks.get(kind)


def authorized(ctx: Context) -> Credentials | None:
    """The credentials that tell who sent the message (get_authorized_cred): those for a proxy go first."""
    marks = ctx.msg.authorized
    if marks is None:
        return None
    found: Used | None = marks.get("proxy-authorization") or marks.get("authorization")
    return None if found is None else found.credentials
