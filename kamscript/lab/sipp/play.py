"""Playing scenarios against the lab's server: who sits where, when calls begin, when a run is over."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from kamscript.core.timers import Timer
from kamscript.lab.network import Address, address
from kamscript.lab.sipp.call import SippError
from kamscript.lab.sipp.injection import InjectionFile
from kamscript.lab.sipp.markup import ScenarioError, refuse
from kamscript.lab.sipp.party import Everywhere, Party
from kamscript.lab.sipp.result import ScenarioResult, SippResult
from kamscript.lab.sipp.scenario import Scenario, builtin, builtin_names, load, read_file
from kamscript.lab.sipp.settings import Settings, SippParty
from kamscript.source import Source, Span

if TYPE_CHECKING:
    from kamscript.lab.lab import Lab

#: Seconds without a message after which calls that only wait for one are given up: nothing will come any more.
PATIENCE = 300.0
#: Seconds after which calls are given up that go on and on.
LONGEST = 30 * 86400.0
#: Moments of the run between two calls of `on_progress`.
PROGRESS = 50


class SeatTaken(Exception):
    """Two want the same address: what SIPp ends with 254 for."""


@dataclass(slots=True)
class Run:
    """How scenarios are played together."""

    calls: int = 1  #: -m: how many each client opens
    rate: float = 10.0  #: -r
    period: float = 1000.0  #: -rp, ms
    limit: int = 0  #: -l; 0: what SIPp computes
    timeout: float = 0.0  #: -timeout, seconds; 0: none
    timeout_error: bool = False
    patience: float = PATIENCE
    settings: Settings = field(default_factory=Settings)  #: for all; a SippParty changes them for itself
    inject: Sequence[str | Path] = ()
    on_progress: Callable[[Sequence[Party]], None] | None = None
    on_message: Callable[[Party], Callable[[float, str, str], None]] | None = None
    directories: Sequence[Path] = ()  #: where files are looked for that are not found as named
    serial: int = 1  #: tells one run of a lab from another in Call-IDs and branches


def play(lab: Lab, scenarios: Sequence[str | Path | SippParty], run: Run) -> SippResult:
    """Play scenarios until all calls are over. Raises ScenarioError, SeatTaken and SippError."""
    if not scenarios:
        raise ValueError("lab.sipp needs a scenario: a file, or the name of a built-in one")
    specs = [spec if isinstance(spec, SippParty) else SippParty(spec) for spec in scenarios]
    return _Play(lab, specs, run).result()


class _Play:
    def __init__(self, lab: Lab, specs: Sequence[SippParty], run: Run) -> None:
        self.lab, self.run = lab, run
        self.started = lab.now
        self.chance = random.Random(f"{lab.seed}/{run.serial}")
        self.timed_out = self.stalled = False
        self.moments = 0
        self.timers = [Timer(0.0, _nothing)]  #: the first is the watch's
        self.parties: list[Party] = []
        self.seats: list[Address] = []
        try:
            for number, spec in enumerate(specs):
                self.parties.append(self.party(spec, number))
            self.check_variables()
        except BaseException:
            self.leave()
            raise

    def check_variables(self) -> None:
        """A variable that is preset for all has to be somewhere."""
        for name in self.run.settings.variables:
            if not any(name in party.scenario.names for party in self.parties):
                raise ScenarioError([refuse(f"no scenario has the variable {name}", Span(Source("-set", name), 0, 0))])

    # -- who sits where

    def party(self, spec: SippParty, number: int) -> Party:
        settings = self.settings(spec, number)
        scenario = self.read(spec.scenario, settings)
        if settings.seat is None and scenario.sends_first:
            settings.seat = self.free_seat()
            scenario = self.read(spec.scenario, settings)
        name = Path(scenario.source.path).stem
        taken = {party.name for party in self.parties}
        unique = next(n for n in (name, *(f"{name}-{k}" for k in range(2, len(taken) + 3))) if n not in taken)
        chance = random.Random(self.chance.getrandbits(64))
        party = Party(self.lab, scenario, settings, unique, chance)
        if settings.seat is not None:
            self.sit(settings.seat, party)
        if self.run.on_message is not None:
            party.on_message = self.run.on_message(party)
        return party

    def settings(self, spec: SippParty, number: int) -> Settings:
        common = self.run.settings
        proto = spec.proto or common.proto
        try:
            remote = self.lab.server_address(proto)
        except AssertionError as error:
            raise SippError(f"{spec.name}: {error}") from None
        common = replace(common, directories=tuple(self.run.directories))
        files = [InjectionFile(read_file(common.find(path))) for path in (*self.run.inject, *spec.inject)]
        settings = replace(
            common,
            service=common.service if spec.service is None else spec.service,
            keys={**common.keys, **spec.keys},
            variables={**common.variables, **spec.variables},
            lenient=frozenset(common.variables) - frozenset(spec.variables),
            files={file.name: file for file in files},
            auth_user=common.auth_user if spec.auth_user is None else spec.auth_user,
            auth_password=common.auth_password if spec.auth_password is None else spec.auth_password,
            proto=proto,
            media_ip=spec.media_ip or common.media_ip,
            media_port=spec.media_port or common.media_port,
            pid=1000 * self.run.serial + number,
            seat=address(spec.at) if spec.at else None,
            remote=remote,
        )
        return replace(settings, **spec.others)

    def read(self, scenario: str | Path | Source, settings: Settings) -> Scenario:
        return load(self.source(scenario, settings), settings)

    def source(self, scenario: str | Path | Source, settings: Settings) -> Source:
        """A file, or the built-in scenario of that name where there is no such file."""
        if isinstance(scenario, Source):
            return scenario
        path = settings.find(scenario)
        if not path.is_file() and str(scenario) in builtin_names():
            return builtin(str(scenario))
        return read_file(path)

    def free_seat(self) -> Address:
        parties = self.lab.network.parties
        return next(seat for n in range(1, 65000) if (seat := _client_seat(n)) not in parties)

    def sit(self, seat: Address, party: Party) -> None:
        network = self.lab.network
        if seat in network.parties:
            name = network.names.get(str(seat), "another party")
            raise SeatTaken(f"{party.scenario.source.path}: {name} sits at {seat} already")
        network.attach(seat, party, party.name)
        self.seats.append(seat)

    def leave(self) -> None:
        network = self.lab.network
        for seat in self.seats:
            network.parties.pop(seat, None)
        network.everywhere = None

    # -- the run

    def result(self) -> SippResult:
        lab, run, parties = self.lab, self.run, self.parties
        wanderers = [party for party in parties if party.settings.seat is None]
        if wanderers:
            lab.network.everywhere = Everywhere(wanderers)
        if run.timeout:
            self.timers.append(lab.timers.after(run.timeout, self.time_is_up))
        self.watch()
        try:
            for party in parties:
                party.guard(lambda party=party: party.begin(run.calls, run.rate, run.period, run.limit))  # type: ignore[misc]
            lab.run()
            while not self.over():
                lab.step(float("inf"))  # there is always one: watch's
        finally:
            for timer in self.timers:
                timer.cancel()
            self.leave()
            error = next((party.error for party in parties if party.error is not None), None)
            stopped = any(party.stopped_now for party in parties)
            for party in parties:
                if error is None:
                    party.give_up("when the run was stopped" if stopped else "for ever")
                party.close()
        result = SippResult(
            [
                ScenarioResult(
                    party.name, party.scenario.source.path, party.is_client, party.counts, party.scenario.steps,
                    party.failures, party.log, party.warnings,
                )
                for party in parties
            ],
            seconds=lab.now - self.started,
            stopped=stopped,
            timed_out=self.timed_out,
        )  # fmt: skip
        if error is not None:
            error.result = result
            raise error
        return result

    def over(self) -> bool:
        """Whether nothing more can happen. The lab asks at every moment of the run."""
        parties, run = self.parties, self.run
        self.moments += 1
        if run.on_progress is not None and not self.moments % PROGRESS:
            run.on_progress(parties)
        if any(party.stopped_now for party in parties) or self.stalled:
            return True
        if not all(party.done for party in parties):
            return False
        # servers alone: the config may call them, and they wait for their calls
        return any(party.is_client or party.stopping or party.counts.created >= run.calls for party in parties)

    def watch(self) -> None:
        """See whether something still goes on, and look again later."""
        lab, parties, patience = self.lab, self.parties, self.run.patience
        moved = max(party.moved_at for party in parties)
        waiting = any(party.has_deadline for party in parties)
        self.stalled = lab.now - self.started >= LONGEST or (lab.now - moved >= patience and not waiting)
        for party in parties:
            party.forget_dead()
        later = patience if waiting else max(moved + patience - lab.now, 1.0)
        self.timers[0] = lab.timers.after(later, self.watch)

    def time_is_up(self) -> None:
        """-timeout: no more new calls; those that are open may end."""
        self.timed_out = True
        openers = [party for party in self.parties if party.is_client] or self.parties
        for party in openers:
            party.stop(now=False)
            if self.run.timeout_error:
                party.error = SippError(f"{party.scenario.source.path}: timed out after {self.run.timeout:g} seconds")
                party.stop(now=True)


def _nothing() -> None:
    """What a timer does that was never set."""


def _client_seat(number: int) -> Address:
    return Address(f"10.0.{1 + (number - 1) // 250}.{1 + (number - 1) % 250}", 5060)
