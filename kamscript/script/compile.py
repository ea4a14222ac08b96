"""Resolved config to Program: every route block becomes one Python function in the config's own file and lines.

The way of a block: `statements` writes Python text, line by line with the place each line stands for; the text is
parsed, the places are put into the tree, and Python compiles that. So a traceback, a profiler, a debugger and
coverage speak of `kamailio.cfg:212`, in `route[RELAY]`.
"""

from __future__ import annotations

import ast
import builtins
import marshal
from collections.abc import Iterator, Mapping
from types import CodeType

from kamscript.module import Module
from kamscript.script import nodes
from kamscript.script.expressions import bad_pattern
from kamscript.script.program import Need, PartCode, Program, RouteCode, digest_of
from kamscript.script.resolve import Resolved
from kamscript.script.scope import Scope
from kamscript.script.statements import Function, write_block
from kamscript.source import ConfigError, Span


def compile(
    resolved: Resolved,
    modules: Mapping[str, type[Module]],
    target: str = "all",
    *,
    namespace: str = "",
    traced: bool = False,
) -> Program:
    """Compile a resolved config. `modules` are the declared modules by name; a module that is missing there is known
    only from the catalogue, and its functions and pseudo-variables become doubles. `namespace` stands in front of
    the names that the routes use, so that they can join those of another program (`Program.join`). `traced` routes tell
    of every statement (`Server.trace`), as those of a config with the debugger module do.

    Raises ConfigError for what Kamailio refuses only when it fixes the routes (bad regular expressions, arguments).
    """
    scope = Scope(resolved, modules, target, namespace, traced)
    if scope.traced:
        scope.needs["_trace"] = Need("trace", (), resolved.config.items[0].pos)
        scope.needs["_assigned"] = Need("assigned", (), resolved.config.items[0].pos)
    routes: list[RouteCode] = []
    parts: list[PartCode] = []
    for (kind, name), blocks in resolved.routes.items():
        statements = [statement for block in blocks for statement in block.body.statements]
        head = blocks[0].pos
        for node in (node for block in blocks for node in nodes.walk(block)):
            if bad_pattern(node):
                scope.error("wrong-type", "a regular expression is a text", node.pos)
        function = Function(scope, route_title(kind, name), head.path, head)
        write_block(function, statements)
        routes.append(RouteCode(kind, name, head.path, head.line, marshal.dumps(code_of(function))))
        parts.extend(_parts(function))
    if scope.diagnostics:
        raise ConfigError(scope.diagnostics)
    config = resolved.config
    return Program(
        path=config.files[0].path if config.files else "",
        target=target,
        items=tuple(item for item in config.items if not isinstance(item, nodes.Route)),
        modules=resolved.modules,
        params=resolved.params,
        flags=dict(resolved.flags),
        avpflags=dict(resolved.avpflags),
        routes=tuple(routes),
        parts=tuple(parts),
        needs=scope.needs,
        actions=tuple(scope.actions),
        pvs=tuple(scope.pvs),
        sources=tuple(source.path for source in config.files),
        defines=dict(config.defines),
        hashes=tuple({source.path: digest_of(source.text) for source in config.files}.items()),
        missing=tuple(config.missing),
        environment=dict(config.environment),
        warnings=resolved.warnings,
    )


def route_title(kind: nodes.RouteKind, name: str) -> str:
    """How a route is called in tracebacks: `request_route`, `route[RELAY]`, `event_route[tm:local-request]`."""
    if not name:
        return str(kind)
    return f"route[{name}]" if kind is nodes.RouteKind.REQUEST else f"{kind}[{name}]"


def _parts(function: Function) -> Iterator[PartCode]:
    for name, part in function.parts:
        yield PartCode(name, part.path, marshal.dumps(code_of(part)))
        yield from _parts(part)


def code_of(function: Function) -> CodeType:
    """The code of a finished function, at the config's places."""
    tree = ast.parse(function.source())
    first = 3 if function.variables else 2  # the Python line of `lines[0]`
    places = [_place(line.span) for line in function.lines]
    head = _place(function.span)
    for node in ast.walk(tree):
        if (number := getattr(node, "lineno", None)) is not None:
            line, column, end_line, end_column = places[number - first] if number >= first else head
            node.lineno, node.col_offset = line, column  # type: ignore[attr-defined]
            node.end_lineno, node.end_col_offset = end_line, end_column  # type: ignore[attr-defined]
    module: CodeType = builtins.compile(tree, function.path, "exec", dont_inherit=True)
    code = next(constant for constant in module.co_consts if isinstance(constant, CodeType))
    return code.replace(co_name=function.name, co_qualname=function.name)


def _place(span: Span) -> tuple[int, int, int, int]:
    """Line, column, end line, end column as Python counts them: one line, columns from 0."""
    line, column = span.source.place(span.start)
    width = max(1, min(span.end, span.start + len(span.source.line(line)) - column + 1) - span.start)
    return line, column - 1, line, column - 1 + width
