"""Traps of hash tables, queues and timers: one that nobody defined, a route that is not there, a call that ends."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.module import FixupError
from kamscript.modules.htable.definition import split_name
from kamscript.script import nodes as n
from kamscript.script.nodes import RouteKind
from kamscript.script.pv import PvText
from kamscript.sip.errors import SipError
from kamscript.sip.params import parse_params
from kamscript.source import Diagnostic, did_you_mean
from kamscript.tools.traps import Config, constant, variable, variables_in

#: Functions of htable, and which argument is the table.
_TABLE_ARGUMENT = {
    **dict.fromkeys(
        (
            *("sht_rm", "sht_rm_name", "sht_rm_value", "sht_match_name", "sht_has_name", "sht_match_str_value"),
            *("sht_has_str_value", "sht_reset", "sht_setxs", "sht_setxi", "sht_inc", "sht_dec", "sht_is_null"),
        ),
        0,
    ),
    "sht_iterator_start": 1,
}
_KEY_FUNCTIONS = ("sht_lock", "sht_unlock", "sht_rm_name_re", "sht_rm_value_re")
_TABLE_VARIABLES = ("sht", "shtex", "shtcn", "shtcv", "shtinc", "shtdec")
_QUEUE_FUNCTIONS = ("mq_add", "mq_fetch", "mq_size", "mq_pv_free")
_QUEUE_VARIABLES = ("mqk", "mqv", "mq_size")


def _values(config: Config, module: str, param: str) -> list[str] | None:
    """What the lines of a parameter say; None where the running server alone knows one."""
    lines = [line for owner, line in config.resolved.params if (owner, line.name) == (module, param)]
    values = [getattr(line.value, "value", None) for line in lines]
    return [value for value in values if isinstance(value, str)] if None not in values else None


def _attribute(text: str, name: str) -> str:
    try:
        params = parse_params(text.removesuffix(";"))[0]
    except SipError:
        return ""
    return next((param.value or "" for param in params if param.name.lower() == name), "")


def _table_of(text: str) -> str:
    """The table of `table=>key`; "" when there is none."""
    try:
        return split_name(text)[0]
    except FixupError:
        return ""


def _variables(config: Config) -> Iterator[tuple[PvText, n.Node]]:
    """Every pseudo-variable of the routes, those in texts that functions expand included."""
    for _, node in config.all(n.Pv):
        pv = variable(node)
        if pv is not None:
            yield from _with_inner(pv, node)
    for _, call in config.all_calls():
        for arg in call.args:
            for pv in variables_in(constant(arg) or ""):
                yield from _with_inner(pv, arg)


def _with_inner(pv: PvText, place: n.Node) -> Iterator[tuple[PvText, n.Node]]:
    yield pv, place
    for inner in variables_in(pv.inner or ""):
        yield from _with_inner(inner, place)


def unknown_table(config: Config) -> Iterator[Diagnostic]:
    """`$sht(name=>key)` of a table that no modparam defines."""
    lines = _values(config, "htable", "htable")
    if "htable" not in config.resolved.modules or lines is None:
        return
    named = [(_table_of(pv.inner or ""), place) for pv, place in _variables(config) if pv.name in _TABLE_VARIABLES]
    for _, call in config.calls(*_TABLE_ARGUMENT):
        if len(call.args) > _TABLE_ARGUMENT[call.name]:
            arg = call.args[_TABLE_ARGUMENT[call.name]]
            named.append((constant(arg) or "", arg))
    for _, call in config.calls(*_KEY_FUNCTIONS):
        named += [(_table_of(constant(arg) or ""), arg) for arg in call.args[:1]]
    text = "no hash table is called {}: it reads as null, and what is written is lost"
    yield from _unknown(named, [_table_of(line) for line in lines], text)


def unknown_queue(config: Config) -> Iterator[Diagnostic]:
    """`$mqk(name)` and `mq_add("name", ...)` of a queue that no modparam defines."""
    lines, names = _values(config, "mqueue", "mqueue"), _values(config, "mqueue", "mqueue_name")
    if "mqueue" not in config.resolved.modules or lines is None or names is None:
        return
    named = [(pv.inner or "", place) for pv, place in _variables(config) if pv.name in _QUEUE_VARIABLES]
    for _, call in config.calls(*_QUEUE_FUNCTIONS):
        named += [(constant(arg) or "", arg) for arg in call.args[:1]]
    known = [*names, *(_attribute(line, "name") for line in lines)]
    yield from _unknown(named, known, "no queue is called {}: what is added is lost, and nothing is fetched")


def _unknown(named: list[tuple[str, n.Node]], known: list[str], text: str) -> Iterator[Diagnostic]:
    for name, place in named:
        if name and "$" not in name and name not in known:
            yield Diagnostic("unknown-table", text.format(name), place.pos, "warning", did_you_mean(name, known))


def missing_timer_route(config: Config) -> Iterator[Diagnostic]:
    """`modparam("rtimer", "exec", "timer=t;route=NAME")` without that route."""
    routes = [route.name for route in config.routes if route.kind is RouteKind.REQUEST]
    for module, line in config.resolved.params:
        name = _attribute(str(getattr(line.value, "value", "")), "route")
        if (module, line.name) == ("rtimer", "exec") and name and name not in routes:
            hint = did_you_mean(name, routes)
            text = f"there is no route[{name}]: the timer runs nothing"
            yield Diagnostic("missing-route", text, line.pos, "warning", hint)


def ends_behind(config: Config) -> Iterator[Diagnostic]:
    """`sht_setxi(...)`, which returns 0 in 5.6."""
    if config.target == "6.x":
        return
    for _, call in config.calls("sht_setxi"):
        text = "in Kamailio 5.6 sht_setxi() returns 0: the script ends behind it"
        hint = "write $sht(table=>name) = number; $shtex(table=>name) = seconds;"
        yield Diagnostic("ends-script", text, call.pos, "warning", hint)


TRAPS = (unknown_table, unknown_queue, missing_timer_route, ends_behind)
