"""Transformations of URIs, parameter lists, addresses, lines and values: `{uri.*} {param.*} {nameaddr.*} {tobody.*}
{line.*} {urialias.*} {val.*}` (modules/pv/pv_trans.c)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

from kamscript.module import FixupError, transformation
from kamscript.modules.pv.arguments import Arguments, Transform, failed, filled, text_of
from kamscript.modules.pv.encodings import json_escape
from kamscript.modules.pv.later import has_later, remove_param
from kamscript.script.bind import TransformationFailed
from kamscript.sip.errors import SipError
from kamscript.sip.nameaddr import ToBody, find_not_quoted, parse_to
from kamscript.sip.params import Param, parse_params
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.sip.uri import Uri, parse_uri
from kamscript.values import Both, Value

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server


class Structures:
    """The classes that take a value apart."""

    server: Server

    @transformation("uri")
    def _uri(self, args: tuple[str, ...]) -> Transform:
        """Parts of a URI: `user host domain passwd port params param,name headers transport ttl uparam maddr method lr
        r2 scheme tosocket duri saor suri`."""
        arguments = Arguments(self.server, args)
        if arguments.name == "param":
            return _uri_param(arguments)
        if arguments.name == "rmparam" and has_later(self.server.target):
            return remove_param(arguments)
        read = _URI.get(arguments.name)
        if read is None:
            raise FixupError(f"unknown transformation {{uri.{arguments.shown}}}")
        arguments.nothing()

        def run(ctx: Context, value: Value) -> Value:
            text = filled(value)
            return read(_parsed_uri(ctx, text), text)

        return run

    @transformation("param")
    def _param(self, args: tuple[str, ...]) -> Transform:
        """Parts of `name=value;name=value`: `value,name in,name valueat,index name,index count`, each perhaps followed
        by another separator."""
        return _param_list(Arguments(self.server, args))

    @transformation("nameaddr")
    def _nameaddr(self, args: tuple[str, ...]) -> Transform:
        """Parts of `"Name" <uri>`: `name uri len`."""
        return _simple(Arguments(self.server, args), "nameaddr", _NAMEADDR)

    @transformation("tobody")
    def _tobody(self, args: tuple[str, ...]) -> Transform:
        """Parts of a From or To value: `uri tag user host params display`."""
        return _simple(Arguments(self.server, args), "tobody", _TOBODY)

    @transformation("line")
    def _line(self, args: tuple[str, ...]) -> Transform:
        """Lines of a text: `count`, `at,index`, `sw,text` (the first that starts with it)."""
        return _lines(Arguments(self.server, args))

    @transformation("urialias")
    def _urialias(self, args: tuple[str, ...]) -> Transform:
        """The form of the alias parameter: `encode` a URI as `host~port~proto`, `decode` it."""
        return _simple(Arguments(self.server, args), "urialias", {"encode": _encode_alias, "decode": _decode_alias})

    @transformation("val")
    def _val(self, args: tuple[str, ...]) -> Transform:
        """Stand-ins for null: `n0` 0, `ne` empty; `json` and `jsonqe` escape for JSON."""
        arguments = Arguments(self.server, args)
        if self.server.target in ("4.4", "5.6"):
            raise FixupError("unknown transformation {val.*}: it belongs to a later Kamailio")
        read = {"n0": _null_zero, "ne": _null_empty, "json": _json, "jsonqe": _json_quoted}.get(arguments.name)
        if read is None:
            raise FixupError(f"unknown transformation {{val.{arguments.shown}}}")
        return lambda ctx, value: read(value)


def _simple(arguments: Arguments, klass: str, table: dict[str, Callable[[Context, str], Value]]) -> Transform:
    read = table.get(arguments.name)
    if read is None:
        raise FixupError(f"unknown transformation {{{klass}.{arguments.shown}}}")
    arguments.nothing()
    return lambda ctx, value: read(ctx, filled(value))


# --- uri --------------------------------------------------------------------------------------------------------------


def _parsed_uri(ctx: Context, text: str) -> Uri:
    try:
        return parse_uri(text[:-1] if len(text) > 4 and text[-1] == ";" else text)
    except SipError:
        raise failed(ctx, f"invalid uri [{text}]") from None


def _with_scheme(uri: Uri, text: str, user: bool, rest: bool) -> str:
    out = text[: text.index(":") + 1]
    if user and uri.user:
        out += uri.user + "@"
    out += uri.host
    if rest:
        if uri.port:
            out += ":" + uri.port
        if uri.transport:
            out += ";transport=" + uri.transport
    return out


def _to_socket(uri: Uri, text: str) -> str:
    if not uri.proto:
        return ""
    return f"{uri.proto}:{uri.host}:{uri.port_no or 5060}"


_URI: dict[str, Callable[[Uri, str], Value]] = {
    "user": lambda uri, text: uri.user,
    "host": lambda uri, text: uri.host,
    "domain": lambda uri, text: uri.host,
    "passwd": lambda uri, text: uri.password,
    "port": lambda uri, text: Both(uri.port_no, uri.port),
    "params": lambda uri, text: uri.sip_params,
    "headers": lambda uri, text: uri.headers,
    "transport": lambda uri, text: uri.transport,
    "ttl": lambda uri, text: uri.ttl,
    "uparam": lambda uri, text: uri.user_param,
    "maddr": lambda uri, text: uri.maddr,
    "method": lambda uri, text: uri.method,
    "lr": lambda uri, text: uri.lr or "",
    "r2": lambda uri, text: uri.r2 or "",
    "scheme": lambda uri, text: text[: text.index(":")],
    "tosocket": _to_socket,
    "duri": lambda uri, text: _with_scheme(uri, text, False, True),
    "saor": lambda uri, text: _with_scheme(uri, text, True, False),
    "suri": lambda uri, text: _with_scheme(uri, text, True, True),
}


def _uri_param(arguments: Arguments) -> Transform:
    arguments.required()
    name = arguments.string()
    arguments.end()

    def run(ctx: Context, value: Value) -> Value:
        params = _parsed_uri(ctx, filled(value)).sip_params
        if not params:
            return ""
        wanted = name(ctx).lower()
        found = [item.value or "" for item in _params(params, ";") if item.name.lower() == wanted]
        return found[-1] if found else ""

    return run


# --- param ------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _params(text: str, separator: str) -> tuple[Param, ...]:
    """The parameters in the order of the text; fails where Kamailio's reader does."""
    if len(text) > 1 and text[-1] == separator:
        text = text[:-1]
    try:
        return tuple(parse_params(text.strip(" \t\r\n"), 0, separator)[0])
    except SipError:
        raise TransformationFailed from None


