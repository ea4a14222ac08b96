"""One call of a scenario: where it stands, what it waits for, what it makes of a message.

The rules are SIPp's (manual; SIPp 3.6.1 where that is silent): what counts as expected, when a message is a
retransmission and what is sent again for it, when a call is given up and what is sent then. Times are the lab's.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from kamscript.core.timers import Timer
from kamscript.lab.network import Address
from kamscript.lab.sipp.actions import Fate, Outcome
from kamscript.lab.sipp.credentials import credentials
from kamscript.lab.sipp.defaults import default_message
from kamscript.lab.sipp.incoming import Incoming
from kamscript.lab.sipp.scenario import Kind, Optional, Step
from kamscript.lab.sipp.variables import Value, is_set, number_of
from kamscript.sip.auth import Challenge, parse_challenge
from kamscript.sip.errors import SipError

if TYPE_CHECKING:
    from kamscript.lab.sipp.injection import InjectionFile
    from kamscript.lab.sipp.party import Party
    from kamscript.lab.sipp.result import SippResult

#: Messages and remarks that are kept of a call: the newest.
KEPT_EVENTS = 200
#: Steps at one moment after which a call is told that it runs in a circle.
MAX_STEPS = 10_000
#: Milliseconds; longer pauses are cut, as SIPp's are.
LONGEST_PAUSE = 2147483647
#: Replies and requests behind which nothing is sent again (RFC 3261 section 17).
_STOPPERS = frozenset(("ACK", "CANCEL", "BYE", "PRACK"))
_ANSWERED = frozenset(("INFO", "NOTIFY", "OPTIONS", "UPDATE"))  # by -aa


class SippError(Exception):
    """The scenario cannot be played any further: what SIPp ends with a fatal error for. Names file and line.

    `result` is what came of the run until then, once it had begun.
    """

    result: SippResult | None = None


class Event(NamedTuple):
    """What happened to a call: `arrow` is `>` sent, `<` received, ` ` said by the lab."""

    time: float
    arrow: str
    text: str


class _Transaction:
    """A named transaction of one call."""

    __slots__ = ("ack", "branch", "response")

    def __init__(self) -> None:
        self.branch, self.response, self.ack = "", "", -1


class Call:
    """One call. `state` is "" while it goes on, then `successful` or `failed`; `reason` says why it failed."""

    __slots__ = (
        "_ack_pending",
        "_delay",
        "_established",
        "_handled_as",
        "_jump",
        "_last_index",
        "_last_key",
        "_last_sent",
        "_last_sent_index",
        "_lines",
        "_paused_until",
        "_queued",
        "_retrans_at",
        "_retrans_count",
        "_retrans_step",
        "_running",
        "_timeout_at",
        "_timer",
        "_timewait",
        "_transactions",
        "challenge",
        "challenge_code",
        "cseq",
        "id",
        "index",
        "last",
        "next_url",
        "nonce_count",
        "number",
        "party",
        "peer",
        "peer_tag",
        "problem",
        "reason",
        "routes",
        "rtd",
        "seat",
        "started_at",
        "state",
        "steps",
        "trace",
        "variables",
    )

    def __init__(self, party: Party, call_id: str, number: int, seat: Address, peer: Address) -> None:
        scenario = party.scenario
        self.party, self.id, self.number, self.seat, self.peer = party, call_id, number, seat, peer
        self.steps: Sequence[Step] = scenario.steps
        self.index = 0
        self.state = self.reason = self.problem = ""
        self.trace: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self.cseq = party.settings.base_cseq - 1
        self.peer_tag = self.routes = self.next_url = ""
        self.last: Incoming | None = None
        self.challenge: Challenge | None = None
        self.challenge_code = 0
        self.nonce_count = 0
        self.variables: list[Value] = party.new_variables()
        self.started_at = party.now
        self.rtd: dict[str, float | None] = {}
        self._established = self._ack_pending = self._timewait = self._running = False
        self._paused_until = self._retrans_at = self._timeout_at = 0.0
        self._retrans_count, self._delay = 0, 0.0
        self._last_sent, self._last_sent_index = "", 0
        self._last_key, self._last_index = "", -1
        self._handled_as: tuple[str, int] = ("", -1)  # what was received, and the step that received it
        self._retrans_step = -1  # the step whose message answers it
        self._queued: Incoming | None = None
        self._timer: Timer | None = None
        self._jump = -1
        self._lines: dict[str, int] = {}
        self._transactions = [_Transaction() for _ in scenario.transactions] if scenario.transactions else None
        for file in party.settings.files.values():
            self._lines[file.name] = file.next_line(party.chance)

    # -- what templates and actions ask

    @property
    def now(self) -> float:
        """The lab's clock."""
        return self.party.now

    @property
    def started(self) -> float:
        """When the run began."""
        return self.party.started

    @property
    def chance(self) -> Random:
        """The lab's chance."""
        return self.party.chance

    def dynamic_id(self) -> int:
        """`[dynamic_id]`."""
        return self.party.dynamic_id()

    def line(self, file: InjectionFile) -> int:
        """The row of an injection file that belongs to this call."""
        return self._lines[file.name]

    def authorization(self, user: str, password: str, method: str, body: str) -> str:
        """The header that answers the challenge which `auth="true"` kept."""
        challenge = self.challenge
        if challenge is None:
            self.fatal('[authentication] needs a challenge: a <recv> of 401 or 407 with auth="true" before it')
            return ""
        self.nonce_count += 1
        settings = self.party.settings
        uri = f"sip:{settings.auth_uri or f'{settings.remote.ip}:{settings.remote.port}'}"
        cnonce = f"{self.chance.getrandbits(31):x}"
        try:
            value = credentials(
                challenge, method, uri, user, password, cnonce=cnonce, count=self.nonce_count, body=body
            )
        except SipError as error:
            self.fatal(f"[authentication]: {error}")
            return ""
        return f"{'Authorization' if self.challenge_code == 401 else 'Proxy-Authorization'}: {value}"

    def log(self, text: str) -> None:
        """The action `log`."""
        self.party.logged(text)

    def warn(self, text: str) -> None:
        """The action `warning`, and what SIPp warns of."""
        self.note(text)
        self.party.warned(f"{self._place()}: {self.id}: {text}")

    def fatal(self, text: str) -> None:
        """The action `error`, and what cannot go on: ends the whole run."""
        raise SippError(f"{self._place()}: {text}")

    def jump(self, index: int) -> None:
        """The action `jump`: the step that comes after this one."""
        self._jump = index

    def pause_until(self, tick: float) -> None:
        """The action `pauserestore`: pause until so many milliseconds of the run; 0: do not."""
        self._paused_until = self.started + tick / 1000 if tick > 0 else 0.0

    def note(self, text: str) -> None:
        """Something to tell if the call fails."""
        self.trace.append(Event(self.now, " ", text))

    def _place(self) -> str:
        return self.steps[self.index].place if self.index < len(self.steps) else self.party.scenario.source.path

    # -- going on

    def run(self) -> None:
        """Go from step to step until the call waits for something, or is over."""
        if self._running:  # an action or a lost message led back here
            return
        self._running = True
        try:
            for _ in range(MAX_STEPS):
                if self.state or not self._step():
                    return
            self.fatal(f"the call goes round in a circle: {MAX_STEPS} steps, and no time passed")
        finally:
            self._running = False

    def _step(self) -> bool:
        """One step; False when there is nothing more to do now."""
        step = self.steps[self.index]
        if step.condexec >= 0 and is_set(self.variables[step.condexec]) == step.condexec_inverse:
            return self._next()
        now = self.now
        if self._retrans_at and self._retrans_at <= now and not self._retransmit():
            return not self.state
        if self._paused_until:
            if self._paused_until > now:
                return self._wait()
            self._paused_until = 0.0
            return self._next()
        kind = step.kind
        if kind is Kind.SEND:
            return self._send(step)
        if kind is Kind.RECV:
            return self._receive_step(step)
        if kind is Kind.PAUSE:
            return self._pause(step)
        self._bookkeeping(step)
        self._act(step, "")
        return not self.state and self._next()

    def _next(self) -> bool:
        """To the next step; False when that was the last."""
        step = self.steps[self.index]
        index = self.index + 1
        if self._jump >= 0:
            index, self._jump = self._jump, -1
        elif (
            step.next >= 0
            and (step.test < 0 or is_set(self.variables[step.test]))
            and (step.chance >= 1 or self.chance.random() < step.chance)
        ):
            index = step.next
        self.index = index
        self.party.moved_at = self.now
        self._timeout_at = 0.0
        if index >= len(self.steps):
            self.end("successful")
            return False
        return True

    def _wait(self) -> bool:
        """Be woken when something is due."""
        due = self._paused_until
        for other in (self._retrans_at, self._timeout_at):
            if other and (not due or other < due):
                due = other
        timer = self._timer
        if not due or (timer is not None and timer.callback is not None and timer.deadline <= due):
            return False
        if timer is not None:
            timer.cancel()
        timers = self.party.lab.timers
        self._timer = timers.after(max(0.0, due - timers.now), self._wake)
        return False

    def _wake(self) -> None:
        self._timer = None
        if not self.state:
            self.run()

    @property
    def waits(self) -> str:
        """What the call waits for, for people."""
        step = self.steps[self.index]
        if step.kind is Kind.RECV:
            return f"waits for {self._awaited()}"
        return f"stands at {step.label}"

    def _awaited(self) -> str:
        """What may come now: `100, 180 or 200`."""
        names: list[str] = []
        for step in self.steps[self.index :]:
            if step.kind is not Kind.RECV:
                break
            names.append(step.request or str(step.response))
            if step.optional is Optional.NO:
                break
        return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)

    @property
    def has_deadline(self) -> bool:
        """Whether time alone will move it."""
        return bool(self._paused_until or self._retrans_at or self._timeout_at)

    # -- steps

    def _pause(self, step: Step) -> bool:
        if step.pause is not None:
            length = step.pause.draw(self.chance)
        else:
            length = number_of(self.variables[step.pause_slot])
        self._timewait = step.timewait
        self._bookkeeping(step)
        step.sent += 1
        self._act(step, "")
        if not length >= 1:  # no number is no pause
            return not self.state and self._next()
        self._paused_until = self.now + int(min(length, LONGEST_PAUSE)) / 1000
        return self._wait()

    def _receive_step(self, step: Step) -> bool:
        queued = self._queued
        if queued is not None:
            self._queued = None
            return self._take(queued)
        if not self._timeout_at:
            timeout = step.timeout or self.party.settings.recv_timeout
            if timeout:
                self._timeout_at = self.now + timeout / 1000
        elif self._timeout_at <= self.now:
            step.timeouts += 1
            self._timeout_at = 0.0
            timeout = (step.timeout or self.party.settings.recv_timeout) / 1000
            reason = f"no {self._awaited()} within {timeout:g} seconds"
            if 0 <= step.on_timeout < len(self.steps):
                self.note(reason)
                self.index = step.on_timeout
                return True
            self._fail("timeout", reason)
            return False
        return self._wait()

    def _send(self, step: Step) -> bool:
        if self._retrans_at:  # the one before is not answered yet
            return self._wait()
        template = step.template
        assert template is not None
        self._bookkeeping(step)
        method = template.method
        if method and method not in ("ACK", "CANCEL"):
            self.cseq += 1
        text = template.write(self, self.index)
        if method == "ACK":
            self._established, self._ack_pending = True, False
        self._transmit(text, step)
        self._last_sent, self._last_sent_index = text, step.index
        transactions = self._transactions
        if transactions is not None:
            if step.start_txn >= 0:
                transactions[step.start_txn].branch = Incoming(text).branch
            if step.ack_txn >= 0:
                transactions[step.ack_txn].ack = step.index
        if self._last_index >= 0:
            self._handled_as, self._retrans_step = (self._last_key, self._last_index), step.index
            self._last_key = ""
        settings = self.party.settings
        if step.retrans and settings.retransmit and not settings.reliable:
            self._delay = step.retrans / 1000
            self._retrans_at, self._retrans_count = self.now + self._delay, 0
        else:
            self._retrans_at = 0.0
        self._act(step, text)
        step.sent += 1
        return not self.state and self._next()

    def _transmit(self, text: str, step: Step | None = None) -> None:
        """Put it on the wire, unless it is to be lost."""
        party = self.party
        if step is not None and party.loses and party.lose(step.lost):
            step.losses += 1
            self.trace.append(Event(self.now, " ", f"lost on purpose: {text.partition(chr(13))[0]}"))
            return
        self.trace.append(Event(self.now, ">", text))
        party.send(text, self.seat, self.peer)

    def _retransmit(self) -> bool:
        """Send the last message again; False when that is over: the call stands elsewhere then, or has ended."""
        settings, step = self.party.settings, self.steps[self._last_sent_index]
        invite = self._last_sent.startswith("INVITE")
        self._retrans_count += 1
        allowed = settings.max_invite_retrans if invite else settings.max_non_invite_retrans
        if self._retrans_count > min(allowed, settings.max_retrans):
            step.timeouts += 1
            self._retrans_at = self._timeout_at = 0.0
            if 0 <= step.on_timeout < len(self.steps):
                self.note(f"no answer to {step.label}: on to its ontimeout")
                self._paused_until, self.index = 0.0, step.on_timeout
                return False
            count = self._retrans_count - 1
            again = f"{count} retransmission{'s' * (count != 1)}"
            self._fail("no answer", f"{self._last_sent.split(' ')[0]} was never answered, after {again}", step)
            return False
        self._delay *= 2
        if not invite and self._delay > settings.t2 / 1000:
            self._delay = settings.t2 / 1000
        self._transmit(self._last_sent, step)
        step.retransmissions += 1
        self.party.counts.retransmissions += 1
        self._retrans_at = self.now + self._delay
        return True

    def _bookkeeping(self, step: Step) -> None:
        """Counters and response times."""
        if step.counter:
            counters = self.party.counts.counters
            counters[step.counter] = counters.get(step.counter, 0) + 1
        if step.start_rtd:
            self.rtd[step.start_rtd] = self.now
        if step.stop_rtd:
            start = self.rtd.get(step.stop_rtd, self.started_at)
            if start is not None:
                self.party.counts.response_time(step.stop_rtd, self.now - start)
                if not step.repeat_rtd:
                    self.rtd[step.stop_rtd] = None

    def _act(self, step: Step, text: str) -> None:
        """Carry out a step's actions; a failed check ends them, not the call."""
        for action in step.actions:
            outcome: Outcome | None = action(self, text)
            if outcome is None:
                continue
            fate, reason = outcome
            if fate is Fate.FAILED:
                if not self.problem:
                    self.problem = f"{reason} ({step.place})"
                self.note(reason)
                return
            if fate is Fate.STOP_CALL:
                self.end("failed", reason, cause="rejected")
                return
            self.party.stop(now=fate is Fate.STOP_NOW)
            if fate is Fate.STOP_NOW:
                return

    # -- what comes in

    def receive(self, message: Incoming) -> None:
        """A message of this call arrived."""
        self.trace.append(Event(self.now, "<", message.text))
        if self._take(message) and not self.state:
            self.run()

    def _take(self, message: Incoming) -> bool:
        """Deal with a message; True when the call may go on."""
        step, settings = self.steps[self.index], self.party.settings
        if step.kind is Kind.PAUSE and settings.pause_msg_ign:
            return False
        if self.index == 0 and step.kind is Kind.NOP:
            self._queued, self._paused_until = message, 0.0
            return True
        key = message.identity if settings.loose else message.text
        if settings.retransmit and not settings.reliable:
            if self._retrans_step >= 0 and self._handled_as[0] == key:
                self._answer_again(self._handled_as[1])
                return False
            if self._last_index >= 0 and self._last_key == key:
                return False
        if not message.header("to"):
            self._unexpected(message)
            return False
        if message.code:
            tag = message.to_tag
            if tag:
                self.peer_tag = tag
        elif message.method == "ACK":
            self._established = True
        index = self._expected(message)
        if index < 0:
            index = self._earlier(message)
            if index == _DEALT_WITH:
                return False
        if index < 0:
            if self._diverted(message):
                return True
            self._unexpected(message)
            return False
        return self._matched(message, index, key)

    def _answer_again(self, received: int) -> None:
        """A retransmission: what was sent for it is sent again."""
        if self.party.loses and self.party.lose(self.steps[received].lost):
            self.steps[received].losses += 1
            return
        step = self.steps[self._retrans_step]
        assert step.template is not None
        self._transmit(step.template.write(self, step.index), step)
        step.retransmissions += 1
        self.party.counts.retransmissions += 1

    def _expected(self, message: Incoming) -> int:
        """The step from here on that takes the message: the first mandatory one, or one before it."""
        for index in range(self.index, len(self.steps)):
            if self._matches(index, message):
                return index
            if self.steps[index].optional is Optional.NO:
                break
        return -1

    def _earlier(self, message: Incoming) -> int:
        """An optional step behind us that takes it; `_DEALT_WITH` when it belongs to something that is over."""
        near = True
        steps = self.steps
        for index in range(self.index - 1, -1, -1):
            step = steps[index]
            if step.optional is Optional.NO:
                near = False
            if not self._matches(index, message):
                continue
            if near or step.optional is Optional.GLOBAL:
                return index
            if step.response_txn >= 0:
                if self._old_transaction(step, message):
                    return _DEALT_WITH
            elif message.code and message.cseq_method == "INVITE":
                follower = steps[index + 1].template if index + 1 < len(steps) else None
                if follower is not None and follower.method == "ACK":
                    self._transmit(follower.write(self, index + 1))
                    return _DEALT_WITH
        return -1

    def _old_transaction(self, step: Step, message: Incoming) -> bool:
        """A reply to a named transaction that was answered before."""
        assert self._transactions is not None
        transaction = self._transactions[step.response_txn]
        if message.code < 200:
            return True
        if transaction.ack >= 0:
            ack = self.steps[transaction.ack].template
            assert ack is not None
            self._transmit(ack.write(self, transaction.ack))
            return True
        return transaction.response == message.text

    def _matches(self, index: int, message: Incoming) -> bool:
        step = self.steps[index]
        if step.request:
            if message.code:
                return step.request_pattern is not None and step.request_pattern.test("")
            pattern = step.request_pattern
            return pattern.test(message.method) if pattern is not None else step.request == message.method
        if not step.response or step.response != message.code:
            return False
        if step.response_txn >= 0:
            assert self._transactions is not None
            branch = self._transactions[step.response_txn].branch
            return bool(branch) and branch == message.branch
        return index == 0 or (bool(step.methods) and message.cseq_method in step.methods)

    def _matched(self, message: Incoming, index: int, key: str) -> bool:
        step = self.steps[index]
        if self.party.loses and self.party.lose(step.lost):
            step.losses += 1
            self.note(f"lost on purpose: {message.first_line}")
            return False
        if step.response_txn >= 0 and self._transactions is not None:
            self._transactions[step.response_txn].response = message.text
        self._bookkeeping(step)
        step.received += 1
        at, self.index = self.index, index
        self._act(step, message.text)
        self.index = at
        if self.state:
            return False
        if not message.code:
            self.cseq = max(self.cseq, message.cseq)
        self._calm(message, index)
        if message.code == 200:
            self._ack_pending = True
        if step.record_routes and not self.routes:
            self._record_routes(message)
        if step.authenticate and message.code in (401, 407):
            self._keep_challenge(message, step)
        if not step.advance:
            return True
        self._last_index, self._last_key, self.last = index, key, message
        if step.optional is Optional.NO or step.test < 0 or is_set(self.variables[step.test]):
            self._paused_until = 0.0
            self.index = index
            return self._next()
        return True

    def _calm(self, message: Incoming, index: int) -> None:
        """Stop sending again what the message answers."""
        code = message.code
        if index <= self._last_sent_index or not (code or message.method in _STOPPERS):
            return
        if not code or code >= 200 or message.cseq_method == "INVITE":
            self._retrans_at = 0.0
        elif self._retrans_at:
            # RFC 3261 section 17.1.2.2: a provisional reply lets a non-INVITE request go on at T2
            self._delay = self.party.settings.t2 / 1000
            self._retrans_at = self.now + self._delay

    def _record_routes(self, message: Incoming) -> None:
        """Keep route set and remote target (RFC 3261 section 12.1), for a strict router too (section 12.2.1.1)."""
        contact = message.header("contact")
        if not contact:
            self.warn("no Contact in the message whose route set was to be kept")
            return
        routes = [part.strip() for part in message.header("record-route").split(",") if part.strip()]
        if message.code:
            routes.reverse()
        target = contact
        if routes and ";lr" not in routes[0]:
            target = routes.pop(0)
            routes.append(contact)
        self.routes = ", ".join(routes)
        start, end = target.find("<"), target.find(">")
        self.next_url = target[start + 1 : end] if 0 <= start < end else target.strip()

    def _keep_challenge(self, message: Incoming, step: Step) -> None:
        value = message.header("proxy-authenticate") or message.header("www-authenticate")
        try:
            challenge = parse_challenge(value)
        except SipError:
            challenge = None
        if challenge is None:
            raise SippError(
                f"{step.place}: no digest challenge in the {message.code}: {value or 'the header is missing'}"
            )
        self.challenge, self.challenge_code, self.nonce_count = challenge, message.code, 0

    def _diverted(self, message: Incoming) -> bool:
        """Go to the label `_unexp.main` with a message that nothing takes, unless the call is on such a way already."""
        scenario, variables = self.party.scenario, self.variables
        if scenario.unexpected < 0:
            return False
        if scenario.return_slot >= 0:
            if number_of(variables[scenario.return_slot]):
                return False
            variables[scenario.return_slot] = float(self.index)
        if scenario.paused_slot >= 0:
            paused = self._paused_until
            variables[scenario.paused_slot] = 1000 * (paused - self.started) if paused else 0.0
        self.index, self._queued, self._paused_until = scenario.unexpected, message, 0.0
        return True

    def _unexpected(self, message: Incoming) -> None:
        """Nothing in the scenario takes it."""
        step, party = self.steps[self.index], self.party
        behaviors, method = party.settings.behaviors, message.method
        if method == "PING":
            self.last = message
            if "pingreply" in behaviors:
                self._own("200")
                self.end("dropped", "a PING ended the call")
            return
        if party.settings.auto_answer and method in _ANSWERED:
            before, self.last = self.last, message
            self._own("200")
            self.last = before
            party.counts.auto_answered += 1
            return
        step.unexpected += 1
        party.counts.unexpected += 1
        doing = f"while waiting for {self._awaited()}" if step.kind is Kind.RECV else f"at {step.label}"
        reason = f"unexpected {message.first_line.removeprefix('SIP/2.0 ')} {doing}"
        ends = method in ("BYE", "CANCEL")
        if ends or "abortunexp" in behaviors:  # what is passed over leaves no trace in [last_...]
            self.last = message
        if "abortunexp" not in behaviors:
            self.warn(reason)
            return
        if ends:
            if "bye" in behaviors:
                self._own("200")
            self.end("failed", reason, cause="unexpected message")
            return
        self._fail("unexpected message", reason)

    # -- the end

    def _own(self, name: str, index: int = -1) -> None:
        """Send one of the messages that SIPp has of its own."""
        self._transmit(default_message(name, self.party.settings).write(self, index))

    def _fail(self, cause: str, reason: str, step: Step | None = None) -> None:
        """Fail, and end the call at the other side too."""
        if "bye" in self.party.settings.behaviors:
            self._abort()
        self.end("failed", reason, cause=cause, step=step)

    def _abort(self) -> None:
        """ACK, CANCEL or BYE: whatever the call needs to be over at the other side."""
        if not self.party.scenario.sends_first or self.index == 0:
            return
        last = self.last
        if not self._established and self._last_sent.startswith("INVITE"):
            if last is None:
                return
            if last.code >= 400:
                self._own("ack", index=-2)
            elif self._ack_pending:
                self._own("ack")
                self._own("bye")
            else:
                self._own("cancel")
        elif last is not None:
            self._own("bye")

    def stop(self, reason: str) -> None:
        """The run is over: give the call up."""
        self.end("failed", reason, cause="never ended")

    def end(self, state: str, reason: str = "", *, cause: str = "", step: Step | None = None) -> None:
        """The call is over. A check that failed on the way makes a failure of a success."""
        if self.state:
            return
        if self.problem and state != "dropped":
            state, reason, cause = "failed", self.problem, "check"
        elif state == "failed" and reason and cause != "check":
            reason = f"{reason} ({(step or self.steps[min(self.index, len(self.steps) - 1)]).place})"
        self.state, self.reason = state, reason
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.party.ended(self, cause)


_DEALT_WITH = -2
