"""json: fields of JSON texts (src/modules/json/ of 4.4, 5.6 and 6.x)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from kamscript.module import FixupError, Module, Param, Route, Str, function, transformation
from kamscript.modules._variable_args import Writable
from kamscript.modules.json.reader import parse, plain, write
from kamscript.modules.pv.arguments import Arguments, Text, Transform, text_of
from kamscript.script.bind import TransformationFailed
from kamscript.script.format import format_of
from kamscript.values import Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.module import Accessor

#: A step of a path: a name, and perhaps an index, of which the digits at its beginning count.
_STEP: Final = re.compile(r"([^\[]*)(?:\[([^\]]+))?")
_DIGITS: Final = re.compile(r"[ \t]*([+-]?[0-9]{1,9})")


class Json(Module, name="json"):
    """Take values out of JSON texts."""

    json_escape_char = Param("%", "In {json.parse}, the character for a dot in the name of a member.", since="5.6")

    def _parse(self, text: str) -> Any:
        """The value; None for a text without one, which is logged."""
        try:
            return parse(text)
        except ValueError as error:
            self.server.log.error(self.name, f"empty or invalid JSON: {error}")
            return None

    @function(Route.ANY)
    def json_get_field(self, ctx: Context, document: Str, field: Str, result: Writable) -> bool:
        """Write a member of an object to a variable, as JSON: texts keep their quotes. False: there is none."""
        return self._field(ctx, document, field, result, write)

    @function(Route.ANY, since="5.6")
    def json_get_string(self, ctx: Context, document: Str, field: Str, result: Writable) -> bool:
        """The same, texts as they are."""
        return self._field(ctx, document, field, result, plain)

    def _field(self, ctx: Context, document: str, field: str, result: Accessor, shown: Callable[[Any], str]) -> bool:
        parsed = self._parse(document)
        found = parsed.get(field) if isinstance(parsed, dict) else None
        if found is None:
            return False
        assert result.set is not None
        result.set(ctx, shown(found))
        return True

    @transformation("json")
    def json(self, args: tuple[str, ...]) -> Transform:
        """`parse,a.b[0].c`: the value at a path, empty when there is none; `parsex,/a/b` (6.x): with its first
        character between the steps."""
        arguments = Arguments(self.server, args)
        if arguments.name not in ("parse", "parsex") or (
            arguments.name == "parsex" and self.server.target in ("4.4", "5.6")
        ):
            raise FixupError(f"unknown transformation {{json.{arguments.shown}}}; there is parse")
        arguments.required()
        path = self._expanded(arguments)
        arguments.end()
        other = arguments.name == "parsex"

        def run(ctx: Context, value: Value) -> Value:
            text, steps = text_of(value), path(ctx)
            if not steps:
                raise TransformationFailed
            return self._at(text, steps[1:], steps[0]) if other else self._at(text, steps, ".")

        return run

    def _expanded(self, arguments: Arguments) -> Text:
        """The next argument: a variable, or a text in which there may be some."""
        if arguments.text.lstrip(" \t\n").startswith("$"):
            return arguments.string()
        text = arguments.string()
        constant: str = text(None)  # type: ignore[arg-type]  # a text without variables does not look at the message
        return format_of(constant, self.server)

    def _at(self, document: str, path: str, separator: str) -> str:
        value = self._parse(document)
        for step in path.split(separator):
            if not step:
                continue
            found = _STEP.match(step.replace(self.json_escape_char[:1] or "%", "."))
            assert found is not None
            value = value.get(found[1]) if isinstance(value, dict) else None
            if found[2] is not None and isinstance(value, list):
                digits = _DIGITS.match(found[2])
                index = int(digits[1]) if digits else 0
                value = value[index] if 0 <= index < len(value) else None
        return "" if value is None else plain(value)
