"""AVPs and other values that arguments name: `$avp(a)`, `$xavp(a=>b)`, `$var(x)`, `i:5`, `s:text` (avpops_parse.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from kamscript.core import xavps
from kamscript.module import FixupError
from kamscript.modules.pv.variables import avp_key
from kamscript.script.format import accessor_of
from kamscript.script.pv import PvSyntaxError, PvText, match_pv
from kamscript.values import decimal, hexadecimal

if TYPE_CHECKING:
    from collections.abc import Callable

    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.values import Value

Key = int | str
Values = list[int | str]

_FIELD: Final = re.compile(r"([^=\[]+)(?:\[[^\]]*\])?=>([^\[]+?)(?:\[(.*)\])?")


class Avp:
    """An AVP by its name, which may be in a pseudo-variable; `index` is what stands behind it, 0 without."""

    __slots__ = ("_key", "_read", "index")

    def __init__(self, pv: PvText, server: Server) -> None:
        inner = pv.inner or ""
        self.index = pv.index if isinstance(pv.index, int) else 0
        self._read: Callable[[Context], Value] | None = None
        self._key: Key = ""
        if inner.startswith("$"):
            self._read = accessor_of(inner, server).get
        else:
            aliases: dict[str, Key] = server.shared.get("avp_aliases", {})
            self._key = aliases[inner] if inner in aliases else avp_key(inner)

    @property
    def fixed(self) -> Key | None:
        """The name, None when only the message knows it."""
        return None if self._read is not None else self._key

    def key(self, ctx: Context) -> Key | None:
        """The name; None when the pseudo-variable with it is empty."""
        if self._read is None:
            return self._key
        value = self._read(ctx)
        return None if value is None or value == "" else value

    def values(self, ctx: Context) -> Values:
        """The values, the newest first."""
        key = self.key(ctx)
        return [] if key is None else list(ctx.avps.lists.get(key, ()))


def pv_at(text: str, server: Server) -> PvText:
    """The pseudo-variable that a text begins with; FixupError when it is none."""
    try:
        pv = match_pv(text)[0]
    except PvSyntaxError as error:
        raise FixupError(f"{text!r}: {error}") from None
    accessor_of(pv.text, server)
    return pv


def avp(text: str, server: Server) -> Avp:
    """The AVP that a text names; FixupError for anything else."""
    pv = pv_at(text, server)
    if pv.name != "avp":
        raise FixupError(f"an AVP is wanted, $avp(name), not {text!r}")
    return Avp(pv, server)


class Operand:
    """One side of a comparison: an AVP, a field of an XAVP, any other pseudo-variable, or a constant.

    `every`: all values of the XAVP's field take part.
    """

    __slots__ = ("_avp", "_constant", "_field", "_get", "every")

    def __init__(self, text: str, server: Server) -> None:
        self._avp: Avp | None = None
        self._field: tuple[str, str, int | None] | None = None
        self._get: Callable[[Context], Value] | None = None
        self._constant: int | str = ""
        self.every = False
        if not text.startswith("$"):
            self._constant = constant(text)
            return
        pv = pv_at(text, server)
        if pv.name == "null":
            raise FixupError(f"{text!r}: a value is wanted")
        if pv.name == "avp":
            self._avp = Avp(pv, server)
        elif pv.name == "xavp" and (found := _FIELD.fullmatch(pv.inner or "")):
            self.every = found[3] == "*"
            index = decimal(found[3]) if found[3] and not self.every else 0
            self._field = found[1], found[2], index
        elif pv.name == "xavp":
            self._field = pv.inner or "", "", None
        else:
            self._get = accessor_of(pv.text, server).get

    @property
    def is_constant(self) -> bool:
        """Whether the config holds the value itself."""
        return self._avp is None and self._field is None and self._get is None

    @property
    def is_avp(self) -> bool:
        """Whether the values are those of an AVP."""
        return self._avp is not None

    @property
    def constant(self) -> int | str:
        """The value in the config."""
        return self._constant

    def values(self, ctx: Context) -> Values:
        """The values that take part, the newest first; none without such an AVP or XAVP. Null is an empty text."""
        if self._avp is not None:
            return self._avp.values(ctx)
        if self._field is not None:
            return self._of_field(ctx)
        if self._get is not None:
            value = self._get(ctx)
            return [value if isinstance(value, int) else value or ""]
        return [self._constant]

    def _of_field(self, ctx: Context) -> Values:
        assert self._field is not None
        root, name, index = self._field
        fields = xavps.fields(ctx.xavps, root)
        if fields is None or index is None:
            return []
        if self.every:
            return [value for value in fields.get(name, ()) if isinstance(value, int | str)]
        value = xavps.get(fields, name, index)
        return [value] if isinstance(value, int | str) else []


def constant(text: str) -> int | str:
    """`i:5`, `i:0x5`, `s:text`, `text`; FixupError for what is none of them."""
    if text[1:2] != ":":
        if not text:
            raise FixupError("a value is missing")
        return text
    kind, value = text[0].lower(), text[2:]
    if kind not in "is" or not value:
        raise FixupError(f"{text!r}: i:number or s:text is wanted")
    if kind == "s":
        return value
    number = hexadecimal(value[2:]) if value[:2].lower() == "0x" and len(value) > 2 else decimal(value)
    if number is None:
        raise FixupError(f"{text!r} is no number")
    return number


def flags(text: str, known: str) -> set[str]:
    """The letters behind a slash, in any case; FixupError for others than the known ones."""
    given = set(text.lower())
    if unknown := given - set(known):
        raise FixupError(f"unknown flag {sorted(unknown)[0]!r}; there are {', '.join(known)}")
    return given
