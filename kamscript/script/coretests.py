"""Tests whose left side is a keyword of the core: `uri == myself`, `src_ip == 10.0.0.0/8`, `method =~ "INV.*"`.

`make_test` gives `(ctx) -> bool`, or `(ctx, right) -> bool` when the right side is an expression. Texts compare without
regard to case, addresses also match networks and names. Source: core/route.c (eval_elem, comp_str, comp_num, comp_ip).
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kamscript.module import FixupError
from kamscript.sip.errors import SipError
from kamscript.sip.protocols import PROTO_NUMBERS
from kamscript.sip.uri import parse_uri
from kamscript.values import Value, parse_int, to_int, to_str

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.server import Server
    from kamscript.core.sockets import Received

PROTOCOLS = {**PROTO_NUMBERS, "*": 0}
_NUMBERS: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_FAMILIES = {"inet": 2, "inet6": 10}


class _Missing(Exception):
    """The left side has no value here."""


def make_test(server: Server, subject: str, op: str, kind: str, value: object) -> Callable[..., bool]:
    """The test `subject op value`. `kind` says what `value` is: "word host proto net myself int str", or "value" for a
    right side that is handed in at each call."""
    text = str(value)
    if kind == "myself":
        return _myself(server, subject, op)
    if subject in _TEXTS:
        return _text_test(_TEXTS[subject], op, text, kind == "value")
    if subject in _ADDRESSES:
        return _address_test(server, _ADDRESSES[subject], op, text, kind == "value")
    return _number_test(_INTEGERS[subject], op, text, kind)


# --- left sides -------------------------------------------------------------------------------------------------------


def _from_uri(ctx: Context) -> str:
    body = ctx.msg.from_
    if body is None:
        ctx.server.log.error("<core>", "bad or missing From: header")
        raise _Missing
    return body.uri


def _to_uri(ctx: Context) -> str:
    body = ctx.msg.to
    if body is None:
        ctx.server.log.error("<core>", "bad or missing To: header")
        raise _Missing
    return body.uri


def _method(ctx: Context) -> str:
    return ctx.msg.method


def _uri(ctx: Context) -> str:
    return ctx.msg.current_uri() if ctx.msg.is_request else str(ctx.msg.status)


def _received(ctx: Context) -> Received:
    return ctx.msg.received


_TEXTS: dict[str, Callable[[Context], str]] = {
    "method": _method,
    "uri": _uri,
    "from_uri": _from_uri,
    "to_uri": _to_uri,
}


def _leaving(ctx: Context) -> Any:
    if ctx.onsend is None:
        raise _Missing
    return ctx.onsend


_ADDRESSES: dict[str, Callable[[Context], str]] = {
    "src_ip": lambda ctx: _received(ctx).src_ip,
    "dst_ip": lambda ctx: _received(ctx).dst_ip,
    "snd_ip": lambda ctx: str(_leaving(ctx).socket.address),
    "to_ip": lambda ctx: str(_leaving(ctx).to.ip),
}


def _length(ctx: Context) -> int:
    return len(ctx.onsend.text if ctx.onsend is not None else ctx.msg.buf)


_INTEGERS: dict[str, Callable[[Context], int]] = {
    "src_port": lambda ctx: _received(ctx).src_port,
    "dst_port": lambda ctx: _received(ctx).dst_port,
    "snd_port": lambda ctx: int(_leaving(ctx).socket.port),
    "to_port": lambda ctx: int(_leaving(ctx).to.port),
    "proto": lambda ctx: PROTOCOLS.get(_received(ctx).proto, 0),
    "snd_proto": lambda ctx: PROTOCOLS.get(_leaving(ctx).socket.proto, 0),
    "af": lambda ctx: 10 if ":" in _received(ctx).src_ip else 2,
    "snd_af": lambda ctx: 10 if _leaving(ctx).socket.ipv6 else 2,
    "msg:len": _length,
}


# --- tests ------------------------------------------------------------------------------------------------------------


def _guarded(test: Callable[..., bool], op: str) -> Callable[..., bool]:
    """A left side without a value is unequal to everything."""

    def guarded(ctx: Context, *right: Value) -> bool:
        try:
            return test(ctx, *right)
        except _Missing:
            return op == "!="

    return guarded


def _pattern(text: str) -> Callable[[str], bool]:
    from kamscript import ere

    try:
        return ere.compile(text, icase=True).test
    except ValueError as error:
        raise FixupError(f"bad regular expression {text!r}: {error}") from None


def _text_test(left: Callable[[Context], str], op: str, text: str, dynamic: bool) -> Callable[..., bool]:
    if op == "=~":
        if not dynamic:
            matches = _pattern(text)
            return _guarded(lambda ctx: matches(left(ctx)), op)

        def match(ctx: Context, right: Value) -> bool:
            try:
                return _pattern(to_str(right))(left(ctx))
            except FixupError as error:
                ctx.server.log.error("<core>", str(error))
                return False

        return _guarded(match, op)
    equal = op == "=="
    if dynamic:
        return _guarded(lambda ctx, right: (left(ctx).lower() == to_str(right).lower()) is equal, op)
    lower = text.lower()
    return _guarded(lambda ctx: (left(ctx).lower() == lower) is equal, op)


def _number_test(left: Callable[[Context], int], op: str, text: str, kind: str) -> Callable[..., bool]:
    compare = _NUMBERS.get(op)
    if compare is None:
        raise FixupError(f"invalid operator {op} for a number")
    if kind == "value":
        return _guarded(lambda ctx, right: compare(left(ctx), to_int(right)), op)
    name = text.lower()
    if kind in ("proto", "word", "host", "str") and name in PROTOCOLS:
        number = PROTOCOLS[name]
    elif name in _FAMILIES:
        number = _FAMILIES[name]
    else:
        number = parse_int(text) or 0
    return _guarded(lambda ctx: compare(left(ctx), number), op)


@lru_cache(maxsize=1024)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """An address, or one with a mask (mk_net_str); None for a name."""
    address, slash, mask = text.partition("/")
    address = address.strip("[]")
    try:
        return ipaddress.ip_network(f"{address}/{mask}" if slash else address, strict=False)
    except ValueError:
        return None


def _inside(address: str, text: str) -> bool | None:
    """Whether an address is `text`, or in it; None when `text` is a name."""
    network = _network(text)
    if network is None:
        return None
    return ipaddress.ip_address(address) in network


def _address_test(
    server: Server, left: Callable[[Context], str], op: str, text: str, dynamic: bool
) -> Callable[..., bool]:
    if op not in ("==", "!=", "=~"):
        raise FixupError(f"invalid operator {op} for an address")

    def equal(ctx: Context, right: str) -> bool:
        address = left(ctx)
        found = _inside(address, right)
        if found is not None:
            return found
        if op == "=~" and _pattern(right)(address):
            return True
        resolver = server.environment.resolver
        addresses = resolver.aaaa(right) if ":" in address else resolver.a(right)
        return address in addresses

    if dynamic:

        def test(ctx: Context, right: Value) -> bool:
            if right is None:
                return op == "!="
            try:
                return equal(ctx, str(right)) is not (op == "!=")
            except FixupError as error:
                ctx.server.log.error("<core>", str(error))
                return False

        return _guarded(test, op)
    network = _network(text)
    if network is not None:
        inside = _members(text)
        return _guarded(lambda ctx: inside(left(ctx)) is not (op == "!="), op)
    if op == "=~":
        _pattern(text)
    return _guarded(lambda ctx: equal(ctx, text) is not (op == "!="), op)


def _members(text: str) -> Callable[[str], bool]:
    """Whether an address belongs to a constant network; answers are kept."""

    @lru_cache(maxsize=1024)
    def inside(address: str) -> bool:
        return bool(_inside(address, text))

    return inside


def _myself(server: Server, subject: str, op: str) -> Callable[[Context], bool]:
    if op not in ("==", "!=") and (op != "=~" or subject not in _ADDRESSES):
        raise FixupError(f"invalid operator {op} for myself")
    wanted = op != "!="
    if subject in _ADDRESSES:
        left = _ADDRESSES[subject]
        return _guarded(lambda ctx: server.is_myself(left(ctx)) is wanted, op)
    if subject not in ("uri", "from_uri", "to_uri"):
        raise FixupError(f"{subject} cannot be compared with myself")
    read = _TEXTS[subject]

    def test(ctx: Context) -> bool:
        try:
            uri = ctx.msg.parsed_uri() if subject == "uri" else parse_uri(read(ctx))
        except SipError:
            ctx.server.log.error("<core>", "bad uri")
            return subject != "uri" and op == "!="
        return server.is_myself(uri.host, uri.port_no or (5061 if uri.proto == "tls" else 5060)) is wanted

    return _guarded(test, op)
