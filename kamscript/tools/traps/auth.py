"""Traps of digest authentication: flags that 5.6.3 does not obey, and a question that always fails there."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config, constant

#: Functions whose second argument is the flags of a challenge; those of pv_* with flags for one are the others' third.
_CHALLENGES = ("www_challenge", "proxy_challenge", "auth_challenge", "auth_get_www_authenticate")
_CHECKS = ("pv_www_authenticate", "pv_www_authorize", "pv_proxy_authenticate", "pv_proxy_authorize", "pv_auth_check")
_AUTH_INT, _AVP, _AVP_AUTH_INT, _STALE = 2, 14, 8, 16


def _number(node: n.Node) -> int:
    """A constant number, written with or without quotes; 0 for anything else."""
    if isinstance(node, n.IntLit):
        return node.value
    text = constant(node) or ""
    return int(text) if text.isascii() and text.isdigit() else 0


def auth_int(config: Config) -> Iterator[Diagnostic]:
    """A challenge that offers qop=auth-int."""
    for names, place, bit in ((_CHALLENGES, 1, _AUTH_INT), (_CHECKS, 2, _AVP_AUTH_INT)):
        for _, call in config.calls(*names):
            if len(call.args) > place and _number(call.args[place]) & bit:
                yield Diagnostic(
                    "auth-int",
                    "Kamailio refuses every answer to a challenge with qop=auth-int as a wrong password",
                    call.args[place].pos,
                    "warning",
                    "offer qop=auth",
                )


def stale_flag(config: Config) -> Iterator[Diagnostic]:
    """Flag 16 of pv_*_authenticate()."""
    for _, call in config.calls(*_CHECKS):
        flags = _number(call.args[2]) if len(call.args) > 2 else 0
        if flags & _STALE and flags & _AVP:
            yield Diagnostic(
                "stale-flag",
                f"Kamailio 5.6 does not say stale=true in the challenges of {call.name}()",
                call.args[2].pos,
                "warning",
                "challenge with flag 16 of www_challenge() or proxy_challenge()",
            )


def no_columns(config: Config) -> Iterator[Diagnostic]:
    """is_subscriber() that is to load columns, and no columns."""
    loads = any(module == "auth_db" and line.name == "load_credentials" for module, line in config.resolved.params)
    for _, call in config.calls("is_subscriber"):
        if loads or len(call.args) != 3:
            continue
        flags = call.args[2]
        known = isinstance(flags, n.IntLit) or (constant(flags) or "").isdigit()
        if known and not _number(flags) & 2:
            yield Diagnostic(
                "no-columns",
                "without load_credentials is_subscriber() asks the database for no column, which always fails",
                flags.pos,
                "warning",
                f"write {_number(flags) | 2}",
            )


TRAPS = (auth_int, stale_flag, no_columns)
