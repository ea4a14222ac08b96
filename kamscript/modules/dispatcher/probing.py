"""Keepalives: OPTIONS through tm to the destinations that ds_probing_mode chooses, and what the answers mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kamscript.modules.dispatcher import states
from kamscript.modules.dispatcher.destination import DISABLED, INACTIVE, NO_DNS, NO_PING, PROBING, TRYING
from kamscript.sip.params import parse_params

if TYPE_CHECKING:
    from kamscript.modules.dispatcher import Dispatcher
    from kamscript.modules.dispatcher.destination import Destination
    from kamscript.modules.dispatcher.sets import DestinationSet
    from kamscript.modules.tm.callbacks import TmcbParams
    from kamscript.modules.tm.transaction import Transaction

NONE, ALL, ONLY_INACTIVE, ONLY_FLAGGED = 0, 1, 2, 3
_TIMEOUT = 408


class Prober:
    """Sends the keepalives of one `Dispatcher` and hears the answers."""

    def __init__(self, module: Dispatcher) -> None:
        self.module = module
        self.active = 1
        self.codes: set[int] = set()
        self.tm = module.server.module("tm") if module.ds_ping_interval > 0 else None

    def run(self) -> None:
        """One round."""
        if self.active:
            for group, entry in list(self.module.sets):
                if self._chosen(entry):
                    self._ping(group, entry)

    def _chosen(self, entry: Destination) -> bool:
        mode, flags = self.module.ds_probing_mode, entry.flags
        if flags & DISABLED or (flags & NO_PING and self.module.newer) or (flags & NO_DNS and self.module.changed):
            return False
        if mode == ALL:
            return True
        if not flags & PROBING:
            return False
        return mode != ONLY_INACTIVE or bool(flags & INACTIVE)

    def _ping(self, group: DestinationSet, entry: Destination) -> None:
        module, tm = self.module, self.tm
        assert tm is not None
        entry.latency.start = module.server.timers.now
        normal = tm.cfg["fr_timer"]
        if module.ds_ping_fr_timeout > 0:
            tm.cfg["fr_timer"] = module.ds_ping_fr_timeout
        try:
            sent = tm.request_outside(
                module.ds_ping_method,
                entry.uri,
                entry.uri,
                entry.ping_from or module.ds_ping_from,
                outbound=entry.obproxy or module.outbound_proxy or "",
                socket=entry.ping_socket or module.ping_socket or entry.socket,
                callback=self._answered,
                param=(group.id, entry.uri),
            )
        finally:
            tm.cfg["fr_timer"] = normal
        if sent is None and tm.last_error:
            module.error(f"unable to ping [{entry.uri}] in group [{group.id}]")
            self._failed(group.id, entry.uri, states.Cause(500, "Sending keepalive failed"))

    def _failed(self, number: int, uri: str, cause: states.Cause) -> None:
        state = TRYING | (PROBING if self.module.ds_probing_mode != NONE else 0)
        states.change(self.module, number, uri, state, cause)

    def _answered(self, t: Transaction, kinds: int, params: TmcbParams) -> None:
        module, (number, uri), code = self.module, params.param, params.code
        if module.ds_ping_latency_stats:
            self._measure(number, uri, code)
        group = module.sets.by_id.get(number)
        entry = group.by_uri.get(uri.lower()) if group is not None else None
        if entry is None:
            module.error(f"Setting the state failed ({uri}, group {number})")
            return
        mode = module.ds_probing_mode
        if entry.flags & DISABLED or (mode == ONLY_FLAGGED and not entry.flags & PROBING):
            return
        cause = states.Cause(code, params.reply.reason if params.reply else "", 1 if params.reply else 0)
        if 200 <= code <= 299 or code in self.codes or code // 100 in self.codes:
            states.change(module, number, uri, PROBING if mode in (ALL, ONLY_FLAGGED) else 0, cause)
        else:
            self._failed(number, uri, cause)

    def _measure(self, number: int, uri: str, code: int) -> None:
        """Take the time of an answer; with `cc` the relative weight falls with the congestion."""
        module = self.module
        group = module.sets.by_id.get(number)
        if group is None:
            return
        changed = False
        for entry in (one for one in group.by_key.get(uri, ()) if one.flags & PROBING):
            if code == _TIMEOUT:
                entry.latency.timeouts += 1
            else:
                passed = round((module.server.timers.now - entry.latency.start) * 1_000_000)
                entry.latency.update(passed // 1000, module.alpha)
            if entry.congestion_control and entry.weight > 0:
                left = max(entry.weight - max(entry.latency.congestion, 0), 0)
                changed, entry.rweight = changed or entry.rweight != left, left
        if not group.congested or not all(entry.congestion_control for entry in group.entries):
            return
        weighed = [entry for entry in group.entries if entry.weight > 0]
        late = [max(entry.latency.congestion, 0) for entry in weighed]
        if len(weighed) > 1 and all(ms >= entry.weight for ms, entry in zip(late, weighed, strict=True)):
            for entry in group.entries:
                share = (sum(late) << 4) // (entry.latency.congestion or 1)
                changed, entry.rweight = changed or entry.rweight != share, share
        if changed:
            group.weigh_relatively()


def reply_codes(text: str | None) -> set[int]:
    """Codes and classes (1 to 6) that `code=403;class=3` lists; raises SipError for a text that is no list."""
    params = parse_params(text)[0] if text else []
    found: set[int] = set()
    for param in params:
        value = param.value or ""
        number = int(value) if value.isascii() and value.isdigit() else 0
        if (param.name.lower() == "code" and 100 <= number < 700) or (
            param.name.lower() == "class" and 1 <= number < 7
        ):
            found.add(number)
    return found
