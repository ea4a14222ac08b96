"""What queries found, by the name of their container, and the pseudo-variables that read it (ipops_pv.c)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from kamscript.module import Accessor, FixupError
from kamscript.script.format import accessor_of
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

Index = Callable[["Context"], int | None]

_BLANK = r"[ \t\r\n]*"
#: `$dns(name=>key[index])`, and its siblings, which are read more strictly.
_LOOSE: Final = re.compile(rf"{_BLANK}([^= \t\r\n]*){_BLANK}=>([^\[]*)(?:\[(.*)\])?", re.DOTALL)
_STRICT: Final = re.compile(
    rf"{_BLANK}([A-Za-z0-9]+){_BLANK}=>{_BLANK}([A-Za-z0-9]+){_BLANK}"
    rf"(?:\[{_BLANK}(\$.*|[A-Za-z0-9]+{_BLANK})\]{_BLANK})?",
    re.DOTALL,
)


class Answers:
    """The records of the last query of a container; `ipv4` and `ipv6` tell whether there is such an address."""

    __slots__ = ("hostname", "ipv4", "ipv6", "records")

    def __init__(self) -> None:
        self.records: Sequence[Any] = ()
        self.ipv4 = self.ipv6 = 0
        self.hostname = ""

    def at(self, index: int | None) -> Any:
        """The record of that number, counted from the end when negative; None when there is none."""
        if index is None or not -len(self.records) <= index < len(self.records):
            return None
        return self.records[index]


def address_reader(
    text: str, server: Server, answers: Callable[[str], Answers], keys: dict[str, Callable[[Answers, str], Value]]
) -> Accessor:
    """What `$dns(text)` reads; FixupError for a text that it cannot be."""
    found = _LOOSE.fullmatch(text)
    if found is None or found[2] not in keys:
        raise FixupError(f"{text!r}: container=>key[index] is wanted, with one of the keys {', '.join(keys)}")
    if found[3] and not (found[3].startswith("$") or re.fullmatch(r"-?[0-9]*", found[3])):
        raise FixupError(f"{text!r}: {found[3]} is no index")
    container, read, index = answers(found[1]), keys[found[2]], _index(found[3] or "0", server)

    def get(ctx: Context) -> Value:
        address = container.at(index(ctx))
        return None if address is None else read(container, address)

    return Accessor(get)


def record_reader(text: str, server: Server, answers: Callable[[str], Answers], keys: dict[str, str]) -> Accessor:
    """What `$srvquery(text)` and `$naptrquery(text)` read: `keys` has the fields of the records."""
    found = _STRICT.fullmatch(text)
    if (
        found is None
        or (found[2] != "count" and (found[2] not in keys or not found[3]))
        or (found[2] == "count" and found[3])
    ):
        wanted = ", ".join(f"{key}[index]" for key in keys)
        raise FixupError(f"{text!r}: container=>key is wanted, with one of the keys count, {wanted}")
    container = answers(found[1])
    if found[2] == "count":
        return Accessor(lambda ctx: len(container.records))
    field, index = keys[found[2]], _index(found[3], server)

    def get(ctx: Context) -> Value:
        record = container.at(index(ctx))
        return None if record is None else getattr(record, field)

    return Accessor(get)


def _index(text: str, server: Server) -> Index:
    """A number (what does not belong to it is left out) or a pseudo-variable that holds one."""
    if text.startswith("$"):
        value = accessor_of(text, server).get

        def get(ctx: Context) -> int | None:
            number = value(ctx)
            if isinstance(number, int):
                return number
            server.log.error("ipops", "failed to evaluate index variable")
            return None

        return get
    digits = re.match(r"-?[0-9]{0,9}", text)
    number = int(digits[0]) if digits and digits[0].strip("-") else 0
    return lambda ctx: number
