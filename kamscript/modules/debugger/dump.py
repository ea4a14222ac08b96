"""What dbg_pv_dump() and dbg_sip_msg() log (debugger/debugger_json.c, debugger_mod.c)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

from kamscript.module import Fixup, FixupError
from kamscript.modules._place import current_place
from kamscript.script.format import accessor_of
from kamscript.script.pv import PvText, parse_pv
from kamscript.sip.edits import Subst, holds, substitute

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.edits import Edit, Piece
    from kamscript.sip.message import Message

NULL, AVPS, SCRIPT_VARIABLES, XAVPS, OTHERS = 1, 2, 4, 8, 16
ALL = 31

#: Classes of pseudo-variables that Kamailio's dump leaves out: neither variables nor of the type "other".
_LEFT_OUT_NAMES = """
xavu xavi hdr hfl hdrc hflc br du duri from fu ou ouri rb rd ruri.domain ru ruri rU rUl ruri.user to tu Bf Tf Ts bF bR
bf ds s sbranch time timef utime utimef rr_count rr_top_count ws_conid tcp $ null
"""
_LEFT_OUT = frozenset(_LEFT_OUT_NAMES.split())
_SCRIPT_VARIABLES = frozenset(["var", "vn", "vz"])
_RULE = 79


class _MaskFixup(Fixup):
    """A sum of bits."""

    constant = True

    def resolve(self, text: str, server: Server) -> int:
        if not text.isdecimal():
            raise FixupError(f"{text!r} is no mask")
        return int(text)


if TYPE_CHECKING:
    Mask = int
else:
    Mask = Annotated[object, _MaskFixup()]


def dump_variables(server: Server, ctx: Context, mask: int) -> str:
    """The pseudo-variables that the config speaks of, as JSON, in the order in which it does."""
    members: list[tuple[str, Any]] = []
    dumped: set[str] = set()
    for text in server.program.pvs:
        pv = parse_pv(text)
        if pv.transformations:
            continue
        if pv.name == "avp":
            if mask & AVPS and pv.index in (None, 0):
                _list(members, f"$avp({pv.inner})", _avps(server, ctx, pv.inner), mask)
        elif pv.name == "xavp":
            name = _root(pv)
            if mask & XAVPS and name not in dumped:
                dumped.add(name)
                _list(members, f"$xavp({name})", _xavps(ctx, name), mask)
        elif pv.name not in _LEFT_OUT and mask & (SCRIPT_VARIABLES if pv.name in _SCRIPT_VARIABLES else OTHERS):
            value = accessor_of(text, server).get(ctx)
            if value is not None or mask & NULL:
                members.append((text, value))
    return "{" + ",".join(f"{_json(name)}:{_json(value)}" for name, value in members) + "}"


def _list(members: list[tuple[str, Any]], name: str, values: list[Any], mask: int) -> None:
    if values or mask & NULL:
        members.append((name, values))


def _avps(server: Server, ctx: Context, name: str | None) -> list[Any]:
    found: list[Any] = []
    while (value := accessor_of(f"$(avp({name})[{len(found)}])", server).get(ctx)) is not None:
        found.append(value)
    return found


def _root(pv: PvText) -> str:
    """`x` of `$xavp(x[0]=>a)`."""
    return (pv.inner or "").partition("=>")[0].partition("[")[0].strip()


def _xavps(ctx: Context, name: str) -> list[Any]:
    found = (ctx.xavps or {}).get(name, [])
    return [
        {key: [_plain(value) for value in values] for key, values in item.items()}
        for item in found
        if isinstance(item, dict)
    ]


def _plain(value: Any) -> Any:
    return f"<<xavp:{id(value):#x}>>" if isinstance(value, dict) else value


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- messages ---------------------------------------------------------------------------------------------------------


def dump_message(server: Server, ctx: Context, *, with_line: bool) -> str:
    """The message as it would leave now, without Via and Route, and what edits of headers and body hold."""
    msg = ctx.msg
    place = current_place(server) if with_line else None
    edits = msg.edits
    return (
        f"CONFIG LINE {'unknown' if place is None else place.line}\n"
        f"{_banner('START OF SIP message debug')}"
        f"{edits.join(uri=msg.new_uri)}"
        f"{_banner('SIP header diffs')}{_diffs(edits.headers, msg)}"
        f"{_banner('SIP body diffs')}{_diffs(edits.body, msg)}"
        f"{_banner('END OF SIP message debug')}\n"
    )


def _diffs(edits: Iterable[Edit], msg: Message) -> str:
    """Deletions as `- text`, insertions as they are."""
    out = ""
    for edit in edits:
        removed = ""
        if edit.length:
            removed = msg.buf[edit.offset : edit.offset + edit.length]
            removed += "" if removed.endswith("\n") else "\n"
        out += "- " if edit.length else ""
        out += _inserted(edit.before, msg) + removed + _inserted(edit.after, msg)
    return out


def _inserted(pieces: Iterable[Piece], msg: Message) -> str:
    text = ""
    for piece in pieces:
        content = piece.content
        if isinstance(content, str):
            text += content
        elif isinstance(content, Subst):
            text += substitute(content, msg, None)
        elif not holds(content, msg, None):
            break
    return text


def _banner(title: str) -> str:
    dashes = _RULE - len(title) - 2
    return f"{'-' * (dashes // 2)} {title} {'-' * (dashes - dashes // 2)}\n"
