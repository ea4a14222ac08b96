"""Keepalives to registered contacts: four bytes, or a SIP request whose answer tells that the contact lives.

Every contact gets one within `natping_interval` seconds: each second the pinger goes through the share of usrloc's hash
slots that belongs to it. Source: nathelper.c (nh_timer), sip_pinger.h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.dns import uri_to_destination
from kamscript.core.hashes import core_hash
from kamscript.core.sockets import Destination, ListenSocket, bracketed
from kamscript.modules._hostport import parse_host_port
from kamscript.modules.usrloc.keepalive import first_uri
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.nathelper import Nathelper
    from kamscript.modules.usrloc.contact import Contact

FOUR_BYTES = "\0\0\0\0"
_MAX_TAG = 1 << 32


class Pinger:
    """The keepalives of one server. `enabled` is what nathelper.enable_ping sets; `sent` counts them."""

    def __init__(self, nat: Nathelper) -> None:
        self.nat = nat
        self.usrloc = nat.server.module("usrloc")
        self.enabled = True
        self.sent = 0
        self.request_flag = _bit(nat.sipping_bflag)
        self.never_flag = _bit(nat.natping_disable_bflag)
        self.natted_flag = self.usrloc.nat_flag if nat.ping_nated_only else 0
        self._second = 0
        chance = nat.server.environment.chance
        self._tag, self._call = chance.getrandbits(31), chance.getrandbits(31)
        self._call_id = _reversed(chance.getrandbits(31))

    def second(self) -> None:
        """One second is over: ping those whose turn it is."""
        nat = self.nat
        if self.enabled:
            parts = nat.natping_processes * nat.natping_interval
            for process in range(nat.natping_processes):
                part = process * nat.natping_interval + self._second
                for contact in self.usrloc.all_contacts(self.natted_flag, part, parts, own=bool(nat.filter_server_id)):
                    if not contact.cflags & self.never_flag:
                        self._ping(contact)
        self._second = (self._second + 1) % nat.natping_interval

    def _ping(self, contact: Contact) -> None:
        nat, server = self.nat, self.nat.server
        flagged = bool(contact.cflags & self.request_flag)
        path = "" if nat.ignore_path else contact.path
        source = nat.raw_socket
        uri = contact.received or contact.c
        if path and flagged:
            uri = first_uri(path)
        elif path and nat.udpping_from_path:
            source = self._source_of(path)
            if source is None:
                return
        try:
            proto = parse_uri(uri).proto
        except SipError:
            nat.error("can't parse contact/received uri")
            return
        if proto not in ("", "udp"):
            return
        to = uri_to_destination(server, uri)
        if to is None:
            nat.error("can't resolve_host")
            return
        to = Destination("udp", to.ip, to.port)
        socket = nat.forced_socket or contact.sock or server.get_send_socket(to)
        if socket is None:
            nat.error("can't get sending socket")
            return
        self.sent += 1
        if flagged or (not nat.ping_nated_only and self.request_flag):
            server.send(socket, to, self._request(contact, socket))
        else:
            server.send(source or socket, to, FOUR_BYTES)

    def _request(self, contact: Contact, socket: ListenSocket) -> str:
        nat, server = self.nat, self.nat.server
        branch = 1_000_000 + server.environment.chance.randrange(0, 9_000_000)
        route = f"Route: {contact.path}\r\n" if contact.path else ""
        hash_text = _reversed(core_hash(contact.aor))
        tag = f"{contact.ruid}-{hash_text}-{_reversed(self._tag)}"
        ticks = _reversed(int(server.timers.now - server.started))
        call_id = f"{self._call_id}-{_reversed(self._call)}-{ticks}@{socket.address}"
        self._tag, self._call = (self._tag + 1) % _MAX_TAG, (self._call + 1) % _MAX_TAG
        return (
            f"{nat.sipping_method} {contact.c} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {bracketed(socket.via_host)}:{socket.via_port};branch=z9hG4bK{branch}\r\n"
            f"{route}From: {nat.sipping_from};tag={tag}\r\n"
            f"To: {contact.c}\r\n"
            f"Call-ID: {call_id}\r\n"
            f"CSeq: 1 {nat.sipping_method}\r\n"
            "Content-Length: 0\r\n\r\n"
        )

    def _source_of(self, path: str) -> ListenSocket | None:
        """With udpping_from_path: the proxy of the Path that the four bytes shall seem to come from."""
        address = path_address(path, self.nat.udpping_from_path - 1)
        if address is None:
            self.nat.error("unable to parse path from location")
            return None
        return self.nat.raw_address(address)

    def answered(self, ctx: Context) -> bool:
        """A reply came in: one to a request of ours tells that its contact is alive. It goes on its way (False)."""
        nat, msg = self.nat, ctx.msg
        if nat.keepalive_timeout <= 0 or not self.request_flag:
            return False
        if msg.cseq is None or msg.cseq.method != nat.sipping_method or msg.via2 is not None:
            return False
        sender = msg.from_
        if sender is None or sender.uri != nat.sipping_from or not sender.tag:
            return False
        parts = str(sender.tag).rsplit("-", 2)
        if len(parts) < 3 or not parts[0]:
            return False
        try:
            aorhash = int(parts[1][::-1], 16)
        except ValueError:
            return False
        self.usrloc.refresh_keepalive(aorhash, parts[0])
        return False


def path_address(path: str, depth: int) -> str | None:
    """`host:port` of an entry of a Path: the `depth`-th, 0 the last; the last there is when there are fewer."""
    found: list[str] = []
    for piece in path.split("<sip:")[1:]:
        ends = [at for at in (piece.find(";"), piece.find(">")) if at >= 0]
        if ends:
            found.append(piece[: min(ends)])
    address = found[min(depth, len(found)) - 1] if found else None
    return None if address is None or len(address) > 23 else address


def raw_socket(nat: Nathelper, text: str) -> ListenSocket | None:
    """The address that four bytes shall seem to come from; None, and a line in the log, when it is none."""
    place = parse_host_port(text, nat.server)
    if place is None or place.proto not in ("", "udp"):
        nat.error(f"invalid natping_socket parameter <{text}>")
        return None
    addresses = nat.server.dns.addresses(place.host, 1)
    if not addresses:
        nat.error(f'could not resolve hostname:"{place.host}"')
        return None
    return ListenSocket("udp", addresses[0], place.port or 5060)


def _bit(flag: int) -> int:
    return 0 if flag == -1 else 1 << (flag & 31)


def _reversed(number: int) -> str:
    """Hexadecimal digits, the last one first (int2reverse_hex)."""
    return f"{number:x}"[::-1]
