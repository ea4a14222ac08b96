"""Text to tree: the LALR automaton of grammar/kamailio.lark over the scanner's tokens.

The tables come from Lark (script/make_tables.py); the loop below reads ahead exactly when bison's automaton would, so
that an error falls on the same token, and the line kept for an action is the one that Kamailio keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from kamscript.script import nodes, tables
from kamscript.script.build import Builder, Flat
from kamscript.script.keywords import KIND, Target
from kamscript.script.preprocess import END, Token, scan
from kamscript.script.settings import by_name
from kamscript.source import ConfigError, Diagnostic, Reader, Severity, Source, did_you_mean

#: Nodes within one another; more is refused, so that nothing that walks the tree runs out of stack.
MAX_DEPTH = 200
#: States on the parser's stack (a nested block takes five).
MAX_STACK = 5000
#: Errors after which the rest is not looked at.
MAX_ERRORS = 100

_ROWS = [dict(zip(row[::2], row[1::2], strict=True)) for row in tables.ACTIONS]
_GOTOS = [dict(zip(row[::2], row[1::2], strict=True)) for row in tables.GOTOS]
_STATEMENT = tables.NONTERMINALS.index("statement")
_ITEM = tables.NONTERMINALS.index("item")
_LBRACE, _RBRACE, _SEMICOLON, _ID = KIND["LBRACE"], KIND["RBRACE"], KIND["SEMICOLON"], KIND["ID"]
_LOADMODULE, _ADVERTISE = KIND["LOADMODULE"], KIND["ADVERTISE"]
_IP_SUBJECT = KIND["IP_SUBJECT"]
_ROUTE_WORDS = frozenset(kind for name, kind in KIND.items() if name.split("_")[0] == "ROUTE")
_ITEM_STARTS = frozenset(
    kind
    for name, kind in KIND.items()
    if (name.startswith(("SET_", "ROUTE")) and name != "SET_ADV_ADDRESS")
    or name in ("LOADMODULE", "LOADPATH", "MODPARAM", "MODPARAMX", "CFGENGINE", "FLAGS", "LISTEN", "ALIAS")
)


def parse(
    source: Source,
    reader: Reader | None = None,
    defines: Mapping[str, str] | None = None,
    target: Target = "all",
    subst: tuple[str, ...] = (),
) -> nodes.Config:
    """Read a config whole: preprocess, parse, apply what Kamailio checks while parsing.

    `reader` gives included files and the environment (None: there are none); `defines` are those of the command line
    (`-A NAME=VALUE`), `subst` its substitutions. Raises ConfigError with everything found wrong.
    """
    config, diagnostics = read(source, reader, defines, target, subst)
    if any(d.severity == "error" for d in diagnostics):
        raise ConfigError(diagnostics)
    return config


def read(
    source: Source,
    reader: Reader | None = None,
    defines: Mapping[str, str] | None = None,
    target: Target = "all",
    subst: tuple[str, ...] = (),
) -> tuple[nodes.Config, list[Diagnostic]]:
    """As `parse`, but never raises: what could be read, and everything found wrong, in the order of the text."""
    scanned = scan(source, reader, defines, target, subst)
    diagnostics = scanned.diagnostics
    parser = _Parser(scanned.tokens, target, diagnostics)
    parser.quiet_end = scanned.fatal
    items = parser.run()
    if scanned.open_end is not None:
        at = scanned.tokens[-1].line
        d = scanned.open_end
        severity: Severity = "error" if parser.ended_early else "warning"
        diagnostics.append(Diagnostic(d.rule, d.message, d.span, severity, d.hint, at))
    if parser.deepest > MAX_DEPTH or parser.builder.longest > MAX_DEPTH:
        items = _shallow(items, diagnostics)
    _place_substitutions(diagnostics, scanned.tokens)
    order = {id(file): i for i, file in enumerate(scanned.files)}
    diagnostics.sort(key=lambda d: (order.get(id(d.span.source), 0), d.span.start))
    config = nodes.Config(
        tuple(items),
        tuple(scanned.files),
        scanned.defines,
        tuple(scanned.missing),
        scanned.environment,
        tuple(d for d in diagnostics if d.severity != "error"),
    )
    return config, diagnostics


def _without_new_forms(tokens: list[Token]) -> None:
    """`loadmodule(...)` and `advertise udp:...` came with 6.x: elsewhere no rule takes the second token."""
    for i, token in enumerate(tokens):
        if (token.kind == _LOADMODULE and tokens[i + 1].raw == "(") or (
            token.kind == _ADVERTISE and tokens[i + 1].kind in (KIND["PROTOCOL"], KIND["WS"])
        ):
            tokens[i + 1].kind = -1


def _place_substitutions(diagnostics: list[Diagnostic], tokens: list[Token]) -> None:
    """Kamailio complains of a bad #!subst only after it has read the token behind it."""
    for i, found in enumerate(diagnostics):
        if found.rule == "bad-substitution" and isinstance(found.span, Token):
            behind = tokens[tokens.index(found.span) + 1]
            diagnostics[i] = replace(found, kamailio_line=behind.line)


