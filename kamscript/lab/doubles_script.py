"""Doubles written in the config's own language: statements that run where the double is called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from kamscript.loader import module_classes
from kamscript.module import FixupError
from kamscript.modules import Modules
from kamscript.script.compile import compile
from kamscript.script.parse import parse
from kamscript.script.resolve import resolve
from kamscript.source import ConfigError, Diagnostic, MemoryReader, Source, Span

if TYPE_CHECKING:
    from kamscript.lab.doubles import Call
    from kamscript.lab.lab import Lab
    from kamscript.script.program import Program

#: The route that the statements become.
_NAME = "double"


def script_of(lab: Lab, name: str, text: str) -> Callable[[Call], Any]:
    """What runs `text` over the context of a call and gives its return code.

    Raises ConfigError, with lines of `text`, for what Kamailio would not take. It sees the modules, routes, flags,
    defines and variables of the lab's config. Compiled once for all labs of that config.
    """
    server = lab.server
    kept: dict[tuple[str, str], Program] = server.plan.shared.setdefault("double scripts", {})
    program = kept.get((name, text))
    if program is None:
        program = kept[name, text] = _compiled(lab.program, name, text, len(kept))
    try:
        function = program.join(server, _NAME)
    except FixupError as error:
        raise ValueError(f"the double of {name}: {error}") from None
    return lambda call: function(call.context)


def _compiled(config: Program, name: str, text: str, serial: int) -> Program:
    """The statements as a program of their own, beside routes of the same names as the config's."""
    lines = [f"flags {flag}:{bit};" for flag, bit in config.flags.items()]
    lines += [f'loadmodule "{module}.so"' for module in config.modules]
    for route in config.routes:
        if route.name and (str(route.kind), route.name) != ("request_route", _NAME):
            lines.append(f"{_word(str(route.kind))}[{route.name}] {{ return; }}")
    before = f"{' '.join(lines)} route[{_NAME}] {{ "
    source = Source(f"double of {name}", f"{before}{text}\n}}\n")
    target: Any = config.target
    try:
        parsed = parse(source, MemoryReader({}), dict(config.defines), target, ())
        meaning = resolve(parsed, Modules(), target)
        return compile(meaning, module_classes(config.modules), target, namespace=f"double{serial}_")
    except ConfigError as error:
        said = Source(source.path, f"{text}\n")
        raise ConfigError([_within(one, said, len(before)) for one in error.diagnostics]) from None


def _within(finding: Diagnostic, said: Source, offset: int) -> Diagnostic:
    """The finding at its place in what the test wrote, `offset` characters behind the start of what was compiled."""
    start, end = (max(0, min(place - offset, len(said.text) - 1)) for place in (finding.span.start, finding.span.end))
    return replace(finding, span=Span(said, start, end))


def _word(kind: str) -> str:
    return "route" if kind == "request_route" else kind
