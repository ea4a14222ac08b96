"""The table of peers whose requests need no password (permissions manual, 1.5; trusted.c, hash.c)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from kamscript.core.hashes import core_hash
from kamscript.core.rpc import Struct
from kamscript.modules import _basic_regex
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.ere import Ere
    from kamscript.modules.permissions import Permissions

VERSION = 6
_SLOTS = 128
ANY, NEVER = "any", "none"
#: Transports that a row and an argument may name.
PROTOCOLS = (ANY, "udp", "tcp", "tls", "sctp", "ws", "wss")


class Peer(NamedTuple):
    """A row. The patterns are basic regular expressions; None where the column is null."""

    source: str
    proto: str
    from_pattern: str | None
    ruri_pattern: str | None
    tag: str | None
    priority: int

    def matches(self, module: Permissions, proto: str, uri: str, ruri: str | None) -> bool:
        """Whether it is about a request with this transport (`any` is every one), From URI and request URI.

        A reply has no request URI, and no pattern counts for it (IS_SIP in permissions/hash.c).
        """
        if self.proto != ANY and proto not in (ANY, self.proto):
            return False
        if ruri is None:
            return True
        return _matches(module, self.from_pattern, uri) and _matches(module, self.ruri_pattern, ruri)


def _matches(module: Permissions, pattern: str | None, text: str) -> bool:
    if pattern is None:
        return True
    expression: Ere | None = _basic_regex.compile(pattern)
    if expression is None:
        module.error(f"invalid regular expression {pattern}")
        return False
    return expression.test(text)


class Trusted:
    """The rows in memory (db_mode 1), by source address, those of high priority first."""

    def __init__(self, peers: Sequence[Peer]) -> None:
        self.peers = sorted(peers, key=lambda peer: -peer.priority)
        self._by_source: dict[str, list[Peer]] = {}
        for peer in self.peers:
            self._by_source.setdefault(peer.source, []).append(peer)

    def of(self, source: str) -> Sequence[Peer]:
        """The rows of one address."""
        return self._by_source.get(source, ())

    def shown(self) -> Struct:
        """All rows, slot by slot."""
        found = Struct()
        slots = [(core_hash(peer.source, _SLOTS), peer) for peer in self.peers]
        for slot, peer in sorted(slots, key=lambda pair: pair[0]):
            found.add("table", slot)
            item = Struct(ip=peer.source, proto=PROTO_NUMBERS.get(peer.proto, 0))
            item.add("pattern", "NULL" if peer.from_pattern is None else peer.from_pattern)
            item.add("ruri_pattern", "NULL" if peer.ruri_pattern is None else peer.ruri_pattern)
            item.add("tag", peer.tag or "NULL")
            item.add("priority", peer.priority)
            found.add("item", item)
        return found


def open_table(module: Permissions) -> None:
    """Find the database and the table; FixupError refuses the start."""
    standard = {"src_ip": module.source_col, "proto": module.proto_col, "from_pattern": module.from_col}
    standard |= {"ruri_pattern": module.ruri_col, "tag": module.tag_col, "priority": module.priority_col}
    module.bind(module.trusted_table, "trusted", standard, VERSION)


def load(module: Permissions) -> Trusted | None:
    """All rows; None, and an error line, when one cannot be read."""
    columns = [module.source_col, module.proto_col, module.from_col, module.ruri_col, module.tag_col]
    try:
        rows = module.db.query(module.trusted_table, [*columns, module.priority_col])
    except DatabaseError:
        module.error("failed to query database")
        return None
    peers = []
    for row in rows:
        if not (isinstance(row[0], str) and isinstance(row[1], str)) or not all(_is_text(cell) for cell in row[2:5]):
            module.error(f"database problem: {row}")
            return None
        proto = row[1].lower()
        if proto not in PROTOCOLS and proto != NEVER:
            module.server.log.critical(module.name, f"unknown protocol {row[1]} of {row[0]}")
            return None
        peer = _peer(row[0], row[1:])
        if proto != NEVER:
            peers.append(peer)
    return Trusted(peers)


def _is_text(cell: object) -> bool:
    return cell is None or isinstance(cell, str)


def _peer(source: str, row: Sequence[Any]) -> Peer:
    priority = row[4] if len(row) > 4 and isinstance(row[4], int) else 0
    return Peer(source, row[0].lower(), row[1], row[2], row[3], priority)


def ask(module: Permissions, source: str) -> Iterable[Peer] | None:
    """The rows of one address, from the database (db_mode 0), those of low priority first; None when it fails."""
    columns = [module.proto_col, module.from_col, module.ruri_col, module.tag_col]
    try:
        rows = module.db.query(module.trusted_table, columns, {module.source_col: source}, order=module.priority_col)
    except DatabaseError:
        module.error("failed to query database")
        return None
    return [_peer(source, row) for row in rows if isinstance(row[0], str)]


def check(module: Permissions, ctx: Context, source: str, proto: str, uri: str) -> int:
    """How many rows match, at most 1 unless peer_tag_mode asks for all; -1 none. Their tags go into the AVP."""
    if module.db is None or (module.db_mode and module.trusted is None):
        module.error("no connection to database")
        return -1
    peers = module.trusted.of(source) if module.trusted is not None else ask(module, source)
    msg = ctx.msg
    ruri = msg.uri if msg.is_request else None
    count = 0
    for peer in peers or ():
        if peer.matches(module, proto, uri, ruri):
            count += 1
            module.put_tag(ctx, peer.tag)
            if not module.peer_tag_mode:
                break
    return count or -1
