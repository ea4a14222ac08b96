"""Whether a message comes from a destination: ds_is_from_list, ds_is_active."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from kamscript.core.sockets import bracketed
from kamscript.modules.dispatcher.addresses import Addresses, Found
from kamscript.modules.dispatcher.destination import DNS_ALWAYS, DNS_SRV, SKIPPED, proto_of
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dispatcher import Dispatcher

ONLY_ACTIVE = 4
#: 6.x: a destination with a socket must have the one that the message came in by; or: it need not, but of several at an
#: address the one is taken whose port, transport and socket agree best.
SAME_SOCKET, BEST = 8, 16


def is_from(module: Dispatcher, ctx: Context, number: int, mode: int, uri: str = "") -> int:
    """1 when the source, or `uri`, is a destination of the set (-1: of any), else -1."""
    received = ctx.msg.received
    sources, port, proto = [received.src_ip], received.src_port, received.proto
    if uri:
        asked = _of_uri(module, uri)
        if asked is None:
            return -1
        sources, port, proto = asked
    if number == -1:
        addresses = module.sets.addresses
    else:
        group = module.sets.by_id.get(number)
        if group is None:
            return -1
        addresses = group.addresses
    barred = SKIPPED if mode & ONLY_ACTIVE else 0
    socket = received.socket if mode & SAME_SOCKET and module.newer else None
    always, best = module.ds_dns_mode & DNS_ALWAYS, mode & BEST and module.newer
    for source in sources:
        if best:
            candidates = _looked_up(module, addresses.members, source) if always else addresses.all(source)
            found = _best(candidates, port, proto, barred, socket, received.socket)
        elif always:
            at_source = Addresses(list(_looked_up(module, addresses.members, source)), source)
            found = at_source.find(source, port, proto, mode, barred, socket)
        else:
            found = addresses.find(source, port, proto, mode, barred, socket)
        if found is not None:
            _export(module, ctx, found, with_set=number == -1)
            return 1
    return -1


def _best(
    candidates: Iterable[Found],
    port: int,
    proto: str,
    barred: int,
    required: ListenSocket | None,
    arrived: ListenSocket,
) -> Found | None:
    """The first of those that agree most: the socket counts more than the transport, that more than the port."""
    best, most = None, -1
    for found in candidates:
        entry = found[1]
        if entry.flags & barred or (required is not None and entry.socket not in (None, required)):
            continue
        agrees = 4 * (entry.socket is arrived) + 2 * (entry.proto == proto != "") + (entry.port == port != 0)
        if agrees > most:
            best, most = found, agrees
            if agrees == 7:  # socket, transport and port
                break
    return best


def _looked_up(module: Dispatcher, members: list[Found], source: str) -> Iterator[Found]:
    """ds_dns_mode 2: those whose host is at this address now."""
    for found in members:
        entry = found[1]
        if entry.unmatched:
            continue
        addresses = entry.look_up(module)
        if not addresses:
            module.warn(f"could not resolve {entry.host} (skipping)")
        elif source in addresses:
            yield found


def _of_uri(module: Dispatcher, uri: str) -> tuple[list[str], int, str] | None:
    try:
        parsed = parse_uri(uri)
    except SipError:
        module.error(f"bad uri [{uri}]")
        return None
    dns, port, proto = module.server.dns, parsed.port_no, proto_of(module, parsed)
    if module.ds_dns_mode & DNS_SRV:
        found = list(dns.destinations(parsed.host, port, proto))
        if found:
            return [one.ip for one in found[: None if module.ds_dns_match_all else 1]], found[0].port, found[0].proto
    else:
        addresses = dns.addresses(bracketed(parsed.bare_host), dns.flags)
        if addresses:
            return addresses[: None if module.ds_dns_match_all else 1], port, proto
    module.error(f"could not resolve {parsed.host}")
    return None


def _export(module: Dispatcher, ctx: Context, found: Found, *, with_set: bool) -> None:
    group, entry = found
    if with_set and module.setid_target is not None and module.setid_target.set is not None:
        module.setid_target.set(ctx, group.id)
    if entry.attrs and module.attrs_target is not None and module.attrs_target.set is not None:
        module.attrs_target.set(ctx, entry.attrs)


def is_active(module: Dispatcher, number: int, uri: str = "") -> bool:
    """Whether a set has a destination, or this one, that gets traffic."""
    group = module.sets.by_id.get(number)
    if group is None:
        return False
    if not uri:
        return group.active > 0
    return any(not entry.skipped for entry in group.by_key.get(uri, ()))
