"""Requests that the script describes in $uac_req(...) and sends with uac_req_send() (uac/uac_send.c)."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from kamscript.core.errors import E_DROP
from kamscript.module import Accessor, FixupError, Route
from kamscript.modules.tm.callbacks import TMCB_DESTROY, TMCB_LOCAL_COMPLETED, TMCB_ON_FAILURE
from kamscript.modules.tm.dialog import UacDialog
from kamscript.modules.uac.auth import HA1, AuthError, Credential, answer, challenge_of

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.module import PvRef
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.modules.uac import Uac
    from kamscript.sip.message import Message
    from kamscript.values import Value

#: Texts and the number of characters that they must stay below.
_TEXTS: Final = {
    "method": 32,
    "ruri": 1024,
    "turi": 1024,
    "furi": 1024,
    "ouri": 1024,
    "sock": 1024,
    "hdrs": 2048,
    "body": 32768,
    "callid": 128,
    "auser": 128,
    "apasswd": 64,
    "evparam": 128,
}
_NUMBERS: Final = ("flags", "evroute", "evcode", "evtype")
_NEW_TEXTS: Final = {"ftag": 128, "ttag": 128}
_NEW_NUMBERS: Final = ("cseqno", "fr_timeout", "fr_inv_timeout")
#: What `$uac_req(all) = $null` leaves as it is; of these 6.x empties the socket.
_STAYS: Final = frozenset(("auser", "apasswd", "sock"))
#: The route also runs for timeouts, and not for 2xx.
_ON_FAILURE: Final = 2
_FIRST_CSEQ: Final = 10


@dataclass
class Described:
    """A request as the script describes it: texts, "" what is not set, and numbers. Times are milliseconds."""

    method: str = ""
    ruri: str = ""
    turi: str = ""
    furi: str = ""
    ouri: str = ""
    sock: str = ""
    hdrs: str = ""
    body: str = ""
    callid: str = ""
    auser: str = ""
    apasswd: str = ""
    evparam: str = ""
    ftag: str = ""
    ttag: str = ""
    flags: int = 0
    evroute: int = 0
    evcode: int = 0
    evtype: int = 0
    cseqno: int = 0
    fr_timeout: int = 0
    fr_inv_timeout: int = 0


class Requests:
    """Keeps what `$uac_req` says, sends it, hears the replies."""

    def __init__(self, module: Uac) -> None:
        self.module = module
        self.described = Described()

    # -- $uac_req -------------------------------------------------------------------------------------------------
    def accessor(self, ref: PvRef) -> Accessor:
        """`$uac_req(key)`."""
        key = ref.inner
        texts = _TEXTS | _NEW_TEXTS if self.module.newer else _TEXTS
        numbers = _NUMBERS + _NEW_NUMBERS if self.module.newer else _NUMBERS
        if key == "all":
            return Accessor(lambda ctx: self.described.flags, self._clear)
        if isinstance(key, str) and key in texts:
            return Accessor(lambda ctx: getattr(self.described, key) or None, partial(self._set_text, key, texts[key]))
        if isinstance(key, str) and key in numbers:
            return Accessor(lambda ctx: getattr(self.described, key), partial(self._set_number, key))
        raise FixupError(f"unknown uac_req name {key}: one of {', '.join(('all', *texts, *numbers))}")

    def _clear(self, ctx: Context, value: Value) -> None:
        if value is not None:
            return
        old, new = self.described, Described()
        for name in _STAYS - ({"sock"} if self.module.changed else set()):
            setattr(new, name, getattr(old, name))
        self.described = new

    def _set_text(self, key: str, limit: int, ctx: Context, value: Value) -> None:
        if value is None:
            value = ""
        if not isinstance(value, str):
            self.module.error(f"Invalid value type of $uac_req({key}): a text is wanted")
        elif len(value) >= limit:
            self.module.error(f"Value size of $uac_req({key}) too big: {len(value)}, less than {limit} are possible")
        else:
            setattr(self.described, key, value)

    def _set_number(self, key: str, ctx: Context, value: Value) -> None:
        if value is None:
            value = 0
        if isinstance(value, int):
            setattr(self.described, key, value)
        else:
            self.module.error(f"Invalid value type of $uac_req({key}): a number is wanted")

    # -- sending --------------------------------------------------------------------------------------------------
    def send(self) -> bool:
        """uac_req_send(): False when method or request URI are missing, or nothing could be sent."""
        module, tm, told = self.module, self.module.tm, self.described
        if not told.ruri or not told.method:
            return False
        listener, types = None, 0
        if (told.auser and told.apasswd) or told.evroute > 0:
            if told.evroute == _ON_FAILURE:
                listener, types = self._ended, TMCB_ON_FAILURE | TMCB_DESTROY
            else:
                listener, types = self._answered, TMCB_LOCAL_COMPLETED | TMCB_DESTROY
        callid = told.callid or tm.generate_callid()
        dialog = UacDialog(
            callid=callid,
            local_uri=told.furi or told.ruri,
            remote_uri=told.turi or told.ruri,
            target=told.ruri,
            local_tag=told.ftag or tm.generate_fromtag(callid, told.ruri),
            remote_tag=told.ttag,
            cseq=(told.cseqno or _FIRST_CSEQ) - (told.method not in ("ACK", "CANCEL")),  # which tm.request() adds
            dst_uri=told.ouri,
            socket=module.socket_of(told.sock or module.default_socket),
            confirmed=False,
        )
        return self._send(told, dialog, told.hdrs, listener, types, copy(told))

    def _send(
        self,
        told: Described,
        dialog: UacDialog,
        headers: str,
        listener: object,
        types: int,
        param: Described,
    ) -> bool:
        tm = self.module.tm
        timers = {"fr_timer": told.fr_timeout, "fr_inv_timer": told.fr_inv_timeout}
        normal = {name: tm.cfg[name] for name in timers}
        for name, milliseconds in timers.items():
            if milliseconds:
                tm.cfg[name] = milliseconds
        try:
            sent = tm.request(
                told.method, dialog, headers=headers, body=told.body, callback=listener, types=types, param=[param]
            )
        finally:
            for name, milliseconds in normal.items():
                tm.cfg[name] = milliseconds
        return sent is not None or tm.last_error in (0, E_DROP)

    # -- replies --------------------------------------------------------------------------------------------------
    def _answered(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """The final reply: run the event route, answer a challenge. `params.param` is empty behind the first event."""
        if not params.param:
            return
        told: Described = params.param.pop()
        reply, code = params.reply, params.code
        if told.evroute and code > 0:
            self._run(t, told, reply, code)
        if code not in (401, 407) or not told.apasswd or reply is None:
            return
        try:
            challenge = challenge_of(self.module, reply, code)
            credential = Credential(told.auser, challenge.realm, told.apasswd, bool(told.flags & HA1))
            line = answer(self.module, challenge, code, told.method, told.ruri, credential)
        except AuthError as error:
            self.module.error(str(error))
            return
        dialog = again(reply, told.ruri, told.ouri)
        if dialog is None:
            self.module.error("failed to build tm dialog")
            return
        dialog.socket = self.module.socket_of(told.sock)
        headers = told.hdrs if not told.hdrs or told.hdrs.endswith("\n") else told.hdrs + "\r\n"
        listener = self._ended if told.evroute else None
        types = TMCB_LOCAL_COMPLETED | TMCB_DESTROY if told.evroute else 0
        if not self._send(told, dialog, headers + line, listener, types, told):
            self.module.error("failed to send request with authentication")

    def _ended(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """The final reply to a request that was authenticated already, or whose failure the script wants to hear of."""
        if params.param:
            told: Described = params.param.pop()
            if told.evroute and params.code > 0:
                self._run(t, told, params.reply, params.code)

    def _run(self, t: Transaction, told: Described, reply: Message | None, code: int) -> None:
        """event_route[uac:reply] over the reply; over a made-up request when there is none."""
        server = self.module.server
        if self.module.event_callback or server.route_function(Route.EVENT, "uac:reply") is None:
            return
        self.described = shown = copy(told)
        shown.evcode, shown.evtype = code, 1 if reply is not None else 2
        ctx = self.module.tm.context_of(t, reply if reply is not None else server.faked_message())
        ctx.branch = 0
        if reply is None:
            ctx.t = None  # the made-up request is not of the transaction; the AVPs are
        server.run_event("uac:reply", ctx=ctx)


def again(reply: Message, target: str, outbound: str) -> UacDialog | None:
    """The request that `reply` answers once more, with the next CSeq; None when the reply's headers are no good."""
    from_, to, cseq = reply.from_, reply.to, reply.cseq
    if from_ is None or to is None or cseq is None:
        return None
    return UacDialog(
        callid=reply.callid.strip(),
        local_uri=from_.uri,
        remote_uri=to.uri,
        target=target,
        local_tag=from_.tag,
        cseq=cseq.number,
        dst_uri=outbound,
    )
