"""`python -m kamscript.tools.reference`: docs/modules.md, drawn from what the modules declare."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from kamscript.core.settings import DEFAULTS, UNHEEDED
from kamscript.module import FunctionDecl, Module, Param, PvDecl, Route
from kamscript.modules import load_module, own_names
from kamscript.script.settings import SETTINGS

_TITLE = """\
# Modules

What the modules of kamscript take and offer, drawn from their declarations by `python -m kamscript.tools.reference`.
A parameter without effect says why in italics. Where a name is not known to every generation of Kamailio (4.4, 5.6,
6.x), the last column says which ones know it.
"""
_ROUTES = {
    Route.REQUEST: "request",
    Route.FAILURE: "failure",
    Route.ONREPLY: "onreply",
    Route.TM_ONREPLY: "onreply[name]",
    Route.CORE_ONREPLY: "onreply",
    Route.BRANCH: "branch",
    Route.ONSEND: "onsend",
    Route.ERROR: "error",
    Route.LOCAL: "local",
    Route.BRANCH_FAILURE: "branch_failure",
    Route.EVENT: "event",
}


def reference() -> str:
    """The whole document."""
    names = sorted(own_names())
    lines = [
        _TITLE,
        "Modules: " + ", ".join(f"[{name}](#{name})" for name in names) + ". [Core parameters](#core).",
        "",
    ]
    for name in names:
        lines += _module(load_module(name))
    lines += _core()
    return "\n".join(lines).rstrip() + "\n"


def _module(module: type[Module]) -> Iterator[str]:
    yield f"## {module.name}\n"
    yield f"{_first(module.__doc__)}\n"
    if module.requires:
        yield f"Needs: {', '.join(module.requires)}.\n"
    yield from _table(
        ("Parameter", "Default", "Meaning", "Generations"),
        ((f"`{name}`", _default(p), _meaning(p.doc, p.inert), _span(p)) for name, p in module.params.items()),
    )
    functions: dict[tuple[str, str, str], list[int]] = {}
    decls: dict[tuple[str, str, str], FunctionDecl] = {}
    for (name, arity), decl in sorted(module.functions.items()):
        key = (name, decl.method, _span(decl))
        functions.setdefault(key, []).append(arity)
        decls[key] = decl
    yield from _table(
        ("Function", "Routes", "What it does", "Generations"),
        (
            (f"`{_call(decls[key], arities)}`", _routes(decls[key].routes), _first(decls[key].doc), key[2])
            for key, arities in functions.items()
        ),
    )
    yield from _table(
        ("Variable", "Meaning", "Generations"),
        ((_variable(decl), _first(decl.doc), _span(decl)) for decl in module.pvs.values()),
    )
    for title, table, form in (
        ("Transformation", module.transformations, "`{{{}.*}}`"),
        ("Select", module.selects, "`@{}`"),
        ("RPC command", module.rpcs, "`{}`"),
        ("MI command", module.mis, "`{}`"),
        ("Statistic", module.statistics, "`{}`"),
        ("Event route", module.event_routes, "`event_route[{}]`"),
    ):
        decls_: Iterable[Any] = table.values()
        yield from _table(
            (title, "Meaning", "Generations"),
            ((form.format(decl.name), _first(decl.doc), _span(decl)) for decl in decls_),
        )


def _core() -> Iterator[str]:
    yield "## core\n"
    yield "Core parameters, written `name=value` outside the routes.\n"
    yield from _table(
        ("Parameter", "Default", "Meaning", "Generations"),
        (
            (
                " ".join(f"`{name}`" for name in (decl.name, *decl.aliases)),
                _shown(DEFAULTS.get(decl.name, "")),
                _meaning(decl.doc, decl.inert or UNHEEDED.get(decl.name, "")),
                _span(decl),
            )
            for decl in SETTINGS
        ),
    )


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A Markdown table; nothing when there is no row. A last column that says nothing is left out."""
    found = [[cell.replace("|", "\\|").replace("\n", "\\n") for cell in row] for row in rows]
    if not found:
        return
    width = len(titles) if any(row[-1] for row in found) else len(titles) - 1
    yield f"| {' | '.join(titles[:width])} |"
    yield "|" + " --- |" * width
    for row in found:
        yield "|" + "".join(f" {cell} |" if cell else " |" for cell in row[:width])
    yield ""


def _first(doc: str | None) -> str:
    """The first paragraph of a docstring, in one line."""
    return " ".join((doc or "").strip().split("\n\n")[0].split())


def _meaning(doc: str, inert: str) -> str:
    return f"{_first(doc)} *No effect: {inert}.*" if inert else _first(doc)


def _default(param: Param[Any]) -> str:
    return "(several lines)" if param.repeat else _shown(param.default)


def _shown(value: object) -> str:
    if value is None or value == "":
        return ""
    return f"`{value}`"


def _span(decl: Any) -> str:
    """The generations that know a name; empty when all do."""
    since, until = getattr(decl, "since", ""), getattr(decl, "until", "")
    if since and until:
        return f"{since} to {until}"
    return f"from {since}" if since else f"up to {until}" if until else ""


def _call(decl: FunctionDecl, arities: list[int]) -> str:
    """`t_relay([host], [port])`."""
    if arities == [-1]:
        names = [argument.name for argument in decl.arguments]
        return f"{decl.name}({', '.join([*names, '...'])})"
    least = min(arities)
    names = [argument.name for argument in decl.arguments[: max(arities)]]
    text = ", ".join(names[:least])
    for position, name in enumerate(names[least:], least):
        wanted = position + 1 in arities
        text += f"{'[' if wanted or position == least else ''}{', ' if position else ''}{name}{']' if wanted else ''}"
    return f"{decl.name}({text})"


def _variable(decl: PvDecl) -> str:
    text = f"`${decl.name}{'(...)' if decl.factory else ''}`"
    return text + " (writable)" if decl.setter else text


def _routes(routes: Route) -> str:
    if routes == Route.ANY:
        return "any"
    left, words = routes, []
    for route, word in _ROUTES.items():
        if left & route == route:
            words.append(word)
            left &= ~route
    return ", ".join(words)


if __name__ == "__main__":
    sys.stdout.write(reference())
