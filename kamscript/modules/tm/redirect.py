"""The Contact header of 3xx replies: the destination set as it stands (core/dset.c print_dset)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kamscript.core.context import Context

# rich_redirect: what beside URI and q is told.
WITH_FLAGS = 1
WITH_PATH = 2

_PLAIN = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_.!~*'()[]/:&+$")


def _escape(text: str) -> str:
    return "".join(c if c in _PLAIN else f"%{ord(c):02x}" for c in text)


def q_text(q: int) -> str:
    """A q value in thousandths as text: `1`, `0`, `0.5`, `0.25`, `0.125`."""
    if q >= 1000:
        return "1"
    if q <= 0:
        return "0"
    return "0." + f"{q:03d}".rstrip("0")


def _contact(uri: str, q: int, path: str, flags: int, rich: int) -> str:
    route = f"?Route={_escape(path)}" if rich & WITH_PATH and path else ""
    text = f"<{uri}{route}>"
    if q != -1:
        text += f";q={q_text(q)}"
    if rich & WITH_FLAGS:
        text += f";flags={flags}"
    return text


def contact_header(ctx: Context, rich: int = 0) -> str:
    """`Contact: ...` with CRLF for the rewritten request URI and every branch; "" when there is neither."""
    msg = ctx.msg
    contacts = []
    if msg.new_uri is not None:
        contacts.append(_contact(msg.new_uri, ctx.ruri_q, msg.path, ctx.bflags, rich))
    contacts += [_contact(b.uri, b.q, b.path, b.flags, rich) for b in ctx.branches]
    return f"Contact: {', '.join(contacts)}\r\n" if contacts else ""
