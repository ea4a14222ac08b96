"""One scenario on the lab's network: it opens calls at a rate, or answers what comes, and hands messages to calls."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from kamscript.core.timers import Timer
from kamscript.lab.network import Address
from kamscript.lab.sipp.call import Call, SippError
from kamscript.lab.sipp.counts import KEPT_FAILURES, Counts, Times
from kamscript.lab.sipp.incoming import Incoming
from kamscript.lab.sipp.result import Failure
from kamscript.lab.sipp.scenario import Scenario
from kamscript.lab.sipp.settings import Settings
from kamscript.lab.sipp.variables import Value

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

_DYNAMIC = (10000, 18000, 4)  # SIPp's -dynamicStart, -dynamicMax and -dynamicStep


class Party:
    """One scenario at play. `name` is what ladders and reports call it."""

    def __init__(self, lab: Lab, scenario: Scenario, settings: Settings, name: str, chance: Random) -> None:
        self.lab, self.scenario, self.settings, self.name, self.chance = lab, scenario, settings, name, chance
        self.counts = Counts(borders=scenario.response_times, call_lengths=Times(scenario.call_lengths))
        self.calls: dict[str, Call] = {}
        self.failures: list[Failure] = []
        self.log: list[str] = []
        self.warnings: list[str] = []
        self.started = lab.now
        self.moved_at = lab.now  #: when a call last got a step further
        self.stopping = self.stopped_now = False
        self.error: SippError | None = None
        self.loses = settings.lost > 0 or scenario.loses
        self.shared: dict[int, Value] = dict(scenario.shared)
        self.on_message: Callable[[float, str, str], None] | None = None  #: -trace_msg
        self._dead: dict[str, tuple[float, str]] = {}
        self._number = 0
        self._dynamic = _DYNAMIC[0]
        self._left = 0
        self._limit = 1
        self._interval = 0.0
        self._generated = 0
        self._generator: Timer | None = None

    @property
    def now(self) -> float:
        """The lab's clock."""
        return self.lab.timers.now

    @property
    def is_client(self) -> bool:
        """Whether it opens the calls."""
        return self.scenario.sends_first

    # -- opening calls

    def begin(self, calls: int, rate: float, period: float, limit: int) -> None:
        """Run `<init>`, and open `calls` calls, `rate` in `period` ms, never more than `limit` at once (0: SIPp's)."""
        self._initialise()
        if not self.is_client:
            return
        self._left = calls
        length = max(1000.0, self.scenario.length, self.settings.duration)
        self._limit = limit or max(1, int(3 * rate * length / period))
        self._interval = period / 1000 / rate
        self._schedule()

    def _initialise(self) -> None:
        if not self.scenario.init:
            return
        seat = self.settings.seat or self.settings.remote
        self._number += 1  # SIPp counts it among the calls
        call = Call(self, "///init", self._number, seat, self.settings.remote)
        call.steps = self.scenario.init
        before = self.counts
        self.counts = Counts()
        call.run()
        self.counts = before
        self.failures.clear()
        self._dead.clear()

    def _schedule(self) -> None:
        self._generated += 1
        timers = self.lab.timers
        self._generator = timers.after(
            max(0.0, self.started + self._generated * self._interval - timers.now), self._open
        )

    def _open(self) -> None:
        self._generator = None
        if self.stopping or self._left <= 0:
            return
        if len(self.calls) < self._limit:
            self._left -= 1
            settings = self.settings
            seat = settings.seat
            assert seat is not None
            self._number += 1
            call_id = self._call_id(self._number, seat)
            call = self._new(call_id, self._number, seat, settings.rsa or settings.remote)
            self.guard(call.run)
        if self._left > 0:
            self._schedule()

    def _call_id(self, number: int, seat: Address) -> str:
        text, out, at = self.settings.call_id, [], 0
        values = {"u": str(number), "p": str(self.settings.pid), "s": seat.ip}
        while at < len(text):
            if text[at] == "%":
                out.append(values.get(text[at + 1 : at + 2], "%"))
                at += 2
            else:
                out.append(text[at])
                at += 1
        return "".join(out)

    def _new(self, call_id: str, number: int, seat: Address, peer: Address) -> Call:
        counts = self.counts
        call = self.calls[call_id] = Call(self, call_id, number, seat, peer)
        self.moved_at = self.now
        counts.created += 1
        counts.open += 1
        counts.peak = max(counts.peak, counts.open)
        return call

    def guard(self, action: Callable[[], None]) -> None:
        """Carry out something of a scenario; what cannot go on ends the run."""
        try:
            action()
        except SippError as error:
            self._broken(error)

    def _broken(self, error: SippError) -> None:
        self.error = self.error or error
        self.stop(now=True)

    @property
    def done(self) -> bool:
        """A client: all its calls were made and are over. A server: none is open."""
        return not self.calls and (self.stopping or self._left <= 0)

    @property
    def has_deadline(self) -> bool:
        """Whether time alone will bring something about."""
        if self._generator is not None and not self.stopping and self._left > 0 and len(self.calls) < self._limit:
            return True
        return any(call.has_deadline for call in self.calls.values())

    # -- what calls ask

    def new_variables(self) -> list[Value]:
        """A call's variables, those that all calls share among them."""
        slots: list[Value] = [None] * len(self.scenario.names)
        return _Shared(slots, self.shared) if self.shared else slots

    def dynamic_id(self) -> int:
        """`[dynamic_id]`."""
        value, (first, last, step) = self._dynamic, _DYNAMIC
        self._dynamic = first if value + step > last else value + step
        return value

    def lose(self, percent: float) -> bool:
        """Whether a message is to be lost."""
        share = percent if percent >= 0 else self.settings.lost
        return share > 0 and self.chance.random() * 100 < share

    def send(self, text: str, source: Address, target: Address) -> None:
        """Put a message on the wire."""
        if self.on_message is not None:
            self.on_message(self.now, ">", text)
        self.lab.network.send(text, self.settings.proto, source, target)

    def logged(self, text: str) -> None:
        """The action `log`."""
        self.log.append(text)

    def warned(self, text: str) -> None:
        """Something that SIPp writes with -trace_err."""
        self.warnings.append(text)

    def stop(self, *, now: bool) -> None:
        """No more new calls; with `now` nothing more at all."""
        self.stopping = True
        self.stopped_now = self.stopped_now or now

    def ended(self, call: Call, cause: str) -> None:
        """A call is over."""
        counts = self.counts
        self.moved_at = self.now
        self.calls.pop(call.id, None)
        counts.open -= 1
        counts.call_lengths.add(self.now - call.started_at)
        if call.state == "successful":
            counts.successful += 1
        elif call.state == "failed":
            counts.failed += 1
            counts.causes[cause] = counts.causes.get(cause, 0) + 1
            self.warned(f"{call.id}: {call.reason}")
            if len(self.failures) < KEPT_FAILURES:
                self.failures.append(
                    Failure(self.name, call.id, call.number, call.reason, self.started, tuple(call.trace))
                )
        if self.settings.deadcall_wait:
            self._dead[call.id] = (self.now + self.settings.deadcall_wait / 1000, call.reason or "successful")

    # -- what comes in

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """A message arrived at one of its addresses."""
        if self.on_message is not None:
            self.on_message(self.now, "<", text)
        message = Incoming(text)
        if not message.is_sip:
            if text not in ("\r\n\r\n", "\0\0\0\0"):
                self.warned(f"what is no SIP was discarded: {text[:60]!r}")
            return
        call_id = self.known_as(message)
        call = self.calls.get(call_id)
        if call is None:
            call = self._unknown(message, call_id, source, target)
        if call is not None:
            try:
                call.receive(message)
            except SippError as error:
                self._broken(error)

    def known_as(self, message: Incoming) -> str:
        """The Call-ID, without what stands in front of `///`."""
        call_id = message.call_id
        if "///" in call_id and not self.settings.callid_slash_ign:
            return call_id.partition("///")[2]
        return call_id

    def _unknown(self, message: Incoming, call_id: str, source: Address, target: Address) -> Call | None:
        counts = self.counts
        dead = self._dead.get(call_id)
        if dead is not None:
            expires, reason = dead
            if self.now <= expires:
                self._dead[call_id] = (self.now + self.settings.deadcall_wait / 1000, reason)
                counts.dead_call += 1
                self.warned(f"{call_id} is over ({reason}), and got {message.first_line}")
                return None
            del self._dead[call_id]
        if not call_id:
            self.warned(f"discarded, for it has no Call-ID: {message.first_line}")
            return None
        if not self.is_client and not self.stopping:
            self._number += 1
            return self._new(call_id, self._number, target, source)
        if self.settings.auto_answer and message.method in ("INFO", "NOTIFY", "OPTIONS", "UPDATE"):
            self._answer(message, call_id, source, target)
            return None
        counts.out_of_call += 1
        self.warned(f"discarded, for it belongs to no call: {message.first_line} (Call-ID {call_id})")
        return None

    def _answer(self, message: Incoming, call_id: str, source: Address, target: Address) -> None:
        """-aa: 200 for a request outside of every call."""
        from kamscript.lab.sipp.defaults import default_message

        call = Call(self, call_id, 0, target, source)
        call.last = message
        self.send(default_message("200", self.settings).write(call), target, source)
        self.counts.auto_answered += 1

    def give_up(self, reason: str) -> None:
        """The run is over: end what is still open."""
        for call in list(self.calls.values()):
            call.stop(f"{call.waits} {reason}")

    def close(self) -> None:
        """The run is over, well or not: nothing of it happens any more."""
        self.stopping = True
        if self._generator is not None:
            self._generator.cancel()
        for call in list(self.calls.values()):
            call.end("dropped")

    def forget_dead(self) -> None:
        """Drop calls that are long over."""
        now = self.now
        self._dead = {call_id: dead for call_id, dead in self._dead.items() if dead[0] >= now}


