"""domain: which domains are ours, and what goes with them, from two tables that are read at start.

For tests and other modules: `domains` is a dict of `Row` by name in small letters, `is_local(name)` tells whether there
is one.

Source: domain manual; src/modules/domain/ of 5.6 and 6.x.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kamscript import stores
from kamscript.core.hashes import core_hash
from kamscript.core.rpc import Struct
from kamscript.module import FixupError, Module, Param, Route, Str, function, rpc
from kamscript.modules._tables import claim
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc

_NAME: Final = "domain"
_WHERE: Final = Route.REQUEST | Route.FAILURE | Route.BRANCH | Route.LOCAL
_SLOTS: Final = 128
_INTEGER, _TEXT = 0, 2
_NUMBER: Final = re.compile(r"[+-]?[0-9]*")


class Attribute(NamedTuple):
    """What goes with a domain: an integer or a text by a name."""

    name: str
    value: int | str


class Row(NamedTuple):
    """A row: the name of a domain, its id, and the attributes of that id, the last first."""

    name: str
    did: str
    attributes: list[Attribute]


class _Refused(Exception):
    """A row that makes the tables unusable."""


class Domain(Module, name="domain"):
    """Tell local domains from others, and what belongs to them, by tables of the database."""

    db_url = Param("mysql://kamailioro:kamailioro@localhost/kamailio", "URL of the database.")
    domain_table = Param("domain", "Table with the domains.")
    domain_attrs_table = Param("domain_attrs", "Table with their attributes.")
    did_col = Param("did", "Column of a domain's id, in both; where it is null the id is the domain.")
    domain_col = Param("domain", "Column of the domain's name.")
    name_col = Param("name", "Column of an attribute's name.")
    type_col = Param("type", "Column of its type: 0 integer, 2 text.")
    value_col = Param("value", "Column of its value.")
    register_myself = Param(0, "1: these domains are names of this server: `myself`, loose_route() and the like.")

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Read the tables."""
        self.db = stores.bind(self.server, self.db_url)
        self._limit = 1 << (31 if self.server.target in ("4.4", "5.6") else 63)
        names = {"domain": self.domain_col, "did": self.did_col}
        claim(self.db, self.domain_table, "domain", names)
        names = {"did": self.did_col, "name": self.name_col, "type": self.type_col, "value": self.value_col}
        claim(self.db, self.domain_attrs_table, "domain_attrs", names)
        self.db.check_version(self.domain_table, 2)
        self.db.check_version(self.domain_attrs_table, 1)
        self.domains: dict[str, Row] = {}
        self._attributes: dict[str, tuple[str, list[Attribute]]] = {}
        self._rows: list[Row] = []
        if not self._load():
            raise FixupError(f"domain reload failed: {self.domain_table} or {self.domain_attrs_table} has a wrong row")
        if self.register_myself:
            self.server.hooks.myself.append(lambda host, port, proto: self.is_local(host))

    def _load(self) -> bool:
        """Read the tables again; False, and an error line, when one cannot be read whole: the old rows stay."""
        try:
            attributes = self._read_attributes()
            rows = self._read_domains(attributes)
        except DatabaseError:
            self._error("error while querying database")
            return False
        except _Refused as error:
            self._error(str(error))
            return False
        self._attributes, self._rows = attributes, rows
        self.domains = {domain.name.lower(): domain for domain in rows}
        return True

    def _read_attributes(self) -> dict[str, tuple[str, list[Attribute]]]:
        """Attributes by id in small letters, with the id as it was first written."""
        found: dict[str, tuple[str, list[Attribute]]] = {}
        columns = [self.did_col, self.name_col, self.type_col, self.value_col]
        for number, (did, name, kind, value) in enumerate(self.db.query(self.domain_attrs_table, columns)):
            did, name = self._text(did, "did", number), self._text(name, "name", number)
            if not isinstance(kind, int) or kind not in (_INTEGER, _TEXT):
                raise _Refused(f"unknown type <{kind}> at row <{number}> of {self.domain_attrs_table}: {did} {name}")
            value = self._text(value, "value", number, empty=True)
            attribute = Attribute(name, self._number(value, number) if kind == _INTEGER else value)
            found.setdefault(did.lower(), (did, []))[1].insert(0, attribute)
        return found

    def _read_domains(self, attributes: dict[str, tuple[str, list[Attribute]]]) -> list[Row]:
        rows = []
        for number, (name, did) in enumerate(self.db.query(self.domain_table, [self.domain_col, self.did_col])):
            name = self._text(name, "domain", number)
            did = name if did is None else self._text(did, "did", number)
            rows.append(Row(name, did, attributes.get(did.lower(), ("", []))[1]))
        return rows

    def _text(self, cell: Any, column: str, number: int, *, empty: bool = False) -> str:
        if not isinstance(cell, str):
            raise _Refused(f"{column} at row <{number}> is null or not string")
        if not cell and not empty:
            raise _Refused(f"{column} at row <{number}> is empty string")
        return cell

    def _number(self, text: str, number: int) -> int:
        value = int(text.rstrip("+-") or "0") if _NUMBER.fullmatch(text) else None
        if value is None or not -self._limit <= value < self._limit:
            raise _Refused(f"value at row <{number}> is invalid int: {text!r}")
        return value

    def _error(self, text: str) -> None:
        self.server.log.error(_NAME, text)

    def is_local(self, domain: str) -> bool:
        """Whether a domain is in the table, in any case of letters."""
        return domain.lower() in self.domains

    # -- functions ------------------------------------------------------------------------------------------------
    @function(_WHERE)
    def is_from_local(self, ctx: Context) -> int:
        """Whether the domain of the From URI is local; -2 when it has none that can be read."""
        body = ctx.msg.from_
        try:
            uri = parse_uri(body.uri if body is not None else "")
        except SipError:
            self._error("Error while parsing From header")
            return -2
        return 1 if self.is_local(uri.host) else -1

    @function(_WHERE)
    def is_uri_host_local(self, ctx: Context) -> bool:
        """Whether the domain of the request URI is local; in a failure route, of the first branch that was added."""
        failed = ctx.route is Route.FAILURE
        if failed and not ctx.branches:
            self._error("branch is missing, error in script")
            return False
        try:
            uri = parse_uri(ctx.branches[0].uri) if failed else ctx.msg.parsed_uri()
        except SipError:
            self._error("error while parsing branch URI" if failed else "error while parsing R-URI")
            return False
        return self.is_local(uri.host)

    @function(_WHERE)
    def is_domain_local(self, ctx: Context, domain: Str) -> bool:
        """Whether a domain is local."""
        return self.is_local(domain)

    @function(_WHERE)
    def lookup_domain(self, ctx: Context, domain: Str, prefix: Str = "") -> bool:
        """Whether a domain is local; its attributes, and its id as `did`, become AVPs, `prefix` before their names."""
        found = self.domains.get(domain.lower())
        if found is None:
            return False
        for attribute in found.attributes:
            ctx.avps.push(prefix + attribute.name, attribute.value)
        ctx.avps.push(f"{prefix}did", found.did)
        return True

    # -- commands -------------------------------------------------------------------------------------------------
    @rpc("domain.reload")
    def rpc_reload(self, rpc: Rpc) -> None:
        """Read the tables again."""
        if not self._load():
            raise rpc.fault(400, "Reload of domain tables failed")

    @rpc("domain.dump")
    def rpc_dump(self, rpc: Rpc) -> None:
        """The domains and the names of their attributes."""
        slots = [(core_hash(domain.name.lower(), _SLOTS), domain) for domain in reversed(self._rows)]
        slots.sort(key=lambda pair: pair[0])
        domains = [Struct(domain=domain.name, did=domain.did) for _, domain in slots]
        attributes = [
            Struct(did=did, attrs=[attribute.name for attribute in each])
            for did, each in reversed(self._attributes.values())
        ]
        rpc.struct(domains=domains, attributes=attributes)
