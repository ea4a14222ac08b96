"""The RPC commands of tm (tm/rpc_uac.c, t_stats.c, t_cancel.c, t_reply.c), and requests built from header text."""

from __future__ import annotations

from binascii import Error as HexError
from binascii import unhexlify
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kamscript.core.errors import error_reply, reason_phrase
from kamscript.core.rpc import Rpc, RpcFault, Struct, missing
from kamscript.module import rpc
from kamscript.modules.tm.api import Stats
from kamscript.modules.tm.callbacks import TMCB_DONT_ACK, TMCB_LOCAL_COMPLETED, TmcbParams
from kamscript.modules.tm.dialog import UacDialog, dialog_of_reply
from kamscript.modules.tm.functions import Functions
from kamscript.modules.tm.uac import DEFAULT_CSEQ
from kamscript.sip.errors import SipError
from kamscript.sip.message import Message
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.tm.transaction import Transaction

#: How long behind its lifetime a transaction is destroyed by tm.clean, seconds (TM_LIFETIME_LIMIT).
LIFETIME_LIMIT: Final = 90

#: What the commands that send a request answer when they miss an argument; Kamailio counts what it read so.
_TOO_FEW: Final = ("too few parameters (0/5)", *(f"too few parameters (-{count}/5)" for count in range(1, 5)))

#: Headers that the request gets from elsewhere (tm_skip_hf).
_OWN_HEADERS: Final = frozenset({"from", "to", "call-id", "cseq", "via", "content-length"})


class _Headers(NamedTuple):
    """What the header text of a request of this server says."""

    from_: str
    from_tag: str
    to: str
    to_tag: str
    callid: str
    cseq: int
    rest: str


