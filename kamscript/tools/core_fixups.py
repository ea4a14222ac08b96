"""What the core refuses at start beyond the grammar: settings out of range, groups and sockets that are not there.

Sources: core/route.c (fix_actions), core/cfg/cfg_script.c, cfg_struct.c and cfg_ctx.c, core/dset.c, main.c.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from kamscript.script import nodes as n
from kamscript.script.resolve import Resolved
from kamscript.script.types import STR, type_of
from kamscript.source import Diagnostic, did_you_mean
from kamscript.values import parse_int

if TYPE_CHECKING:
    from kamscript.core.server import Server

#: Settings with a range: lowest and highest value.
_RANGES = {"max_branches": (1, 30)}
#: Warnings of the earlier stages, which only say what `kamailio -c` says, that are errors at start.
_REFUSED = {"variable-group"}


def hardened(found: Sequence[Diagnostic], resolved: Resolved) -> list[Diagnostic]:
    """The findings of the reading, with those made errors that only the start refuses."""
    loops = {
        id(node.condition.pos)
        for route in resolved.config.routes
        for node in n.walk(route.body)
        if isinstance(node, n.While) and type_of(node.condition) == STR
    }
    return [
        replace(d, severity="error")
        if d.rule in _REFUSED or (d.rule == "text-condition" and id(d.span) in loops)
        else d
        for d in found
    ]


def values(resolved: Resolved) -> Iterator[Diagnostic]:
    """Values that no server can be made with."""
    for item in resolved.config.items:
        if isinstance(item, n.Setting) and item.name in _RANGES:
            low, high = _RANGES[item.name]
            value = getattr(item.value, "value", low)
            if isinstance(value, int) and not low <= value <= high:
                yield Diagnostic("bad-setting", f"{item.name} must be {low} to {high}", item.value.pos)
    yield from _instances(resolved)
    for route in resolved.config.routes:
        for node in n.walk(route.body):
            if isinstance(node, n.Assign) and isinstance(node.target, n.Attr) and node.target.track == "g":
                yield Diagnostic("read-only", "a route cannot write a global attribute", node.target.pos)


def _instances(resolved: Resolved) -> Iterator[Diagnostic]:
    """`group[1].name = value` without the variable itself, or of another type."""
    kinds: dict[tuple[str, str], bool] = {}
    custom = [item for item in resolved.config.items if isinstance(item, n.CustomVar)]
    for item in custom:
        if item.instance is None:
            kinds.setdefault((item.group, item.name), isinstance(item.value, n.IntLit))
    for item in custom:
        if item.instance is None:
            continue
        number = kinds.get((item.group, item.name))
        if number is None:
            yield Diagnostic(
                "no-value",
                f"{item.group}.{item.name} is not declared without an instance",
                item.pos,
                hint=f"write {item.group}.{item.name} = ... above it",
            )
        elif number and isinstance(item.value, n.StrLit) and parse_int(item.value.value) is None:
            yield Diagnostic("wrong-type", f"{item.group}.{item.name} is a number", item.value.pos)


def names(resolved: Resolved, server: Server) -> Iterator[Diagnostic]:
    """Groups of settings and sockets that routes name and that the server does not have."""
    listens = [item for item in resolved.config.items if isinstance(item, n.Listen)]
    enabled = {"udp", "", "*"}
    if not server.settings["disable_tcp"]:
        enabled |= {"tcp"} if server.settings["disable_tls"] else {"tcp", "tls"}
    if listens and not any(socket.proto in enabled for line in listens for socket in line.sockets):
        yield Diagnostic("no-socket", "there is no address to listen on: its protocol is disabled", listens[0].pos)
    for route in resolved.config.routes:
        for node in n.walk(route.body):
            if not isinstance(node, n.CoreCall) or not node.args:
                continue
            first = node.args[0]
            if node.name in ("cfg_select", "cfg_reset") and isinstance(first, n.StrLit):
                if server.cfg.find(first.value) is None:
                    hint = did_you_mean(first.value, server.cfg.groups())
                    yield Diagnostic("no-group", f"there is no group of settings {first.value}", first.pos, hint=hint)
            elif node.name == "force_send_socket" and isinstance(first, n.SocketId) and listens:
                host = first.hosts[0].strip("[]")
                known = server.names.find(host, first.port or 5060, first.proto.strip("*") or "udp")
                if known is None:
                    yield Diagnostic("no-socket", f"no listen line names {first.pos.text or host}", first.pos)
