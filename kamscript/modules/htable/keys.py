"""`table=>key`, as `$sht(table=>key)` and `sht_lock("table=>key")` name an item (pv_parse_ht_name)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from kamscript.module import Fixup, FixupError
from kamscript.modules.htable.definition import BLANKS, split_name
from kamscript.script.format import format_of

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server


class Key(NamedTuple):
    """An item's place: `table` is a name, that nobody has looked at yet, `key(ctx)` the item's name."""

    table: str
    key: Callable[[Context], str]
    constant: str | None  #: the item's name, where it holds no pseudo-variables


def parse_key(text: str, server: Server) -> Key:
    """Read `table=>key`; blanks may stand around the table's name, others belong to the key. Raises FixupError."""
    if not text.strip(BLANKS):
        raise FixupError("a hash table and an item are wanted: table=>key")
    table, rest = split_name(text)
    found = format_of(rest, server)
    return Key(table, found, found.constant)


class _KeyFixup(Fixup):
    constant = True
    kind = "own"

    def resolve(self, text: str, server: Server) -> Key:
        return parse_key(text, server)


if TYPE_CHECKING:
    KeyArg = Key
else:
    #: A table and an item in it, or a regular expression in the item's place.
    KeyArg = Annotated[Any, _KeyFixup()]
