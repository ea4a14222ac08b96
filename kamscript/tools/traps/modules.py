"""Traps of modules and their functions: a parameter given twice or without effect, a header that runs on, a flag."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.script.catalog import catalog
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config, constant


def parameters(config: Config) -> Iterator[Diagnostic]:
    """A parameter that a later line overrides; one that has no effect here."""
    facts = catalog()
    last: dict[tuple[str, str], object] = {}
    for module, line in reversed(config.resolved.params):
        cls = config.classes.get(module)
        param = cls.params.get(line.name) if cls is not None else None
        if param is not None and param.inert:
            text = f"the parameter {line.name} of {module} has no effect here: {param.inert}"
            yield Diagnostic("inert-parameter", text, line.pos, "note")
        known = facts.module(module)
        fact = known.param(line.name) if known is not None else None
        repeats = param is None or param.repeat or bool(param.set) or (fact is not None and fact.repeat)
        if repeats or fact is None:
            continue
        key = (module, param.attribute if param is not None else line.name)
        if key in last:
            text = f"a line below sets the parameter {line.name} of {module} again: this one has no effect"
            yield Diagnostic("parameter-twice", text, line.pos, "warning")
        last[key] = line


def doubles(config: Config) -> Iterator[Diagnostic]:
    """A function that is known but not simulated."""
    told: set[tuple[str, str]] = set()
    for _, call in config.all_calls():
        function = config.resolved.functions.get(id(call))
        if function is None or function.decl is not None or (function.module, function.name) in told:
            continue
        told.add((function.module, function.name))
        yield Diagnostic(
            "double",
            f"{function.name} of {function.module} is known, but not simulated: a test sets its double",
            call.pos,
            "note",
        )


def glued_header(config: Config) -> Iterator[Diagnostic]:
    """`append_to_reply("X: 1")` without a line end: the next header runs on behind it."""
    for _, call in config.calls("append_to_reply"):
        text = constant(call.args[0]) if call.args else None
        if text and not text.endswith("\n") and not text.endswith(")"):
            yield Diagnostic(
                "glued-header",
                "this header has no line end: the next one of the reply is glued to it",
                call.args[0].pos,
                "warning",
                "end the text with \\r\\n",
            )


def ignored_flag(config: Config) -> Iterator[Diagnostic]:
    """`fnmatch(TEXT, PATTERN, "i")`: Kamailio as Debian builds it compares case all the same."""
    for _, call in config.calls("fnmatch"):
        flag = constant(call.args[2]) if len(call.args) > 2 else None
        if flag and flag[:1] in "iI":
            text = "Kamailio as Debian builds it does not know this flag and compares case"
            yield Diagnostic(
                "flag-ignored", text, call.args[2].pos, "warning", "compare {s.tolower} with a lower pattern"
            )


TRAPS = (parameters, doubles, glued_header, ignored_flag)
