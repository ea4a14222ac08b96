"""The MI commands of 4.4: ds_set_state, ds_list, ds_reload (dispatcher manual of 4.4, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.core.mi import MISSING_PARAMETER, Mi, MiReply
from kamscript.modules.dispatcher import commands, listing

if TYPE_CHECKING:
    from kamscript.modules.dispatcher import Dispatcher


def set_state(module: Dispatcher, mi: Mi) -> MiReply:
    """`ds_set_state STATE SET URI|all`."""
    state, number, target = mi.value(0), mi.value(1), mi.value(2)
    if state is None:
        return MiReply(400, MISSING_PARAMETER)
    if not state:
        module.error("bad state value")
        return MiReply(500, "bad state value")
    flags = commands.of_command(state)
    if flags is None:
        return MiReply(500, "unknown state value")
    if number is None:
        return MiReply(400, MISSING_PARAMETER)
    if not number:
        return MiReply(500, "group not found")
    if not (number.isascii() and number.isdigit()):
        module.error("bad group value")
        return MiReply(500, "bad group value")
    if target is None:
        return MiReply(400, MISSING_PARAMETER)
    if not target:
        return MiReply(500, "address not found")
    if not commands.put_state(module, flags, int(number), target):
        return MiReply(404, "destination not found")
    return MiReply()


def show(module: Dispatcher) -> MiReply:
    """`ds_list`: the sets, and below each its destinations with state, priority and attributes."""
    reply = MiReply()
    if not module.sets:
        module.error("no destination sets")
        return reply
    reply.add("SET_NO", len(module.sets))
    for group in module.sets.ordered:
        node = reply.add("SET", group.id)
        for entry in group.entries:
            shown = node.add("URI", entry.uri)
            shown.attribute("flags", listing.letters(entry.flags))
            shown.attribute("priority", entry.priority)
            shown.attribute("attrs", entry.attrs)
    return reply


def reload(module: Dispatcher) -> MiReply:
    """`ds_reload`."""
    return MiReply() if module.reload() else MiReply(500, "ERROR Reloading data")
