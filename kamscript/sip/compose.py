"""Building messages that are not forwarded ones: from scratch, or derived from an INVITE that was sent.

`build_request` writes a request as Kamailio's tm does for its own (t_uac: build_uac_req), `hop_request` the CANCEL or
ACK that belongs to an INVITE sent downstream (build_local_reparse), `build_reply` a plain reply for user agents.
Replies of a server, with its Server header and received parameters, are the business of `kamscript.core.build`.

Source: modules/tm/t_msgbuilder.c of Kamailio 5.6; RFC 3261 sections 8.1.1, 9.1, 17.1.1.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.sip.message import Message

_COPIED_TO_HOP = frozenset(("from", "call-id", "route", "max-forwards"))
_DROPPED_FROM_HOP = frozenset(("require", "proxy-require"))
_COPIED_TO_REPLY = frozenset(("via", "from", "call-id", "cseq"))


def hop_request(invite: Message, method: str, to: str = "", *, headers: str = "", extra: str = "") -> str:
    """The CANCEL or hop-by-hop ACK for an INVITE, made from the text that was sent.

    Request URI, the first Via, From, Call-ID, Route and Max-Forwards come from `invite` in its order, CSeq with the new
    method, Content-Length as 0. `to` is a whole To line in place of the INVITE's (an ACK needs the reply's tag).
    `headers` are whole lines put at the end (Reason); `extra` the beginning of names of further headers to keep (tm's
    ac_extra_hdrs). Raises SipError when `invite` is no INVITE or its headers are damaged.
    """
    if invite.method_id != "INVITE" or invite.header_error or invite.eoh < 0:
        raise SipError(f"cannot build {method} from this message")
    buf = invite.buf
    parts = [method, buf[invite.first_start + len(invite.method) : invite.first_end]]
    first_via = True
    extra = extra.lower()
    for header in invite.headers:
        kind = header.kind
        if kind == "via":
            if first_via:
                parts.append(buf[header.start : header.end])
                first_via = False
        elif kind == "cseq":
            cseq = invite.cseq
            assert cseq is not None, "a malformed CSeq ends the headers"
            start = header.value_start + len(header.value) - len(header.value.lstrip("0123456789 \t"))
            parts.append(f"{buf[header.start : start]}{method}\r\n")
        elif kind == "to" and to:
            parts.append(to)
        elif kind == "to" or kind in _COPIED_TO_HOP:
            parts.append(buf[header.start : header.end])
        elif kind == "content-length":
            parts.append(f"{header.name}: 0\r\n")
        elif extra and kind not in _DROPPED_FROM_HOP and buf[header.start : header.end].lower().startswith(extra):
            parts.append(buf[header.start : header.end])
    parts.append(headers)
    parts.append("\r\n")
    return "".join(parts)


def build_request(
    method: str,
    uri: str,
    *,
    via: str,
    to: str,
    from_: str,
    call_id: str,
    cseq: int,
    to_tag: str = "",
    from_tag: str = "",
    routes: Sequence[str] = (),
    headers: str = "",
    body: str = "",
    user_agent: str = "",
) -> str:
    """A request from scratch, in the order in which Kamailio's t_uac writes one.

    `via` is a whole Via line. `to` and `from_` are URIs or name-addrs (`"Bob" <sip:bob@b>`): a bare URI gets its `<>`.
    `routes` are Route entries (`<sip:p1;lr>`), written into one Route header. `headers` are whole lines, a missing
    last line end is added; a Max-Forwards among them replaces the usual 70. `user_agent` is a whole line without its
    end, "" none.
    """
    parts = [f"{method} {uri} SIP/2.0\r\n", via, "To: ", bracketed(to)]
    if to_tag:
        parts += (";tag=", to_tag)
    parts += ("\r\nFrom: ", bracketed(from_))
    if from_tag:
        parts += (";tag=", from_tag)
    parts.append(f"\r\nCSeq: {cseq} {method}\r\nCall-ID: {call_id}\r\n")
    if routes:
        parts.append(f"Route: {', '.join(routes)}\r\n")
    if len(headers) < 15 or "Max-Forwards:" not in headers:
        parts.append("Max-Forwards: 70\r\n")
    parts.append(f"Content-Length: {len(body)}\r\n")
    if user_agent:
        parts += (user_agent, "\r\n")
    if len(headers) > 2:
        parts += (headers, "" if headers.endswith("\n") else "\r\n")
    parts += ("\r\n", body)
    return "".join(parts)


def bracketed(address: str) -> str:
    """An address for From or To: `<>` around it when none closes it (the rule of build_uac_req)."""
    close = address.rfind(">")
    if close >= 0 and (close == len(address) - 1 or address[close + 1] == ";"):
        return address
    return f"<{address}>"


def build_reply(
    request: Message,
    status: int,
    reason: str,
    *,
    to_tag: str = "",
    headers: Iterable[str] = (),
    body: str = "",
    record_route: bool = True,
) -> str:
    """A user agent's reply: Vias, Record-Routes (101 to 299), From, To, Call-ID, CSeq as they came, in their order.

    `to_tag` is added to a To without tag. `headers` are lines without line end; Content-Length comes last.
    """
    buf = request.buf
    parts = [f"SIP/2.0 {status} {reason}\r\n"]
    for header in request.headers:
        kind = header.kind
        if kind in _COPIED_TO_REPLY or (kind == "record-route" and record_route and 100 < status < 300):
            parts.append(buf[header.start : header.end])
        elif kind == "to":
            to = request.to
            line = buf[header.start : header.value_end]
            parts.append(f"{line};tag={to_tag}\r\n" if to_tag and to is not None and not to.tag else f"{line}\r\n")
    for text in headers:
        parts += (text, "\r\n")
    parts.append(f"Content-Length: {len(body)}\r\n\r\n{body}")
    return "".join(parts)
