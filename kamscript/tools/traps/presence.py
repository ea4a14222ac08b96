"""Traps of presence: parameters that 5.6.3 does not go well with."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config

_MEMORY_INDEX, _MEMORY = 1, 2
_DB_ONLY = 3


def _params(config: Config, name: str = "presence") -> dict[str, n.ModParam]:
    """The parameters of a module, by name: the lines that count."""
    return {line.name: line for module, line in config.resolved.params if module == name}


def _value(params: dict[str, n.ModParam], name: str, default: int | str) -> int | str:
    line = params.get(name)
    found: int | str = getattr(line.value, "value", default) if line is not None else default
    return found


def unknown_spheres(config: Config) -> Iterator[Diagnostic]:
    """enable_sphere_check with the index in memory, which never learns of a sphere."""
    params = _params(config)
    line = params.get("enable_sphere_check")
    if line is None or _value(params, "enable_sphere_check", 0) != 1:
        return
    if _value(params, "publ_cache", _MEMORY_INDEX) == _MEMORY_INDEX:
        yield Diagnostic(
            "unknown-spheres",
            "Kamailio 5.6 never learns of a sphere with publ_cache=1: rules for any sphere hold everywhere",
            line.pos,
            "warning",
            "set publ_cache to 0",
        )


def notifier_on_sqlite(config: Config) -> Iterator[Diagnostic]:
    """Notifier processes on an SQLite database, which they lock for the workers."""
    params = _params(config)
    line = params.get("subs_db_mode")
    if line is None or _value(params, "subs_db_mode", 0) != _DB_ONLY:
        return
    processes = _value(params, "notifier_processes", 1)
    if isinstance(processes, int) and processes > 0 and str(_value(params, "db_url", "")).startswith("sqlite:"):
        yield Diagnostic(
            "notifier-on-sqlite",
            "the notifier process locks an SQLite database: Kamailio answers the second PUBLISH with 500",
            line.pos,
            "warning",
            "use another database, or set notifier_processes to 0",
        )


def winfo_without_database(config: Config) -> Iterator[Diagnostic]:
    """Everything in memory, and watcher information, which asks the database all the same."""
    params, xml = _params(config), _params(config, "presence_xml")
    line = params.get("publ_cache")
    if line is None or "presence_xml" not in config.resolved.modules or _value(xml, "disable_winfo", 0):
        return
    if _value(params, "publ_cache", 1) == _MEMORY and _value(params, "subs_db_mode", 2) == 0:
        yield Diagnostic(
            "winfo-without-database",
            "without a database a SUBSCRIBE to presence.winfo ends Kamailio 5.6",
            line.pos,
            "warning",
            'modparam("presence_xml", "disable_winfo", 1)',
        )


TRAPS = (unknown_spheres, notifier_on_sqlite, winfo_without_database)
