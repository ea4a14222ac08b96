"""Whether a message comes from a destination: ds_is_from_list, ds_is_active."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.sockets import bracketed
from kamscript.modules.dispatcher.destination import DNS_ALWAYS, DNS_SRV, NO_DNS
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dispatcher import Dispatcher
    from kamscript.modules.dispatcher.destination import Destination
    from kamscript.modules.dispatcher.sets import DestinationSet

ANY_PORT, ANY_PROTO, ONLY_ACTIVE = 1, 2, 4


def is_from(module: Dispatcher, ctx: Context, number: int, mode: int, uri: str = "") -> int:
    """1 when the source, or `uri`, is a destination of the set (-1: of any), else -1."""
    received = ctx.msg.received
    address, port, proto = received.src_ip, received.src_port, received.proto
    if uri:
        found = _of_uri(module, uri)
        if found is None:
            return -1
        address, port, proto = found
    groups: list[DestinationSet] = module.sets.ordered
    if number != -1:
        group = module.sets.by_id.get(number)
        groups = [group] if group is not None else []
    for group in groups:
        for entry in group.entries:
            if _address(module, entry) == address and _matches(entry, port, proto, mode):
                _export(module, ctx, group, entry, with_set=number == -1)
                return 1
    return -1


def _matches(entry: Destination, port: int, proto: str, mode: int) -> bool:
    return (
        (bool(mode & ANY_PORT) or not entry.port or entry.port == port)
        and (bool(mode & ANY_PROTO) or entry.proto == proto)
        and not (mode & ONLY_ACTIVE and entry.skipped)
    )


def _address(module: Dispatcher, entry: Destination) -> str:
    if entry.flags & NO_DNS:
        return ""
    if module.ds_dns_mode & DNS_ALWAYS and not entry.resolve(module):
        module.warn(f"could not resolve {entry.host} (skipping)")
        return ""
    return entry.address


def _of_uri(module: Dispatcher, uri: str) -> tuple[str, int, str] | None:
    try:
        parsed = parse_uri(uri)
    except SipError:
        module.error(f"bad uri [{uri}]")
        return None
    dns = module.server.dns
    if module.ds_dns_mode & DNS_SRV:
        found = next(dns.destinations(parsed.host, parsed.port_no, parsed.proto), None)
        if found is not None:
            return found.ip, found.port, found.proto
    else:
        addresses = dns.addresses(bracketed(parsed.bare_host), dns.flags)
        if addresses:
            return addresses[0], parsed.port_no, parsed.proto
    module.error(f"could not resolve {parsed.host}")
    return None


def _export(module: Dispatcher, ctx: Context, group: DestinationSet, entry: Destination, *, with_set: bool) -> None:
    if with_set and module.setid_target is not None and module.setid_target.set is not None:
        module.setid_target.set(ctx, group.id)
    if entry.attrs and module.attrs_target is not None and module.attrs_target.set is not None:
        module.attrs_target.set(ctx, entry.attrs)


def is_active(module: Dispatcher, number: int, uri: str = "") -> bool:
    """Whether a set has a destination, or this one, that gets traffic."""
    group = module.sets.by_id.get(number)
    if group is None:
        return False
    return any(not entry.skipped and (not uri or entry.uri == uri) for entry in group.entries)
