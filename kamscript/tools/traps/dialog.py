"""Traps of dialog's variables and profiles: what 5.6.3 refuses when it runs, or takes a wrong number for."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config, constant, variable

#: Arguments without a value, by function.
_VALUELESS = {"is_in_profile": 1, "get_profile_size": 2, "set_dlg_profile": 1, "unset_dlg_profile": 1}


def valueless_profile(config: Config) -> Iterator[Diagnostic]:
    """A profile with values and a function without one."""
    named = _with_values(config)
    for _, call in config.calls(*_VALUELESS):
        profile = constant(call.args[0]) if call.args else None
        if len(call.args) != _VALUELESS[call.name] or profile not in named:
            continue
        if call.name in ("is_in_profile", "get_profile_size"):
            text = f"{call.name}() without a value fails for {profile}, which has values; the manual says otherwise"
        else:
            text = f"{call.name}() without a value fails for {profile}, which has values"
        yield Diagnostic("valueless-profile", text, call.pos, "warning", "give the value")


def _with_values(config: Config) -> set[str]:
    names: set[str] = set()
    for module, line in config.resolved.params:
        if module == "dialog" and line.name == "profiles_with_value":
            names = {name.strip(" ") for name in (constant(line.value) or "").split(";")}
    return names


def profile_timeout(config: Config) -> Iterator[Diagnostic]:
    """Seconds of dlg_set_timeout_by_profile() that Kamailio does not read."""
    for _, call in config.calls("dlg_set_timeout_by_profile"):
        seconds = constant(call.args[-1]) if call.args else None
        if len(call.args) == 2:
            text = "without a value Kamailio takes the seconds from the wrong place: the calls end at once"
            yield Diagnostic("profile-timeout", text, call.pos, "warning", "give a value, also where it is ignored")
        elif seconds is not None and not seconds.strip().lstrip("+-")[:1].isdigit():
            text = f"the seconds are not expanded: {seconds!r} is 0, and the calls end at once"
            yield Diagnostic("profile-timeout", text, call.args[-1].pos, "warning", "write a number")


def remote_profile(config: Config) -> Iterator[Diagnostic]:
    """dlg_remote_profile() adds what later hangs the daemon."""
    for _, call in config.calls("dlg_remote_profile"):
        command = constant(call.args[0]) if call.args else None
        if command in ("add", None) or "$" in command:
            text = "Kamailio hangs when it looks for expired remote items (every 90 s) and meets one that has not"
            yield Diagnostic("remote-profile", text, call.pos, "warning")


def number_in_variable(config: Config) -> Iterator[Diagnostic]:
    """`$dlg_var(x) = 5`: refused when it runs."""
    for _, node in config.all(n.Assign):
        target = variable(node.target)
        if target is not None and target.name == "dlg_var" and isinstance(node.value, n.IntLit):
            text = f"{target.text} takes no number: Kamailio logs an error, and the variable stays as it was"
            yield Diagnostic("number-in-variable", text, node.value.pos, "warning", "write it in quotes")


def hash_size(config: Config) -> Iterator[Diagnostic]:
    """A table of dialogs whose size Kamailio rounds up without end."""
    for module, line in config.resolved.params:
        size = line.value.value if isinstance(line.value, n.IntLit) else 1
        if module == "dialog" and line.name == "hash_size" and size > 0 and size & (size - 1):
            lower = 1 << size.bit_length() - 1
            text = f"hash_size {size} is no power of two: Kamailio asks for 2^30 slots and does not start"
            yield Diagnostic("hash-size", text, line.pos, "warning", f"write {lower} or {2 * lower}")


TRAPS = (valueless_profile, profile_timeout, remote_profile, number_in_variable, hash_size)
