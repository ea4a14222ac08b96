"""From and To: replacing display name and URI, and putting them back (uac/replace.c).

What the other side has to get is worked out anew for each message of the dialog. Two things can tell it: a parameter
of our Record-Route, which holds both URIs, one masking the other, and comes back in Route; or variables of the dialog.

Replies are simpler: they get display name and URI of the request that they answer, as it came.
"""

from __future__ import annotations

import re
from base64 import b64encode
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from kamscript.core.rewrite import MAX_URI
from kamscript.module import Route
from kamscript.modules.dialog.callbacks import DLGCB_CONFIRMED, DLGCB_REQ_WITHIN, DLGCB_TERMINATED
from kamscript.modules.dialog.cell import DIR_NONE, DOWNSTREAM, UPSTREAM
from kamscript.modules.rr.loose import UPSTREAM as RR_FLOW_UPSTREAM
from kamscript.modules.tm.callbacks import TMCB_RESPONSE_IN
from kamscript.sip.message import FL_USE_UAC_FROM, FL_USE_UAC_TO

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dialog.callbacks import DialogParams
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.modules.uac import Uac
    from kamscript.sip.message import Message
    from kamscript.sip.nameaddr import ToBody

_ANY: Final = FL_USE_UAC_FROM | FL_USE_UAC_TO
_IN_DIALOG: Final = DLGCB_REQ_WITHIN | DLGCB_CONFIRMED | DLGCB_TERMINATED
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_DIGITS: Final = {char: number for number, char in enumerate(_ALPHABET)}


class Side(NamedTuple):
    """One of the two headers: its kind, the flag of a message that says it was changed, the dialog's variables.

    The variables hold URI and display name, as the caller has them and as the callee gets them.
    """

    kind: str
    flag: int
    uri: str
    new_uri: str
    display: str
    new_display: str


FROM: Final = Side("from", FL_USE_UAC_FROM, "_uac_fu", "_uac_funew", "_uac_fdp", "_uac_fdpnew")
TO: Final = Side("to", FL_USE_UAC_TO, "_uac_to", "_uac_tonew", "_uac_tdp", "_uac_tdpnew")


def body_of(msg: Message, side: Side) -> ToBody | None:
    """The parsed header; None when it is missing or malformed."""
    return msg.from_ if side is FROM else msg.to


# -- what Record-Route carries -------------------------------------------------------------------------------------
def mask(one: str, other: str, password: str) -> str:
    """Two URIs in one text: whoever has one of them (and the password) gets the other with `unmask`."""
    longer, shorter = (one, other) if len(one) > len(other) else (other, one)
    data = _xor(longer.encode("latin-1"), shorter.encode("latin-1"))
    return b64encode(_encrypted(data, password)).decode("ascii").replace("=", "-")


