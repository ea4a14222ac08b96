"""auth_db: digest authentication with the passwords of Kamailio's table `subscriber`.

Source: auth_db manual; src/modules/auth_db/ of 5.6 and 6.x.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

from kamscript import stores
from kamscript.module import Accessor, Fixup, FixupError, Module, Param, Route, function
from kamscript.modules._authorized import used
from kamscript.modules.auth import PROXY, WWW, Auth
from kamscript.modules.auth.arguments import Text, TextArg, TextFixup, VariableNumberArg
from kamscript.modules.auth.identity import check_identity
from kamscript.modules.auth.results import (
    AUTH_ERROR,
    AUTH_INVALID_PASSWORD,
    AUTH_OK,
    AUTH_USER_UNKNOWN,
    RETURNED,
    Outcome,
)
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.sip.auth import Credentials

_NAME: Final = "auth_db"
_VERSION: Final = 7
_TABLE: Final = "subscriber"
_BLANKS: Final = " \t\r\n"

#: Flags of auth_check() and is_subscriber().
_CHECK_IDENTITY, _ANY_CALLER = 1, 2
_WITH_DOMAIN, _NO_CREDENTIALS = 1, 2
#: Requests that may come from somebody else than who knows the password, with _ANY_CALLER.
_CALLS: Final = ("INVITE", "BYE", "PRACK", "UPDATE", "MESSAGE")


class Loaded(NamedTuple):
    """A column that is read along with the password, and the pseudo-variable that takes its value."""

    column: str
    target: Accessor
    is_avp: bool


class _TableFixup(Fixup):
    """The name of a table with passwords; refused unless it has the version that is expected."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> str:
        if not text:
            raise FixupError("an empty argument is not allowed here")
        if "$" in text:
            raise FixupError(f"the name of a table takes no pseudo-variables here: {text}")
        module: AuthDb = server.module(_NAME)
        module.open_table(text)
        return text


class _TableTextFixup(TextFixup):
    """The name of a table, perhaps in a pseudo-variable; nobody looks whether there is such a table."""

    def resolve(self, text: str, server: Server) -> Text:
        found = super().resolve(text, server)
        if found.constant:
            module: AuthDb = server.module(_NAME)
            module.adopt(text)
        return found


if TYPE_CHECKING:
    TableArg = str
    TableTextArg = Text
else:
    TableArg = Annotated[str, _TableFixup()]
    TableTextArg = Annotated[Any, _TableTextFixup()]


