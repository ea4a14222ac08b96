"""Bodies of several parts whose boundaries an edit has left untidy (check_boundaries of core/msg_translator.c)."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_BODY_MULTIPART
from kamscript.sip.params import find, parse_params

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.sip.message import Message


def apply_changes(server: Server, msg: Message) -> None:
    """msg_apply_changes(): put the boundaries right, then rebuild the message; raises SipError as Message does."""
    if msg.msg_flags & FL_BODY_MULTIPART:
        fix_multipart(server, msg)
    msg.apply_changes()


def fix_multipart(server: Server, msg: Message) -> None:
    """Replace the edited body of a message marked FL_BODY_MULTIPART by one with tidy boundaries.

    The boundary is that of the received Content-Type. Without one, or with fewer than two boundary lines in the body,
    everything stays as it is.
    """
    value = msg.value("content-type") or ""
    at = value.find(";")
    if at < 0:
        server.log.info("<core>", f"Content-Type hdr has no boundary params <{value}>")
        server.log.info("<core>", "no boundary - maybe just turning into multipart body")
        return
    try:
        boundary = find(parse_params(value[at + 1 :].lstrip(" \t\r\n"))[0], "boundary")
    except SipError:
        return
    text = msg.edits.join()
    tidy = tidied(text[text.find("\r\n\r\n") + 4 :], "--" + ((boundary.value or "") if boundary is not None else ""))
    if tidy is None:
        server.log.error("<core>", "wrong number of boundaries")
        return
    msg.edits.set_body(tidy)
    msg.msg_flags &= ~FL_BODY_MULTIPART


def tidied(body: str, boundary: str) -> str | None:
    """`body` from its first boundary line on: each such line plain, the last one closing; None: fewer than two.

    What follows the last boundary line is left out, as Kamailio does.
    """
    found: list[int] = []
    at = 0
    while at >= 0:
        if body.startswith(boundary, at):
            found.append(at)
            at += len(boundary)
        at = body.find("\r\n", at)
        at = at + 2 if at >= 0 else at
    if len(found) < 2:
        return None
    parts: list[str] = []
    for start, end in pairwise(found):
        line_end = body.find("\r\n", start)
        parts.append(boundary + "\r\n" + body[line_end + 2 : end])
    return "".join(parts) + boundary + "--\r\n"
