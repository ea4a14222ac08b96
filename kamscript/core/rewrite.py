"""Rewriting the request URI piece by piece: sethost(), setuser(), strip() and their kin (core/action.c, SET_*_T)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from kamscript.core.errors import E_UNSPEC
from kamscript.sip.errors import SipError
from kamscript.sip.uri import Uri

if TYPE_CHECKING:
    from kamscript.core.context import Context

Part = Literal[
    "host",
    "hostport",
    "hostporttrans",
    "hostall",
    "user",
    "userpass",
    "port",
    "prefix",
    "strip",
    "strip_tail",
    "userphone",
]
#: A rewritten URI may not be longer (MAX_URI_SIZE).
MAX_URI = 1024
_HOST_PARTS = frozenset(("host", "hostport", "hostporttrans"))


def set_uri(ctx: Context, uri: str) -> int:
    """seturi(): replace the request URI; whether it parses shows when somebody needs its parts."""
    ctx.msg.new_uri = uri
    ctx.ruri_consumed = False
    return 1


def revert_uri(ctx: Context) -> int:
    """revert_uri(): back to the request URI that was received."""
    if ctx.msg.new_uri is not None:
        ctx.msg.new_uri = None
        ctx.ruri_consumed = False
    return 1


def rewrite(ctx: Context, part: Part, text: str = "", count: int = 0) -> int:
    """Replace one part of the request URI by `text`, or cut `count` characters off its user: 1, or -1."""
    log = ctx.server.log
    try:
        uri = ctx.msg.parsed_uri()
    except SipError:
        log.error("<core>", f"bad uri <{ctx.msg.current_uri()}>, dropping packet")
        return E_UNSPEC
    tel = uri.scheme == "tel"
    if part == "userphone" and (tel or uri.user_param == "phone"):
        return 1
    if part == "port" and tel and not uri.phone_context:
        log.error("<core>", "port number of a tel: URI cannot be set")
        return E_UNSPEC
    new = _rewritten(ctx, uri, part, text, count)
    if len(new) > MAX_URI:
        log.error("<core>", "uri too long")
        return E_UNSPEC
    return set_uri(ctx, new)


def _rewritten(ctx: Context, uri: Uri, part: Part, text: str, count: int) -> str:
    tel = uri.scheme == "tel"
    becomes_sip = tel and not uri.phone_context and part in _HOST_PARTS
    user = text if part in ("user", "userpass") else uri.user
    if part in ("strip", "strip_tail"):
        if count > len(user):
            log = ctx.server.log
            log.warning("<core>", f"too long {part} asked; deleting username: {count} of <{user}>")
        user = user[count:] if part == "strip" else user[: max(0, len(user) - count)]
    elif part == "prefix":
        user = text + user
    out = _scheme(ctx, uri, becomes_sip) + ":" + user
    has_user = bool(user) or part == "prefix"
    if has_user and part != "userpass" and (uri.password or f"{uri.user}:@" in uri.text):
        out += ":" + uri.password
    if tel and uri.params:
        out += ";" + uri.params
    if part in _HOST_PARTS or part == "hostall":
        host: str | None = text
    else:
        host = uri.host if uri.scheme in ("sip", "sips") or uri.phone_context else None
    if host is not None:
        out += "@" + host if has_user else host
    if part == "hostall":
        return out
    if part == "port":
        out += ":" + text if text else ""
    elif part not in ("hostport", "hostporttrans") and uri.port:
        out += ":" + uri.port
    out += _params(uri, part)
    if becomes_sip or part == "userphone":
        out += ";user=phone"
    return out + "?" + uri.headers if uri.headers else out


def _scheme(ctx: Context, uri: Uri, becomes_sip: bool) -> str:
    if uri.scheme in ("sip", "sips"):
        return uri.scheme
    if uri.scheme == "tel":
        written = uri.text[:4].lower()
        secure = written.startswith(("sips", "tels"))
        if uri.phone_context or becomes_sip:
            return "sips" if secure else "sip"
        return "tel"
    ctx.server.log.error("<core>", f"Unsupported URI scheme ({uri.scheme}), reverted to sip:")
    return "sip"


def _params(uri: Uri, part: Part) -> str:
    if uri.scheme == "tel" and not uri.phone_context:
        return ""
    params = uri.sip_params
    if part == "hostporttrans" and uri.transport:
        kept = [item for item in params.split(";") if item.partition("=")[0].lower() != "transport"]
        return "".join(f";{item}" for item in kept)
    return ";" + params if params else ""
