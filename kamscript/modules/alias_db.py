"""alias_db: who is meant by another name, in a table of the database (no memory in between).

Source: alias_db manual; src/modules/alias_db/ of 5.6 and 6.x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from kamscript import stores
from kamscript.core.branches import Branch, append_branch
from kamscript.core.rewrite import set_uri
from kamscript.module import Accessor, Fixup, FixupError, Module, Param, Route, function
from kamscript.modules._tables import TableFixup, claim, matches_nothing, without_prefix
from kamscript.modules._variable_args import FirstVariable, first_variable
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.uri import Uri, parse_uri
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

_NAME: Final = "alias_db"
_TABLE: Final = "dbaliases"
_DOMAIN, _REVERSE = 1, 2
_FIND: Final = Route.REQUEST | Route.FAILURE | Route.ONREPLY | Route.BRANCH | Route.LOCAL


class _FlagsFixup(Fixup):
    """The letters d, r and u."""

    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> int:
        flags = _DOMAIN if server.module(_NAME).use_domain else 0
        for letter in text.lower():
            if letter == "d":
                flags &= ~_DOMAIN
            elif letter == "u":
                flags |= _DOMAIN
            elif letter == "r":
                flags |= _REVERSE
            else:
                raise FixupError(f"unsupported flag {letter!r} in {text!r}: d, r and u are possible")
        return flags


class _OutputFixup(Fixup):
    """An AVP or script variable."""

    constant = True
    kind = "writable"

    def resolve(self, text: str, server: Server) -> Accessor:
        pv = first_variable(text)
        accessor = accessor_of(pv.text, server) if pv.name in ("avp", "var") else None
        if accessor is None or accessor.set is None:
            raise FixupError(f"{text} takes no URI: an AVP or script variable is wanted")
        return accessor


if TYPE_CHECKING:
    Table = Callable[[Context], str]
    Flags = int
    Output = Accessor
else:
    Table = Annotated[Any, TableFixup(_NAME)]
    Flags = Annotated[int, _FlagsFixup()]
    Output = Annotated[object, _OutputFixup()]


class AliasDb(Module, name="alias_db"):
    """Look up in a database who is meant by another name."""

    db_url = Param("mysql://kamailioro:kamailioro@localhost/kamailio", "URL of the database with the aliases.")
    user_column = Param("username", "Column with the user.")
    domain_column = Param("domain", "Column with the user's domain.")
    alias_user_column = Param("alias_username", "Column with the user of the alias.")
    alias_domain_column = Param("alias_domain", "Column with the domain of the alias.")
    use_domain = Param(0, "1: the domain of the URI must be that of the alias, too.")
    domain_prefix = Param("", "Beginning that is cut off the domain of the URI: `sip.`.")
    append_branches = Param(0, "1: further users of an alias become branches, or values of the AVP.")

    def start(self) -> None:
        """Find the database."""
        self.db = stores.bind(self.server, self.db_url)

    def adopt(self, table: str) -> None:
        """Tell the lab's database what columns the config expects of a table."""
        names = {"username": self.user_column, "domain": self.domain_column}
        names |= {"alias_username": self.alias_user_column, "alias_domain": self.alias_domain_column}
        claim(self.db, table, _TABLE, names)

    def _error(self, text: str) -> None:
        self.server.log.error(_NAME, text)

    def _found(self, table: str, uri: Uri, flags: int) -> list[str]:
        """The URIs that belong to one, in the order of the rows; only the first unless append_branches is set."""
        users, domains = (self.user_column, self.domain_column), (self.alias_user_column, self.alias_domain_column)
        wanted, keys = (domains, users) if flags & _REVERSE else (users, domains)
        if matches_nothing(self.db, uri.user):
            return []
        where = {keys[0]: uri.user}
        if flags & _DOMAIN:
            where[keys[1]] = without_prefix(uri.host, self.domain_prefix)
        try:
            rows = self.db.query(table, wanted, where)
        except DatabaseError:
            self._error("failed to query database")
            return []
        if not rows or rows[0][0] is None:
            return []
        found = []
        for user, domain in rows if self.append_branches else rows[:1]:
            if not isinstance(user, str | bytes) or not isinstance(domain, str | bytes):
                self._error(f"{wanted[0]} and {wanted[1]} of {table} are no texts: {user}, {domain}")
                break
            found.append(f"sip:{_text(user)}@{_text(domain)}")
        return found

    # -- functions ------------------------------------------------------------------------------------------------
    @function(Route.REQUEST | Route.FAILURE, name="alias_db_lookup")
    def alias_db_lookup_plain(self, ctx: Context, table: Table) -> bool:
        """Replace the request URI, where it is an alias in the table, by the user's URI."""
        return self.alias_db_lookup(ctx, table, _DOMAIN if self.use_domain else 0)

    @function(Route.REQUEST | Route.FAILURE, since="5.6")
    def alias_db_lookup(self, ctx: Context, table: Table, flags: Flags) -> bool:
        """The same. `flags`: d by the user alone, u by user and domain, r from the user to the alias."""
        try:
            uri = ctx.msg.parsed_uri()
        except SipError:
            return False
        found = self._found(table(ctx), uri, flags)
        if not found:
            return False
        set_uri(ctx, found[0])
        return all(append_branch(ctx, Branch(text, q=0)) for text in found[1:])

    @function(_FIND, name="alias_db_find", since="5.6")
    def alias_db_find_plain(self, ctx: Context, table: Table, input: FirstVariable, output: Output) -> bool:
        """Put the URI of the user behind the alias in `input` into an AVP or script variable."""
        return self.alias_db_find(ctx, table, input, output, _DOMAIN if self.use_domain else 0)

    @function(_FIND, since="5.6")
    def alias_db_find(self, ctx: Context, table: Table, input: FirstVariable, output: Output, flags: Flags) -> bool:
        """The same with flags as alias_db_lookup() has them."""
        value = input.get(ctx)
        if value is None:
            self._error("PV vals is not string")
            return False
        try:
            uri = parse_uri(str(value))
        except SipError:
            self._error(f"failed to parse uri {value}")
            return False
        found = self._found(table(ctx), uri, flags)
        assert output.set is not None
        for text in found:
            output.set(ctx, text)
        return bool(found)


def _text(cell: str | bytes) -> str:
    return cell if isinstance(cell, str) else cell.decode("latin-1")
