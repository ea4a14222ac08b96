"""Whether somebody who knows a password is who the request says he is (pv_auth_check, auth_check)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.auth.results import AUTH_ERROR, AUTH_OK, AUTH_USER_MISMATCH
from kamscript.sip.errors import SipError
from kamscript.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context


def check_identity(ctx: Context, user: str, *, use_domain: bool, skip_user: bool = False) -> int:
    """Compare the user of credentials with From, for REGISTER and PUBLISH with To, for PUBLISH with the request URI.

    `use_domain`: the domains of these must be the same, too. `skip_user`: any user may be the sender. Returns 1, -8 for
    another user, -1 when a URI does not parse.
    """
    msg = ctx.msg
    both = msg.method_id in ("REGISTER", "PUBLISH")
    try:
        sender = parse_uri(msg.from_.uri if msg.from_ is not None else "")
        receiver = parse_uri(msg.to.uri if msg.to is not None else "") if both else sender
        if not skip_user and user != receiver.user:
            return AUTH_USER_MISMATCH
        if both and not _same(sender, receiver, use_domain):
            return AUTH_USER_MISMATCH
        if msg.method_id == "PUBLISH" and not _same(sender, msg.parsed_uri(), use_domain):
            return AUTH_USER_MISMATCH
    except SipError:
        return AUTH_ERROR
    return AUTH_OK


def _same(one: Uri, other: Uri, use_domain: bool) -> bool:
    return one.user == other.user and (not use_domain or one.host == other.host)