def _shallow(items: list[nodes.Item], diagnostics: list[Diagnostic]) -> list[nodes.Item]:
    """The items that do not nest too deep; `else if` counts as one level however long the chain is."""
    kept = []
    for item in items:
        stack: list[tuple[nodes.Node, int]] = [(item, 0)]
        deep: nodes.Node | None = None
        while stack and deep is None:
            node, depth = stack.pop()
            if depth > MAX_DEPTH:
                deep = node
            for child in nodes.children(node):
                chained = isinstance(node, nodes.If) and child is node.otherwise and _is_else_if(node.otherwise)
                stack.append((child, depth - 1 if chained else depth + 1))
        if deep is None:
            kept.append(item)
        else:
            diagnostics.append(Diagnostic("too-deep", f"more than {MAX_DEPTH} levels within one another", deep.pos))
    return kept


def _is_else_if(block: nodes.Block | None) -> bool:
    return block is not None and len(block.statements) == 1 and isinstance(block.statements[0], nodes.If)


class _Parser:
    def __init__(self, tokens: list[Token], target: Target, diagnostics: list[Diagnostic]) -> None:
        self.tokens = tokens
        self.builder = Builder(tokens, target, diagnostics)
        self.diagnostics = diagnostics
        self.deepest = 0
        self.errors = 0
        self.quiet_end = False
        self.ended_early = False
        if target in ("4.4", "5.6"):
            _without_new_forms(tokens)
        self.rules: list[tuple[int, int, Callable[..., Any] | None]] = [
            (lhs, count, self.builder.action(name)) for lhs, count, name in tables.RULES
        ]

    def run(self) -> list[nodes.Item]:
        """The items; errors go to the diagnostics, and parsing goes on behind them."""
        tokens, builder, rules = self.tokens, self.builder, self.rules
        rows, gotos, defaults = _ROWS, _GOTOS, tables.DEFAULTS
        states: list[int] = [tables.START]
        values: list[Any] = []
        state, at, end = tables.START, 0, tables.END
        while True:
            rule = defaults[state]
            if rule < 0:
                builder.read = at
                token = tokens[at]
                if state == end and token.kind == END:
                    return values[-1]  # type: ignore[no-any-return]
                act = rows[state].get(token.kind)
                if act is None:
                    resumed = self._recover(states, values, at)
                    if resumed is None:
                        return self._rest(values)
                    at = resumed
                    state = states[-1]
                    continue
                if act >= 0:
                    states.append(act)
                    values.append(token)
                    state = act
                    at += 1
                    continue
                rule = ~act
            lhs, count, action = rules[rule]
            if action is None and count == 1:
                states[-1] = state = gotos[states[-2]][lhs]
                continue
            arguments = values[-count:]
            del values[-count:], states[-count:]
            values.append(arguments[0] if action is None else action(*arguments))
            state = gotos[states[-1]][lhs]
            states.append(state)
            if len(states) > self.deepest:
                self.deepest = len(states)
                if self.deepest > MAX_STACK:
                    self._report(states, at)
                    return self._rest(values)

    def _rest(self, values: list[Any]) -> list[nodes.Item]:
        """The items so far; what is complete of a route that never ends becomes a route of its own."""
        items = next((value for value in values if isinstance(value, list) and not isinstance(value, Flat)), [])
        word = next((v for v in values if isinstance(v, Token)), None)
        if word is None or word.kind not in _ROUTE_WORDS:
            return items if values and values[0] is items else []
        if values[0] is not items:
            items = []
        broken = self._broken(values)
        kind = {"route": "request_route"}.get(str(word.value), str(word.value))
        if kind == "onreply_route" and "" in (self._name(values), self._name(values).strip("0")):
            kind = "reply_route"
        body = nodes.Block(word, (broken,) if broken is not None else ())
        return [*items, nodes.Route(word, nodes.RouteKind(kind), "", body)]

    @staticmethod
    def _name(values: list[Any]) -> str:
        for i, value in enumerate(values[:-1]):
            if isinstance(value, Token) and value.raw == "[" and isinstance(values[i + 1], Token):
                return str(values[i + 1].value)
        return ""

    # --- errors ---

    def _recover(self, states: list[int], values: list[Any], at: int) -> int | None:
        """Report the unexpected token, drop the statement or item around it; where to go on, None for nowhere."""
        token = self.tokens[at]
        self._report(states, at)
        self.errors += 1
        if token.kind == END or self.errors >= MAX_ERRORS or len(states) > MAX_STACK:
            return None
        depth = len(states) - 1
        while depth > 0 and not (_STATEMENT in _GOTOS[states[depth]] or _ITEM in _GOTOS[states[depth]]):
            depth -= 1
        inside = _STATEMENT in _GOTOS[states[depth]]
        goto = _GOTOS[states[depth]][_STATEMENT if inside else _ITEM]
        broken = self._broken(values[depth:]) if inside else None
        del states[depth + 1 :], values[depth:]
        values.append(broken)
        states.append(goto)
        return self._skip_statement(at) if inside else self._skip_item(at)

    def _broken(self, values: list[Any]) -> nodes.Broken | None:
        """What was complete in front of the error: a wrong name there may be the real mistake."""
        parts: list[nodes.Node] = []
        for value in values:
            for part in value if isinstance(value, list) and not isinstance(value, Flat) else [value]:
                if isinstance(part, nodes.Item):
                    continue
                if isinstance(part, Token):
                    if part.kind == _IP_SUBJECT:
                        self.builder.onsend_subject(part)
                elif isinstance(part, Flat):
                    parts.append(self.builder.expr(part))
                elif isinstance(part, nodes.Node):
                    parts.append(part)
        if not parts:
            return None
        target = values[0] if isinstance(values[0], (nodes.Pv, nodes.Attr)) else None
        return nodes.Broken(parts[0].pos, self.builder.line(), tuple(p for p in parts if p is not target), target)

    def _skip_statement(self, at: int) -> int:
        """Behind the next `;` of this block, or at the `}` that closes it."""
        tokens, nested = self.tokens, 0
        while tokens[at].kind != END:
            kind = tokens[at].kind
            if kind == _LBRACE:
                nested += 1
            elif kind == _RBRACE:
                if nested == 0:
                    return at
                nested -= 1
                if nested == 0:
                    return at + 1
            elif kind == _SEMICOLON and nested == 0:
                return at + 1
            at += 1
        return at

    def _skip_item(self, at: int) -> int:
        """At the next word that begins an item, outside of braces."""
        tokens, nested = self.tokens, 0
        while tokens[at].kind != END:
            kind = tokens[at].kind
            if kind == _LBRACE:
                nested += 1
            elif kind == _RBRACE:
                nested -= 1
                if nested == 0:
                    return at + 1
            at += 1
            if nested <= 0 and tokens[at].kind in _ITEM_STARTS:
                return at
        return at

    def _report(self, states: list[int], at: int) -> None:
        token = self.tokens[at]
        before = self.tokens[at - 1] if at else None
        if token.kind == END:
            self.ended_early = True
            if not self.quiet_end and self.errors == 0:
                what = "the config is empty" if before is None else "the text ends in the middle of something"
                self.diagnostics.append(Diagnostic("syntax", what, token))
            return
        if len(states) > MAX_STACK:
            self.diagnostics.append(Diagnostic("too-deep", "too many levels within one another", token))
            return
        message, hint = f"unexpected {token.raw}", ""
        if before is not None and before.kind == _ID and token.raw == "=" and _ITEM in _GOTOS[states[-2]]:
            other = by_name().get(before.raw)
            others = f"from {other.since} on" if other and other.since else f"up to {other.until}" if other else ""
            message = f"{before.raw} is no core parameter" + (" of this generation" if other else "")
            hint = f"it exists {others}" if others else did_you_mean(before.raw, by_name())
        elif before is not None and before.kind == _ID and _STATEMENT in _GOTOS[states[-2]]:
            message += f" behind {before.raw}"
            hint = "a function call needs parentheses"
        else:
            wanted = [tables.TERMINALS[kind] for kind in _ROWS[states[-1]]]
            if len(wanted) <= 4:
                hint = f"{' or '.join(_shown(name) for name in wanted)} is needed here"
            elif "SEMICOLON" in wanted:
                hint = "is a ; missing?"
        span = token if not hint.startswith("a function") or before is None else before
        self.diagnostics.append(Diagnostic("syntax", message, span, "error", hint, token.line))


_SHOWN = {
    "LPAREN": "(", "RPAREN": ")", "LBRACE": "{", "RBRACE": "}", "LBRACK": "[", "RBRACK": "]", "SEMICOLON": ";",
    "COMMA": ",", "COLON": ":", "DOT": ".", "EQUAL": "=", "STRING": "a text", "NUMBER": "a number", "ID": "a name",
    "EVENT_NAME": "an event name like tm:local-request", "$END": "the end",
}  # fmt: skip


def _shown(terminal: str) -> str:
    return _SHOWN.get(terminal, terminal.lower())
