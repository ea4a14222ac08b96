"""fix_nated_sdp(): addresses of session descriptions, and the lines that tell others of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.modules.nathelper.addresses import is_null
from kamscript.sip.errors import SipError
from kamscript.sip.sdp import find_sdp

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.nathelper import Nathelper

ADD_DIRECTION, FIX_MEDIA, ADD_NO_PROXY, FIX_ORIGIN = 1, 2, 4, 8
_ADDRESS: Final = re.compile(r"(?:[^ \t\r\n]+[ \t]+)*?IP([46])[ \t]+([^ \t\r\n]+)")


class _Place(NamedTuple):
    """An address in a line; `version` 0 when the line has none, `end` is where to go on."""

    start: int
    end: int
    version: int = 0


def fix(nat: Nathelper, ctx: Context, level: int, ip: str) -> int:
    """Do what the flags ask for: 1 when an address was replaced, 2 when none was, -1 when it does not work."""
    msg = ctx.msg
    try:
        start, end = find_sdp(msg)
    except SipError as error:
        nat.error(f"cannot extract body from msg: {error}")
        return -1
    end = start + len(msg.buf[start:end].rstrip("\r\n"))
    if end == start:
        nat.error("empty body")
        return -1
    edits = msg.edits
    if level & ADD_DIRECTION:
        at = msg.buf.find("\r\nm=", start, end)
        while at >= 0:
            at = msg.buf.find("\r\nm=", at + 4, end)
            edits.insert_after(edits.anchor(at if at >= 0 else end), "\r\na=direction:active")
    if level & ADD_NO_PROXY and nat.no_proxy:
        edits.insert_after(edits.anchor(end), f"\r\n{nat.no_proxy}")
    if not level & (FIX_MEDIA | FIX_ORIGIN):
        return 2
    ip = ip or msg.received.src_ip
    count = 0
    for mark, wanted, may_lack in (("a=rtcp", True, True), ("c=", FIX_MEDIA, False), ("o=", FIX_ORIGIN, False)):
        if wanted is True or level & wanted:
            replaced = _replace(nat, ctx, start, end, mark, ip, may_lack=may_lack)
            if replaced < 0:
                return -1
            count += replaced
    return 1 if count else 2


def _replace(nat: Nathelper, ctx: Context, at: int, end: int, mark: str, ip: str, *, may_lack: bool) -> int:
    """Replace the addresses of all lines that begin with `mark`; how many, -1 when one has none or another family."""
    edits, buf = ctx.msg.edits, ctx.msg.buf
    count = version = 0
    while (place := _find(buf, at, end, mark)) is not None:
        at = place.end
        if not place.version:
            if may_lack:
                continue
            nat.error(f"no `IP[4|6]' in `{mark}' field")
            return -1
        if version and place.version != version:
            nat.error(f"mismatching address families in '{mark}' SDP")
            return -1
        version = place.version
        old = buf[place.start : place.end]
        if is_null(old, version) or old == ip:
            continue
        if nat.append_sdp_oldmediaip:
            edits.insert_after(edits.anchor(end), f"\r\na=oldmediaip{'6' if version == 6 else ''}:{old}")
        edits.insert_after(edits.delete(place.start, len(old)), ip)
        count += 1
    return count


def _find(buf: str, at: int, end: int, mark: str) -> _Place | None:
    """The address of the next line that begins with `mark`."""
    while (at := buf.find(mark, at, end)) >= 0:
        at += len(mark)
        if buf[at - len(mark) - 1] in "\r\n":
            stop = buf.find("\n", at, end)
            stop = end if stop < 0 else stop
            first = at + len(buf[at:stop]) - len(buf[at:stop].lstrip(" \t\r\n"))
            found = _ADDRESS.match(buf, first, stop)
            return _Place(found.start(2), found.end(2), int(found.group(1))) if found else _Place(at, at)
    return None
