"""AVPs in tables: whose they are, how a row stands for one, and schemes for other tables (avpops_db.c)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from kamscript.module import FixupError
from kamscript.modules.avpops.names import Avp, Key, avp, pv_at
from kamscript.script.format import accessor_of
from kamscript.sip.errors import SipError
from kamscript.sip.uri import parse_uri
from kamscript.values import unsigned, wrap

if TYPE_CHECKING:
    from kamscript.core.avps import Avps
    from kamscript.core.context import Context
    from kamscript.core.server import Server

#: Bits of the column `type`.
VALUE_IS_NUMBER, NAME_IS_NUMBER = 1, 2
#: Marks values that stand in the database, among the flags of AVPs; scripts have no such flag.
STORED: Final = 1 << 40

_URIS: Final = ("ru", "ruri", "fu", "from", "tu", "to", "ou", "ouri")
_SCHEME: Final = re.compile(r"\s*([^:\s]+)\s*:\s*(.*)", re.DOTALL)
_ATTRIBUTE: Final = re.compile(r"([^=\s]+)\s*=\s*([^;\s]+)\s*(?:;\s*|$)")
_ATTRIBUTES: Final = ("uuid_col", "username_col", "domain_col", "value_col", "value_type", "table")


class Owner:
    """Whose AVPs: `uuid`, `$avp(id)`, `$fu/username`, ...; `part` is uuid, uri, username or domain."""

    __slots__ = ("_get", "_text", "part")

    def __init__(self, text: str, server: Server) -> None:
        name, slash, part = text.partition("/")
        if slash and part.lower() not in ("domain", "username", "uri", "uuid"):
            raise FixupError(f"unknown flag {part!r}; there are uuid, uri, username and domain")
        self._text, self._get = name, None
        default = "uuid"
        if name.startswith("$"):
            pv = pv_at(name, server)
            if pv.name == "null":
                raise FixupError(f"{name!r}: a value is wanted")
            self._get = accessor_of(pv.text, server).get
            default = "uri" if pv.name in _URIS and not pv.transformations else "uuid"
        self.part = part.lower() or default

    def columns(self, ctx: Context, use_domain: bool) -> tuple[str | None, str | None, str | None]:
        """uuid, user and domain, None for what does not count; raises ValueError when there is no such owner."""
        value = self._text if self._get is None else self._get(ctx)
        if value is None:
            raise ValueError("no value for first param")
        if self.part == "uuid":
            return str(value), None, None
        try:
            uri = parse_uri(str(value))
        except SipError:
            raise ValueError("failed to parse uri") from None
        if not uri.user or not uri.host:
            raise ValueError(f"incomplete uri <{value}>")
        user = uri.user if self.part != "domain" else None
        domain = uri.host if self.part != "username" and (use_domain or self.part == "domain") else None
        return None, user, domain


class Scheme:
    """How another table holds values: its name and columns, "" as the module's; `numbers`: values are numbers."""

    __slots__ = ("columns", "name", "numbers", "table")

    def __init__(self, text: str) -> None:
        found = _SCHEME.fullmatch(text)
        if found is None or not found[2]:
            raise FixupError(f"db_scheme {text!r}: name:table=...;value_col=... is wanted")
        self.name, at, given = found[1], 0, dict[str, str]()
        while at < len(found[2]):
            attribute = _ATTRIBUTE.match(found[2], at)
            name = attribute[1].lower() if attribute else ""
            if attribute is None or name not in _ATTRIBUTES or (name in given and name != "value_type"):
                raise FixupError(f"db_scheme {text!r}: each of {', '.join(_ATTRIBUTES)} at most once is wanted")
            given[name], at = attribute[2], attribute.end()
        kind = given.pop("value_type", "string").lower()
        if kind not in ("integer", "string"):
            raise FixupError(f"db_scheme {text!r}: value_type is integer or string")
        self.numbers, self.table, self.columns = kind == "integer", given.pop("table", ""), given


