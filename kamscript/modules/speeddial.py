"""speeddial: short numbers that each user has for himself, in a table of the database.

Source: speeddial manual; src/modules/speeddial/ of 5.6 and 6.x.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Final

from kamscript import stores
from kamscript.core.rewrite import set_uri
from kamscript.module import Module, Param, Route, Str, function
from kamscript.modules._tables import TableFixup, claim, matches_nothing, without_prefix
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri
from kamscript.stores import DatabaseError

if TYPE_CHECKING:
    from kamscript.core.context import Context

_NAME: Final = "speeddial"
_TABLE: Final = "speed_dial"

if TYPE_CHECKING:
    Table = Callable[[Context], str]
else:
    Table = Annotated[Any, TableFixup(_NAME)]


class Speeddial(Module, name="speeddial"):
    """Look up in a database what a user means by a short number."""

    db_url = Param("mysql://kamailioro:kamailioro@localhost/kamailio", "URL of the database with the numbers.")
    user_column = Param("username", "Column with the user who owns the number.")
    domain_column = Param("domain", "Column with that user's domain.")
    sd_user_column = Param("sd_username", "Column with the number.")
    sd_domain_column = Param("sd_domain", "Column with the domain that is dialled with it.")
    new_uri_column = Param("new_uri", "Column with the URI that is meant.")
    use_domain = Param(0, "1: the owner's domain counts, 2: and the one that is dialled.")
    domain_prefix = Param("", "Beginning that is cut off these domains: `sip.`.")

    def start(self) -> None:
        """Find the database."""
        self.db = stores.bind(self.server, self.db_url)

    def adopt(self, table: str) -> None:
        """Tell the lab's database what columns the config expects of a table."""
        names = {"username": self.user_column, "domain": self.domain_column, "new_uri": self.new_uri_column}
        names |= {"sd_username": self.sd_user_column, "sd_domain": self.sd_domain_column}
        claim(self.db, table, _TABLE, names)

    def _error(self, text: str) -> None:
        self.server.log.error(_NAME, text)

    @function(Route.REQUEST)
    def sd_lookup(self, ctx: Context, table: Table, owner: Str = "") -> bool:
        """Replace the request URI by what its user, a short number, means to the owner: a URI, else that of From."""
        name = table(ctx)
        if not name:
            self._error("invalid table parameter")
            return False
        body = ctx.msg.from_
        caller = owner or (body.uri if body is not None else "")
        try:
            uri = parse_uri(caller)
        except SipError:
            self._error("bad owner SIP address!" if owner else "failed to parse FROM header")
            return False
        try:
            called = ctx.msg.parsed_uri()
        except SipError:
            self._error("failed to parsing Request-URI")
            return False
        if matches_nothing(self.db, uri.user, called.user):
            return False
        where = {self.user_column: uri.user, self.sd_user_column: called.user}
        if self.use_domain >= 1:
            where[self.domain_column] = without_prefix(uri.host, self.domain_prefix)
        if self.use_domain > 1:
            where[self.sd_domain_column] = without_prefix(called.host, self.domain_prefix)
        try:
            rows = self.db.query(name, [self.new_uri_column], where)
        except DatabaseError:
            self._error("failed to query database")
            return False
        found = rows[0][0] if rows else None
        if found is None:
            return False
        if not isinstance(found, str | bytes):
            self._error(f"{self.new_uri_column} of {name} is no text: {found}")
            return False
        text = found if isinstance(found, str) else found.decode("latin-1")
        set_uri(ctx, text if text.startswith("sip:") else f"sip:{text}")
        return True