def _param_list(arguments: Arguments) -> Transform:
    name = arguments.name
    if name not in ("value", "in", "valueat", "name", "count"):
        raise FixupError(f"unknown transformation {{param.{arguments.shown}}}")
    separator = _fixed_separator(";")
    if name == "count":
        if arguments.given:
            dynamic = arguments.text.lstrip(" \t\n").startswith("$")
            separator = arguments.string(comma=True)
            if not dynamic and len(arguments.text) != 1:
                raise FixupError(f"{{param.{arguments.shown}}}: the separator is one character")
        arguments.end()

        def count(ctx: Context, value: Value) -> Value:
            return len(_listed(filled(value), separator(ctx)[:1]))

        return count
    arguments.required()
    if name in ("valueat", "name"):
        index = arguments.number()
        separator = _separator(arguments)
        field = 1 if name == "valueat" else 0

        def at(ctx: Context, value: Value) -> Value:
            params = _listed(filled(value), separator(ctx))
            place = index(ctx)
            return params[place][field] or "" if -len(params) <= place < len(params) else ""

        return at
    wanted = arguments.string()
    separator = _separator(arguments)
    inside = name == "in"

    def named(ctx: Context, value: Value) -> Value:
        params = _listed(filled(value), separator(ctx))
        key = wanted(ctx).lower()
        for param in reversed(params):
            if param.name.lower() == key:
                return 1 if inside else param.value or ""
        return 0 if inside else ""

    return named


def _listed(text: str, separator: str) -> tuple[Param, ...]:
    params = _params(text, separator)
    if not params or text[0] in " \t\r\n":
        raise TransformationFailed
    return params


def _fixed_separator(char: str) -> Callable[[Context], str]:
    return lambda ctx: char


def _separator(arguments: Arguments) -> Callable[[Context], str]:
    if not arguments.more:
        arguments.end()
        return _fixed_separator(";")
    arguments.comma()
    rest = arguments.constant()
    if len(rest) != 1 or rest == ",":
        raise FixupError(f"{{param.{arguments.shown}}}: the separator is one character, and no comma")
    return _fixed_separator(rest)


