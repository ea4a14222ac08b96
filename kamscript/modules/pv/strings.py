"""Transformations of texts: `{s.len}`, `{s.substr,0,3}`, `{s.encode.base64}` and so on (modules/pv/pv_trans.c)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from kamscript.core.hashes import core_hash
from kamscript.module import FixupError, transformation
from kamscript.modules.pv import encodings
from kamscript.modules.pv.arguments import Arguments, Transform, failed, text_of
from kamscript.modules.pv.later import MAKERS as LATER_MAKERS
from kamscript.modules.pv.later import PLAIN as LATER_PLAIN
from kamscript.modules.pv.later import has_later
from kamscript.script.bind import TransformationFailed
from kamscript.values import Value, decimal, unsigned

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server

_BLANKS = " \t\r\n"


class Strings:
    """The class `{s.*}`."""

    server: Server

    @transformation("s")
    def _s(self, args: tuple[str, ...]) -> Transform:
        """Texts: length, parts, case, trimming, searching, encoding, hashing."""
        arguments = Arguments(self.server, args)
        name = arguments.name
        if name in _PLAIN:
            arguments.nothing()
            plain = _PLAIN[name]
            if name in ("unquote", "unbracket"):  # one digit stays a number
                return lambda ctx, value: value if value in _DIGITS else plain(text_of(value))
            return lambda ctx, value: plain(text_of(value))
        maker = _MAKERS.get(name)
        if maker is None and has_later(self.server.target):
            if name in LATER_PLAIN:
                later = LATER_PLAIN[name]
                return lambda ctx, value: later(text_of(value))
            maker = LATER_MAKERS.get(name)
        if maker is None:
            raise FixupError(f"unknown transformation {{s.{arguments.shown}}}")
        return maker(arguments)


# --- without arguments ------------------------------------------------------------------------------------------------


def _int(text: str) -> int:
    number = decimal(text)
    if number is None:
        raise TransformationFailed
    return number


def _unquote(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _unbracket(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] + text[-1] in ("()", "[]", "{}", "<>") else text


def _digest(name: str) -> Callable[[str], str]:
    return lambda text: hashlib.new(name, text.encode("latin-1")).hexdigest()


_DIGITS = range(10)
_UPPER = {ord(c): ord(c) - 32 for c in "abcdefghijklmnopqrstuvwxyz"}
_LOWER = {ord(c): ord(c) + 32 for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}

_PLAIN: dict[str, Callable[[str], Value]] = {
    "len": len,
    "int": _int,
    "md5": _digest("md5"),
    "sha256": _digest("sha256"),
    "sha384": _digest("sha384"),
    "sha512": _digest("sha512"),
    "rmws": lambda text: text.translate({32: None, 9: None, 13: None, 10: None}),
    "tolower": lambda text: text.translate(_LOWER),
    "toupper": lambda text: text.translate(_UPPER),
    "numeric": lambda text: "".join(c for c in text if "0" <= c <= "9"),
    "trim": lambda text: text.strip(_BLANKS),
    "ltrim": lambda text: text.lstrip(_BLANKS),
    "rtrim": lambda text: text.rstrip(_BLANKS),
    "unquote": _unquote,
    "unbracket": _unbracket,
    **encodings.TABLE,
}


# --- with arguments ---------------------------------------------------------------------------------------------------


def _substr(arguments: Arguments) -> Transform:
    arguments.required()
    start = arguments.number()
    arguments.comma()
    length = arguments.count()
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        text, at, count = text_of(value), start(ctx), length(ctx)
        if count < 0:
            raise failed(ctx, "substr negative offset")
        size = len(text)
        if at >= size or -at > size:
            raise failed(ctx, "substr out of range")
        if at < 0:
            at += size
        return text[at:] if count == 0 or at + count >= size else text[at : at + count]

    return run


def _select(arguments: Arguments) -> Transform:
    arguments.required()
    index = arguments.number()
    arguments.comma()
    separator = arguments.constant()
    escapes = {"\\\\": "\\", "\\n": "\n", "\\r": "\r", "\\t": "\t"}
    sep = escapes.get(separator[:2]) if separator[:1] == "\\" else separator[:1]
    if not sep or separator[2 if separator[:1] == "\\" else 1 :].strip(" \t\n"):
        raise FixupError(f"{{s.{arguments.shown}}}: one character, or \\\\ \\n \\r \\t, is needed as separator")

    def run(ctx: Context, value: Value) -> Value:
        parts, at = text_of(value).split(sep), index(ctx)
        return parts[at] if -len(parts) <= at < len(parts) else ""

    return run


def _strip(tail: bool) -> Callable[[Arguments], Transform]:
    def make(arguments: Arguments) -> Transform:
        arguments.required()
        count = arguments.number()
        arguments.end()

        def run(ctx: Context, value: Value) -> Value:
            text, number = text_of(value), count(ctx)
            if number <= 0:
                return text
            if number >= len(text):
                return ""
            return text[:-number] if tail else text[number:]

        return run

    return make


def _stripto(arguments: Arguments) -> Transform:
    arguments.required()
    mark = arguments.string()
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        text = text_of(value)
        at = text.find(mark(ctx)[:1] or "\0")
        return text[at:] if at >= 0 else ""

    return run


def _prefixes(quoted: bool) -> Callable[[Arguments], Transform]:
    def make(arguments: Arguments) -> Transform:
        limit = arguments.number() if arguments.given else None
        arguments.end()
        quote = "'" if quoted else ""

        def run(ctx: Context, value: Value) -> Value:
            text = text_of(value)
            longest = len(text)
            if limit is not None:
                number = limit(ctx)
                if 0 < number < longest:
                    longest = number
            return ",".join(f"{quote}{text[:end]}{quote}" for end in range(1, longest + 1))

        return run

    return make


def _replace(arguments: Arguments) -> Transform:
    arguments.required()
    old = arguments.string()
    arguments.comma()
    new = arguments.string()
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        text, wanted, other = text_of(value), old(ctx), new(ctx)
        return text.replace(wanted, other) if wanted else text

    return run


def _rm(arguments: Arguments) -> Transform:
    arguments.required()
    dynamic = arguments.text.lstrip(" \t\n").startswith("$")
    what = arguments.string()
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        text, wanted = text_of(value), what(ctx)
        if not dynamic and "\\" in wanted:
            wanted = _escapes(wanted)
        return text.replace(wanted, "") if wanted else text

    return run


def _escapes(text: str) -> str:
    out, at = [], 0
    while at < len(text):
        if text[at] == "\\" and at + 1 < len(text):
            at += 1
            out.append({"n": "\n", "r": "\r", "t": "\t"}.get(text[at], text[at]))
        else:
            out.append(text[at])
        at += 1
    return "".join(out)


def _ftime(arguments: Arguments) -> Transform:
    arguments.required()
    form = arguments.string()
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        number = value if isinstance(value, int) else unsigned(text_of(value))
        if number is None:
            raise failed(ctx, "value is not numeric")
        seconds = int(number)
        text = form(ctx).replace("%s", str(seconds))
        return datetime.fromtimestamp(seconds).astimezone().strftime(text)

    return run


def _corehash(arguments: Arguments) -> Transform:
    size = arguments.number() if arguments.given else None
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        return str(core_hash(text_of(value), size(ctx) & 0xFFFFFFFF if size is not None else 0))

    return run


def _count(arguments: Arguments) -> Transform:
    arguments.required()
    mark = arguments.string(comma=True)
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        text = text_of(value)
        return text.count(mark(ctx)[:1] or "\0")

    return run


def _around(after: bool, last: bool) -> Callable[[Arguments], Transform]:
    """What stands before or after the first or last place of a character.

    Without it: before gives the whole text, after nothing. Kamailio 5.6 looks for the last place beyond the end of the
    text; here it is found.
    """

    def make(arguments: Arguments) -> Transform:
        arguments.required()
        mark = arguments.string(comma=True)
        arguments.end()

        def run(ctx: Context, value: Value) -> Value:
            text, char = text_of(value), mark(ctx)[:1] or "\0"
            at = text.rfind(char) if last else text.find(char)
            if after:
                return text[at + 1 :] if at >= 0 else ""
            return text[:at] if at >= 0 else text

        return run

    return make


def _fmtlines(pad: str) -> Callable[[Arguments], Transform]:
    def make(arguments: Arguments) -> Transform:
        arguments.required()
        length = arguments.count()
        arguments.comma()
        padding = arguments.count()
        arguments.end()

        def run(ctx: Context, value: Value) -> Value:
            text, width, count = text_of(value), length(ctx), padding(ctx)
            if width <= 0 or count < 0:
                raise failed(ctx, "fmtline with invalid parameters")
            # 5.6 breaks the line in front of each of the first characters, where later versions break every `width`
            breaks = ctx.server.target != "6.x"
            out = []
            for at, char in enumerate(text):
                if at and ((at < width) if breaks else at % width == 0):
                    out.append("\r\n" + pad * count)
                out.append(char)
            return "".join(out)

        return run

    return make


_MAKERS: dict[str, Callable[[Arguments], Transform]] = {
    "substr": _substr,
    "select": _select,
    "strip": _strip(False),
    "striptail": _strip(True),
    "stripto": _stripto,
    "prefixes": _prefixes(False),
    "prefixes.quoted": _prefixes(True),
    "replace": _replace,
    "rm": _rm,
    "ftime": _ftime,
    "corehash": _corehash,
    "count": _count,
    "before": _around(False, False),
    "after": _around(True, False),
    "rbefore": _around(False, True),
    "rafter": _around(True, True),
    "fmtlines": _fmtlines(" "),
    "fmtlinet": _fmtlines("\t"),
}