class _Shared(list[Value]):
    """Variables of a call of which some belong to all calls."""

    def __init__(self, own: list[Value], shared: dict[int, Value]) -> None:
        super().__init__(own)
        self.shared = shared

    def __getitem__(self, slot: int) -> Value:  # type: ignore[override]
        return self.shared[slot] if slot in self.shared else super().__getitem__(slot)

    def __setitem__(self, slot: int, value: Value) -> None:  # type: ignore[override]
        if slot in self.shared:
            self.shared[slot] = value
        else:
            super().__setitem__(slot, value)


class Everywhere:
    """Answers at every address where nobody sits: the servers that were given no address.

    A message of a known call goes to its scenario, another to the one that waits for such a request first.
    """

    def __init__(self, parties: list[Party]) -> None:
        self.parties = parties

    def deliver(self, text: str, proto: str, source: Address, target: Address) -> None:
        """A message arrived."""
        parties = self.parties
        party = parties[0]
        if len(parties) > 1:
            message = Incoming(text)
            party = next(
                (one for one in parties if one.known_as(message) in one.calls),
                next((one for one in parties if _expects(one, message)), party),
            )
        party.deliver(text, proto, source, target)


def _expects(party: Party, message: Incoming) -> bool:
    """Whether the scenario's first step takes such a request."""
    step = next((step for step in party.scenario.steps if step.request or step.response), None)
    if step is None or not message.method:
        return False
    if step.request_pattern is not None:
        return step.request_pattern.test(message.method)
    return step.request == message.method