class Commands(Functions):
    """What `kamcmd tm.*` runs."""

    # -- statistics -----------------------------------------------------------------------------------------------
    def stats(self) -> Stats:
        """See `TmApi`."""
        c = self.counts
        return Stats(
            c.total - c.deleted,
            c.waiting - c.deleted,
            c.total,
            c.local,
            (*c.completed[:6], sum(c.completed[6:])),
            c.created,
            c.freed,
            0,
            c.received,
            c.generated,
            c.sent,
        )

    @rpc("tm.stats")
    def rpc_stats(self, rpc: Rpc) -> None:
        """Print transaction statistics."""
        s = self.stats()
        rpc.add(
            Struct(
                {
                    "current": s.current,
                    "waiting": s.waiting,
                    "total": s.total,
                    "total_local": s.total_local,
                    "rpl_received": s.rpl_received,
                    "rpl_generated": s.rpl_generated,
                    "rpl_sent": s.rpl_sent,
                    "6xx": s.completed[6],
                    "5xx": s.completed[5],
                    "4xx": s.completed[4],
                    "3xx": s.completed[3],
                    "2xx": s.completed[2],
                    "created": s.created,
                    "freed": s.freed,
                    "delayed_free": s.delayed_free,
                }
            )
        )

    @rpc("tm.hash_stats")
    def rpc_hash_stats(self, rpc: Rpc) -> None:
        """Hash table statistics; as in Kamailio's usual builds they are not kept."""
        raise rpc.fault(500, "Hash statistics not supported (tryrecompiling with -DTM_HASH_STATS)")

    @rpc("tm.list", since="5.6")
    def rpc_list(self, rpc: Rpc) -> None:
        """List transactions: one struct per hash bucket that holds some, with the members of each."""
        buckets: dict[int, Struct] = {}
        newest_first = list(self.by_ident.values())
        newest_first.reverse()
        for t in sorted(newest_first, key=lambda t: t.index):
            struct = buckets.get(t.index)
            if struct is None:
                struct = buckets[t.index] = Struct()
                rpc.add(struct)
            request = t.request
            struct.add("cell", f"{id(t):#x}")
            struct.add("tindex", t.index)
            struct.add("tlabel", t.label)
            struct.add("method", t.method)
            struct.add("from", request.line("from") if request is not None else f"From: {t.from_}\r\n")
            struct.add("to", request.line("to") if request is not None else f"To: {t.to}\r\n")
            struct.add("callid", request.line("call-id") if request is not None else f"Call-ID: {t.callid}\r\n")
            struct.add("cseq", f"CSeq: {t.cseq_number}")
            struct.add("uas_request", "yes" if request is not None else "no")
            struct.add("tflags", t.flags)
            struct.add("outgoings", len(t.branches))
            struct.add("ref_count", 1)
            struct.add("lifetime", int(t.end_of_life - self.server.started))

    @rpc("tm.clean", since="5.6")
    def rpc_clean(self, rpc: Rpc) -> None:
        """Destroy transactions that outlived their lifetime by 90 s."""
        self.clean()

    def clean(self) -> int:
        """See `Functions`."""
        limit = self.server.timers.now - LIFETIME_LIMIT
        late = [t for t in self.by_ident.values() if t.end_of_life < limit]
        for t in late:
            if t.wait_deadline:
                self.on_wait.remove(t)
            self.destroy(t)
        return len(late)

    # -- acting on a transaction ----------------------------------------------------------------------------------
    @rpc("tm.cancel")
    @missing(400, "Callid and CSeq expected as parameters")
    def rpc_cancel(self, rpc: Rpc, callid: str, cseq: str) -> None:
        """Cancel an INVITE that is under way."""
        t = self.lookup_callid(callid, cseq)
        if t is None:
            raise rpc.fault(400, "Transaction not found")
        waiting = self.cancel_all(t)
        rpc.add(waiting, "branches remaining (waiting for timeout)")

    @rpc("tm.reply")
    @missing(400, "Reply code expected", "Reason phrase expected", "Transaction ID expected", "To tag expected")
    def rpc_reply(
        self, rpc: Rpc, code: int, reason: str, ident: str, totag: str, headers: str = "", body: str = ""
    ) -> None:
        """Reply to the transaction `index:label`."""
        index, _, label = ident.partition(":")
        if not (index.isdecimal() and label.isdecimal()):
            raise rpc.fault(400, "Invalid transaction ID")
        t = self.lookup_ident(int(index), int(label))
        if t is None:
            raise rpc.fault(481, "No such transaction")
        self._rpc_reply(rpc, t, code, reason, totag, headers, body)

    @rpc("tm.reply_callid", since="5.6")
    @missing(
        400, "Reply code expected", "Reason phrase expected", "Call-ID expected", "CSeq expected", "To tag expected"
    )
    def rpc_reply_callid(
        self,
        rpc: Rpc,
        code: int,
        reason: str,
        callid: str,
        cseq: str,
        totag: str,
        headers: str = "",
        body: str = "",
    ) -> None:
        """Reply to the INVITE with this Call-ID and CSeq number."""
        t = self.lookup_callid(callid, cseq)
        if t is None:
            raise rpc.fault(404, "Transaction not found")
        self._rpc_reply(rpc, t, code, reason, totag, headers, body)

    def _rpc_reply(self, rpc: Rpc, t: Transaction, code: int, reason: str, totag: str, headers: str, body: str) -> None:
        if t.request is None or self.reply_trans(t, code, reason, headers=headers, body=body or None, totag=totag) < 0:
            raise rpc.fault(500, "Reply failed")

    @rpc("tm.retransmit_reply", since="6.x")
    def rpc_retransmit_reply(self, rpc: Rpc, ident: str) -> None:
        """Send the last reply of the transaction `index:label` again."""
        index, _, label = ident.partition(":")
        if not (index.isdecimal() and label.isdecimal()):
            raise rpc.fault(400, "Invalid transaction ID")
        t = self.lookup_ident(int(index), int(label))
        if t is None:
            raise rpc.fault(404, "Transaction not found")
        if not self.resend_reply(t):
            raise rpc.fault(500, "Reply failed")

    @rpc("tm.retransmit_reply_callid", since="6.x")
    def rpc_retransmit_reply_callid(self, rpc: Rpc, callid: str, cseq: str) -> None:
        """Send the last reply of the transaction with this Call-ID and CSeq number again."""
        t = self.lookup_callid(callid, cseq)
        if t is None:
            raise rpc.fault(404, "Transaction not found")
        if not self.resend_reply(t):
            raise rpc.fault(500, "Reply failed")

    # -- requests of this server ----------------------------------------------------------------------------------
    @rpc("tm.t_uac_start")
    @missing(400, *_TOO_FEW)
    def rpc_uac_start(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """Send a request: method, URI, next hop and socket ("" or "."), headers (CRLF between them), body."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, body)

    @rpc("tm.t_uac_start_noack", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_start_noack(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_start; a 2xx is not acknowledged."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, body, types=TMCB_DONT_ACK)

    @rpc("tm.t_uac_start_hex", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_start_hex(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_start; the body is hexadecimal."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, _unhex(rpc, body))

    @rpc("tm.t_uac_start_noack_hex", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_start_noack_hex(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_start_noack; the body is hexadecimal."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, _unhex(rpc, body), types=TMCB_DONT_ACK)

    @rpc("tm.t_uac_wait")
    @missing(400, *_TOO_FEW)
    def rpc_uac_wait(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_start, and answer with the final reply: code, reason, URIs, routes, headers."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, body, wait=True)

    @rpc("tm.t_uac_wait_noack", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_wait_noack(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_wait; a 2xx is not acknowledged."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, body, types=TMCB_DONT_ACK, wait=True)

    @rpc("tm.t_uac_wait_hex", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_wait_hex(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_wait; the body is hexadecimal."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, _unhex(rpc, body), wait=True)

    @rpc("tm.t_uac_wait_noack_hex", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_wait_noack_hex(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_wait_noack; the body is hexadecimal."""
        body = _unhex(rpc, body)
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, body, types=TMCB_DONT_ACK, wait=True)

    @rpc("tm.t_uac_wait_block", since="5.6")
    @missing(400, *_TOO_FEW)
    def rpc_uac_wait_block(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_start, and answer with code and text of the final reply when it comes."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, body, wait=True, brief=True)

    @rpc("tm.t_uac_wait_block_noack", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_wait_block_noack(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_wait_block; a 2xx is not acknowledged."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, body, types=TMCB_DONT_ACK, wait=True, brief=True)

    @rpc("tm.t_uac_wait_block_hex", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_wait_block_hex(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_wait_block; the body is hexadecimal."""
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, _unhex(rpc, body), wait=True, brief=True)

    @rpc("tm.t_uac_wait_block_noack_hex", since="6.x")
    @missing(400, *_TOO_FEW)
    def rpc_uac_wait_block_noack_hex(
        self, rpc: Rpc, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_wait_block_noack; the body is hexadecimal."""
        body = _unhex(rpc, body)
        self._rpc_uac(rpc, method, ruri, nexthop, socket, headers, body, types=TMCB_DONT_ACK, wait=True, brief=True)

    @rpc("tm.t_uac_attrs", since="6.x")
    def rpc_uac_attrs(
        self, rpc: Rpc, attributes: str, method: str, ruri: str, nexthop: str, socket: str, headers: str, body: str = ""
    ) -> None:
        """As tm.t_uac_start, with attributes in front, `name=value;...`.

        `mode` start, wait or block; `cbflags` noack; `rpflags` 1: the body is hexadecimal; `fr_timeout` in ms.
        """
        fields: dict[str, str] = {}
        for item in attributes.split(";"):
            name, separator, value = item.partition("=")
            if separator:
                fields[name.strip()] = value.strip()
            elif item.strip():
                raise rpc.fault(400, f"invalid attribute: {item.strip()}")
        mode = fields.get("mode", "start")
        if mode not in ("start", "wait", "block"):
            raise rpc.fault(400, f"invalid mode: {mode}")
        if fields.get("rpflags") == "1":
            body = _unhex(rpc, body)
        self._rpc_uac(
            rpc,
            method,
            ruri,
            nexthop,
            socket,
            headers,
            body,
            types=TMCB_DONT_ACK if fields.get("cbflags") == "noack" else 0,
            wait=mode != "start",
            brief=mode == "block",
            fr_timeout=int(fields["fr_timeout"]) if fields.get("fr_timeout", "").isdecimal() else 0,
        )

    def _rpc_uac(
        self,
        rpc: Rpc,
        method: str,
        ruri: str,
        nexthop: str,
        socket: str,
        headers: str,
        body: str,
        *,
        types: int = 0,
        wait: bool = False,
        brief: bool = False,
        fr_timeout: int = 0,
    ) -> None:
        if not method:
            raise rpc.fault(400, "Empty method")
        try:
            parse_uri(ruri)
        except SipError:
            raise rpc.fault(400, f'Invalid request uri "{ruri}"') from None
        if nexthop not in ("", "."):
            try:
                parse_uri(nexthop)
            except SipError:
                raise rpc.fault(400, f'Invalid next-hop uri "{nexthop}"') from None
        more: dict[str, Any] = {"types": types, "whole": True}
        if wait:
            rpc.delay()
            more = {
                "types": types | TMCB_LOCAL_COMPLETED,
                "callback": self._uac_replied_briefly if brief else self._uac_replied,
                "param": rpc,
                "whole": True,
            }
        try:
            t = self.uac_from_headers(method, ruri, nexthop, socket, headers, body, **more)
        except ValueError as error:
            raise rpc.fault(400, str(error)) from None
        if t is not None and fr_timeout:
            self.change_fr(t, fr_timeout / 1000, fr_timeout / 1000)
        if t is None and method != "ACK" and self.last_error:
            code, text = error_reply(self.last_error, "RPC/UAC")
            raise RpcFault(code, text)

    def _uac_replied(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        """The final reply to a request of tm.t_uac_wait came (rpc_uac_callback)."""
        rpc: Rpc = params.param
        reply = params.reply
        if reply is None:
            rpc.add(params.code, reason_phrase(params.code), "", "", "", "")
        else:
            rpc.add(reply.status, reply.reason)
            dialog = dialog_of_reply(reply)
            if dialog is not None:
                uri, next_hop, route = dialog.hooks()
                rpc.add(uri, next_hop, route.removesuffix("\r\n"))
            rpc.add(reply.buf[reply.first_end :])
        rpc.finish()

    def _uac_replied_briefly(self, t: Transaction, kind: int, params: TmcbParams) -> None:
        rpc: Rpc = params.param
        reply = params.reply
        text = reply.reason if reply is not None else reason_phrase(params.code)
        rpc.add(Struct({"code": params.code, "text": text}))
        rpc.finish()

    # -- requests from header text --------------------------------------------------------------------------------
    def uac_from_headers(
        self,
        method: str,
        ruri: str,
        nexthop: str,
        socket: str,
        headers: str,
        body: str,
        **more: Any,
    ) -> Transaction | None:
        """See `Functions` (t_uac_send, rpc_t_uac)."""
        if not method:
            raise ValueError("Empty method")
        forced = self._named_socket(socket)
        read = self._read_headers(method, ruri, headers, body, forced, whole=more.pop("whole", False))
        callid = read.callid or self.generate_callid()
        dialog = UacDialog(
            callid=callid,
            local_uri=read.from_,
            remote_uri=read.to,
            target=ruri,
            local_tag=read.from_tag or self.generate_fromtag(callid, ruri),
            remote_tag=read.to_tag,
            cseq=read.cseq,
            dst_uri="" if nexthop == "." else nexthop,
            socket=forced,
        )
        callback, param = more.get("callback"), more.get("param")
        return self.send_request(method, dialog, read.rest, body, callback, more.get("types", 0), param)

    def _named_socket(self, text: str) -> ListenSocket | None:
        if text in ("", "."):
            return None
        proto, _, rest = text.partition(":")
        host, _, port = rest.rpartition(":") if proto in PROTO_NUMBERS else ("", "", "")
        if not host:
            proto = ""
            host, _, port = text.rpartition(":")
            if not host:
                host, port = text, ""
        if port and not port.isdecimal():
            raise ValueError(f'Invalid send socket "{text}"')
        found = self.server.find_socket(host.strip("[]"), int(port or 0), proto)
        if found is None:
            raise ValueError(f'No local socket for "{text}"')
        return found

    def _read_headers(
        self, method: str, ruri: str, headers: str, body: str, socket: ListenSocket | None, *, whole: bool
    ) -> _Headers:
        """From, To, Call-ID and CSeq out of the header text; the rest as it stands, `!!` replaced by our address.

        `whole` takes From and To with all their parameters, as the RPC commands do (a From that has a tag gets a
        second one there, as in Kamailio).
        """
        text = headers.replace("\r\n", "\n").rstrip("\n").replace("\n", "\r\n")
        try:
            msg = Message(f"{method} {ruri} SIP/2.0\r\nVia: SIP/2.0/UDP 0.0.0.0\r\n{text}\r\n\r\n")
        except SipError:
            raise ValueError("Invalid headers") from None
        if msg.header_error:
            raise ValueError("Invalid headers")
        if body and msg.first("content-type") is None:
            raise ValueError("Content-Type missing")
        if body and msg.first("content-length") is not None:
            raise ValueError("Content-Length disallowed")
        if msg.first("to") is None:
            raise ValueError("To missing")
        if msg.first("from") is None:
            raise ValueError("From missing")
        from_, to = msg.from_, msg.to
        if from_ is None or to is None:
            raise ValueError("Error in From")
        cseq = msg.cseq
        number = DEFAULT_CSEQ
        if cseq is not None:
            if not cseq.number_text.isdecimal():
                raise ValueError("Non-numerical CSeq")
            if cseq.method != method:
                raise ValueError("CSeq method mismatch")
            number = cseq.number
        kept = "".join(msg.buf[h.start : h.end] for h in msg.headers if h.kind not in _OWN_HEADERS)
        if "!!" in kept:
            address = socket or self.server.sockets[0]
            kept = kept.replace("!!", f"{address.via_host}:{address.via_port}")
        if whole:
            return _Headers(msg.value("from") or "", "", msg.value("to") or "", "", msg.callid, number, kept)
        return _Headers(from_.uri, from_.tag, to.uri, to.tag, msg.callid, number, kept)


def _unhex(rpc: Rpc, body: str) -> str:
    try:
        return unhexlify(body).decode("latin-1")
    except (HexError, ValueError):
        raise rpc.fault(400, "invalid hexadecimal body") from None
