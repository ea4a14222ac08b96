"""States of destinations: what marks and keepalives make of them, and the event routes about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kamscript.module import Route
from kamscript.modules.dispatcher.destination import DISABLED, INACTIVE, PROBING, STATES, TRYING

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.modules.dispatcher import Dispatcher
    from kamscript.modules.dispatcher.destination import Destination
    from kamscript.modules.dispatcher.sets import DestinationSet

RUNTIME, OPTIONS_ONLY, AT_INIT = 0, 1, 2
_LETTERS = {"i": INACTIVE, "d": DISABLED, "t": TRYING, "p": PROBING}


class Cause(NamedTuple):
    """Why a state changes, and whose: what `$dsv(...)` shows in the event routes."""

    code: int
    reason: str = ""
    flags: int = 0
    uri: str = ""
    setid: int = 0


def of_letters(text: str) -> int:
    """The state that letters such as `ip` stand for; -1 for another letter."""
    state = 0
    for letter in text.lower():
        if letter == "a":
            state = 0
        elif letter in _LETTERS:
            state |= _LETTERS[letter]
        else:
            return -1
    return state


def cause_of(ctx: Context) -> Cause:
    """Why a route that runs over this message marks a destination."""
    if ctx.route & Route.FAILURE:
        return Cause(820)
    if ctx.route & Route.ONREPLY:
        return Cause(ctx.msg.status, ctx.msg.reason, 1)
    return Cause(820)


def change(
    module: Dispatcher,
    number: int,
    uri: str,
    state: int,
    cause: Cause,
    ctx: Context | None = None,
    marked: bool = False,
) -> bool:
    """Bring a destination towards a state, counting failures and successes; False: it is not there."""
    group = module.sets.by_id.get(number)
    entry = group.by_uri.get(uri.lower()) if group is not None else None
    if group is None or entry is None:
        return False
    old, wanted = entry.flags, state
    at_once = marked and module.changed  # 6.x: thresholds are for keepalives alone
    if state & TRYING and old & INACTIVE:
        state = state & ~TRYING | INACTIVE
    flags = old & ~STATES | (DISABLED if state & DISABLED else state)
    if state & TRYING:
        entry.messages += 1
        if at_once or entry.messages >= module.cfg["probing_threshold"]:
            flags = flags & ~TRYING | INACTIVE
            entry.messages = 0
    elif not wanted & TRYING and old & INACTIVE:
        entry.messages += 1
        if not at_once and entry.messages < module.cfg["inactive_threshold"]:
            flags |= INACTIVE | old & PROBING
        else:
            entry.messages = 0
    else:
        entry.messages = 0
    group.set_flags(entry, flags)
    if not (marked and module.event_callback_mode == OPTIONS_ONLY):
        _tell(module, entry, old, cause._replace(uri=uri, setid=number), ctx)
    _reweigh(group, entry, old)
    return True


def replace(group: DestinationSet, entry: Destination, state: int) -> None:
    """Set a state as it is (dispatcher.set_state)."""
    old = entry.flags
    group.set_flags(entry, old & ~STATES | state)
    _reweigh(group, entry, old)


def _reweigh(group: DestinationSet, entry: Destination, old: int) -> None:
    if entry.rweight > 0 and bool(old & (INACTIVE | DISABLED)) != entry.skipped:
        group.weigh_relatively()


def _tell(module: Dispatcher, entry: Destination, old: int, cause: Cause, ctx: Context | None) -> None:
    was_down, is_down = bool(old & (INACTIVE | DISABLED)), entry.skipped
    first = module.event_callback_mode == AT_INIT and old == 0
    if was_down == is_down and not first:
        return
    name = "dispatcher:dst-down" if is_down else "dispatcher:dst-up"
    server = module.server
    if module.event_callback or server.route_function(Route.EVENT, name) is None:
        return
    module.cause = cause
    try:
        if ctx is None:
            msg = server.faked_message()
            msg.new_uri = entry.uri
            server.run_event(name, msg)
            return
        kept = ctx.route, ctx.rc, ctx.exited, ctx.drop
        ctx.route = Route.REQUEST
        server.run_event(name, ctx=ctx)
        ctx.route, ctx.rc, ctx.exited, ctx.drop = kept
    finally:
        module.cause = None
