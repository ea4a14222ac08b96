"""The tests of nat_uac_test(): does the sender, or who is written to, sit behind a NAT?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from kamscript.core.build import differs
from kamscript.core.sockets import is_address, shortest
from kamscript.modules.nathelper.addresses import is_null, is_private
from kamscript.modules.nathelper.contacts import first_contact
from kamscript.sip.errors import SipError
from kamscript.sip.sdp import Sdp, parse_message_sdp
from kamscript.sip.uri import Uri, parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.nathelper import Nathelper

_WEBSOCKET = ("ws", "wss")


def _contact_private(nat: Nathelper, ctx: Context) -> bool:
    found = first_contact(nat, ctx.msg)
    return found is not None and is_private(found.parsed.host, nat.nat_addr_mode)


def _received(nat: Nathelper, ctx: Context) -> bool:
    via = ctx.msg.top_via
    return via is not None and differs(nat.server, via, ctx.msg.received)


def _via_private(nat: Nathelper, ctx: Context) -> bool:
    via = ctx.msg.top_via
    return via is not None and is_private(via.host, nat.nat_addr_mode)


def _sdp_private(nat: Nathelper, ctx: Context) -> bool:
    for session in _sdp(nat, ctx).sessions:
        for stream in session.streams:
            ip, version = (stream.ip, stream.ip_version) if stream.ip else (session.ip, session.ip_version)
            if version != 4 or is_null(ip, version):
                break
            if is_private(ip, nat.nat_addr_mode):
                return True
    return False


def _rport(nat: Nathelper, ctx: Context) -> bool:
    via = ctx.msg.top_via
    return via is not None and ctx.msg.received.src_port != (via.port or 5060)


def _source_private(nat: Nathelper, ctx: Context) -> bool:
    return is_private(ctx.msg.received.src_ip, nat.nat_addr_mode)


def _websocket(nat: Nathelper, ctx: Context) -> bool:
    return ctx.msg.received.proto in _WEBSOCKET


def _contact_port(nat: Nathelper, ctx: Context) -> bool:
    found = first_contact(nat, ctx.msg)
    return found is not None and ctx.msg.received.src_port != (found.parsed.port_no or 5060)


def _sdp_address(nat: Nathelper, ctx: Context) -> bool:
    differing = False
    for session in _sdp(nat, ctx).sessions:
        if not session.ip:
            break
        if not is_address(session.ip):
            nat.error("Couldn't get sdp c line IP address")
            return False
        differing = differing or shortest(session.ip) != shortest(ctx.msg.received.src_ip)
    return differing


def _sdp(nat: Nathelper, ctx: Context) -> Sdp:
    try:
        return parse_message_sdp(ctx.msg)
    except SipError:
        nat.error("Unable to parse sdp body")
        return Sdp("")


def _destination(nat: Nathelper, ctx: Context) -> bool:
    """Whether the message goes elsewhere than its request URI, or second Via, says."""
    msg = ctx.msg
    if not msg.is_request:
        via = msg.via2
        if via is None:
            return False
        if via.proto in _WEBSOCKET:
            return True
        rport = via.rport.value if via.rport is not None and via.rport.value else ""
        if rport:
            if not rport.isdecimal():
                nat.error("invalid rport value")
                return False
            if int(rport) != (via.port or (5061 if via.proto == "tls" else 5060)):
                return True
        if via.received is None:
            return False
        return _differ(via.received.value or "", via.host)
    try:
        if not msg.dst_uri:
            return msg.parsed_uri().proto in _WEBSOCKET
        hop = parse_uri(msg.dst_uri)
        if hop.proto in _WEBSOCKET:
            return True
        uri = msg.parsed_uri()
    except SipError as error:
        nat.error(f"failed to parse the URI of the next hop: {error}")
        return False
    return _port(hop) != _port(uri) or _differ(hop.host, uri.host)


def _port(uri: Uri) -> int:
    return uri.port_no or (5061 if uri.proto == "tls" or uri.secure else 5060)


def _differ(host: str, other: str) -> bool:
    if not host:
        return False
    one, two = is_address(host), is_address(other)
    if one and two:
        return shortest(host) != shortest(other)
    return one or two or bool(other and host != other)


#: Flag of nat_uac_test() to its test, in the order in which the daemon tries them.
TESTS: Final[dict[int, Callable[[Nathelper, Context], bool]]] = {
    0x10: _rport,
    0x02: _received,
    0x01: _contact_private,
    0x08: _sdp_private,
    0x04: _via_private,
    0x20: _source_private,
    0x40: _websocket,
    0x80: _contact_port,
    0x100: _sdp_address,
    0x200: _destination,
}
