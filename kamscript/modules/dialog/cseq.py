"""CSeq numbers that differ on both sides of this server (dialog/dlg_cseq.c, `track_cseq_updates`).

When the callee's provider challenges an INVITE and uac_auth() of module uac answers, the same request leaves a second
time: RFC 3261 22.2 wants a higher CSeq then. The difference is kept in `$dlg_var(cseq_diff)` and added to the number
of every further request of the caller; the replies get the caller's number back. It goes like this:

- uac_auth() calls what this module publishes, `server.shared["cb_cseq_update"]`: the difference grows by one, and the
  request gets the header `P-K-CSeq-Auth` with the number that it shall have (`update`);
- a later request of the caller gets `P-K-CSeq-Refresh` in the same way (`refresh`);
- when the request leaves (SREV_NET_DATA_OUT), header and number are exchanged, and the branch parameter of the topmost
  Via gets `.cs` and the caller's number (`leaving`);
- when a reply arrives (SREV_NET_DATA_IN), its number becomes the one in the branch parameter (`arriving`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kamscript.modules.dialog.cell import DOWNSTREAM, FLAG_CHANGED, FLAG_CHANGED_VARS, IFLAG_CSEQ_DIFF
from kamscript.modules.dialog.initial import BLANKS
from kamscript.modules.tm.cancel import UAC_CSEQ_AUTH, UAC_CSEQ_REFRESH
from kamscript.sip.errors import SipError
from kamscript.sip.message import FL_UAC_AUTH, Message
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import ListenSocket, Received
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.sip.message import Header

VARIABLE: Final = "cseq_diff"
#: What is common to both headers.
_MARK: Final = "P-K-CSeq-"
#: Requests without a To tag whose number may change.
_INITIAL: Final = frozenset(("INVITE", "ACK", "CANCEL"))


class CseqUpdates:
    """Raises and restores them; does nothing unless the parameter is set."""

    def __init__(self, module: Parameters) -> None:
        self.module = module
        self.server = module.server
        self.rewrites_rack = self.server.target not in ("4.4", "5.6")

    def start(self) -> None:
        """Take a place on the way of messages, and publish `update` for module uac, if `track_cseq_updates` is set."""
        if self.module.track_cseq_updates:
            self.server.shared["cb_cseq_update"] = self.update
            self.server.hooks.data_in.append(self.arriving)
            self.server.hooks.data_out.append(self.leaving)

    # -- the script's side ----------------------------------------------------------------------------------------
    def update(self, ctx: Context) -> bool:
        """The current request leaves once more, with credentials: raise its number by one more (dlg_cseq_update).

        False: the message is not one that has a number. Outside a dialog, and upstream, nothing happens.
        """
        msg = ctx.msg
        if not _is_complete(msg):
            return False
        if not msg.is_request:
            return True
        dlg, direction = self.module.tracking.lookup(ctx)
        if dlg is None or direction != DOWNSTREAM:
            return True
        if ctx.t is not None and ctx.t.request is not None:
            ctx.t.request.msg_flags |= FL_UAC_AUTH
        difference = 1
        if dlg.iflags & IFLAG_CSEQ_DIFF:
            known = difference_of(dlg)
            if known is None:
                return True
            difference += known
        variables = dlg.variables
        if variables is None:
            variables = dlg.variables = {}
        variables[VARIABLE] = str(difference & 0xFFFFFFFF)
        dlg.dflags |= FLAG_CHANGED_VARS
        self.module.store.update(dlg)
        self._mark(msg, UAC_CSEQ_AUTH, difference)
        return True

    def refresh(self, ctx: Context, dlg: DialogCell, direction: int) -> bool:
        """A request of `dlg`, which has a difference already, came: mark it (dlg_cseq_refresh). False: no CSeq."""
        msg = ctx.msg
        if not _is_complete(msg):
            return False
        if msg.is_request and direction == DOWNSTREAM and dlg.iflags & IFLAG_CSEQ_DIFF:
            difference = difference_of(dlg)
            if difference:
                self._mark(msg, UAC_CSEQ_REFRESH, difference)
        return True

    def _mark(self, msg: Message, name: str, difference: int) -> None:
        assert msg.cseq is not None
        number = (msg.cseq.number + difference) & 0xFFFFFFFF
        msg.edits.insert_before(msg.eoh, f"{name}: {number}\r\n")

    # -- on the wire ----------------------------------------------------------------------------------------------
    def leaving(self, text: str, _socket: ListenSocket, _destination: object) -> str:
        """A message leaves: a marked request of a caller gets its number (dlg_cseq_msg_sent)."""
        if _MARK not in text:
            return text
        try:
            msg = Message(text)
        except SipError:
            return text
        via, to = msg.top_via, msg.to
        if not msg.is_request or not _is_complete(msg) or via is None or to is None:
            return text
        branch = via.param("branch")
        if not via.branch or branch is None or (not to.tag and msg.method_id not in _INITIAL):
            return text
        assert msg.from_ is not None and msg.cseq is not None
        dlg, direction = self.module.table.search(msg.callid.strip(BLANKS), msg.from_.tag, to.tag)
        if dlg is None or direction != DOWNSTREAM:
            return text
        header = next((h for name in (UAC_CSEQ_AUTH, UAC_CSEQ_REFRESH) for h in msg.headers if _is(h, name)), None)
        if header is None:
            return text
        raised, old = header.value.strip(), msg.cseq.number_text
        if unsigned(raised) is None:
            return text  # not of this server: 5.6 would make it the CSeq
        dlg.iflags |= IFLAG_CSEQ_DIFF
        dlg.dflags |= FLAG_CHANGED
        self.module.store.update(dlg)
        behind_branch = msg.place("via")[1] + branch.end
        at = text.index(old, msg.place("cseq")[1])
        changes = [
            (behind_branch, behind_branch, f".cs{old}"),
            (at, at + len(old), raised),
            (header.start, header.end, ""),
        ]
        if self.rewrites_rack and msg.method_id == "PRACK":
            changes += _rack(msg, raised, old)
        return _changed(text, changes)

    def arriving(self, text: str, _received: Received) -> str:
        """A message arrives: a reply whose topmost branch has a number gets that one (dlg_cseq_msg_received).

        Its place in the text is kept: a shorter number gets blanks in front. In the branch the number becomes a
        parameter, so that the branch is tm's own again.
        """
        if text[:4] != "SIP/" or ".cs" not in text:
            return text
        try:
            msg = Message(text)
        except SipError:
            return text
        via = msg.top_via
        if msg.is_request or not _is_complete(msg) or via is None:
            return text
        assert msg.cseq is not None
        if len(msg.vias) < 2 and msg.cseq.method_id != "CANCEL":
            return text
        branch = via.param("branch")
        dot = via.branch.rfind(".", 1)
        if branch is None or dot < 0 or via.branch[dot : dot + 3] != ".cs":
            return text
        number, current = via.branch[dot + 3 :], msg.cseq.number_text
        end = msg.place("via")[1] + branch.end
        if not number.isdigit() or len(number) > len(current) or not text.startswith(number, end - len(number)):
            return text
        at = text.index(current, msg.place("cseq")[1])
        start = end - len(number) - 3
        return _changed(text, [(at, at + len(current), number.rjust(len(current))), (start, start + 3, ";z=")])


def difference_of(dlg: DialogCell) -> int | None:
    """What is added to the caller's numbers on the way to the callee; None: it is not known."""
    value = dlg.variables.get(VARIABLE) if dlg.variables else None
    return None if value is None else unsigned(value)


def _is_complete(msg: Message) -> bool:
    return msg.is_sip and msg.cseq is not None and msg.to is not None and msg.from_ is not None


def _is(header: Header, name: str) -> bool:
    return header.name.lower() == name.lower() and bool(header.value.strip())


def _rack(msg: Message, raised: str, old: str) -> list[tuple[int, int, str]]:
    """RAck names the CSeq of the INVITE: it is as much higher (6.x)."""
    header = next((h for h in msg.headers if h.name.lower() == "rack"), None)
    words = header.value.split() if header is not None else []
    difference = (unsigned(raised) or 0) - (unsigned(old) or 0)
    known = unsigned(words[1]) if len(words) > 1 else None
    if header is None or known is None or difference <= 0 or unsigned(words[0]) is None:
        return []
    number = known + difference
    start = msg.buf.index(words[1], header.value_start + len(words[0]))
    return [(start, start + len(words[1]), str(number))] if number <= 0xFFFFFFFF else []


def _changed(text: str, changes: list[tuple[int, int, str]]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, new in sorted(changes):
        parts += (text[at:start], new)
        at = end
    parts.append(text[at:])
    return "".join(parts)
