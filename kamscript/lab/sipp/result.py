"""What came of a run: counts of each scenario, and every message of the calls that failed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kamscript.lab.sipp.counts import Counts
from kamscript.lab.sipp.scenario import Step

if TYPE_CHECKING:
    from kamscript.lab.sipp.call import Event

#: SIPp's exit codes.
ALL_GOOD, SOME_FAILED, INTERNAL, NO_CALLS, FATAL, BIND_FAILED = 0, 1, 97, 99, 255, 254
#: Failures that a failure text shows with all their messages.
SHOWN_FAILURES = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """A call that failed, and what it sent and received until then."""

    scenario: str
    call_id: str
    number: int
    reason: str
    started: float  #: when the run began
    trace: Sequence[Event]

    @property
    def messages(self) -> list[str]:
        """The messages, oldest first."""
        return [event.text for event in self.trace if event.arrow != " "]

    def __str__(self) -> str:
        lines = [f"{self.scenario}: call {self.number} failed: {self.reason}"]
        for event in self.trace:
            at = f"  {event.time - self.started:9.3f}"
            if event.arrow == " ":
                lines.append(f"{at}   {event.text}")
                continue
            first, *rest = event.text.rstrip("\r\n").split("\r\n")
            lines.append(f"{at} {event.arrow} {first}")
            lines += [f"  {'':9}   {line}".rstrip() for line in rest]
        return "\n".join(lines)


@dataclass(slots=True)
class ScenarioResult:
    """One scenario of a run."""

    name: str
    file: str
    is_client: bool
    counts: Counts
    steps: Sequence[Step]
    failures: list[Failure] = field(default_factory=list)
    log: list[str] = field(default_factory=list)  #: what the action `log` wrote
    warnings: list[str] = field(default_factory=list)  #: what SIPp writes with -trace_err

    @property
    def calls(self) -> int:
        """How many calls there were."""
        return self.counts.created

    @property
    def successful(self) -> int:
        """How many went through the scenario to its end."""
        return self.counts.successful

    @property
    def failed(self) -> int:
        """How many did not."""
        return self.counts.failed

    def __str__(self) -> str:
        counts = self.counts
        calls = f"{counts.created} call{'s' * (counts.created != 1)}"
        text = f"{self.name}: {calls}, {counts.successful} successful, {counts.failed} failed"
        causes = ", ".join(f"{count} {cause}" for cause, count in sorted(counts.causes.items()))
        return f"{text} ({causes})" if causes else text


@dataclass(slots=True)
class SippResult:
    """A run. It is true when every call of every scenario was successful and there was one at all.

    result["uac"].successful, result.failures, result.exit_code; `result.check()` raises AssertionError with the
    messages of the calls that failed.
    """

    scenarios: list[ScenarioResult]
    seconds: float = 0.0  #: how much of the lab's time it took
    stopped: bool = False  #: a scenario said stop_now
    timed_out: bool = False  #: -timeout ended it

    def __getitem__(self, name: str | int) -> ScenarioResult:
        if isinstance(name, int):
            return self.scenarios[name]
        for scenario in self.scenarios:
            if scenario.name == name:
                return scenario
        raise KeyError(f"no scenario is called {name}: there are {', '.join(one.name for one in self.scenarios)}")

    @property
    def calls(self) -> int:
        """Calls of all scenarios."""
        return sum(scenario.calls for scenario in self.scenarios)

    @property
    def failed(self) -> int:
        """Calls that failed."""
        return sum(scenario.failed for scenario in self.scenarios)

    @property
    def failures(self) -> list[Failure]:
        """Calls that failed, with their messages: the first 20 of each scenario."""
        return [failure for scenario in self.scenarios for failure in scenario.failures]

    @property
    def exit_code(self) -> int:
        """What SIPp would exit with: 0 all calls were good, 1 one failed, 97 it was stopped, 99 there was no call."""
        if self.stopped:
            return INTERNAL
        if self.failed:
            return SOME_FAILED
        if self.timed_out and not any(scenario.successful for scenario in self.scenarios):
            return INTERNAL
        return ALL_GOOD if self.calls else NO_CALLS

    def __bool__(self) -> bool:
        return self.exit_code == ALL_GOOD

    def check(self) -> SippResult:
        """Raise AssertionError, with everything there is to say, unless all calls were good."""
        if not self:
            raise AssertionError(f"not every call went well\n{self}")
        return self

    def __str__(self) -> str:
        parts = [str(scenario) for scenario in self.scenarios]
        if not self.calls:
            parts.append("there was no call")
        failures = self.failures
        parts += [str(failure) for failure in failures[:SHOWN_FAILURES]]
        if self.failed > SHOWN_FAILURES:
            parts.append(f"... and {self.failed - SHOWN_FAILURES} more")
        return "\n".join(parts)

    def __repr__(self) -> str:
        return f"<SippResult exit code {self.exit_code}\n{self}>"