# --- nameaddr, tobody -------------------------------------------------------------------------------------------------


def _name_address(text: str) -> tuple[str, str, int]:
    """Name, URI and length of `"Name" <uri>`; a text without `<` is a URI as a whole (parse_nameaddr)."""
    opening = find_not_quoted(text, "<")
    if opening < 0:
        return "", text, len(text)
    closing = find_not_quoted(text, ">", opening + 1)
    if closing < 0:
        raise TransformationFailed
    return text[:opening], text[opening + 1 : closing], closing + 1


_NAMEADDR: dict[str, Callable[[Context, str], Value]] = {
    "name": lambda ctx, text: _name_address(text)[0],
    "uri": lambda ctx, text: _name_address(text)[1],
    "len": lambda ctx, text: _name_address(text)[2],
}


def _to_body(text: str) -> tuple[ToBody, Uri]:
    try:
        body = parse_to(text)
        return body, parse_uri(body.uri)
    except SipError:
        raise TransformationFailed from None


def _body_params(ctx: Context, text: str) -> Value:
    body, _ = _to_body(text)
    return text[body.params[0].start :] if body.params else ""


_TOBODY: dict[str, Callable[[Context, str], Value]] = {
    "uri": lambda ctx, text: _to_body(text)[0].uri,
    "tag": lambda ctx, text: _to_body(text)[0].tag,
    "display": lambda ctx, text: _to_body(text)[0].display,
    "user": lambda ctx, text: _to_body(text)[1].user,
    "host": lambda ctx, text: _to_body(text)[1].host,
    "params": _body_params,
}


# --- line -------------------------------------------------------------------------------------------------------------


def _lines(arguments: Arguments) -> Transform:
    name = arguments.name
    if name == "count":
        arguments.nothing()
        return lambda ctx, value: str(_line_count(filled(value)))
    if name == "at":
        arguments.required()
        index = arguments.number()
        arguments.end()
        return lambda ctx, value: _line_at(filled(value), index(ctx))
    if name == "sw":
        arguments.required()
        start = arguments.string()
        arguments.end()
        return lambda ctx, value: _line_starting(filled(value), start(ctx))
    raise FixupError(f"unknown transformation {{line.{arguments.shown}}}")


def _line_count(text: str) -> int:
    return text.count("\n") + (text[-1] != "\n")


def _line_at(text: str, index: int) -> str:
    """Line number `index`, from 0; negative from the end. The line end is not part of it."""
    lines = text.split("\n")
    if index < 0 and lines[-1] == "":
        del lines[-1]
    return lines[index].removesuffix("\r") if -len(lines) <= index < len(lines) else ""


def _line_starting(text: str, start: str) -> str:
    for line in text.split("\n"):
        if line.startswith(start):
            return line.removesuffix("\r")
    return ""


# --- urialias, val ----------------------------------------------------------------------------------------------------


def _encode_alias(ctx: Context, text: str) -> Value:
    try:
        uri = parse_uri(text)
    except SipError:
        ctx.server.log.warning("pv", f"error converting uri to alias [{text}]")
        return ""
    port = uri.port or ("5061" if uri.proto in ("tls", "wss") else "5060")
    return f"{uri.host}~{port}~{PROTO_NUMBERS.get(uri.proto, 1)}"


def _decode_alias(ctx: Context, text: str) -> Value:
    host, mark, rest = text.partition("~")
    port, second, proto = rest.partition("~")
    if not mark:
        return f"sip:{text}"
    if not second:
        return f"sip:{host}:{port}"
    number = ord(proto[0]) - 48 if proto else -1
    names = {value: name for name, value in PROTO_NUMBERS.items()}
    if number in (0, 1):
        return f"sip:{host}:{port}"
    if number not in names:
        ctx.server.log.warning("pv", f"error converting uri to alias [{text}]")
        return ""
    return f"sip:{host}:{port};transport={names[number]}"


def _null_zero(value: Value) -> Value:
    return 0 if value is None else value


def _null_empty(value: Value) -> Value:
    return "" if value is None else value


def _json(value: Value) -> Value:
    return "" if value is None else value if isinstance(value, int) else json_escape(text_of(value))


def _json_quoted(value: Value) -> Value:
    if value is None:
        return '""'
    return value if isinstance(value, int) else f'"{json_escape(text_of(value))}"'