class AuthDb(Module, name="auth_db", requires=("auth",)):
    """Check credentials with the passwords of a database."""

    db_url = Param("mysql://kamailioro:kamailioro@localhost/kamailio", "URL of the database with the passwords.")
    user_column = Param("username", "Column with the user.")
    domain_column = Param("domain", "Column with the domain.")
    password_column = Param("ha1", "Column with the hash HA1, or with the password when calculate_ha1 is on.")
    password_column_2 = Param("ha1b", "Column with the hash for users that name their domain (`alice@example.com`).")
    calculate_ha1 = Param(0, "1: password_column holds the password itself.")
    use_domain = Param(0, "1: users are looked up with their domain; auth_check() compares domains, too.")
    load_credentials = Param(
        "", "Columns to read along with the password: `column;$avp(name)=column;...`, else into an AVP of that name."
    )
    version_table = Param(1, "0: the version of the table is not looked at.")
    force_generate_avps = Param(
        0, "1: the columns of load_credentials are read though the password is wrong.", since="5.6"
    )

    # -- life -----------------------------------------------------------------------------------------------------
    def start(self) -> None:
        """Find the database and the module auth; read load_credentials."""
        self.db = stores.bind(self.server, self.db_url)
        self.auth: Auth = self.server.module("auth")
        self._loaded = self._parse_loaded(self.load_credentials or "")
        self._adopted: set[str] = set()

    def error(self, text: str) -> None:
        """Log an error."""
        self.server.log.error(_NAME, text)

    def _parse_loaded(self, definition: str) -> list[Loaded]:
        """What `load_credentials` asks for, last first, as Kamailio sets the values."""
        loaded: list[Loaded] = []
        parts = definition.split(";")
        if parts[-1] == "":
            parts.pop()
        for part in parts:
            name, equals, column = part.rpartition("=")
            if not name:  # "=column" is the name of a column
                name, equals, column = "", "", part
            name, column = name.strip(_BLANKS), column.strip(_BLANKS)
            if not column or (equals and not name):
                raise FixupError(f"load_credentials: {part!r} is neither a column nor $avp(name)=column")
            text = name or f"$avp({column})"
            target = accessor_of(text, self.server)
            if target.set is None:
                raise FixupError(f"load_credentials: {text} cannot be written")
            loaded.insert(0, Loaded(column, target, text.startswith(("$avp", "$(avp"))))
        return loaded

    def open_table(self, table: str) -> None:
        """Have a look at a table that the config names; FixupError when it must not be used."""
        self.adopt(table)
        if self.version_table:
            self.db.check_version(table, _VERSION)

    def adopt(self, table: str) -> None:
        """Tell the lab's database what columns the config expects of a table."""
        if table in self._adopted or (table != _TABLE and stores.table(table) is not None):
            return
        self._adopted.add(table)
        definition = stores.table(_TABLE)
        assert definition is not None
        standard = {column.name for column in definition.columns}
        chosen = {
            "username": self.user_column,
            "domain": self.domain_column,
            "ha1": self.password_column,
            "ha1b": self.password_column_2,
        }
        renamed = {old: new for old, new in chosen.items() if new not in standard}
        extra = {item.column: "string" for item in self._loaded if item.column not in standard}
        self.db.adopt(table, _TABLE, rename=renamed, extra=extra)

    # -- the database ---------------------------------------------------------------------------------------------
    def _row(self, table: str, columns: list[str], user: str, domain: str | None) -> tuple[Any, ...] | None:
        """The first row of a user; None when there is none. Raises DatabaseError."""
        if table == _TABLE:
            self.adopt(table)
        where = {self.user_column: user}
        if domain is not None:
            where[self.domain_column] = domain
        rows = self.db.query(table, columns, where)
        return rows[0] if rows else None

    def _set_loaded(self, ctx: Context, values: tuple[Any, ...]) -> None:
        for item, value in zip(self._loaded, values, strict=True):
            if isinstance(value, bytes):
                value = value.decode("latin-1")
            if isinstance(value, float):  # a type that has no place in a pseudo-variable
                value = None
            if value is None and item.is_avp:
                continue
            assert item.target.set is not None
            item.target.set(ctx, int(value) if isinstance(value, int) else value)

    # -- authentication -------------------------------------------------------------------------------------------
    def authenticate(self, ctx: Context, realm: str, table: str, kind: str, method: str) -> int:
        """Check the credentials for a realm (digest_authenticate). Returns as www_authenticate()."""
        auth = self.auth
        realm = auth.strip_realm(realm)
        outcome, credentials = auth.pre_auth(ctx, realm, kind)
        if outcome is not Outcome.DO_AUTHENTICATION or credentials is None:
            return RETURNED[outcome]
        algorithm = auth.algorithm_of(credentials)
        if algorithm is None or (algorithm.endswith("-sess") and not self.calculate_ha1):
            self.error(f"unsupported digest algorithm: {credentials.algorithm}")
            return AUTH_ERROR
        columns = [self._password_column(credentials), *(item.column for item in self._loaded)]
        domain = (credentials.domain or realm) if self.use_domain else None
        try:
            row = self._row(table, columns, credentials.user or "", domain)
        except DatabaseError:
            self.error("failed to query database")
            return AUTH_ERROR
        if row is None:
            return AUTH_USER_UNKNOWN
        password = row[0]
        if password is None:
            self.error(f"{columns[0]} of {credentials.user} is null")
            return AUTH_ERROR
        hashed = auth.make_ha1(credentials, realm, str(password)) if self.calculate_ha1 else str(password)
        if self.force_generate_avps:
            self._set_loaded(ctx, row[1:])
        outcome = auth.check_response(ctx, credentials, method, hashed)
        if outcome is not Outcome.AUTHENTICATED:
            return AUTH_INVALID_PASSWORD if outcome is Outcome.NOT_AUTHENTICATED else AUTH_ERROR
        auth.post_auth(ctx, credentials, hashed)
        if not self.force_generate_avps:
            self._set_loaded(ctx, row[1:])
        return AUTH_OK

    def _password_column(self, credentials: Credentials) -> str:
        return self.password_column_2 if credentials.domain and not self.calculate_ha1 else self.password_column

    def _authenticate(self, ctx: Context, realm: Text, table: str, kind: str, method: str | None) -> int:
        name = realm.of(ctx)
        if not name or not method:
            self.error("no realm" if not name else "no method")
            return AUTH_ERROR
        return self.authenticate(ctx, name, table, kind, method)

    @function(Route.REQUEST)
    @function(Route.REQUEST, name="www_authorize")
    def www_authenticate(self, ctx: Context, realm: TextArg, table: TableArg) -> int:
        """Check the credentials in Authorization with the passwords of a table.

        Returns 1, -1 error, -2 wrong password, -3 no such user, -4 the nonce is stale, -5 no credentials for the realm,
        -6 the nonce was used already.
        """
        return self._authenticate(ctx, realm, table, WWW, ctx.msg.method)

    @function(Route.REQUEST, name="www_authenticate")
    def www_authenticate_method(self, ctx: Context, realm: TextArg, table: TableArg, method: TextArg) -> int:
        """www_authenticate() as if the request had another method."""
        return self._authenticate(ctx, realm, table, WWW, method.of(ctx))

    @function(Route.REQUEST)
    @function(Route.REQUEST, name="proxy_authorize")
    def proxy_authenticate(self, ctx: Context, realm: TextArg, table: TableArg) -> int:
        """Check the credentials in Proxy-Authorization; else as www_authenticate()."""
        return self._authenticate(ctx, realm, table, PROXY, ctx.msg.method)

    @function(Route.REQUEST)
    def auth_check(self, ctx: Context, realm: TextArg, table: TableTextArg, flags: VariableNumberArg) -> int:
        """www_authenticate() for a REGISTER, proxy_authenticate() for others; ACK and CANCEL pass.

        `flags` 1: the user must be that of the From URI, of the To URI for REGISTER and PUBLISH, and of the request URI
        for PUBLISH: -8 when it is not; 3: but INVITE, BYE, PRACK, UPDATE and MESSAGE may come from anybody. With
        `use_domain` the domains of these URIs must be the same.
        """
        msg = ctx.msg
        if msg.method_id in ("ACK", "CANCEL"):
            return AUTH_OK
        name, place, wanted = realm.of(ctx), table.of(ctx), flags.of(ctx)
        if not name or not place or wanted is None:
            self.error("no realm" if not name else "no table" if not place else "flags are no number")
            return AUTH_ERROR
        kind = WWW if msg.method_id == "REGISTER" else PROXY
        result = self.authenticate(ctx, name, place, kind, msg.method)
        found = used(ctx, kind)
        if result != AUTH_OK or not wanted & _CHECK_IDENTITY or found is None:
            return result
        anybody = bool(wanted & _ANY_CALLER) and msg.method_id in _CALLS
        user = found.credentials.user or ""
        return check_identity(ctx, user, use_domain=bool(self.use_domain), skip_user=anybody)

    @function(Route.ANY)
    def is_subscriber(self, ctx: Context, uri: TextArg, dbtable: TableTextArg, flags: VariableNumberArg) -> int:
        """Whether the user of a URI has a row in a table; the columns of load_credentials are read then.

        `flags`: 1 the domain must be that of the URI, 2 do not read these columns. Returns 1, -1 error, -2 no such
        user. Without load_credentials Kamailio asks for no column at all, which is an error: set flag 2 then.
        """
        text, table, wanted = uri.of(ctx), dbtable.of(ctx), flags.of(ctx)
        if not text or not table or wanted is None:
            self.error("no URI" if not text else "no table" if not table else "flags are no number")
            return AUTH_ERROR
        try:
            parsed = parse_uri(text)
        except SipError:
            self.error(f"this is no URI: {text}")
            return AUTH_ERROR
        skip = bool(wanted & _NO_CREDENTIALS)
        if not skip and not self._loaded:
            self.error("is_subscriber() reads no columns here: set load_credentials, or flag 2")
            return AUTH_ERROR
        columns = [self.user_column] if skip else [item.column for item in self._loaded]
        domain = parsed.host if wanted & _WITH_DOMAIN and parsed.host else None
        try:
            row = self._row(table, columns, parsed.user, domain)
        except DatabaseError:
            self.error("failed to query database")
            return AUTH_ERROR
        if row is None:
            return -2
        if not skip:
            self._set_loaded(ctx, row)
        return 1