def decode(text: str) -> bytes | None:
    """The bytes in a parameter that `mask` made; None for what is no such text. Its padding is `-`."""
    digits = text.rstrip("-")
    padding = len(text) - len(digits)
    if not text or any(char not in _DIGITS for char in digits):
        return None
    size = max((len(text) * 6 >> 3) - padding, 0)
    number = 0
    for char in digits:
        number = number << 6 | _DIGITS[char]
    spare = len(digits) * 6 % 8
    return (number >> spare).to_bytes(len(digits) * 6 // 8)[:size]


def unmask(data: bytes, known: str, password: str) -> str:
    """The URI that `mask` hid behind `known`; it ends where both were the same (a zero byte)."""
    plain = _xor(_encrypted(data, password), known.encode("latin-1"))
    end = plain[: len(known)].find(0)
    return (plain if end < 0 else plain[:end]).decode("latin-1")


def _xor(data: bytes, shorter: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(data, shorter, strict=False)) + data[len(shorter) :]


def _encrypted(data: bytes, password: str) -> bytes:
    if not password:
        return data
    key = password.encode("latin-1")
    return _xor(data, (key * (len(data) // len(key) + 1))[: len(data)])


# -- edits ---------------------------------------------------------------------------------------------------------
def _set_display(msg: Message, side: Side, body: ToBody, display: str, *, trim: bool = False) -> None:
    """Another display name, "" none; a bare URI gets brackets with one. `trim`: the blanks behind it go with it."""
    edits = msg.edits
    start = msg.place(side.kind)[1]
    if body.display:
        place, length = start + body.start, len(body.display)
        while trim and not display and msg.buf[place + length] == " ":
            length += 1
        edit = edits.delete(place, length)
        if display:
            edits.insert_after(edit, display)
        return
    if not display:
        return
    uri = start + body.uri_start
    bracket = msg.buf.rfind("<", start, uri)
    if bracket >= 0:
        edits.insert_after(edits.anchor(bracket), f"{display} ")
    else:
        edits.insert_after(edits.anchor(uri + len(body.uri)), ">")
        edits.insert_after(edits.anchor(uri), f"{display} <")


def _set_uri(msg: Message, side: Side, body: ToBody, uri: str) -> None:
    edits = msg.edits
    edits.insert_after(edits.delete(msg.place(side.kind)[1] + body.uri_start, len(body.uri)), uri)


def _address(msg: Message, side: Side, body: ToBody) -> tuple[int, str]:
    """Where display name and URI stand, and their text, brackets included."""
    start = msg.place(side.kind)[1] + body.start
    return start, msg.buf[start : start + body.addr_end - body.start]


class Addresses:
    """Replaces and restores them for one `Uac`."""

    def __init__(self, module: Uac) -> None:
        self.module = module
        self.params = {FROM: module.rr_from_store_param, TO: module.rr_to_store_param}

    # -- replacing ------------------------------------------------------------------------------------------------
    def replace(self, ctx: Context, side: Side, display: str | None, uri: str) -> bool:
        """uac_replace_from(), uac_replace_to(): `display` None and `uri` "" leave theirs as it is."""
        module, msg = self.module, ctx.msg
        body = body_of(msg, side)
        if body is None:
            module.error(f"failed to find/parse {side.kind.upper()} hdr")
            return False
        if ctx.route is Route.REQUEST and msg.msg_flags & side.flag:
            module.error(f"called uac_replace_{side.kind}() multiple times on the message")
            return False
        if module.mode == "auto" and uri:
            if msg.to is None:
                module.error("failed to parse TO hdr")
                return False
            if msg.to.tag:
                module.error("decline FROM replacing in sequential request in auto mode (has TO tag)")
                return False
        self._remember(ctx, side, body)
        if display is not None:
            _set_display(msg, side, body, display, trim=module.changed)
        if not uri:
            return True
        _set_uri(msg, side, body, self._bracketed(msg, side, body, uri))
        if module.mode == "none":
            return True
        if not self._keep(ctx, side, body, display or "", uri):
            return False
        if not msg.msg_flags & _ANY:
            module.tm.register_tmcb(TMCB_RESPONSE_IN, self.reply_in, ctx=ctx, param=DIR_NONE)
        msg.msg_flags |= side.flag
        if ctx.t is not None and ctx.t.request is not None:
            ctx.t.request.msg_flags |= side.flag
        return True

    def _bracketed(self, msg: Message, side: Side, body: ToBody, uri: str) -> str:
        """6.x: a URI with parameters gets the brackets that a bare one had none of."""
        if self.module.changed and ";" in uri[1:] and msg.buf[msg.place(side.kind)[1] + body.uri_start - 1] != "<":
            return f"<{uri}>"
        return uri

    def _remember(self, ctx: Context, side: Side, body: ToBody) -> None:
        """Keep the address for replies in restore_from_avp or restore_to_avp, if there is one."""
        avp = self.module.avps[side]
        if avp is not None and avp.set is not None:
            avp.set(ctx, _address(ctx.msg, side, body)[1])

    def _keep(self, ctx: Context, side: Side, body: ToBody, display: str, uri: str) -> bool:
        """Keep both URIs for the rest of the dialog."""
        module = self.module
        dialog = module.dialog
        dlg = dialog.get_dlg(ctx) if dialog is not None else None
        if dlg is not None:
            self._keep_in_dialog(dlg, side, body, display, uri)
            return True
        if not module.rr.append_fromtag:
            module.error("'append_fromtag' RR param is not enabled! - required by AUTO restore mode")
            return False
        if max(len(body.uri), len(uri)) > MAX_URI:
            module.error(f"{'old' if len(body.uri) > len(uri) else 'new'} {side.kind} uri too long")
            return False
        if module.rr.add_param(ctx, f";{self.params[side]}={mask(body.uri, uri, module.restore_passwd)}") < 0:
            module.error("add_RR_param failed")
            return False
        return True

    def _keep_in_dialog(self, dlg: DialogCell, side: Side, body: ToBody, display: str, uri: str) -> None:
        dialog = self.module.dialog
        assert dialog is not None
        if dialog.get_dlg_var(dlg, side.uri) is None:
            dialog.set_dlg_var(dlg, side.uri, body.uri)
            dialog.register_dlgcb(dlg, _IN_DIALOG, partial(self.request_within, side))
        dialog.set_dlg_var(dlg, side.new_uri, uri)
        dialog.set_dlg_var(dlg, side.display, body.display)
        dialog.set_dlg_var(dlg, side.new_display, display)

    # -- the rest of the dialog, by Record-Route ------------------------------------------------------------------
    def routed(self, ctx: Context, route_params: str, param: object) -> None:
        """loose_route() followed a Route of ours: put back what its parameters tell; replies will follow."""
        restored = [self.restore(ctx, side) for side in (FROM, TO)]
        if any(restored):
            self.module.tm.register_tmcb(TMCB_RESPONSE_IN, self.reply_in, ctx=ctx, param=DIR_NONE)

    def restore(self, ctx: Context, stored: Side) -> bool:
        """uac_restore_from(), uac_restore_to(): exchange the URI of the header that has it in this direction."""
        module, msg, name = self.module, ctx.msg, self.params[stored]
        text = module.rr.route_param(ctx, name)
        if text is None:
            return False
        data = decode(text)
        if data is None:
            module.error(f"failed to decode uri: {text}")
            return False
        if module.rr.add_param(ctx, f";{name}={text}") < 0:
            module.error("add rr param failed")
            return False
        upstream = module.rr.direction(ctx) == RR_FLOW_UPSTREAM
        side = TO if upstream == (stored is FROM) else FROM
        body = body_of(msg, side)
        if body is None:
            module.error(f"failed to find/parse {side.kind.upper()} hdr")
            return False
        self._remember(ctx, side, body)
        if len(data) < len(body.uri):
            module.error(f"new URI shorter than old URI [{body.uri}]")
            return False
        uri = unmask(data, body.uri, module.restore_passwd)
        if not uri:
            module.error("new URI got 0 len")
            return False
        if not re.fullmatch(r"[ -~]+", uri):
            module.warn(
                f"invalid char found in the new uri [{uri!r}]: this can happen when URI values are altered by end"
                " points - skipping the update"
            )
            return False
        _set_uri(msg, side, body, uri)
        msg.msg_flags |= side.flag
        return True

    # -- the rest of the dialog, by its variables -----------------------------------------------------------------
    def loaded(self, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        """A dialog came out of the database: its requests need the same care."""
        dialog = self.module.dialog
        assert dialog is not None
        for side in (FROM, TO):
            dialog.register_dlgcb(dlg, _IN_DIALOG, partial(self.request_within, side))

    def request_within(self, side: Side, dlg: DialogCell, kind: int, params: DialogParams) -> None:
        """A request of the dialog: what the caller sends is replaced again, what the callee sends restored."""
        module, msg, direction, ctx = self.module, params.request, params.direction, params.ctx
        dialog = module.dialog
        if dialog is None or msg is None or ctx is None or direction == DIR_NONE or msg.msg_flags & side.flag:
            return
        downstream = direction == DOWNSTREAM
        header = TO if (side is TO) == downstream else FROM
        body = body_of(msg, header)
        if body is None:
            module.error(f"failed to find/parse {header.kind.upper()} hdr")
            return
        uri = dialog.get_dlg_var(dlg, side.new_uri if downstream else side.uri)
        display = dialog.get_dlg_var(dlg, side.new_display if downstream else side.display)
        if uri is None or display is None:
            return
        _set_display(msg, header, body, display)
        _set_uri(msg, header, body, uri)
        if not msg.msg_flags & _ANY:
            module.tm.register_tmcb(TMCB_RESPONSE_IN, self.reply_in, ctx=ctx, param=direction)
        msg.msg_flags |= side.flag
        if module.changed and ctx.t is not None and ctx.t.request is not None:
            ctx.t.request.msg_flags |= side.flag

    # -- replies --------------------------------------------------------------------------------------------------
    def reply_in(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """Give a reply the addresses that the request came with, or that the AVP keeps."""
        request, reply = t.request, params.reply
        if request is None or reply is None:
            return
        flags = request.msg_flags
        if self.module.changed and params.param == UPSTREAM:  # there the other header was changed
            flags = (FL_USE_UAC_TO if flags & FL_USE_UAC_FROM else 0) | (
                FL_USE_UAC_FROM if flags & FL_USE_UAC_TO else 0
            )
        for side in (FROM, TO):
            if flags & side.flag:
                self._restore_reply(params.ctx, request, reply, side)

    def _restore_reply(self, ctx: Context, request: Message, reply: Message, side: Side) -> None:
        theirs, ours = body_of(reply, side), body_of(request, side)
        if theirs is None or ours is None:
            self.module.error(f"failed to find/parse {side.kind.upper()} hdr")
            return
        avp = self.module.avps[side]
        kept = avp.get(ctx) if avp is not None else None
        start, text = _address(reply, side, theirs)
        new = str(kept) if kept else _address(request, side, ours)[1]
        reply.edits.insert_after(reply.edits.delete(start, len(text)), new)
