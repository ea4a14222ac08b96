"""permissions: who may call, who may register what, which addresses belong to whom.

    rules.py      files of what is allowed and denied
    addresses.py  the table of addresses in memory
    loading.py    where it is read from
    trusted.py    the table of trusted peers

Source: permissions manual; src/modules/permissions/ of 5.6 and 6.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kamscript import stores
from kamscript.core.rpc import missing
from kamscript.module import FixupError, Module, Param, PvInt, Route, Str, function, rpc
from kamscript.modules import _ip_text
from kamscript.modules._tables import claim
from kamscript.modules._variable_args import FirstVariable
from kamscript.modules.permissions import loading, trusted
from kamscript.modules.permissions.addresses import Entry, Table
from kamscript.modules.permissions.rules import (
    LONGEST,
    NOTHING,
    AllowFile,
    Basename,
    DenyFile,
    Files,
    Pair,
)
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.core.context import Context
    from kamscript.core.rpc import Rpc
    from kamscript.values import Value

_RULES = Route.REQUEST | Route.FAILURE
_ADDRESSES, _TRUSTED, _ALLOW_FILE, _DENY_FILE = 1, 2, 4, 8
#: Longest From URI and file name, bytes.
_MAX_URI, _MAX_FILE = 1024, 128
_MISSING = "Not enough parameters (basename, URI and contact)"


class Permissions(Module, name="permissions"):
    """Tell by files of rules and tables of addresses who may do what."""

    default_allow_file = Param("permissions.allow", "File of what allow_routing() allows.")
    default_deny_file = Param("permissions.deny", "File of what allow_routing() denies.")
    check_all_branches = Param(1, "0: allow_routing() looks at the request URI only, not at the branches.")
    allow_suffix = Param(".allow", "What the name of a file of what is allowed gets.")
    deny_suffix = Param(".deny", "What the name of a file of what is denied gets.")
    address_file = Param("", "File with the table of addresses, instead of the database.", since="5.6")
    db_url = Param(None, "Database with the tables of addresses and of trusted peers.", kind=str)
    address_table = Param("address", "Table of addresses.")
    grp_col = Param("grp", "Column of the group.")
    ip_addr_col = Param("ip_addr", "Column of the address, or of the name of a domain.")
    mask_col = Param("mask", "Column of the bits of the mask; 0: all.")
    port_col = Param("port", "Column of the port; 0: any.")
    db_mode = Param(0, "Trusted peers: 0 ask the database each time, 1 keep them in memory.")
    trusted_table = Param("trusted", "Table of trusted peers.")
    source_col = Param("src_ip", "Column of their address.")
    proto_col = Param("proto", "Column of the transport: `any`, `udp`, `tcp`, `tls`, `sctp`, `ws`, `wss`, `none`.")
    from_col = Param("from_pattern", "Column of the basic regular expression for the From URI.")
    ruri_col = Param("ruri_pattern", "Column of the basic regular expression for the request URI.")
    tag_col = Param("tag", "Column of the tag, in both tables.")
    priority_col = Param("priority", "Column of the priority: in memory the highest is first, else the lowest.")
    peer_tag_avp = Param("", "AVP that gets the tag of the row that matches.")
    peer_tag_mode = Param(0, "1: allow_trusted() adds the tags of all rows that match, and returns how many do.")
    max_subnets = Param(512, "Most subnets of the table of addresses; others are left out.")
    subnet_match_mode = Param(0, "1: the narrowest subnet counts; 0: the first.", since="6.x")
    load_backends = Param(0xFFFF, "What to load: 1 addresses, 2 trusted peers, 4 and 8 default files.", since="5.6")
    reload_delta = Param(5, "Seconds in which only one reload is possible.", since="5.6")
    trusted_cleanup_interval = Param(
        60, "Seconds after which a reloaded table is freed.", since="5.6", inert="what is replaced is free at once"
    )

    db: Any = None
    addresses: Table | None = None
    trusted: trusted.Trusted | None = None

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Read the default files and the tables."""
        self.modern = self.server.target not in ("4.4", "5.6")
        self.files = Files(self.server)
        self._reloaded: int | None = None
        if self.load_backends == 0:
            raise FixupError("no backend to be loaded: load_backends is 0")
        self._defaults = self._default_files()
        self._tag = self._tag_avp()
        if self.load_backends & _TRUSTED:
            self._start_trusted()
        if self.load_backends & _ADDRESSES:
            self._start_addresses()
        if self.db_mode not in (0, 1):
            raise FixupError(f"invalid db_mode value: {self.db_mode}")

    def _default_files(self) -> Pair:
        allow = self.files.read(self.default_allow_file) if self.load_backends & _ALLOW_FILE else NOTHING
        deny = self.files.read(self.default_deny_file) if self.load_backends & _DENY_FILE else NOTHING
        return self.files.add(allow, deny)

    def _tag_avp(self) -> Callable[[Context, Value], object] | None:
        """What adds a value to peer_tag_avp; None where there is none."""
        text = self.peer_tag_avp
        if not text:
            return None
        accessor = accessor_of(text, self.server) if text.startswith(("$avp(", "$(avp(")) else None
        if accessor is None or accessor.set is None:
            raise FixupError(f"malformed or non AVP {text} peer_tag_avp definition")
        return accessor.set

    def _start_trusted(self) -> None:
        if self.db_url is None:
            self._info("db_url parameter of permissions module not set, disabling allow_trusted")
            return
        trusted.open_table(self)
        if self.db_mode == 1:
            self.trusted = trusted.load(self)
            if self.trusted is None:
                raise FixupError(f"reload of trusted table failed: {self.trusted_table} has a row that is wrong")

    def _start_addresses(self) -> None:
        if not self.address_file:
            if self.db_url is None:
                self._info("db_url parameter of permissions module not set, disabling allow_address")
                return
            loading.open_table(self)
        self.addresses = loading.load(self)
        if self.addresses is None:
            place = self.files.path(self.address_file) if self.address_file else self.address_table
            raise FixupError(f"reload of address table failed: {place} cannot be read, or has a row that is wrong")

    def bind(self, table: str, like: str, columns: dict[str, str], version: int) -> None:
        """Find the database and a table; FixupError refuses the start."""
        self.db = stores.bind(self.server, self.db_url or "")
        claim(self.db, table, like, columns)
        self.db.check_version(table, version)

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(self.name, text)

    def _info(self, text: str) -> None:
        self.server.log.info(self.name, text)

    def put_tag(self, ctx: Context, tag: str | None) -> None:
        """Add the tag of a row that matches to the AVP."""
        if tag is not None and self._tag is not None:
            self._tag(ctx, tag)

    # -- files of rules -------------------------------------------------------------------------------------------
    @function(Route.ANY, name="allow_routing")
    def allow_routing_default(self, ctx: Context) -> bool:
        """Whether the default files allow the From URI to call the request URI and all branches."""
        return self._routing(ctx, self._defaults)

    @function(Route.ANY, name="allow_routing")
    def allow_routing_basename(self, ctx: Context, basename: Basename) -> bool:
        """The same by the files `basename.allow` and `basename.deny`."""
        return self._routing(ctx, basename)

    @function(Route.ANY)
    def allow_routing(self, ctx: Context, allow_file: AllowFile, deny_file: DenyFile) -> bool:
        """The same by two files."""
        return self._routing(ctx, deny_file)

    def _routing(self, ctx: Context, files: Pair) -> bool:
        if files.empty:
            return True
        caller = self._from(ctx)
        if caller is None:
            return False
        msg = ctx.msg
        try:
            uri = parse_uri(msg.current_uri()) if msg.is_request else None
        except SipError:
            uri = None
        if uri is None:
            self.error("uri parsing failed")
            return False
        called = f"sip:{uri.user}@{uri.host}"
        if len(called) > LONGEST:
            self.error(f"Request URI is too long: {len(called)} chars")
            return False
        if not files.allows(caller, called):
            return False
        if not self.check_all_branches:
            return True
        for branch in ctx.branches:
            plain = self._plain(branch.uri)
            if plain is None:
                self.error("failed to extract plain URI")
                return False
            if not files.allows(caller, plain):
                return False
        return True

    def _from(self, ctx: Context) -> str | None:
        """The From URI; None, and an error line, where there is none or it is too long."""
        body = ctx.msg.from_
        if body is None:
            self.error("failed to parse From body" if ctx.msg.value("from") else "FROM header field not found")
            return None
        if len(body.uri) > LONGEST:
            self.error(f"From header field is too long: {len(body.uri)} chars")
            return None
        return body.uri

    def _plain(self, text: str, *, with_port: bool = False) -> str | None:
        """`sip:user@host` of a URI; None, and an error line, where that is not possible."""
        try:
            uri = parse_uri(text)
        except SipError:
            self.error("failed to parse URI")
            return None
        plain = f"sip:{uri.user}@{uri.host}" if uri.user else f"sip:{uri.host}"
        if with_port and uri.port:
            plain += f":{uri.port}"
        if len(plain) > LONGEST:
            self.error(f"Request-URI is too long: {len(plain)} chars")
            return None
        return plain

    @function(_RULES, name="allow_register")
    def allow_register_basename(self, ctx: Context, basename: Basename) -> bool:
        """Whether the files `basename.allow` and `basename.deny` allow the To URI to register all its contacts."""
        return self._register(ctx, basename)

    @function(_RULES)
    def allow_register(self, ctx: Context, allow_file: AllowFile, deny_file: DenyFile) -> bool:
        """The same by two files."""
        return self._register(ctx, deny_file)

    @function(_RULES, name="allow_register_include_port", since="6.x")
    def allow_register_port_basename(self, ctx: Context, basename: Basename) -> bool:
        """allow_register() where contacts keep their port."""
        return self._register(ctx, basename, with_port=True)

    @function(_RULES, since="6.x")
    def allow_register_include_port(self, ctx: Context, allow_file: AllowFile, deny_file: DenyFile) -> bool:
        """The same by two files."""
        return self._register(ctx, deny_file, with_port=True)

    def _register(self, ctx: Context, files: Pair, *, with_port: bool = False) -> bool:
        if files.empty:
            return True
        msg = ctx.msg
        if msg.to is None:
            self.error("To or Contact not found")
            return False
        try:
            contacts = msg.contacts
        except SipError:
            self.error("failed to parse Contact HF")
            return False
        if contacts is None or contacts.star:
            return True
        owner = msg.to.uri
        if len(owner) > LONGEST:
            self.error(f"To header field is too long: {len(owner)} chars")
            return False
        for contact in contacts.backwards():
            plain = self._plain(contact.uri, with_port=with_port)
            if plain is None:
                self.error("can't extract plain Contact URI")
                return False
            if self.check_all_branches and files.allow.matches(owner, plain):
                continue
            if files.deny.matches(owner, plain):
                return False
        return True

    @function(_RULES)
    def allow_uri(self, ctx: Context, basename: Basename, uri: FirstVariable) -> bool:
        """Whether the files `basename.allow` and `basename.deny` allow the From URI to call the URI in a variable."""
        if basename.empty:
            return True
        caller = self._from(ctx)
        if caller is None:
            return False
        value = uri.get(ctx)
        if value is None:
            self.error("pseudo variable value is not string")
            return False
        text = str(value)
        if len(text) > LONGEST:
            self.error(f"pseudo variable value is too long: {len(text)} chars")
            return False
        return basename.allows(caller, text)

    # -- addresses ------------------------------------------------------------------------------------------------
    def _find(self, ctx: Context, text: str, port: int, group: int | None) -> Entry | None:
        """The row for an address or a name, whose tag goes into the AVP."""
        if self.addresses is None:
            return None
        address = _ip_text.packed(text)
        port &= 0xFFFFFFFF
        found = self.addresses.find(text if address is None else address, port, group)
        if found is not None and (address is not None or group is not None):
            self.put_tag(ctx, found.tag)
        return found

    @function(Route.ANY)
    def allow_address(self, ctx: Context, group: PvInt, address: Str, port: PvInt) -> bool:
        """Whether an address, or the name of a domain, is in a group of the table of addresses."""
        return self._find(ctx, address, port, group & 0xFFFFFFFF) is not None

    @function(Route.ANY)
    def allow_source_address(self, ctx: Context, group: PvInt = 1) -> bool:
        """Whether the source address of the message is in a group of the table of addresses."""
        received = ctx.msg.received
        return self._find(ctx, received.src_ip, received.src_port, group & 0xFFFFFFFF) is not None

    @function(Route.ANY)
    def allow_source_address_group(self, ctx: Context) -> int:
        """The group that the source address of the message is in; -1 none."""
        received = ctx.msg.received
        return self.allow_address_group(ctx, received.src_ip, received.src_port)

    @function(Route.ANY)
    def allow_address_group(self, ctx: Context, address: Str, port: PvInt) -> int:
        """The group that an address, or the name of a domain, is in; -1 none. The tag of a name is not looked at."""
        found = self._find(ctx, address, port, None)
        return -1 if found is None else found.group

    # -- trusted peers --------------------------------------------------------------------------------------------
    @function(Route.ANY, name="allow_trusted")
    def allow_trusted_source(self, ctx: Context) -> int:
        """Whether the source address, transport and From URI are those of a trusted peer: 1 or, with peer_tag_mode,
        how many rows match; -1 none."""
        uri = self._from_uri(ctx)
        if uri is None:
            return -1
        received = ctx.msg.received
        return trusted.check(self, ctx, received.src_ip, received.proto, uri)

    @function(Route.ANY, name="allow_trusted")
    def allow_trusted_address(self, ctx: Context, source: Str, proto: Str) -> int:
        """The same for another address, a text, and transport."""
        uri = self._from_uri(ctx)
        return -1 if uri is None else self.allow_trusted(ctx, source, proto, uri)

    @function(Route.ANY, since="5.6")
    def allow_trusted(self, ctx: Context, source: Str, proto: Str, uri: Str) -> int:
        """The same for another URI in place of that in From."""
        if proto.lower() not in trusted.PROTOCOLS:
            self.error(f"unknown protocol {proto}")
            return -1
        return trusted.check(self, ctx, source, proto.lower(), uri)

    def _from_uri(self, ctx: Context) -> str | None:
        if not ctx.msg.is_request:
            return ""
        body = ctx.msg.from_
        if body is None:
            return None
        if len(body.uri) > _MAX_URI:
            self.error("message has From URI too large")
            return None
        return body.uri

    # -- commands -------------------------------------------------------------------------------------------------
    def _begin(self, rpc: Rpc) -> None:
        now = int(self.server.timers.now)
        delta = self.reload_delta if self.reload_delta >= 0 else 5
        if self._reloaded is not None and self._reloaded > now - delta:
            self.error("ongoing reload")
            raise rpc.fault(500, "ongoing reload")
        self._reloaded = now

    @rpc("permissions.addressReload")
    def rpc_address_reload(self, rpc: Rpc) -> None:
        """Read the table of addresses again."""
        self._begin(rpc)
        if self.addresses is None:
            self.error("there is no table of addresses: neither db_url nor address_file is set, or load_backends")
            raise rpc.fault(500, "Reload failed.")
        table = loading.load(self)
        if table is None:
            raise rpc.fault(500, "Reload failed.")
        self.addresses = table
        rpc.add("Reload OK")

    @rpc("permissions.addressDump")
    def rpc_address_dump(self, rpc: Rpc) -> None:
        """The single addresses of the table."""
        if self.addresses is None:
            raise rpc.fault(500, "No address table")
        for struct in self.addresses.addresses():
            rpc.add(struct)

    @rpc("permissions.subnetDump")
    def rpc_subnet_dump(self, rpc: Rpc) -> None:
        """The subnets of the table."""
        if self.addresses is None:
            raise rpc.fault(500, "No subnet table")
        for struct in self.addresses.subnets():
            rpc.add(struct)

    @rpc("permissions.domainDump")
    def rpc_domain_dump(self, rpc: Rpc) -> None:
        """The names of domains of the table."""
        if self.addresses is None:
            raise rpc.fault(500, "No domain list table")
        rpc.add(self.addresses.domains())

    @rpc("permissions.trustedReload")
    def rpc_trusted_reload(self, rpc: Rpc) -> None:
        """Read the trusted peers again that are kept in memory."""
        self._begin(rpc)
        if self.trusted is None:
            self.error("trusted peers are not kept in memory: see db_mode")
            raise rpc.fault(500, "Reload skipped (disabled cache)" if self.modern else "Reload failed.")
        table = trusted.load(self)
        if table is None:
            raise rpc.fault(500, "Reload failed.")
        self.trusted = table
        rpc.add("Reload OK")

    @rpc("permissions.trustedDump")
    def rpc_trusted_dump(self, rpc: Rpc) -> None:
        """The trusted peers that are kept in memory."""
        if self.trusted is None:
            raise rpc.fault(500, "No trusted table")
        rpc.add(self.trusted.shown())

    @rpc("permissions.testUri")
    @missing(500, _MISSING)
    def rpc_test_uri(self, rpc: Rpc, basename: str, uri: str, contact: str) -> None:
        """Whether the files `basename.allow` and `basename.deny`, which the config names, allow a pair of URIs."""
        if len(contact) > _MAX_URI:
            raise rpc.fault(500, "Contact is too long")
        name = basename + self.allow_suffix
        if len(name) + 1 > _MAX_FILE:
            raise rpc.fault(500, "Basename is too long")
        files = self.files.of_allow(name)
        if files is None:
            self.error(f"File <{self.files.path(name)}> has not been loaded")
        rpc.add("Allowed" if files is not None and files.allows(uri, contact) else "Denied")

    @rpc("permissions.allowUri", since="5.6")
    @missing(500, _MISSING)
    def rpc_allow_uri(self, rpc: Rpc, basename: str, uri: str, contact: str) -> None:
        """Another name of permissions.testUri."""
        self.rpc_test_uri(rpc, basename, uri, contact)
