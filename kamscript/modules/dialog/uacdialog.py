"""A leg of a call as tm wants it, to send a request there (dialog/dlg_req_within.c build_dlg_t)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.errors import E_DROP
from kamscript.modules.dialog.cell import CALLEE, CALLER, IFLAG_CSEQ_DIFF
from kamscript.modules.dialog.cseq import difference_of
from kamscript.modules.tm.dialog import UacDialog
from kamscript.sip.errors import SipError
from kamscript.sip.nameaddr import parse_routes
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.values import unsigned

if TYPE_CHECKING:
    from kamscript.core.server import Server
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.tm.api import TmApi
    from kamscript.modules.tm.transaction import Transaction

#: A URI with an alias is at least so much longer than the parameter's name.
_ALIAS_REST = 16
#: The longest next hop that is made of an alias.
_LONGEST_HOP = 80
_PROTOCOLS = {str(number): name for name, number in PROTO_NUMBERS.items()}


def alias_name(server: Server) -> str:
    """How the parameter of contacts is called that holds an address (modparam nathelper alias_name)."""
    nathelper: Any = server.modules.get("nathelper")
    return "alias" if nathelper is None else nathelper.alias


def restore_alias(uri: str, name: str = "alias") -> tuple[str, str]:
    """Undo `;alias=ip~port~proto` of set_contact_alias(): the URI without it, and the next hop.

    The next hop is "" when the URI has no such parameter, or not a proper one (uri_restore_rcv_alias).
    """
    mark = f";{name}="
    if len(uri) < len(mark) + _ALIAS_REST:
        return uri, ""
    start = uri.rfind(mark, 6, len(uri) - 11)
    if start < 0:
        return uri, ""
    end = uri.find(";", start + 1)
    end = len(uri) if end < 0 else end
    parts = uri[start + len(mark) : end].split("~")
    if len(parts) != 3 or len(parts[2]) != 1:
        return uri, ""
    ip, port, number = parts
    if 5 + len(ip) + len(port) + 15 >= _LONGEST_HOP:
        return uri, ""
    proto = _PROTOCOLS.get(number, "")
    transport = f";transport={proto}" if proto and proto != "udp" else ""
    return uri[:start] + uri[end:], f"sip:{ip}:{port}{transport}"


def route_set(text: str) -> list[str]:
    """The entries of a route set as it is kept; raises SipError."""
    return [text[entry.start : entry.end] for entry in parse_routes(text)] if text else []


def uac_dialog(dlg: DialogCell, side: int, server: Server) -> UacDialog | None:
    """What a request to the leg `side` is made of; None (and a line in the log): the leg is not known well enough.

    The CSeq is the last one of the other leg, whose part this server plays.
    """
    log = server.log
    leg, other = dlg.leg(side), dlg.leg(CALLEE if side == CALLER else CALLER)
    if not leg.contact:
        log.error("dialog", "no contact available")
        return None
    cseq = unsigned(other.cseq) if other.cseq else None
    if cseq is None:
        log.error("dialog", "invalid cseq")
        return None
    if side == CALLEE and dlg.iflags & IFLAG_CSEQ_DIFF:
        # Kamailio forgets this, and the callee refuses a number that is too low (RFC 3261 12.2.2).
        cseq += difference_of(dlg) or 0
    try:
        routes = route_set(leg.route_set)
    except SipError:
        log.error("dialog", "failed to parse route set")
        return None
    contact, hop = leg.contact, ""
    if not routes or server.target == "4.4":
        contact, hop = restore_alias(contact, alias_name(server))
    remote, local = (dlg.from_uri, dlg.to_uri) if side == CALLER else (dlg.to_uri, dlg.from_uri)
    return UacDialog(
        callid=dlg.callid,
        local_uri=local,
        remote_uri=remote,
        target=contact,
        local_tag=other.tag,
        remote_tag=leg.tag,
        cseq=cseq,
        routes=routes,
        dst_uri=hop,
        socket=leg.socket,
    )


def was_sent(tm: TmApi, t: Transaction | None) -> bool:
    """Whether the request that made `t` left; one that event_route[tm:local-request] dropped is as good."""
    return t is not None or tm.last_error in (0, E_DROP)
