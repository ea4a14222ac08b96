"""Traps of NAT traversal: an alias that 5.6.3 does not find, and media relays that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from kamscript.script import nodes as n
from kamscript.source import Diagnostic
from kamscript.tools.traps import Config, constant

#: Functions that ask a relay, by module, and the parameters that say where it is.
_RELAYS = {
    "rtpengine": ("rtpengine_manage", "rtpengine_offer", "rtpengine_answer", "rtpengine_delete"),
    "rtpproxy": ("rtpproxy_manage", "rtpproxy_offer", "rtpproxy_answer", "rtpproxy_destroy", "unforce_rtp_proxy"),
}


def last_alias(config: Config) -> Iterator[Diagnostic]:
    """handle_ruri_alias() that is to take the last alias."""
    for _, call in config.calls("handle_ruri_alias"):
        if not call.args:
            continue
        mode = call.args[0]
        text = str(mode.value) if isinstance(mode, n.IntLit) else constant(mode) or ""
        if text.isdecimal() and int(text):
            yield Diagnostic(
                "last-alias",
                "Kamailio 5.6 does not find the last alias parameter of most request URIs",
                mode.pos,
                "warning",
                "call handle_ruri_alias()",
            )


def no_relays(config: Config) -> Iterator[Diagnostic]:
    """Media for relays of which none is named."""
    for module, names in _RELAYS.items():
        given = {line.name for owner, line in config.resolved.params if owner == module}
        if module not in config.resolved.modules or given & {f"{module}_sock", "db_url"}:
            continue
        for _, call in config.calls(*names):
            yield Diagnostic(
                "no-relays",
                f"{call.name}() always fails: there is neither {module}_sock nor db_url to say where an {module} is",
                call.pos,
                "warning",
                f'add modparam("{module}", "{module}_sock", "udp:127.0.0.1:2223")',
            )
            break


TRAPS = (last_alias, no_relays)
