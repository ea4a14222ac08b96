"""What a message tells about one side of the call: tag, CSeq, Contact, route set, socket (populate_leg_info)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dialog.cell import CALLER
from kamscript.sip.contact import parse_contacts
from kamscript.sip.errors import SipError
from kamscript.sip.nameaddr import parse_routes

if TYPE_CHECKING:
    from kamscript.modules.dialog.cell import DialogCell
    from kamscript.modules.dialog.parameters import Parameters
    from kamscript.modules.tm.transaction import Transaction
    from kamscript.sip.message import Message

#: More Record-Route entries are an error (MAX_RR_HDRS).
MAX_RECORD_ROUTES = 63

#: How many Record-Route headers of our own a branch left with, by its flags; two when both sides are other networks.
OWN_ROUTES = {1: 1, 3: 2}
#: `keep_proxy_rr`: whose route set keeps our own Record-Route.
KEEP_CALLEE, KEEP_CALLER = 1, 2


def contact_of(msg: Message) -> str:
    """The URI of the only contact of the first Contact header; raises SipError."""
    value = msg.value("contact")
    if value is None:
        raise SipError("bad sip message or missing Contact hdr")
    try:
        contacts = parse_contacts(value).contacts
    except SipError:
        contacts = []
    if len(contacts) != 1:
        raise SipError("bad Contact HDR")
    return contacts[0].uri


def record_routes(msg: Message) -> list[str]:
    """Every Record-Route entry as it stands, parameters included; raises SipError."""
    found: list[str] = []
    for value in msg.values("record-route"):
        if value[:1] == "<" and "," not in value and '"' not in value and ">" in value:
            # One address in brackets, as every proxy writes it.
            found.append(value.rstrip())
            continue
        found += [value[entry.start : entry.end] for entry in parse_routes(value)]
    if len(found) > MAX_RECORD_ROUTES:
        raise SipError("too many RR")
    return found


def fill_leg(
    module: Parameters, dlg: DialogCell, msg: Message, side: int, tag: str, t: Transaction | None = None
) -> bool:
    """Take what `msg` tells about the leg `side` into `dlg`; False (and a line in the log): it lacks something.

    A request tells of the caller, the 2xx of `t` of the callee: there the Record-Routes of the request and, unless
    keep_proxy_rr says otherwise, our own are left out.
    """
    log = module.server.log
    leg = dlg.leg(side)
    leg.socket = msg.received.socket
    if msg.header_error:
        log.error("dialog", "failed to parse headers")
        return False
    cseq = leg.cseq
    if side == CALLER:
        if msg.cseq is None:
            log.error("dialog", "bad sip message or missing CSeq hdr")
            return False
        cseq = msg.cseq.number_text
    try:
        contact = contact_of(msg)
        routes = record_routes(msg)
    except SipError as error:
        log.error("dialog", str(error))
        return False
    count = len(routes)
    leg.tag, leg.contact, leg.cseq = tag, contact, cseq or "0"
    if side == CALLER:
        dlg.from_rr_nb = count
        if routes:
            leg.route_set = ",".join(routes)
        return True
    own = 0
    if t is not None and t.relayed_branch >= 0:
        own = OWN_ROUTES.get(t.branches[t.relayed_branch].rr_flags, 0)
    keep = module.keep_proxy_rr
    if routes:
        skip = dlg.from_rr_nb + (0 if keep & KEEP_CALLEE else own)
        rest = routes[: count - skip] if skip <= count else []
        if rest:
            leg.route_set = ",".join(reversed(rest))
        if keep & KEEP_CALLER and own:
            # What stands behind the callee's part: our own and the caller's.
            dlg.caller.route_set = ",".join(routes[max(count - dlg.from_rr_nb - own, 0) :])
    return True