class Which:
    """Which AVPs: one by name, or all (`*`), those with text names (`s`) or with numbers as names (`i`).

    `table` and `scheme` are what stands behind a slash; `script_flags` are flags of loaded values (`*3`).
    """

    __slots__ = ("avp", "kind", "scheme", "script_flags", "table")

    def __init__(self, text: str, server: Server, schemes: dict[str, Scheme] | None) -> None:
        name, slash, place = text.partition("/")
        self.avp: Avp | None = None
        self.kind, self.script_flags = kind_and_flags(name) if not name.startswith("$") else ("*", 0)
        if name.startswith("$"):
            self.avp = avp(name, server)
        self.table = ""
        self.scheme: Scheme | None = None
        if not slash:
            return
        if not place.strip("$"):
            raise FixupError(f"{text!r}: the name of a table or scheme is missing")
        if not place.startswith("$"):
            self.table = place
            return
        if schemes is None:
            raise FixupError("this function takes no scheme")
        if self.avp is None:
            raise FixupError("a scheme needs the name of the AVP")
        self.scheme = schemes.get(place[1:].lower())
        if self.scheme is None:
            raise FixupError(f"there is no db_scheme {place[1:]}")

    def matches(self, key: Key) -> bool:
        """Whether an AVP of that name is of the kind."""
        return self.kind == "*" or isinstance(key, int) == (self.kind == "i")


def kind_and_flags(text: str) -> tuple[str, int]:
    """`*` (or `a`), `s`, `i`, and the number behind it; FixupError."""
    kind, number = text[:1].lower().replace("a", "*"), unsigned(text[1:])
    if not kind or kind not in "*si" or number is None:
        raise FixupError(f"{text!r}: $avp(name), *, s or i is wanted")
    return kind, number


def from_row(row: tuple[Any, ...], which: Which, known: Key | None) -> tuple[Key, int | str]:
    """The name and value of an AVP in a row of value, attribute and type; raises ValueError when it holds none."""
    value, name, kind = row
    if value is None or name is None or kind is None:
        raise ValueError("dbrow contains NULL fields")
    if not isinstance(value, str) or not isinstance(name, str) or not isinstance(kind, int):
        raise ValueError("wrong field types in dbrow")
    named = bool(kind & NAME_IS_NUMBER)
    if which.avp is not None:
        assert known is not None
        if which.avp.fixed is not None and isinstance(known, int) != named:
            raise ValueError("")
        key: Key = known
    elif which.kind != "*" and (which.kind == "i") != named:
        raise ValueError("")
    else:
        key = _number(name, "name") if named else name
    return key, _number(value, "value") if kind & VALUE_IS_NUMBER else value


def from_cell(value: Any, scheme: Scheme) -> int | str:
    """The value in the column of a scheme; raises ValueError."""
    if not isinstance(value, int | str):
        raise ValueError("empty or wrong type for 'value' using scheme")
    if scheme.numbers:
        return wrap(int(value)) if isinstance(value, int) else _number(value, "value")
    return value if isinstance(value, str) else str(value & (1 << 64) - 1)


def _number(text: str, what: str) -> int:
    number = unsigned(text) if text else None
    if number is None:
        raise ValueError(f"{what} is not int as flags say <{text}>")
    return wrap(number)


def add_loaded(avps: Avps, key: Key, value: int | str, script_flags: int) -> None:
    """Add a value that stands in the database."""
    avps.push(key, value)
    avps.flag(key, STORED | (script_flags << 8 & 0xFF00), True)


def unstored(avps: Avps, key: Key) -> Iterator[tuple[int, int | str]]:
    """The values that stand in no database yet, the newest first, with what `mark` takes."""
    values = list(avps.lists.get(key, ()))
    flags = (avps.flags or {}).get(key, [])
    for place, value in enumerate(values):
        at = len(values) - 1 - place
        if at >= len(flags) or not flags[at] & STORED:
            yield at, value


def mark(avps: Avps, key: Key, at: int) -> None:
    """A value stands in the database now."""
    avps.flag(key, 0, True)  # makes the list of flags as long as that of values
    assert avps.flags is not None
    avps.flags[key][at] |= STORED
