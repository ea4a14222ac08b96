"""Choosing a destination: the algorithms, failover, and setting where the request goes (dispatcher manual, 4.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from kamscript.core.branches import Branch, append_branch
from kamscript.core.rewrite import rewrite
from kamscript.modules.dispatcher import hashing
from kamscript.modules.dispatcher.destination import c_int
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.core.context import Context
    from kamscript.core.sockets import ListenSocket
    from kamscript.modules.dispatcher import Dispatcher
    from kamscript.modules.dispatcher.destination import Destination
    from kamscript.modules.dispatcher.sets import DestinationSet

HASHES: dict[int, Callable[[Dispatcher, Context], int | None]] = {
    0: hashing.callid,
    1: hashing.from_uri,
    2: hashing.to_uri,
    3: hashing.request_uri,
    7: hashing.pseudo_variables,
}
ROUND_ROBIN, AUTH_USER, RANDOM, SERIAL, WEIGHT, CALL_LOAD = 4, 5, 6, 8, 9, 10
RELATIVE_WEIGHT, PARALLEL, LATENCY, EVEN_OR_SERIAL, PRIORITY_WEIGHT, OVERLOAD = 11, 12, 13, 14, 15, 64
TO_DST, TO_RURI, TO_XAVP = 0, 1, 2
FAILOVER = 2
_UNLIMITED = 0xFFFFFFFF


class Selection:
    """One call of a ds_select function: how many destinations were kept, and whether the request was changed."""

    __slots__ = ("count", "limit", "pushed")

    def __init__(self, limit: int) -> None:
        self.limit = limit if limit > 0 else _UNLIMITED
        self.count, self.pushed = 0, False


def select(module: Dispatcher, ctx: Context, number: int, algorithm: int, limit: int, mode: int) -> int:
    """ds_select, ds_select_dst, ds_select_domain."""
    state = Selection(limit)
    result = choose(module, ctx, state, number, algorithm, mode)
    if result >= 0:
        module.records.count(ctx, state.count)
    return result


def choose(module: Dispatcher, ctx: Context, state: Selection, number: int, algorithm: int, mode: int) -> int:
    """Select from one set and keep what failover needs."""
    group = module.sets.by_id.get(number)
    if not module.sets:
        module.error("no destination sets")
        return -1
    if mode == TO_DST and not module.force_dst and ctx.msg.dst_uri:
        module.error(f"destination already set [{ctx.msg.dst_uri}]")
        return -1
    if group is None:
        module.error(f"destination set [{number}] not found")
        return -1
    if algorithm == LATENCY:
        return _by_latency(module, ctx, state, group, mode)
    start = _start(module, ctx, group, algorithm)
    if start is None:
        return -1
    place, algorithm, round_robin = start
    index = _usable(module, group, place % _wrapped(module, group), algorithm)
    if index < 0:
        return -1
    entry = group.entries[index]
    if mode != TO_XAVP:
        if not push(module, ctx, entry.uri, entry.socket, mode):
            return -1
        state.pushed = True
    if round_robin:
        group.last = (index + 1) % len(group.entries)
    if algorithm == PARALLEL:
        return 1 if _fork(module, ctx, group, index, mode) else 2
    if not module.flags & FAILOVER or not module.records.name:
        return 1
    chosen = _others(module, group, index, algorithm == CALL_LOAD, state.limit - state.count)
    return _keep(module, ctx, state, group, chosen, algorithm == CALL_LOAD, index)


def _wrapped(module: Dispatcher, group: DestinationSet) -> int:
    size = len(group.entries)
    return size - 1 if module.use_default and size != 1 else size


def _start(module: Dispatcher, ctx: Context, group: DestinationSet, algorithm: int) -> tuple[int, int, bool] | None:
    """The number that the algorithm gives, the algorithm that counts from here on, and whether it goes round."""
    if algorithm in HASHES:
        value = HASHES[algorithm](module, ctx)
        return None if value is None else (value, algorithm, False)
    if algorithm == AUTH_USER:
        value = hashing.auth_user(module, ctx)
        if value is not None:
            return value, algorithm, False
    if algorithm in (ROUND_ROBIN, AUTH_USER):
        return group.last, algorithm, True
    if algorithm == RANDOM:
        return module.server.environment.chance.getrandbits(31), algorithm, False
    if algorithm == WEIGHT:
        place = group.wlist[group.wlast]
        group.wlast = (group.wlast + 1) % 100
        return place, algorithm, False
    if algorithm == RELATIVE_WEIGHT:
        place = group.rwlist[group.rwlast]
        group.rwlast = (group.rwlast + 1) % 100
        return place, algorithm, False
    if algorithm == CALL_LOAD:
        return _by_load(module, ctx, group)
    if module.newer:
        if algorithm == EVEN_OR_SERIAL:
            return (group.last, algorithm, True) if group.equal else (0, algorithm, False)
        if algorithm == PRIORITY_WEIGHT:
            return group.by_priority_and_weight(), algorithm, False
        if algorithm == OVERLOAD:
            return group.last, algorithm, True
    if algorithm not in (SERIAL, PARALLEL):
        module.warn(f"algo {algorithm} not implemented - using first entry...")
    return 0, algorithm, False


def _by_load(module: Dispatcher, ctx: Context, group: DestinationSet) -> tuple[int, int, bool] | None:
    if ctx.msg.method != "INVITE":
        return 0, 0, False
    if not module.records.name:
        module.error("no dst xavp for load distribution - using first entry...")
        return 0, 0, False
    index = group.least_loaded()
    if index < 0:
        return None
    if module.calls.add(ctx.msg.callid, group, index):
        return index, CALL_LOAD, False
    module.error("unable to update destination load - classic dispatching")
    return index, 0, False


def _usable(module: Dispatcher, group: DestinationSet, start: int, algorithm: int) -> int:
    """The first destination from `start` on that gets traffic; -1 none."""
    entries, size, index = group.entries, _wrapped(module, group), start
    now = module.server.timers.now

    def skipped(entry: Destination) -> bool:
        return entry.skipped or (algorithm == OVERLOAD and entry.overload.skip(now))

    while skipped(entries[index]):
        index = (index + 1) % size
        if index == start:
            if not module.use_default or skipped(entries[-1]):
                return -1
            return len(entries) - 1
    return index


def _others(module: Dispatcher, group: DestinationSet, index: int, calls: bool, limit: int) -> list[Destination]:
    entries = group.entries
    chosen, last = [entries[index]], len(entries) - 1
    for place in (*range(index + 1, last + 1), *range(index)):
        if len(chosen) >= limit:
            break
        entry = entries[place]
        if not (entry.skipped or (module.use_default and place == last) or (calls and entry.full)):
            chosen.append(entry)
    return chosen


def _keep(
    module: Dispatcher,
    ctx: Context,
    state: Selection,
    group: DestinationSet,
    chosen: list[Destination],
    calls: bool,
    index: int,
) -> int:
    if module.use_default and index != len(group.entries) - 1 and state.count + len(chosen) < state.limit:
        chosen.append(group.entries[-1])
    if not module.records.put(ctx, chosen, group.id, calls, state.count):
        return -1
    state.count += len(chosen)
    return 1


def _by_latency(module: Dispatcher, ctx: Context, state: Selection, group: DestinationSet, mode: int) -> int:
    """Algorithm 13: the highest priority, lowered by how slowly a destination answers; round robin among equals."""
    entries, size = group.entries, len(group.entries)
    wrapped, place = _wrapped(module, group), group.last
    ranked: list[tuple[int, int]] = []
    for _ in range(size):
        entry = entries[place]
        ranked.append((-1, -1) if entry.skipped else (place, _rank(entry)))
        place = (place + 1) % wrapped
    ranked.sort(key=lambda item: -item[1])
    index = ranked[0][0]
    group.last = (index + 1) % size
    failover = module.flags & FAILOVER and module.records.name
    if failover:
        usable = [place for place, _ in ranked if place >= 0 and not (module.use_default and place == size - 1)]
        chosen = [entries[place] for place in usable[: max(state.limit - state.count, 0)]]
        if index >= 0 and module.use_default and index != size - 1 and state.count + len(chosen) < state.limit:
            chosen.append(entries[-1])
        if not module.records.put(ctx, chosen, group.id, False, state.count):
            return -1
        state.count += len(chosen)
    if index < 0:
        return -1  # those of negative priority, which come behind those that are down, are remembered all the same
    entry = entries[index % wrapped]
    if mode != TO_XAVP:
        if not push(module, ctx, entry.uri, entry.socket, mode):
            return -1
        state.pushed = True
    return 1


def _rank(entry: Destination) -> int:
    late = entry.latency.congestion if entry.congestion_control else int(entry.latency.estimate)
    if entry.priority <= 0:
        return entry.priority
    return max(entry.priority - (late // entry.priority if late > entry.priority else 0), 1)


def push(module: Dispatcher, ctx: Context, uri: str, socket: ListenSocket | None, mode: int) -> bool:
    """Send the request there: by its destination URI or by the host of its request URI."""
    if mode == TO_XAVP:
        return True
    if mode == TO_RURI:
        prefix = uri.partition(":")[0].lower()
        if rewrite(ctx, "hostall", uri[len(prefix) + 1 :] if prefix in ("sip", "sips") else uri) < 0:
            module.error(f"error while setting r-uri domain with: {uri}")
            return False
    else:
        ctx.msg.dst_uri = uri
        ctx.ruri_consumed = False
    if socket is not None:
        ctx.msg.force_send_socket = socket
    return True


def _fork(module: Dispatcher, ctx: Context, group: DestinationSet, index: int, mode: int) -> bool:
    """Algorithm 12: a branch for every other destination."""
    user = ""
    if mode == TO_RURI:
        try:
            user = ctx.msg.parsed_uri().user
        except SipError:
            return False
    for entry in group.entries[index if mode == TO_XAVP else index + 1 :]:
        if mode != TO_RURI:
            branch = Branch(ctx.msg.current_uri(), dst_uri=entry.uri, socket=entry.socket)
        elif not user:
            branch = Branch(entry.uri, socket=entry.socket)
        else:
            scheme, _, rest = entry.uri.partition(":")
            if scheme not in ("sip", "sips"):
                module.warn("unsupported protocol schema - ignoring")
                continue
            branch = Branch(f"{scheme}:{user}@{rest}", socket=entry.socket)
        if not append_branch(ctx, branch):
            return False
    return True


def select_routes(module: Dispatcher, ctx: Context, rules: str, mode: str, limit: int) -> int:
    """ds_select_routes: several sets with an algorithm each."""
    state, result, last, rest = Selection(limit), -1, -1, rules
    while rest:
        rule, more, rest = rest.partition(";")
        number, equal, algorithm = rule.partition("=")
        if (more and not equal) or not all(ch in "0123456789" for ch in number + algorithm):
            module.error(f"invalid character in [{rules}]")
            return -1
        how = TO_XAVP
        if not state.pushed:
            letter = mode[:1].lower()
            if letter not in tuple("0d1r2x"):
                module.error(f"invalid routing mode parameter: {mode}")
                return -1
            how = {"0": TO_DST, "d": TO_DST, "1": TO_RURI, "r": TO_RURI}.get(letter, TO_XAVP)
        last = choose(module, ctx, state, c_int(number), c_int(algorithm), how)
        if last > 0:
            result = last
    if result < 0:
        return last
    module.records.count(ctx, state.count)
    return result


def update(module: Dispatcher, ctx: Context, mode: int, *, following: bool) -> int:
    """ds_next_dst, ds_next_domain (`following`), ds_set_dst, ds_set_domain."""
    if following and (not module.flags & FAILOVER or not module.records.name):
        module.warn("failover support disabled")
        return -1
    while True:
        if following and not module.records.drop(ctx):
            return -1
        record = module.records.current(ctx)
        if record is None or not push(module, ctx, record.uri, record.socket, mode):
            return -1
        if not record.duid or not following:
            return 1
        replaced = module.calls.replace(ctx.msg.callid, record.duid)
        if replaced != -2:
            return 1 if replaced == 0 else -1
