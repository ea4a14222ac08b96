"""Making Record-Route headers (rr/record.c; RFC 3261 16.6, RFC 5658 for two of them).

A header is one edit at the first header of the message: the texts in front of it end in host and port (and `;r2=on`
when there are two), the texts behind it hold `;lr`, `;ftag`, parameters and the closing bracket. Parameters that
add_rr_param() brings later go in front of that bracket. With several sockets a second header names the socket the
message leaves by; whether it is needed is known only then, so both carry conditions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.modules.rr.loose import UPSTREAM, direction, state_of
from kamscript.sip.edits import Condition, Edit, Subst, substitute
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.rr import Rr
    from kamscript.sip.edits import Edits
    from kamscript.sip.message import Message

KIND: Final = "record-route"
#: Marks the edits of this module.
TAG: Final = "rr"
_END: Final = ">\r\n"


def _scheme(rr: Rr, msg: Message) -> str:
    if not rr.ignore_sips:
        try:
            if msg.parsed_uri().secure:
                return "Record-Route: <sips:"
        except SipError:
            pass
    return "Record-Route: <sip:"


def _user(rr: Rr, ctx: Context) -> str | None:
    """The user part with its `@`, "" none; None when the request URI does not parse."""
    if not rr.add_username:
        return ""
    if rr.custom_user is not None:
        value = rr.custom_user.get(ctx)
        if isinstance(value, str) and value:
            return value + "@"
    msg = ctx.msg
    try:
        user = parse_uri(msg.uri).user
        if not user and msg.new_uri is not None:
            user = parse_uri(msg.new_uri).user
    except SipError:
        rr.server.log.error("rr", "failed to extract username")
        return None
    if not user:
        return ""
    if rr.ignore_user and user == rr.ignore_user:
        user = ("y" if user[0] == "x" else "x") + user[1:]
    return user + "@"


def _from_tag(rr: Rr, ctx: Context) -> str | None:
    """`;ftag=...` of the caller, "" without; None when the header is broken."""
    if not rr.append_fromtag:
        return ""
    msg = ctx.msg
    body = msg.to if direction(rr, ctx) == UPSTREAM else msg.from_
    if body is None:
        rr.server.log.error("rr", "From or To parsing failed")
        return None
    return f";ftag={body.tag}" if body.tag else ""


def record_route(rr: Rr, ctx: Context, params: str = "") -> int:
    """Add the header (or both): 0, or <0."""
    msg = ctx.msg
    user = _user(rr, ctx)
    if user is None:
        return -1
    tag = _from_tag(rr, ctx)
    if tag is None:
        return -2
    state = ctx.state.get("rr")
    pending = ""
    if state is not None:
        pending, state.pending = state.pending, ""
    start = _scheme(rr, msg) + user
    end = f"{';lr=on' if rr.enable_full_lr else ';lr'}{tag}{params}"
    edits = msg.edits
    offset = msg.first_end
    double = rr.enable_double_rr
    if double and (double == 2 or len(rr.server.sockets) > 1):
        condition = Condition.TRUE if double == 2 else Condition.IF_DIFF_REALMS
        for subst, outbound in (
            (Subst.SND_ALL_EX if rr.sockname_mode else Subst.SND_ALL, True),
            (Subst.RCV_ALL_EX if rr.sockname_mode else Subst.RCV_ALL, False),
        ):
            edit = edits.anchor(offset, KIND, TAG)
            if outbound:
                piece = edits.insert_condition_before(edit, condition)
                piece = edits.insert_after(piece, start)
                _close(edits, edit, end, pending, condition)
            else:
                piece = edits.insert_before(edit, start)
                _close(edits, edit, end, pending)
            piece = edits.insert_subst_after(piece, subst)
            piece = edits.insert_condition_after(piece, condition)
            edits.insert_after(piece, ";r2=on")
        return 0
    edit = edits.anchor(offset, KIND, TAG)
    place = substitute(Subst.RCV_ALL_EX if rr.sockname_mode else Subst.RCV_ALL, msg, None)
    edits.insert_before(edit, start + place)
    _close(edits, edit, end, pending)
    return 0


def _close(edits: Edits, edit: Edit, end: str, pending: str, condition: Condition | None = None) -> None:
    """The second half of a header: parameters, those added before, the bracket."""
    edits.insert_after(edit, _END)
    if pending:
        edits.insert_after(edit, pending, KIND)
    edits.insert_after(edit, end, KIND)
    if condition is not None:
        edits.insert_condition_after(edit, condition)


def record_route_preset(rr: Rr, ctx: Context, address: str) -> int:
    """Add a header whose host part the script gives: 0, or <0."""
    msg = ctx.msg
    user = _user(rr, ctx)
    if user is None:
        return -1
    tag = ""
    if rr.append_fromtag:
        from_ = msg.from_
        if from_ is None:
            rr.server.log.error("rr", "From parsing failed")
            return -2
        tag = f";ftag={from_.tag}" if from_.tag else ""
    state = ctx.state.get("rr")
    pending = state.pending if state is not None else ""
    edits = msg.edits
    edit = edits.anchor(msg.first_end, KIND, TAG)
    edits.insert_before(edit, f"{_scheme(rr, msg)}{user}{address}{tag}{pending}")
    _close(edits, edit, ";lr=on" if rr.enable_full_lr else ";lr", "")
    return 0


def record_route_advertised(rr: Rr, ctx: Context, address: str) -> int:
    """Add the header (or both) with a host part that the script gives; transports as they are: 0, or <0."""
    msg = ctx.msg
    user = _user(rr, ctx)
    if user is None:
        return -1
    tag = _from_tag(rr, ctx)
    if tag is None:
        return -2
    state = ctx.state.get("rr")
    pending = state.pending if state is not None else ""
    start = f"{_scheme(rr, msg)}{user}{address}"
    end = f"{tag}{';lr=on' if rr.enable_full_lr else ';lr'}"
    edits = msg.edits
    offset = msg.first_end
    both = Condition.TRUE if rr.enable_double_rr == 2 else Condition.IF_DIFF_PROTO
    realms = Condition.TRUE if rr.enable_double_rr == 2 else Condition.IF_DIFF_REALMS
    for subst, outbound in ((Subst.SND_PROTO, True), (Subst.RCV_PROTO, False)):
        if outbound and not rr.enable_double_rr:
            continue
        edit = edits.anchor(offset, KIND, TAG)
        if outbound:
            piece = edits.insert_condition_before(edit, both)
            piece = edits.insert_after(piece, start)
            _close(edits, edit, end, pending, both)
        else:
            piece = edits.insert_before(edit, start)
            _close(edits, edit, end, pending)
        piece = edits.insert_condition_after(piece, both)
        piece = edits.insert_after(piece, ";transport=")
        piece = edits.insert_subst_after(piece, subst)
        if rr.enable_double_rr:
            piece = edits.insert_condition_after(piece, realms)
            edits.insert_after(piece, ";r2=on")
    return 0


def add_rr_param(rr: Rr, ctx: Context, text: str) -> int:
    """Add a parameter to the headers made so far, else to those to come: 0, or -1."""
    msg = ctx.msg
    if msg.has_edits:
        offset = msg.first_end
        if any(edit.tag == TAG for edit in msg.edits.headers):
            # Edits that a mark or a clone shares are copied before they change.
            msg.edits.anchor_shared(offset)
            for edit in msg.edits.headers:
                if edit.tag == TAG and edit.after:
                    closing = edit.after[-1]
                    msg.edits.insert_after(edit.after[-2], text, KIND)
                    assert edit.after[-1] is closing
            return -1 if state_of(ctx).alone else 0
    state = state_of(ctx)
    if len(state.pending) + len(text) > 512:
        rr.server.log.error("rr", "maximum size of rr_param_buf exceeded")
        return -1
    state.pending += text
    return 0


def remove_record_route(ctx: Context) -> None:
    """Take back the headers that were added and not sent yet."""
    msg = ctx.msg
    if msg.has_edits:
        for edit in [edit for edit in msg.edits.headers if edit.kind == KIND and not edit.delete]:
            msg.edits.remove(edit)
