"""The hashes that choose a destination: the same text falls on the same destination as in Kamailio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.sip.errors import SipError
from kamscript.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dispatcher import Dispatcher

USER_ONLY = 1
_BLANKS = " \t\r\n"


def ds_hash(text: str, second: str = "") -> int:
    """The hash of one text, or of two; never 0."""
    return core_hash(text, 0, second) or 1


def callid(module: Dispatcher, ctx: Context) -> int | None:
    """Algorithm 0."""
    value = ctx.msg.callid
    return ds_hash(value.strip(_BLANKS)) if value is not None else None


def from_uri(module: Dispatcher, ctx: Context) -> int | None:
    """Algorithm 1."""
    body = ctx.msg.from_
    return of_text(module, body.uri) if body is not None else None


def to_uri(module: Dispatcher, ctx: Context) -> int | None:
    """Algorithm 2."""
    return of_text(module, ctx.msg.to.uri) if ctx.msg.to is not None else None


def request_uri(module: Dispatcher, ctx: Context) -> int | None:
    """Algorithm 3."""
    try:
        return of_uri(module, ctx.msg.parsed_uri())
    except SipError:
        module.error("bad request uri")
        return None


def auth_user(module: Dispatcher, ctx: Context) -> int | None:
    """Algorithm 5; None: nobody signed the request."""
    for kind in ("proxy-authorization", "authorization"):
        try:
            found = ctx.msg.credentials(kind)
        except SipError:
            continue
        if found:
            user = found[0].user
            return ds_hash(user.strip(_BLANKS)) if user else None
    return None


def pseudo_variables(module: Dispatcher, ctx: Context) -> int | None:
    """Algorithm 7."""
    if module.hash_format is None:
        module.error("bad parameters")
        return None
    text = module.hash_format(ctx).strip(_BLANKS)
    if not text:
        module.error("String is empty!")
        return None
    return ds_hash(text)


def of_text(module: Dispatcher, text: str) -> int | None:
    """The hash of a URI as text; None when it is none."""
    try:
        return of_uri(module, parse_uri(text.strip(_BLANKS)))
    except SipError:
        module.error(f"invalid uri {text}")
        return None


def of_uri(module: Dispatcher, uri: Uri) -> int:
    """The hash of user, host and, unless it is the scheme's own, port."""
    if module.flags & USER_ONLY:
        return ds_hash(uri.user)
    host = uri.host
    if uri.port and uri.port_no != (5061 if uri.secure else 5060):
        host += ":" + uri.port
    return ds_hash(uri.user, host)
