"""jansson: JSON texts, read and changed by path (src/modules/jansson/ of 4.4, 5.6 and 6.x)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from kamscript.core import xavps
from kamscript.module import Any_, Module, Route, Str, function
from kamscript.modules._variable_args import Variable, Writable
from kamscript.modules.jansson.document import as_bytes, characters, parse, write
from kamscript.modules.jansson.path import NOTHING, NoPlace, get, put
from kamscript.values import INT_MAX, INT_MIN, Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.module import Accessor

_INTEGER: Final = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+")
_REAL: Final = re.compile(r"[ \t\n\v\f\r]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_SAME: Final = {"obj": "object", "str": "string", "int": "integer"}
_LONGEST: Final = 2**63 - 1


class Jansson(Module, name="jansson"):
    """Take values out of JSON texts and put some in."""

    def _error(self, text: str) -> None:
        self.server.log.error(self.name, text)

    # -- reading --------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def jansson_get(self, ctx: Context, path: Str, document: Str, result: Variable) -> bool:
        """Write the value at `a.b[0].c` to a variable; false, and nothing written, when there is none."""
        return self._get(ctx, path, document, result, plain=False)

    @function(Route.ANY, since="6.x")
    def jansson_pv_get(self, ctx: Context, path: Str, document: Any_, result: Variable) -> bool:
        """The same of the text in a variable."""
        if not isinstance(document, str):
            self._error("cannot get json string value")
            return False
        return self._get(ctx, path, document, result, plain=False)

    @function(Route.ANY)
    def jansson_get_field(self, ctx: Context, document: Str, field: Str, result: Variable) -> bool:
        """The same; in 6.x the name of a member, whatever is in it."""
        return self._get(ctx, field, document, result, plain=self.server.target == "6.x")

    def _get(self, ctx: Context, path: str, text: str, result: Accessor, *, plain: bool) -> bool:
        document, place = self._parse(text), characters(path)
        if document is None or place is None:
            return False
        if plain:
            found = document.get(place, NOTHING) if isinstance(document, dict) else NOTHING
        else:
            found = get(document, place)
        return found is not NOTHING and self._write(ctx, result, _shown(found))

    @function(Route.ANY)
    def jansson_array_size(self, ctx: Context, path: Str, document: Str, result: Variable) -> bool:
        """Write how many elements the array at a path has."""
        parsed, place = self._parse(document), characters(path)
        if parsed is None:
            return False
        found = NOTHING if place is None else get(parsed, place)
        if not isinstance(found, list):
            self._error(f"failed to find {path} in json" if found is NOTHING else f"value at {path} is not an array")
            return False
        return self._write(ctx, result, len(found))

    def _parse(self, text: str) -> Any:
        """The document; None for a text that is none, which is logged."""
        try:
            return parse(text)
        except ValueError as error:
            self._error(f"failed to parse json: {text}: {error}")
            return None

    def _write(self, ctx: Context, result: Accessor, value: Value) -> bool:
        if result.set is None:
            self._error(f"{result.text or 'the result'} cannot be written")
            return False
        result.set(ctx, value)
        return True

    # -- changing -------------------------------------------------------------------------------------------------
    @function(Route.ANY)
    def jansson_set(self, ctx: Context, kind: Str, path: Str, value: Str, document: Variable) -> bool:
        """Set what is at a path of the text in a variable: kind integer, real, string, object, array (or int, str,
        obj), true, false or null. A variable without a text starts as `{}`."""
        return self._change(ctx, kind, path, value, document, append=False)

    @function(Route.ANY)
    def jansson_append(self, ctx: Context, kind: Str, path: Str, value: Str, document: Variable) -> bool:
        """Add a value to the array at a path, or the members of an object to the object there."""
        return self._change(ctx, kind, path, value, document, append=True)

    def _change(self, ctx: Context, kind: str, path: str, value: str, target: Accessor, *, append: bool) -> bool:
        old = target.get(ctx)
        try:
            made = _made(kind, value)
        except ValueError as error:
            self._error(f'value for "{path}": {error}')
            return False
        document = self._parse(old if isinstance(old, str) else "{}")
        place = characters(path)
        if document is None or place is None:
            return False
        try:
            put(document, place, made, append=append)
        except NoPlace as error:
            self._error(f'path "{path}": {error}')
            return False
        return self._write(ctx, target, write(document))

    # -- XAVPs ----------------------------------------------------------------------------------------------------
    @function(Route.ANY, since="5.6")
    def jansson_xdecode(self, ctx: Context, document: Str, xavp: Str) -> bool:
        """Put the members of an object, or of each object of an array, into an XAVP; what is deeper stays JSON."""
        parsed = self._parse(document)
        if parsed is None:
            return False
        for item in parsed if isinstance(parsed, list) else [parsed]:
            fields: dict[str, Any] = {}
            if isinstance(item, dict):
                for name, member in item.items():
                    xavps.push(fields, as_bytes(name), _shown(member))
            xavps.push(xavps.xavps(ctx), xavp, fields)
        return True

    @function(Route.ANY, since="5.6")
    def jansson_xencode(self, ctx: Context, xavp: Str, result: Writable) -> bool:
        """Write the fields of an XAVP as JSON, the last one first."""
        fields = xavps.fields(ctx.xavps, xavp)
        if fields is None:
            return False
        document: dict[str, Any] = {}
        for name in reversed(fields):
            value = fields[name][-1]
            plain = characters(value) if isinstance(value, str) else value
            if isinstance(value, str) and plain is None:
                self._error("failed to create json value")
                return False
            document[characters(name) or name] = "<<xavp>>" if isinstance(plain, dict) else plain
        return self._write(ctx, result, write(document, blanks=True))


def _shown(value: Any) -> Value:
    """A value as the script has it: numbers that are no 32-bit integers, objects and arrays are texts."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return as_bytes(value)
    if isinstance(value, int):
        return value if INT_MIN <= value <= INT_MAX else str(value)
    if isinstance(value, float):
        return f"{value:.15g}"
    return None if value is None else write(value)


def _made(kind: str, value: str) -> Any:
    """What is to be set; ValueError tells why it cannot be."""
    kind = _SAME.get(kind, kind)
    if kind in _CONSTANTS:
        return _CONSTANTS[kind]
    if kind == "string":
        text = characters(value)
        if text is None:
            raise ValueError("it is no UTF-8")
        return text
    if kind == "integer":
        if value and not _INTEGER.fullmatch(value):
            raise ValueError(f'parsing int failed for "{value}"')
        return max(-_LONGEST - 1, min(_LONGEST, int(value[:40] or "0")))
    if kind == "real":
        if value and not _REAL.fullmatch(value):
            raise ValueError(f'parsing real failed for "{value}"')
        number = float(value or "0")
        if number in (float("inf"), float("-inf")):
            raise ValueError("it is not a real")
        return number
    if kind in ("object", "array"):
        document = parse(value)
        if isinstance(document, dict) != (kind == "object"):
            raise ValueError(f"it is not an {kind}")
        return document
    raise ValueError(f"unrecognized input type: {kind}")
