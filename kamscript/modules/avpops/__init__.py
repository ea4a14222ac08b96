"""avpops: copying, checking, calculating and storing AVPs (src/modules/avpops/ of 4.4, 5.6 and 6.x)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from kamscript import stores
from kamscript.core import rewrite
from kamscript.core.branches import Branch, append_branch
from kamscript.core.branches import append_current as append_current_uri
from kamscript.module import Const, FixupError, Module, Param, Route, function
from kamscript.modules.avpops.arguments import (
    AvpsArg,
    CheckArg,
    CheckedArg,
    CopiedArg,
    CopyArg,
    DeletedArg,
    DestinationArg,
    LoadedArg,
    OperationArg,
    OwnerArg,
    QueryArg,
    SetArg,
    SourceArg,
    StoredArg,
    SubstArg,
    SubstitutedArg,
    TwoArg,
)
from kamscript.modules.avpops.names import Avp, Key
from kamscript.modules.avpops.preferences import (
    NAME_IS_NUMBER,
    VALUE_IS_NUMBER,
    Scheme,
    add_loaded,
    from_cell,
    from_row,
    mark,
    unstored,
)
from kamscript.modules.textops.subst import EmptyMatch, Subst, parse_subst
from kamscript.script.format import accessor_of, format_of
from kamscript.stores import Big, DatabaseError
from kamscript.values import unsigned, wrap

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.modules.avpops.preferences import Owner, Which
    from kamscript.stores import Database

_ROUTES: Final = Route.REQUEST | Route.FAILURE | Route.BRANCH | Route.ONREPLY | Route.LOCAL
_STANDARD: Final = "usr_preferences"
_LONGEST_NAME, _LONGEST_QUERY, _LONGEST_TEXT = 63, 1022, 1023
_BAD_EXPRESSION, _NO_ROWS = -3, -2


class Avpops(Module, name="avpops"):
    """Copy, check, calculate and store AVPs."""

    db_url = Param("", "URL of the database with AVPs; the avp_db functions need it.")
    avp_table = Param("", "Table with AVPs.")
    use_domain = Param(0, "1: the domain of a URI counts, too.")
    uuid_column = Param("uuid", "Column with the owner's id.")
    attribute_column = Param("attribute", "Column with the name.")
    value_column = Param("value", "Column with the value.")
    type_column = Param("type", "Column with the types: 1 the value is a number, 2 the name is.")
    username_column = Param("username", "Column with the owner's user.")
    domain_column = Param("domain", "Column with the owner's domain.")
    db_scheme = Param(
        "",
        "Another table with values: `name:table=TABLE;value_col=COLUMN;value_type=string|integer;uuid_col=...`.",
        set="add_scheme",
    )

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.schemes: dict[str, Scheme] = {}

    def add_scheme(self, text: str) -> None:
        """`db_scheme`."""
        scheme = Scheme(text)
        if scheme.name.lower() in self.schemes:
            raise FixupError(f"there is a db_scheme {scheme.name} already")
        self.schemes[scheme.name.lower()] = scheme

    def start(self) -> None:
        """Reach the database."""
        if not self.db_url:
            return
        if not self.avp_table:
            raise FixupError("db_url is given, but no avp_table")
        self.db: Database = stores.bind(self.server, self.db_url)
        columns = {
            "uuid": self.uuid_column,
            "attribute": self.attribute_column,
            "value": self.value_column,
            "type": self.type_column,
            "username": self.username_column,
            "domain": self.domain_column,
        }
        self.db.adopt(self.avp_table, _STANDARD, rename={old: new for old, new in columns.items() if old != new})
        try:
            self.db.connect()
        except DatabaseError as error:
            raise FixupError("cannot initialize database connection") from error

    def _error(self, text: str) -> None:
        if text:
            self.server.log.error(self.name, text)

    # -- AVPs -----------------------------------------------------------------------------------------------------
    def _key(self, ctx: Context, avp: Avp) -> Key | None:
        key = avp.key(ctx)
        if key is None:
            self._error("failed to get AVP name")
        return key

    @function(_ROUTES)
    def avp_print(self, ctx: Context) -> bool:
        """Log all AVPs, at INFO."""
        for key, values in ctx.avps.lists.items():
            for value in values:
                name = f"id=<{key}>" if isinstance(key, int) else f"name=<{key}>"
                shown = f"val_int=<{value}>" if isinstance(value, int) else f"val_str=<{value} / {len(value)}>"
                self.server.log.info(self.name, f"{name} {shown}")
        return True

    @function(_ROUTES)
    def avp_delete(self, ctx: Context, avp: DeletedArg) -> bool:
        """Delete the newest value of `$avp(x)`, all of them (`$avp(x)/g`), all AVPs (`*`), those with text names (`s`)
        or with numbers as names (`i`). False: there was none."""
        what, flags = avp
        avps = ctx.avps
        if isinstance(what, Avp):
            key = self._key(ctx, what)
            if key is None or key not in avps.lists:
                return False
            (avps.delete_all if "g" in flags else avps.delete)(key)
            return True
        keys = [key for key in self._own(ctx) if what == "*" or isinstance(key, int) == (what == "i")]
        for key in keys:
            avps.delete_all(key)
        return bool(keys)

    @staticmethod
    def _own(ctx: Context) -> list[Key]:
        """The names of AVPs of the usual class."""
        return [key for key in ctx.avps.lists if isinstance(key, int) or not key.startswith("$")]

    @function(_ROUTES)
    def avp_copy(self, ctx: Context, source: CopiedArg, target: CopyArg) -> bool:
        """Copy the newest value of an AVP to another, `$avp(y)/flags`: g all values, d delete the old ones, n texts as
        numbers, s numbers as texts. False: there is none, or it is no number."""
        destination, flags = target
        key, to = self._key(ctx, source), self._key(ctx, destination)
        if key is None or to is None:
            return False
        values = source.values(ctx)[: None if "g" in flags else 1]
        for value in values:
            made = value
            if isinstance(value, str) and "n" in flags:
                number = unsigned(value)
                if number is None:
                    self._error("cannot convert str to int")
                    return False
                made = wrap(number)
            elif isinstance(value, int) and "s" in flags:
                made = str(value & (1 << 64) - 1)
            ctx.avps.push(to, made)
            if "d" in flags:
                self._remove(ctx, key, value, behind=int(key == to))
        return bool(values)

    @staticmethod
    def _remove(ctx: Context, key: Key, value: int | str, *, behind: int) -> None:
        """Remove one value: the newest that is so, behind as many that were just added."""
        values = ctx.avps.lists[key]
        at = values.index(value, behind)
        flags = ctx.avps.flags.get(key) if ctx.avps.flags is not None else None
        place = len(values) - 1 - at
        if flags is not None and place < len(flags):
            del flags[place]
        del values[at]
        if not values:
            del ctx.avps.lists[key]

    @function(_ROUTES)
    def is_avp_set(self, ctx: Context, avp: SetArg) -> bool:
        """Whether an AVP has a value (at the index behind it); `/s` a text, `/n` a number, `/e` an empty one or 0."""
        found, flags = avp
        values = found.values(ctx)
        if len(values) <= max(found.index, 0):
            return False
        value = values[max(found.index, 0)]
        if ("s" in flags and isinstance(value, int)) or ("n" in flags and isinstance(value, str)):
            return False
        return "e" not in flags or not value

    @function(_ROUTES)
    def avp_check(self, ctx: Context, value: CheckedArg, check: CheckArg) -> bool:
        """Compare the newest value of an AVP, or any pseudo-variable, `op/value/flags`: eq ne lt le gt ge, re a regular
        expression, fm a shell pattern, and or xor; flags g all values of the AVP, i any case. Values of different
        types never compare."""
        first = value.values(ctx)
        if value.is_avp and not check.every:
            first = first[:1]
        second = check.operand.values(ctx) if first else []
        for one in first:
            if type(one) is not type(first[0]) and value.is_avp:
                continue
            if isinstance(one, str) and len(one) > _LONGEST_TEXT:
                self._error("src value too long")
                return False
            for other in second:
                if isinstance(one, int) != isinstance(other, int):
                    self._error("value types don't match")
                elif check.holds(one, other):
                    return True
        return False

    @function(_ROUTES)
    def avp_op(self, ctx: Context, avps: TwoArg, operation: OperationArg) -> bool:
        """Calculate with all numbers of an AVP, `op/value/flags`: add sub mul div mod and or xor not; the results go to
        the AVP behind the slash, `$avp(x)/$avp(y)`, or to the same one. Flag d: the numbers go."""
        source, target = avps
        values = source.values(ctx)
        key = source.key(ctx)
        to = self._key(ctx, target) if target else key
        numbers = [number for number in values if isinstance(number, int)]
        if key is None or to is None or not values or not (numbers or operation.name == "not"):
            return False
        for number in numbers or [0]:
            operands = operation.numbers(ctx)
            if not operands:
                return False
            result = number
            for operand in operands:
                result = operation.result(result, operand)
                ctx.avps.push(to, result)
            if operation.delete and numbers:
                self._remove(ctx, key, number, behind=len(operands) if to == key else 0)
        return True

    @function(_ROUTES)
    def avp_subst(self, ctx: Context, avps: SubstitutedArg, expression: SubstArg) -> bool:
        """Replace in the first text of an AVP that matches, `$avp(x)/$avp(y)/flags`; the result goes to the AVP behind
        the slash, or in the place of the old one. Flags: g all texts, d the old ones go. False: nothing matched."""
        return self._substitute(ctx, avps, expression)

    @function(_ROUTES, since="5.6")
    def avp_subst_pv(self, ctx: Context, avps: SubstitutedArg, expression: Const) -> int:
        """The same with an expression in which there may be pseudo-variables: -3 when it is none then."""
        text = accessor_of(expression, self.server).get(ctx) if _is_variable(expression, self.server) else expression
        try:
            text = format_of(str(text), self.server)(ctx)
        except FixupError:
            text = str(text)
        try:
            substitution = parse_subst(text, self.server)
        except FixupError as error:
            self._error(f"bad subst re {text}: {error}")
            return _BAD_EXPRESSION
        return 1 if self._substitute(ctx, avps, substitution) else -1

    def _substitute(self, ctx: Context, avps: tuple[Avp, Avp | None, set[str]], expression: Subst) -> bool:
        source, target, flags = avps
        key = self._key(ctx, source)
        to = self._key(ctx, target) if target else key
        if key is None or to is None:
            return False
        count = 0
        for value in source.values(ctx):
            if not isinstance(value, str):
                continue
            try:
                result = expression.apply(value, ctx)
            except EmptyMatch:
                self._error("matched nothing at all")
                continue
            if result is None:
                continue
            ctx.avps.push(to, result)
            count += 1
            if "d" in flags or target is None:
                self._remove(ctx, key, value, behind=int(key == to))
            if "g" not in flags:
                break
        return bool(count)

    @function(_ROUTES)
    def avp_pushto(self, ctx: Context, target: DestinationArg, source: SourceArg) -> bool:
        """Write a value to `$ru`, `$ru/username`, `$ru/domain`, `$du`, or add it as a branch (`$br`); with `/g` behind
        the AVP all its values: each request URI but the last becomes a branch. False: there is none."""
        operand, every = source
        values = operand.values(ctx)
        for number, value in enumerate(values if every and operand.is_avp else values[:1]):
            if isinstance(value, int) and target in ("du", "br"):
                return False
            if not self._push(ctx, target, str(value), first=number == 0):
                self._error("the value cannot be pushed")
                return False
        return bool(values)

    @staticmethod
    def _push(ctx: Context, target: str, text: str, *, first: bool) -> bool:
        if target == "br":
            return append_branch(ctx, Branch(text))
        if target == "du":
            ctx.msg.dst_uri = text
            ctx.ruri_consumed = False
            return True
        if not first and append_current_uri(ctx) != 1:
            return False
        if target == "ru":
            return rewrite.set_uri(ctx, text) == 1
        return rewrite.rewrite(ctx, "user" if target == "user" else "host", text) == 1

    # -- the database ---------------------------------------------------------------------------------------------
    def _selection(self, ctx: Context, owner: Owner, name: Key | None, scheme: Scheme | None) -> dict[str, str]:
        """What picks the rows; raises ValueError when there is no such owner."""
        uuid, user, domain = owner.columns(ctx, bool(self.use_domain))
        columns = scheme.columns if scheme else {}
        where: dict[str, str] = {}
        if uuid is not None:
            where[columns.get("uuid_col", self.uuid_column)] = uuid
        if user is not None:
            where[columns.get("username_col", self.username_column)] = user
        if domain is not None:
            where[columns.get("domain_col", self.domain_column)] = domain
        if name is not None and scheme is None:
            where[self.attribute_column] = str(name)
        return where

    def _name(self, ctx: Context, which: Which) -> Key | None:
        """The name of the AVP, None for any; raises ValueError when it is none for a database."""
        if which.avp is None:
            return None
        name = which.avp.key(ctx)
        if name is None:
            raise ValueError("no value for p2")
        if which.avp.fixed is None and (isinstance(name, int) or len(name) > _LONGEST_NAME):
            raise ValueError("the name in p2 is a number or too long")
        return name

    @function(_ROUTES)
    def avp_db_load(self, ctx: Context, owner: OwnerArg, which: LoadedArg) -> bool:
        """Add AVPs of an owner, `$fu/username`, from the database: `$avp(x)`, `*`, `s`, `i`, perhaps `/table` or
        `/$scheme` behind. False: there is none."""
        scheme = which.scheme
        columns = [self.value_column, self.attribute_column, self.type_column]
        if scheme:
            columns = [scheme.columns.get("value_col", self.value_column)]
        table = (scheme.table if scheme else which.table) or self.avp_table
        try:
            name = self._name(ctx, which)
            rows = self.db.query(table, columns, self._selection(ctx, owner, name, scheme))
        except ValueError as error:
            self._error(str(error))
            return False
        except DatabaseError:
            self._error("db_load failed")
            return False
        count = 0
        for row in rows:
            try:
                if scheme:
                    assert name is not None
                    key, value = name, from_cell(row[0], scheme)
                else:
                    key, value = from_row(row, which, name)
            except ValueError as error:
                self._error(str(error))
                continue
            add_loaded(ctx.avps, key, value, which.script_flags)
            count += 1
        return bool(count)

    @function(_ROUTES)
    def avp_db_delete(self, ctx: Context, owner: OwnerArg, which: StoredArg) -> bool:
        """Delete AVPs of an owner from the database: one by name, or all."""
        try:
            self.db.delete(which.table or self.avp_table, self._selection(ctx, owner, self._name(ctx, which), None))
        except ValueError as error:
            self._error(str(error))
            return False
        except DatabaseError:
            pass  # it was logged, and counts as done
        return True

    @function(_ROUTES)
    def avp_db_store(self, ctx: Context, owner: OwnerArg, which: StoredArg) -> bool:
        """Write the AVPs that were neither loaded nor stored before to the database. False: there is none."""
        try:
            name = self._name(ctx, which)
            uuid, user, domain = owner.columns(ctx, bool(self.use_domain))
        except ValueError as error:
            self._error(str(error))
            return False
        count = 0
        for key, at, value in self._unstored(ctx, which, name):
            number = VALUE_IS_NUMBER if isinstance(value, int) else 0
            row = {
                self.uuid_column: uuid or "",
                self.attribute_column: str(key),
                self.value_column: str(value & (1 << 64) - 1) if isinstance(value, int) else value,
                self.type_column: number | (NAME_IS_NUMBER if isinstance(key, int) else 0),
                self.username_column: user or "",
                self.domain_column: domain or "",
            }
            try:
                self.db.insert(which.table or self.avp_table, row)
            except DatabaseError:
                self._error("insert failed")
                continue
            mark(ctx.avps, key, at)
            count += 1
        return bool(count)

    def _unstored(self, ctx: Context, which: Which, name: Key | None) -> Iterator[tuple[Key, int, int | str]]:
        keys = [name] if name is not None else [key for key in self._own(ctx) if which.matches(key)]
        for key in keys:
            for at, value in unstored(ctx.avps, key):
                yield key, at, value

    @function(_ROUTES, arity=1)
    def avp_db_query(self, ctx: Context, query: QueryArg) -> int:
        """Run SQL and add each column to the AVP of its number, the first row on top: 1, -2 no rows, -1 it failed."""
        return self._query(ctx, query(ctx), None)

    @function(_ROUTES, name="avp_db_query", arity=2)
    def avp_db_query_named(self, ctx: Context, query: QueryArg, avps: AvpsArg) -> int:
        """The same to AVPs, `$avp(a);$avp(b)`."""
        return self._query(ctx, query(ctx), avps)

    def _query(self, ctx: Context, sql: str, avps: list[Avp] | None) -> int:
        if not sql or len(sql) > _LONGEST_QUERY:
            self._error("cannot print the query")
            return -1
        try:
            result = self.db.raw(sql, typed=True)
        except DatabaseError:
            self._error("cannot do the query")
            return -1
        for row in reversed(result.rows):
            for number, cell in enumerate(row if avps is None else row[: len(avps)]):
                if isinstance(cell, bytes):
                    cell = cell.decode("latin-1")
                if isinstance(cell, int | Big):
                    cell = wrap(int(cell))
                if not isinstance(cell, int | str) or cell == "":
                    continue
                key = number + 1 if avps is None else self._key(ctx, avps[number])
                if key is not None:
                    ctx.avps.push(key, cell)
        return 1 if result.rows else _NO_ROWS


def _is_variable(text: str, server: Server) -> bool:
    """Whether a text is one pseudo-variable and nothing else."""
    if not text.startswith("$"):
        return False
    try:
        accessor_of(text, server)
    except FixupError:
        return False
    return True
