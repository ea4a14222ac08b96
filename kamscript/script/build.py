"""From reduced grammar rules to nodes: one method per alias in grammar/kamailio.lark.

Also what Kamailio refuses while it parses: types of constants, flags, bad addresses, commands in the wrong route.
Sources: core/cfg.y and core/flags.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kamscript.script import nodes as n
from kamscript.script.flags import FlagTable
from kamscript.script.keywords import KIND, Target
from kamscript.script.preprocess import Token
from kamscript.script.types import STR, binary_mismatch, is_constant, type_of, unary_mismatch
from kamscript.source import Diagnostic, Span
from kamscript.values import wrap

MAX_ARGUMENTS = 6  # route_struct.h MAX_ACTIONS, less the two that the call itself takes
MAX_ROW = 1000  # operands and operators in one expression
MAX_SELECT = 32  # select.h MAX_SELECT_PARAMS
MAX_GROUP_VARIABLES = 256  # cfg.h CFG_MAX_VAR_NUM
MAX_FLAG = 31  # flags.h MAX_FLAG
_OK_IN_ONSEND = frozenset(
    (
        "log",
        "setflag",
        "resetflag",
        "isflagset",
        "set_forward_no_connect",
        "set_reply_no_connect",
        "set_forward_close",
        "set_reply_close",
    )
)
_FACILITIES = frozenset(
    f"LOG_{name}"
    for name in (
        *("AUTH", "AUTHPRIV", "CRON", "DAEMON", "FTP", "KERN", "LPR", "MAIL", "NEWS", "SYSLOG", "USER", "UUCP"),
        *(f"LOCAL{i}" for i in range(8)),
    )
)
_POLL_METHODS = frozenset(["none", "poll", "epoll_lt", "epoll_et", "sigio_rt", "select", "kqueue", "/dev/poll"])
_BEFORE_MEMORY = {"user": "user", "shm_mem": "shm/shm_mem_size", "shm_force_alloc": "shm_force_alloc"}

_ROUTES = frozenset(KIND[name] for name in ("ROUTE", "ROUTE_REQUEST", "ROUTE_REPLY", "ROUTE_KIND", "ROUTE_EVENT"))
_LBRACE, _LBRACK, _STRING, _NOT = KIND["LBRACE"], KIND["LBRACK"], KIND["STRING"], KIND["NOT"]
_FLAGS = KIND["FLAGS"]
_PRECEDENCE = {
    "||": 1, "&&": 2, "|": 3, "&": 4, "^": 5, "<<": 6, ">>": 7,
    "==": 8, "!=": 8, "ieq": 8, "ine": 8, "eq": 8, "ne": 8, "=~": 8,
    ">": 9, "<": 9, ">=": 9, "<=": 9,
    "+": 10, "-": 10, "*": 11, "/": 11, "mod": 11,
}  # fmt: skip
_BINARY = {op.value: op for op in n.BinaryOp}
_UNARY = {op.value: op for op in n.UnaryOp}
_TEST_OPS = {"eq": n.BinaryOp.EQ, "ne": n.BinaryOp.NE}


class Flat(list[Any]):
    """An expression not yet ordered by precedence: operand nodes, operator tokens, prefix tokens, and the subject
    tokens of core tests, in the order of the text."""


class Builder:
    """The state of one parse. `read` is the index of the last token that was fetched, which is where Kamailio's
    scanner stands when a rule is reduced."""

    def __init__(self, tokens: list[Token], target: Target, diagnostics: list[Diagnostic]) -> None:
        self.tokens = tokens
        self.target = target
        self.diagnostics = diagnostics
        self.read = 0
        self.flags_table = FlagTable()
        self.avpflags_table = FlagTable()
        self.variables: dict[str, set[str]] = {}
        self.memory = False
        self.longest = 0
        self._starts: list[int] | None = None

    def action(self, name: str) -> Callable[..., Any] | None:
        """The method for a rule alias; None for rules that hand their only value on."""
        if name in ("", "same"):
            return _first if name else None
        return getattr(self, name)  # type: ignore[no-any-return]

    # --- positions and complaints ---

    def line(self) -> int:
        """Kamailio's current line: that of the end of the last token it fetched."""
        return self.tokens[self.read].end_line

    def complain(self, rule: str, message: str, pos: Span, hint: str = "") -> None:
        """An error that Kamailio reports where its scanner stands."""
        self.diagnostics.append(Diagnostic(rule, message, pos, "error", hint, self.tokens[self.read].line))

    def complain_at(self, rule: str, message: str, pos: Span, hint: str = "") -> None:
        """An error that Kamailio reports at the expression."""
        self.diagnostics.append(Diagnostic(rule, message, pos, "error", hint))

    def warn(self, rule: str, message: str, pos: Span, hint: str = "") -> None:
        self.diagnostics.append(Diagnostic(rule, message, pos, "warning", hint))

    def _route_kind(self) -> str:
        """The word that opened the route block around the last fetched token."""
        if self._starts is None:
            tokens = self.tokens
            self._starts = [
                i
                for i, token in enumerate(tokens)
                if token.kind in _ROUTES and i + 1 < len(tokens) and tokens[i + 1].kind in (_LBRACE, _LBRACK)
            ]
        from bisect import bisect_right

        at = bisect_right(self._starts, self.read) - 1
        return str(self.tokens[self._starts[at]].value) if at >= 0 else ""

    # --- lists and plain values ---

    def nothing(self, *_: Any) -> None:
        return None

    def list_first(self, item: Any) -> list[Any]:
        return [] if item is None else [item]

    def list_more(self, items: list[Any], *rest: Any) -> list[Any]:
        if rest[-1] is not None:
            items.append(rest[-1])
        return items

    def list_front(self, item: Any, *rest: Any) -> list[Any]:
        items: list[Any] = rest[-1]
        items.insert(0, item)
        return items

    items_first, items_more = list_first, list_more

    def number(self, token: Token) -> n.IntLit:
        return n.IntLit(token, token.value)  # type: ignore[arg-type]

    def negative(self, minus: Token, token: Token) -> n.IntLit:
        return n.IntLit(minus, wrap(-token.value))  # type: ignore[operator]

    def text(self, token: Token) -> n.StrLit:
        return n.StrLit(token, token.value)  # type: ignore[arg-type]

    def pv(self, token: Token) -> n.Pv:
        return n.Pv(token, token.value)  # type: ignore[arg-type]

    # --- core parameters ---

    def setting_number(self, name: Token, equal: Token, value: Token) -> n.Setting:
        return self.setting_value(name, equal, self.number(value))

    def setting_text(self, name: Token, equal: Token, value: Token) -> n.Setting:
        return self.setting_value(name, equal, self.text(value))

    def setting_word(self, name: Token, equal: Token, value: Token) -> n.Setting:
        return self.setting_value(name, equal, n.Word(value, str(value.value)))

    def setting_host(self, name: Token, equal: Token, value: Any) -> n.Setting:
        return self.setting_value(name, equal, self.host(value))

    def setting_proto(self, name: Token, equal: Token, value: Token) -> n.Setting:
        return self.setting_value(name, equal, n.Proto(value, str(value.value)))

    def setting_kemi(self, kemi: Token, dot: Token, name: Token, equal: Token, value: Token) -> n.Setting:
        return n.Setting(kemi, f"kemi.{name.value}", self.text(value))

    def setting_value(self, token: Token, equal: Token, value: Any) -> n.Setting:
        name = str(token.value)
        if name in _BEFORE_MEMORY and self.memory:
            self.complain("setting-too-late", f"{name} must stand before any modparam and route", token)
        elif name == "log_facility" and value.name not in _FACILITIES:
            self.complain("bad-setting", f"{value.name} is no syslog facility", value.pos)
        elif name == "tcp_poll_method":
            method = value.value if isinstance(value, n.StrLit) else value.name
            if method.lower() not in _POLL_METHODS:
                self.complain("bad-setting", f"{method} is no way to watch sockets", value.pos)
        elif name == "ipv6_hex_style" and value.value[:1] not in ("a", "A", "c"):
            self.complain("bad-setting", 'ipv6_hex_style is "a", "A" or "c"', value.pos)
        return n.Setting(token, name, value)

    def coreparam_number(self, *v: Token) -> n.Setting:
        return n.Setting(v[0], f"coreparam.{v[2].value}", self.number(v[5]))

    def coreparam_text(self, *v: Token) -> n.Setting:
        return n.Setting(v[0], f"coreparam.{v[2].value}", self.text(v[5]))

    def custom(self, group: Token, dot: Token, name: Token, equal: Token, value: Any, *rest: Token) -> n.CustomVar:
        called, names = str(name.value), self.variables.setdefault(str(group.value), set())
        if called in names:
            self.complain("variable-twice", f"{group.value}.{called} is already declared", group.to(name))
        elif len(names) >= MAX_GROUP_VARIABLES:
            self.complain("variable-group", f"a group holds at most {MAX_GROUP_VARIABLES} variables", group)
        names.add(called)
        return n.CustomVar(group, str(group.value), called, value, str(rest[1].value) if rest else "")

    custom_described = custom

    def custom_instance(self, *v: Any) -> n.CustomVar:
        return n.CustomVar(v[0], str(v[0].value), str(v[5].value), v[7], "", v[2].value)

    # --- flags ---

    def flag(self, name: Token, colon: Token | None = None, number: Token | None = None) -> tuple[str, int | None]:
        word = next(t for t in reversed(self.tokens[: self.read + 1]) if t.kind == _FLAGS)
        table = self.flags_table if word.value == "flags" else self.avpflags_table
        asked: int | None = None if number is None else number.value  # type: ignore[assignment]
        trouble, warning = table.add(str(name.value), asked)
        if trouble:
            self.complain("bad-flag", trouble, name)
        elif warning:
            self.warn("flag-shared", warning, name)
        return str(name.value), asked

    def flags(self, word: Token, entries: list[tuple[str, int | None]]) -> n.Flags:
        return n.Flags(word, word.value, tuple(entries))  # type: ignore[arg-type]

    # --- sockets ---

    def host(self, value: Any) -> n.Host:
        return value if isinstance(value, n.Host) else n.Host(value, str(value.value))

    def joined(self, left: Any, sign: Token, right: Any) -> n.Host:
        left, right = self.host(left), self.host(right)
        return n.Host(left.pos, f"{left.name}{sign.raw}{right.name}")

    def spelled(self, token: Token) -> n.Host:
        return n.Host(token, token.raw)

    def port(self, token: Token) -> int:
        return token.value if isinstance(token.value, int) else 0

    def ipv4(self, *v: Token) -> n.Host:
        parts = [int(t.value) for t in v[::2]]
        if any(not 0 <= part <= 255 for part in parts):
            self.complain("bad-address", "a part of the IPv4 address is above 255", v[0].to(v[-1]))
        return n.Host(v[0].to(v[-1]), ".".join(map(str, parts)))

    def ipv6(self, token: Token) -> n.Host:
        from ipaddress import IPv6Address

        try:
            IPv6Address(token.raw)
        except ValueError:
            self.complain("bad-address", f"{token.raw} is no IPv6 address", token)
        return n.Host(token, token.raw)

    def ipv6_bracketed(self, left: Token, token: Token, right: Token) -> n.Host:
        return self.ipv6(token)

    def address_group(self, left: Token, hosts: list[Any], right: Token) -> list[Any]:
        return hosts

    def _socket(self, proto: Token | None, hosts: Any, port: int, end: int = 0) -> n.SocketId:
        names = tuple(self.host(h).name for h in (hosts if isinstance(hosts, list) else [hosts]))
        first = hosts[0] if isinstance(hosts, list) else hosts
        pos = proto or (first.pos if isinstance(first, n.Host) else first)
        return n.SocketId(pos, "" if proto is None else str(proto.value), names, port, end)

    def socket_host(self, hosts: Any) -> n.SocketId:
        return self._socket(None, hosts, 0)

    def socket_host_port(self, hosts: Any, colon: Token, port: Any) -> n.SocketId:
        return self._socket(None, hosts, self._port(port))

    def socket_proto_host(self, proto: Token, colon: Token, hosts: Any) -> n.SocketId:
        return self._socket(proto, hosts, 0)

    def socket_full(self, proto: Token, colon: Token, hosts: Any, colon2: Token, port: Any) -> n.SocketId:
        return self._socket(proto, hosts, self._port(port))

    def socket_range(self, *v: Any) -> n.SocketId:
        return self._socket(v[0], v[2], v[4], v[6])

    def socket_range_plain(self, *v: Any) -> n.SocketId:
        return self._socket(None, v[0], v[2], v[4])

    def advertised_6x(self, *v: Any) -> n.SocketId:
        return self._socket(v[0], v[2], v[4].value)

    @staticmethod
    def _port(port: Any) -> int:
        return port if isinstance(port, int) else int(port.value)

    def listen(self, word: Token, equal: Token, sockets: list[n.SocketId], *rest: Any) -> n.Listen:
        advertise, name, virtual = None, "", False
        for i, part in enumerate(rest):
            if isinstance(part, n.SocketId):
                advertise = part
            elif part.kind == _STRING:
                name = str(part.value)
            elif i == len(rest) - 1:
                virtual = True
        return n.Listen(word, tuple(sockets), advertise, name, virtual)

    def socket_bind(self, word: Token, equal: Token, socket: n.SocketId) -> tuple[str, Any]:
        return "bind", socket

    def socket_set(self, word: Token, equal: Token, value: Token) -> tuple[str, Any]:
        return str(word.value), value.value

    def socket_advertise(self, *v: Any) -> tuple[str, Any]:
        return "advertise", self._socket(None, v[2], v[4].value)

    def socket_advertise_proto(self, *v: Any) -> tuple[str, Any]:
        return "advertise", self._socket(v[2], v[4], v[6].value)

    def socket_block(self, word: Token, *v: Any) -> n.Listen:
        found = dict(v[2])
        if "bind" not in found:
            self.complain("bad-socket", "the socket has no bind attribute", word)
        return n.Listen(
            word,
            (found["bind"],) if "bind" in found else (),
            found.get("advertise"),
            found.get("name", ""),
            bool(found.get("virtual")),
            found.get("workers", 0),
            found.get("agname", ""),
            found.get("vrf", ""),
            True,
        )

    def alias(self, word: Token, equal: Token, names: list[n.SocketId]) -> n.Alias:
        return n.Alias(word, tuple(names))

    # --- modules ---

    def loadmodule(self, word: Token, path: Token) -> n.LoadModule:
        return n.LoadModule(word, str(path.value), word.value == "loadmodulex")

    def loadmodule_call(self, word: Token, left: Token, path: Token, *rest: Token) -> n.LoadModule:
        options = str(rest[1].value) if len(rest) > 1 else None
        return n.LoadModule(word, str(path.value), word.value == "loadmodulex", options)

    def loadpath(self, word: Token, *rest: Token) -> n.LoadPath:
        return n.LoadPath(word, str(rest[-1].value))

    def modparam(self, *v: Any) -> n.ModParam:
        self.memory = True
        return n.ModParam(v[0], str(v[2].value), str(v[4].value), v[6], v[0].value == "modparamx", self.line())

    def modparam_pv(self, *v: Any) -> n.ModParam:
        self.memory = True
        return n.ModParam(v[0], str(v[2].value), str(v[4].value), self.pv(v[6]), True, self.line())

    def cfgengine(self, word: Token, *rest: Token) -> n.CfgEngine:
        return n.CfgEngine(word, str(rest[-1].value))

    # --- routes ---

    def route_main(self, word: Token, body: n.Block) -> n.Route:
        self.memory = True
        kind = str(word.value)
        if kind == "route":
            kind = "request_route"
        elif kind in ("reply_route", "onreply_route"):
            kind = "reply_route"
        return n.Route(word, n.RouteKind(kind), "", body, self.line())

    def route_named(self, word: Token, left: Token, name: Token, right: Token, body: n.Block) -> n.Route:
        self.memory = True
        kind, called = str(word.value), str(name.value)
        if kind == "route":
            kind = "request_route"
        elif kind == "onreply_route" and called == "0":
            kind, called = "reply_route", ""
        return n.Route(word, n.RouteKind(kind), called, body, self.line())

    def spelled_number(self, token: Token) -> Token:
        number = int(token.value)
        return Token(token.source, token.start, token.end, token.kind, str(number % 2**64), token.raw)

    def block(self, left: Token, statements: list[n.Statement], right: Token) -> n.Block:
        return n.Block(left, tuple(statements))

    def single(self, statement: n.Statement | None) -> n.Block:
        if statement is None:
            return n.Block(self.tokens[max(0, self.read - 1)], ())
        return n.Block(statement.pos, (statement,))

    def do(self, call: Any, semicolon: Token) -> n.Do:
        return n.Do(call.pos, call.cline if call.__class__ is n.Call else self.line(), call)

    def if_(self, word: Token, condition: Any, then: n.Block) -> n.If:
        return n.If(word, self.line(), self.condition(condition, "if"), then)

    def if_else(self, word: Token, condition: Any, then: n.Block, else_: Token, otherwise: n.Block) -> n.If:
        return n.If(word, self.line(), self.condition(condition, "if"), then, otherwise)

    def while_(self, word: Token, condition: Any, body: n.Block) -> n.While:
        return n.While(word, self.line(), self.condition(condition, "while"), body)

    def condition(self, value: Any, word: str) -> n.Expr:
        expr = self.expr(value)
        if type_of(expr) is STR:
            self.warn(
                "text-condition", f"a text as the condition of {word}", expr.pos, "compare it, or cast with (int)"
            )
        if is_constant(expr):
            self.warn("constant-condition", f"the condition of {word} is constant", expr.pos)
        return expr

    def switch(self, word: Token, subject: Any, left: Token, cases: list[n.Case], right: Token) -> n.Switch:
        expr = self.expr(subject)
        broken = any(d.rule == "syntax" and d.span.start > word.start for d in self.diagnostics)
        if broken:
            pass  # a case may be missing, or there may be one too many
        elif sum(case.label is None for case in cases) > 1:
            self.complain_at("bad-switch", "more than one default: in a switch", expr.pos)
        first: n.Case | None = None
        for case in cases:
            if case.label is None:
                continue
            if first is None:
                first = case
            elif not broken and self._is_text(case) != self._is_text(first):
                self.complain_at("bad-switch", "integer and text cases in one switch", case.label.pos)
                break
        return n.Switch(word, self.line(), expr, tuple(cases))

    @staticmethod
    def _is_text(case: n.Case) -> bool:
        return case.regex or (case.label is not None and type_of(case.label) is STR)

    def switch_empty(self, word: Token, subject: Any, left: Token, right: Token) -> n.Switch:
        self.warn("empty-switch", "a switch without cases", word)
        return n.Switch(word, self.line(), self.expr(subject), ())

    def case(self, word: Token, label: Any, colon: Token, statements: list[n.Statement] | None = None) -> n.Case:
        return self._case(word, label, colon, False, statements)

    def case_regex(self, word: Token, slash: Token, label: Any, colon: Token, statements: Any = None) -> n.Case:
        return self._case(word, label, colon, True, statements)

    def _case(self, word: Token, label: Any, colon: Token, regex: bool, statements: list[n.Statement] | None) -> n.Case:
        expr = self.expr(label)
        if not is_constant(expr):
            self.diagnostics.append(
                Diagnostic("bad-switch", "a case takes a constant", expr.pos, "error", "", colon.line)
            )
        return n.Case(word, expr, regex, n.Block(colon, tuple(statements or ())))

    def case_default(self, word: Token, colon: Token, statements: list[n.Statement] | None = None) -> n.Case:
        return n.Case(word, None, False, n.Block(colon, tuple(statements or ())))

    def jump(self, word: Token, *_: Token) -> n.Jump:
        return n.Jump(word, self.line(), word.value)  # type: ignore[arg-type]

    def jump_value(self, word: Token, value: Any) -> n.Jump:
        return n.Jump(word, self.line(), word.value, self.expr(value))  # type: ignore[arg-type]

    def target_pv(self, token: Token) -> n.Pv:
        return n.Pv(token, token.value)  # type: ignore[arg-type]

    def target_attribute(self, attribute: n.Attr) -> n.Attr:
        return attribute

    def target_attribute_all(self, attribute: n.Attr, left: Token, right: Token) -> n.Attr:
        return n.Attr(attribute.pos, attribute.track, attribute.name, "*")

    attribute_value, attribute_all = target_attribute, target_attribute_all

    def assign(self, target: Any, equal: Token, value: Any) -> n.Assign:
        return n.Assign(target.pos, self.line(), target, self.expr(value))

    # --- expressions ---

    def expr_first(self, operand: Any) -> Any:
        return operand

    def expr_more(self, left: Any, operator: Token, right: Any) -> Flat:
        if left.__class__ is not Flat:
            left = Flat((left,))
        left.append(operator)
        if right.__class__ is Flat:
            left.extend(right)
        else:
            left.append(right)
        return left  # type: ignore[no-any-return]

    def prefixed(self, token: Token, operand: Any) -> Any:
        if operand.__class__ is Flat:
            operand.insert(0, token)
            return operand
        if token.raw == "-" and operand.__class__ is n.IntLit and not self._signed(operand):
            return n.IntLit(token, wrap(-operand.value))
        return self.unary(_UNARY[str(token.value)], token, operand)

    @staticmethod
    def _signed(literal: n.IntLit) -> bool:
        """Whether the literal already swallowed its minus."""
        return isinstance(literal.pos, Token) and literal.pos.raw == "-"

    def test(self, subject: Token, op: Token, operand: Any) -> Flat:
        flat = Flat((subject, op))
        if operand.__class__ is Flat:
            flat.extend(operand)
        else:
            flat.append(operand)
        return flat

    def expr(self, value: Any) -> n.Expr:
        """The tree of an expression."""
        if value.__class__ is not Flat:
            return value  # type: ignore[no-any-return]
        if len(value) > self.longest:
            self.longest = len(value)
            if self.longest > MAX_ROW:
                place = value[0] if isinstance(value[0], Token) else value[0].pos
                self.complain_at("too-deep", f"an expression of more than {MAX_ROW // 2} parts", place)
                return n.IntLit(place, 0)
        self._flat, self._at = value, 0
        return self._climb(0)

    def _climb(self, least: int) -> n.Expr:
        """Precedence climbing over the flat row; all binary operators associate to the left."""
        flat = self._flat
        left = self._operand()
        while self._at < len(flat):
            token = flat[self._at]
            precedence = _PRECEDENCE[token.value]
            if precedence < least:
                break
            self._at += 1
            right = self._climb(precedence + 1)
            left = self.binary(_BINARY[token.value], left, right)
        return left

    def _operand(self) -> n.Expr:
        flat = self._flat
        prefixes: list[Token] = []
        item = flat[self._at]
        while item.__class__ is Token and (item.kind == _NOT or item.raw == "-"):
            prefixes.append(item)
            self._at += 1
            item = flat[self._at]
        self._at += 1
        if item.__class__ is Token:
            op = flat[self._at]
            self._at += 1
            item = self._test(item, op, self._climb(_PRECEDENCE[op.value] + 1))
        for token in reversed(prefixes):
            item = self.unary(_UNARY[str(token.value)], token, item)
        return item  # type: ignore[no-any-return]

    def unary(self, op: n.UnaryOp, token: Token, operand: n.Expr) -> n.Expr:
        self._mismatch(unary_mismatch(op, operand), operand.pos)
        return n.Unary(token, op, operand)

    def binary(self, op: n.BinaryOp, left: n.Expr, right: n.Expr) -> n.Expr:
        self._mismatch(binary_mismatch(op, left, right), left.pos)
        return n.Binary(left.pos, op, left, right)

    def _mismatch(self, found: tuple[n.Expr, str, str] | None, where: Span) -> None:
        if found is not None:
            operand, kind, wanted = found
            self.diagnostics.append(
                Diagnostic(
                    "type-mismatch",
                    f"{_TYPE_NAMES[kind]} where {_TYPE_NAMES[wanted]} is needed",
                    operand.pos,
                    "error",
                    f"cast it: ({wanted})",
                    where.line,
                )
            )

    def group_value(self, left: Token, value: Any, right: Token) -> n.Expr:
        return self.expr(value)

    def assignment_value(self, left: Token, assignment: n.Assign, right: Token) -> n.AssignExpr:
        return n.AssignExpr(left, assignment)

    def block_value(self, left: Token, statements: list[n.Statement], right: Token) -> n.BlockExpr:
        return n.BlockExpr(left, n.Block(left, tuple(statements)))

    def length(self, word: Token, left: Token, value: Any, right: Token) -> n.Expr:
        return self.unary(_UNARY[str(word.value)], word, self.expr(value))

    def selval(self, word: Token, left: Token, *v: Any) -> n.Selval:
        return n.Selval(word, self.expr(v[0]), self.expr(v[2]), self.expr(v[4]))

    def attribute(self, mark: Token, name: Token) -> n.Attr:
        return n.Attr(mark, "", str(name.value))

    def attribute_tracked(self, mark: Token, track: Token, dot: Token, name: Token) -> n.Attr:
        return n.Attr(mark, str(track.value), str(name.value))

    def attribute_indexed(self, attribute: n.Attr, left: Token, index: n.IntLit, right: Token) -> n.Attr:
        return n.Attr(attribute.pos, attribute.track, attribute.name, index.value)

    def select_part(self, name: Token) -> tuple[Any, ...]:
        return (str(name.value),)

    def select_part_index(self, name: Token, left: Token, index: n.IntLit, right: Token) -> tuple[Any, ...]:
        return str(name.value), index.value

    def select_part_key(self, name: Token, left: Token, key: Token, right: Token) -> tuple[Any, ...]:
        return str(name.value), str(key.value)

    def select(self, mark: Token, parts: list[tuple[Any, ...]]) -> n.Select:
        path: list[str | int] = []
        brackets: list[int] = []
        for part in parts:
            path.append(part[0])
            if len(part) > 1:
                brackets.append(len(path))
                path.append(part[1])
        if len(path) >= MAX_SELECT:
            self.complain("long-select", f"a select has fewer than {MAX_SELECT} parts", mark)
        return n.Select(mark, tuple(path), tuple(brackets))

    # --- core tests ---

    def _test(self, subject: Token, op: Token, value: Any) -> n.CoreTest:
        name = str(subject.value)
        if subject.kind == KIND["IP_SUBJECT"]:
            self.onsend_subject(subject)
            if isinstance(value, n.Expr) and is_constant(value) and type_of(value) is not STR:
                self.complain("type-mismatch", "a number where an address is needed", value.pos)
        return n.CoreTest(subject, name, _TEST_OPS.get(str(op.value)) or _BINARY[str(op.value)], value)

    def onsend_subject(self, subject: Token) -> None:
        if subject.value in ("snd_ip", "to_ip") and self._route_kind() != "onsend_route":
            self.complain_at("wrong-route", f"{subject.value} exists only in onsend_route", subject)

    def test_word(self, subject: Token, op: Token, word: Token) -> n.CoreTest:
        return self._test(subject, op, n.Word(word, str(word.value)))

    def test_myself(self, subject: Token, op: Token, myself: Token) -> n.CoreTest:
        return self._test(subject, op, n.Myself(myself))

    def test_reversed(self, myself: Token, op: Token, subject: Token) -> n.CoreTest:
        return self._test(subject, op, n.Myself(myself))

    def test_proto(self, subject: Token, op: Token, proto: Token) -> n.CoreTest:
        return self._test(subject, op, n.Proto(proto, str(proto.value)))

    def test_net(self, subject: Token, op: Token, net: n.Host | n.Net) -> n.CoreTest:
        return self._test(subject, op, net)

    def test_host(self, subject: Token, op: Token, host: Any) -> n.CoreTest:
        return self._test(subject, op, self.host(host))

    def net(self, address: n.Host, slash: Token, mask: n.Host) -> n.Net:
        return n.Net(address.pos, address.name, mask.name)

    def net_bits(self, address: n.Host, slash: Token, bits: Token) -> n.Net:
        length = 128 if ":" in address.name else 32
        if not 0 <= int(bits.value) <= length:
            self.complain("bad-address", f"the mask has more than {length} bits", bits)
        return n.Net(address.pos, address.name, str(bits.value))

    # --- calls ---

    def args_first(self, value: Any) -> list[n.Expr]:
        return [self.expr(value)]

    def args_after_comma(self, comma: Token, value: Any) -> list[n.Expr]:
        return [self.expr(value)]

    def args_more(self, args: list[n.Expr], comma: Token, value: Any) -> list[n.Expr]:
        args.append(self.expr(value))
        if len(args) == MAX_ARGUMENTS + 1:
            self.complain("too-many-arguments", f"a function takes at most {MAX_ARGUMENTS} arguments", args[-1].pos)
        return args

    def call(self, name: Token, left: Token, *rest: Any) -> n.Call:
        args: list[n.Expr] = rest[0] if len(rest) > 1 else []
        for arg in args:
            if arg.__class__ not in _LEAVES:
                inner = next((node for node in n.walk(arg) if node.__class__ is n.Call), None)
                if inner is not None:
                    self.complain_at(
                        "nested-call",
                        "a function of a module in an argument",
                        inner.pos,
                        "keep its result in a variable",
                    )
        return n.Call(name, str(name.value), tuple(args), self.line())

    def route_call(self, word: Token, left: Token, value: Any, right: Token) -> n.RouteCall:
        return self._allowed("route", n.RouteCall(word, self.expr(value)))  # type: ignore[no-any-return]

    def route_call_word(self, word: Token, left: Token, name: Token, right: Token) -> n.RouteCall:
        return self._allowed("route", n.RouteCall(word, n.StrLit(name, str(name.value))))  # type: ignore[no-any-return]

    def _allowed(self, name: str, call: Any) -> Any:
        """Only a few commands of the core may stand in onsend_route."""
        if name not in _OK_IN_ONSEND and self._route_kind() == "onsend_route":
            self.complain("wrong-route", f"{name} is not allowed in onsend_route", call.pos)
        return call

    def _command(self, word: Token, *args: Any) -> n.CoreCall:
        name = str(word.value)
        return self._allowed(name, n.CoreCall(word, name, args))  # type: ignore[no-any-return]

    def forward(self, word: Token, left: Token, *rest: Any) -> n.CoreCall:
        args: list[Any] = []
        for part in rest[:-1:2]:
            if isinstance(part, Token):
                args.append(self.number(part) if isinstance(part.value, int) else n.UriPart(part, "port"))
            else:
                args.append(part)
        return self._command(word, *args)

    def forward_name(self, host: Any) -> n.Host:
        return self.host(host)

    def uri_host(self, token: Token) -> n.UriPart:
        return n.UriPart(token, "host")

    def log(self, word: Token, left: Token, *rest: Token) -> n.CoreCall:
        return self._command(word, *([self.number(rest[0])] if len(rest) > 2 else []), self.text(rest[-2]))

    def error_(self, *v: Token) -> n.CoreCall:
        return self._command(v[0], self.text(v[2]), self.text(v[4]))

    def cmd_text(self, *v: Token) -> n.CoreCall:
        return self._command(v[0], self.text(v[2]))

    def cmd_number(self, *v: Token) -> n.CoreCall:
        if v[0].kind == KIND["CMD_FLAG"] and not 0 <= int(v[2].value) <= MAX_FLAG:
            self.complain("bad-flag", f"flags are numbered 0 to {MAX_FLAG}", v[2])
        return self._command(v[0], self.number(v[2]))

    def cmd_flag(self, *v: Token) -> n.CoreCall:
        if str(v[2].value) not in self.flags_table.numbers:
            self.complain("bad-flag", f"the flag {v[2].value} is not declared", v[2], self.flags_table.hint(v[2].value))
        return self._command(v[0], n.Word(v[2], str(v[2].value)))

    def cmd_avpflag(self, *v: Any) -> n.CoreCall:
        if str(v[4].value) not in self.avpflags_table.numbers:
            self.complain(
                "bad-flag", f"the AVP flag {v[4].value} is not declared", v[4], self.avpflags_table.hint(v[4].value)
            )
        return self._command(v[0], v[2], n.Word(v[4], str(v[4].value)))

    def cmd_plain(self, word: Token, *_: Token) -> n.CoreCall:
        return self._command(word)

    def cmd_value(self, *v: Any) -> n.CoreCall:
        return self._command(v[0], v[2])

    def cmd_proto(self, *v: Token) -> n.CoreCall:
        return self._command(v[0], n.Proto(v[2], str(v[2].value)))

    def cmd_address(self, *v: Any) -> n.CoreCall:
        return self._command(v[0], self.host(v[2]))

    def cfg_select(self, *v: Any) -> n.CoreCall:
        return self._command(v[0], self.text(v[2]), self.expr(v[4]))


_TYPE_NAMES = {"int": "a number", "str": "a text", "none": "a value"}
_LEAVES = frozenset((n.IntLit, n.StrLit, n.Pv, n.Select, n.Attr))


def _first(value: Any, *_: Any) -> Any:
    return value
