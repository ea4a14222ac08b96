"""Requests that keep contacts reachable, and their answers (usrloc/ul_keepalive.c; manual: ka_mode).

Sent without a transaction at each run of the timer. The From tag carries the record id, the hash of the address of
record and the time of sending, so that the answer alone tells which contact is alive and how long it took.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript.core.dns import uri_to_destination
from kamscript.core.hashes import core_hash
from kamscript.core.sockets import Destination
from kamscript.modules.usrloc.contact import Contact

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.usrloc import Usrloc
    from kamscript.modules.usrloc.domain import Domain, Record

MODE_ALL, MODE_NAT, MODE_UDP = 1, 2, 4
_NO_LOG = 255


class Keepalive:
    """Sends the requests of one `Usrloc` and hears the answers."""

    def __init__(self, usrloc: Usrloc) -> None:
        self.usrloc = usrloc
        self.silent = not usrloc.ka_mode
        self._count = 0
        self._format: Any = None
        self.interval, self.spread = usrloc.ka_timing()
        self.codes = _reply_codes(usrloc.ka_reply_codes)
        if usrloc.ka_mode:
            usrloc.server.hooks.reply_in.append(self.answered)
            if usrloc.ka_logmsg:
                from kamscript.script.format import format_of

                self._format = format_of(usrloc.ka_logmsg, usrloc.server)

    # -- sending --------------------------------------------------------------------------------------------------
    def ping(self, record: Record) -> None:
        """Send to every contact of a record that `ka_mode` and `ka_filter` choose."""
        if self.silent:
            return
        self._count += 1
        sent = 0
        for contact in list(record.contacts):
            if not self._chosen(contact) or (self.overdue(contact) and self.expire_soon(contact)):
                continue
            if not self._too_early(contact):
                sent += 1
                self._send(record.aor, record.aorhash, contact, sent)

    def ping_rows(self, table: Domain, part: int) -> None:
        """Send to the contacts of a table that is only in the database."""
        if self.silent:
            return

        u = self.usrloc
        natted, own = bool(u.ka_mode & MODE_NAT), bool(u.ka_filter & 1)
        for contact in u.store.live_contacts(table, part, natted=natted, own=own):
            self._count += 1
            self._send(contact.aor, core_hash(contact.aor), contact, 1)

    def _chosen(self, contact: Contact) -> bool:
        u = self.usrloc
        if u.ka_filter & 1 and contact.server_id != u.server_id:
            return False
        return not u.ka_mode & MODE_NAT or bool(u.nat_flag and contact.cflags & u.nat_flag)

    def _too_early(self, contact: Contact) -> bool:
        if self.interval <= 0 or contact.last_keepalive <= 0:
            return False
        chance = self.usrloc.server.environment.chance
        limit = self.interval + (chance.randrange(0, self.spread) if self.spread > 0 else 0)
        return contact.last_keepalive + limit > self.usrloc.now

    def overdue(self, contact: Contact) -> bool:
        """Whether no answer came for `ka_timeout` seconds."""
        u = self.usrloc
        return u.ka_timeout > 0 and contact.last_keepalive > 0 and contact.last_keepalive + u.ka_timeout < u.now

    def expire_soon(self, contact: Contact) -> bool:
        """Let a contact expire within 10 seconds; False when it does anyway."""
        limit = self.usrloc.now + 10
        if contact.expires <= limit:
            return False
        contact.expires = limit
        return True

    def _send(self, aor: str, aorhash: int, contact: Contact, number: int) -> None:
        u = self.usrloc
        uri = contact.received or (first_uri(contact.path) if contact.path else contact.c)
        destination = uri_to_destination(u.server, uri)
        if destination is None:
            u.error("cannot resolve destination")
            return
        if u.ka_mode & MODE_UDP and destination.proto != "udp":
            return
        socket = contact.sock or u.server.get_send_socket(destination)
        if socket is None:
            u.error("cannot get sending socket")
            return
        if contact.tcpconn_id > 0:
            destination = Destination(destination.proto, destination.ip, destination.port, contact.tcpconn_id)
        host = socket.via_host
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        now = u.server.timers.now
        seconds, microseconds = int(now), int(now % 1 * 1_000_000)
        count = f"{self._count:x}.{number:x}"
        route = f"Route: {contact.path}\r\n" if contact.path else ""
        tag = f"{contact.ruid}-{aorhash:x}-{seconds:x}-{microseconds:x}-{count}"
        random = u.server.environment.chance.getrandbits(32)
        to = aor if "@" in aor else f"{aor}@{u.ka_domain}"
        u.server.send(
            socket,
            destination,
            f"{u.ka_method} {contact.c} SIP/2.0\r\n"
            f"Via: SIP/2.0/{destination.proto.upper()} {host}:{socket.via_port};"
            f"branch=z9hG4bKx.{self._count}.{number}.0\r\n"
            f"{route}From: <{u.ka_from}>;tag={tag}\r\n"
            f"To: <sip:{to}>\r\n"
            f"Call-ID: ksrulka-{random:x}-{u.server.environment.pid:x}-{count}\r\n"
            f"CSeq: 80 {u.ka_method}\r\n"
            "Content-Length: 0\r\n\r\n",
        )

    # -- hearing --------------------------------------------------------------------------------------------------
    def answered(self, ctx: Context) -> bool:
        """A reply came in: one to a keepalive tells that its contact is alive. It goes on to other modules (False)."""
        u, msg = self.usrloc, ctx.msg
        if msg.cseq is None or msg.cseq.method != u.ka_method or msg.via2 is not None:
            return False
        if self.codes and msg.status not in self.codes and msg.status // 100 not in self.codes:
            return False
        sender = msg.from_
        if sender is None or sender.uri != u.ka_from or len(sender.tag or "") <= 8:
            return False
        parts = str(sender.tag).rsplit("-", 4)
        if len(parts) < 5 or not parts[0]:
            return False
        ruid = parts[0]
        try:
            aorhash, seconds, microseconds = (int(part, 16) for part in parts[1:4])
        except ValueError:
            return False
        took = round((u.server.timers.now - seconds) * 1_000_000) - microseconds
        u.refresh_keepalive(aorhash, ruid, took)
        if u.ka_loglevel != _NO_LOG and self._format is not None:
            text = f"keepalive roundtrip: {took // 1_000_000}.{took % 1_000_000:06d} sec - ruid [{ruid}]"
            u.log(u.ka_loglevel, text + self._format(ctx))
        return False


def first_uri(path: str) -> str:
    """The URI of the first entry of a Path vector."""
    text = path.partition("<")[2].partition(">")[0]
    return text or path.partition(",")[0].strip()


def _reply_codes(text: str) -> set[int]:
    """The reply codes and classes that `ka_reply_codes` lists; empty: all count."""
    numbers = (part.strip() for part in text.replace(" ", ",").split(","))
    return {int(number) for number in numbers if number.isdecimal() and int(number) > 0}
