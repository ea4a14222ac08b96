"""Traps of permissions: two files of rules that 5.6.3 takes for others."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config, constant

_CALLS = ("allow_routing", "allow_register", "allow_register_include_port", "allow_uri")
_DEFAULTS = {
    "default_allow_file": "permissions.allow",
    "default_deny_file": "permissions.deny",
    "allow_suffix": ".allow",
    "deny_suffix": ".deny",
}


def rule_files(config: Config) -> Iterator[Diagnostic]:
    """Calls that share only one of their two files: the daemon knows both by the place of the first."""
    if "permissions" not in config.resolved.modules:
        return
    params = dict(_DEFAULTS)
    for module, line in config.resolved.params:
        if module == "permissions" and line.name in params:
            params[line.name] = str(getattr(line.value, "value", params[line.name]))
    known = [(params["default_allow_file"], params["default_deny_file"])]
    for _, call in config.calls(*_CALLS):
        pair = _files(call, params)
        if pair is None or pair in known:
            continue
        other = next((each for each in known if each[0] == pair[0] or each[1] == pair[1]), None)
        known.append(pair)
        if other is None:
            continue
        same, mine, theirs = (0, pair[1], other[1]) if other[0] == pair[0] else (1, pair[0], other[0])
        yield Diagnostic(
            "rule-files",
            f"Kamailio 5.6 mixes up {mine} and {theirs}, which both go with {pair[same]}, or does not start",
            call.pos,
            "warning",
            f"give each of them a {('first', 'second')[same]} file of its own: copy {posixpath.basename(pair[same])}",
        )


def _files(call: n.Call, params: dict[str, str]) -> tuple[str, str] | None:
    """The two files that a call names; None when they are the default ones or no constants."""
    names = [constant(arg) for arg in call.args[:2]]
    if not names or names[0] is None:
        return None
    if len(call.args) == 1 or call.name == "allow_uri":
        return names[0] + params["allow_suffix"], names[0] + params["deny_suffix"]
    return None if names[1] is None else (names[0], names[1])


TRAPS = (rule_files,)
